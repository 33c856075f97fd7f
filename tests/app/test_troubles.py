"""Which workers fail is written down for each replica; a starting one takes nothing from others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path

from tealmesh.app.troubles import TroubleLog
from tealmesh.store import Store, tables
from tealmesh.supervision.trouble import NOBODY, Trouble

FAILS = Trouble("the discovery", "AccessDenied", NOBODY, 1.0, 1, None)


async def _until(look: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not look():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def _told(store: Store) -> list[list[str]]:
    return [one.body.get("replicas", []) for one in store.view.list(tables.TROUBLES)]


def test_the_troubles_of_others_stay_until_they_are_gone(database: str) -> None:
    store = Store.open(database)
    dead: set[str] = set()

    def gone(names: Iterable[str]) -> set[str]:
        return dead & set(names)

    async def scenario() -> None:
        logs = {name: TroubleLog(store) for name in ("one", "two")}
        first = asyncio.create_task(logs["one"].run("one", gone))
        logs["one"].tell("fails", FAILS)
        await _until(lambda: _told(store) == [["one"]])
        second = asyncio.create_task(logs["two"].run("two", gone))
        logs["two"].tell("fails", FAILS)
        await _until(lambda: _told(store) == [["one", "two"]])
        logs["one"].tell("works", FAILS)
        await _until(lambda: _told(store) == [["two"]])
        second.cancel()
        dead.add("two")
        third = asyncio.create_task(TroubleLog(store).run("three", gone))
        await _until(lambda: not _told(store))
        for task in (first, third):
            task.cancel()

    asyncio.run(scenario())
    store.close()


def test_one_alone_forgets_what_an_earlier_one_failed_at(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "state.db")

    async def scenario() -> None:
        for worker, replicas in (("a", {"replicas": ["earlier"]}), ("b", {})):
            body = {"worker": worker, "error": "e", "since": 1.0, **replicas}
            await store.write(
                "t", "T", lambda tx, w=worker, b=body: tx.put(tables.TROUBLES, w, "e", body=b)
            )
        running = asyncio.create_task(TroubleLog(store).run("present"))
        await _until(lambda: not _told(store))
        running.cancel()

    asyncio.run(scenario())
    store.close()
