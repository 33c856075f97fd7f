"""A database that is away is a trouble, and one that ends."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tealmesh.app.database import watch_database
from tealmesh.model.errors import DatabaseAway


class Away:
    """A store whose database is away for as long as a reason is given."""

    reason = ""

    def away(self) -> str:
        return self.reason


def test_it_is_said_while_it_lasts() -> None:
    store: Any = Away()

    async def scenario() -> None:
        watching = asyncio.create_task(watch_database(store))
        done, _ = await asyncio.wait([watching], timeout=0.05)
        assert not done
        store.reason = "connection refused"
        with pytest.raises(DatabaseAway, match=r"away \(connection refused\): Envoys keep"):
            await watching

    asyncio.run(scenario())
