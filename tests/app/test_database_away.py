"""A database that is away, or takes no writes, is a trouble, and one that ends."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tealmesh.app.database import watch_database
from tealmesh.model.errors import DatabaseAway


class Away:
    """A store whose database is away, or takes no writes, for as long as a reason is given."""

    def __init__(self) -> None:
        self.reasons = {"away": "", "refusing": ""}

    def away(self) -> str:
        return self.reasons["away"]

    def refusing(self) -> str:
        return self.reasons["refusing"]


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("away", r"is away \(it said no\): Envoys keep"),
        ("refusing", r"takes no writes \(it said no\): nothing can be changed"),
    ],
)
def test_it_is_said_while_it_lasts(what: str, said: str) -> None:
    store: Any = Away()

    async def scenario() -> None:
        watching = asyncio.create_task(watch_database(store))
        done, _ = await asyncio.wait([watching], timeout=0.05)
        assert not done
        store.reasons[what] = "it said no"
        with pytest.raises(DatabaseAway, match=said):
            await watching

    asyncio.run(scenario())
