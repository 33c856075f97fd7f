"""What fails after nobody waits for it any more is no error of ours."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from tealmesh.model.errors import DatabaseAway
from tealmesh.replicas.calls import Calls


def test_a_late_failure_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    late = threading.Event()
    engine = sa.create_engine("sqlite://")

    @contextlib.contextmanager
    def connect() -> Iterator[sa.Connection]:
        with engine.connect() as connection:
            yield connection

    def fails(connection: Any) -> None:
        late.wait(30)
        raise DatabaseAway("away")

    async def scenario() -> None:
        calls = Calls(connect, "late", 0.05)
        with pytest.raises(TimeoutError):
            await calls.call(fails)
        late.set()
        await calls.close()
        while calls._jobs:  # noqa: ASYNC110
            await asyncio.sleep(0.01)

    asyncio.run(scenario())
    gc.collect()
    assert not [record for record in caplog.records if record.name == "asyncio"]
