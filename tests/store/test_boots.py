"""The boots of replicas' machines are forgotten once there are many."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from tealmesh.model.clock import MomentBody
from tealmesh.store import Store
from tealmesh.store.boots import named
from tealmesh.store.database.schema import boots, sightings


@contextlib.contextmanager
def opened(url: str | Path, boot: str, at: float) -> Iterator[Store]:
    store = Store.open(url, boot_clock=lambda: MomentBody(boot=boot, at=at))
    try:
        yield store
    finally:
        store.close()


def rows(store: Store, column: sa.Column[str]) -> set[str]:
    with store.connect() as connection:
        return set(connection.execute(sa.select(column)).scalars())


# Any: the body of a test's own collection.
def put(name: str, body: Any) -> Any:
    return lambda tx: tx.put("c", name, body=body)


def test_boots_that_left_nothing_behind_are_forgotten_where_there_are_many(
    postgres: str,
) -> None:
    with opened(postgres, "began", 10.0) as store:
        began = store.now().stored()
        body = {"deep": [{"wait": {"since": began}}], "boot": "no moment", "list": []}
        asyncio.run(store.write("me", "Begin", put("a", body)))
        assert named(store.view) == {"began"}
    for number in range(5):
        with opened(postgres, f"passing-{number}", 5.0) as store:
            # Each sees the clock of the last commit's boot.
            assert store.now().since(began) == 0.0
            asyncio.run(store.write("me", "Pass", put("b", {"n": number})))
            store._writer.submit(store._follow).result()
    with opened(postgres, "last", 1_000.0) as store:
        assert asyncio.run(store.forget_boots(many=20)) == 0
        assert len(rows(store, boots.c.boot)) == 7
        assert rows(store, sightings.c.watcher)
        assert asyncio.run(store.forget_boots(many=3)) == 4
        # One has begun what still waits, one made the last commit, one asks.
        assert rows(store, boots.c.boot) == {"began", "passing-4", "last"}
        assert rows(store, sightings.c.watcher) <= {"began", "passing-4", "last"}
        assert rows(store, sightings.c.boot) <= {"began", "passing-4", "last"}
        assert asyncio.run(store.forget_boots(many=2)) == 0
    with opened(postgres, "passing-0", 9.0) as again:
        assert again.now().began == 9.0


def test_one_machine_has_only_its_present_boot(tmp_path: Path) -> None:
    for boot in ("first", "second"):
        with opened(tmp_path / "state.db", boot, 5.0) as store:
            assert asyncio.run(store.forget_boots(many=0)) == 0
            assert rows(store, boots.c.boot) == {boot}
