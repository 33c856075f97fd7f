"""Old deployments are forgotten with all that belongs to them; none that anything needs."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tealmesh.app.retention import Retention, trim
from tealmesh.model.rollout import Deployment, State
from tealmesh.rollout.applying.forgetting import WAYS_BACK, forget_old, outdated
from tealmesh.rollout.documents import deployments
from tealmesh.store import Store, Transaction, View, tables
from tests.rollout.outside import begun

ENDS = (State.SUCCEEDED, State.ROLLED_BACK, State.BAKING)
OF_ONE = (tables.JOURNAL, tables.HOOKS, tables.WINDOWS, tables.FAILED_TASKS)


def history(ends: list[State]) -> list[Deployment]:
    """Deployments, newest first."""
    count = len(ends)
    return [
        replace(
            begun(),
            id=f"d{count - i}",
            number=count - i,
            state=state,
            finished_at=None if state is State.BAKING else 1.0,
        )
        for i, state in enumerate(ends)
    ]


@given(
    st.lists(st.sampled_from(ENDS), max_size=40), st.integers(0, 20), st.sets(st.integers(1, 40))
)
def test_what_may_go(ends: list[State], keep: int, needed: set[int]) -> None:
    found = history(ends)
    gone = outdated(found, keep, {f"d{number}" for number in needed})
    left = [d for d in found if d not in gone]
    released = [d for d in found if d.state is State.SUCCEEDED]
    assert all(d.finished for d in gone)
    assert not {d.number for d in gone} & needed
    assert found[:keep] == left[:keep]
    assert set(map(id, released[:WAYS_BACK])) <= set(map(id, left))
    running = sum(not d.finished for d in found)
    assert len(left) <= keep + WAYS_BACK + running + len(needed)
    assert outdated([replace(d, number=0) for d in found], keep) == []


def put(t: Transaction, d: Deployment) -> None:
    t.put(tables.DEPLOYMENTS, d.service, d.id, body=d.to_json())
    parts: Any = {
        tables.JOURNAL: (("000001",), {"sequence": 1}),
        tables.HOOKS: (("001", "002"), {"step": 1, "index": 2}),
        tables.WINDOWS: (("000003",), {"index": 3}),
        tables.FAILED_TASKS: (("t",), {"task": "t"}),
    }
    for collection, (key, body) in parts.items():
        t.put(collection, d.id, *key, body=body)


def test_nothing_of_them_is_left_and_the_rest_is_whole() -> None:
    t = Transaction(View(0, {}))
    for d in history([State.ROLLED_BACK] * 20 + [State.SUCCEEDED] * 30):
        put(t, d)
    kept: Any = {"service": "web", "deployment": "d3"}
    t.put(tables.KEPT, "web", body=kept)
    assert forget_old(t, keep=10) == 50 - 10 - WAYS_BACK - 1
    left = {d.id for d in deployments(t, "web")}
    assert left == {*(f"d{n}" for n in range(41, 51)), "d30", "d29", "d3"}
    for collection in OF_ONE:
        assert {one for one in left if list(t.list(collection, one))} == left
        assert len(list(t.list(collection))) == len(left)
    assert forget_old(t, keep=10) == 0


def test_a_store_stays_bounded_and_so_do_logs(tmp_path: Path) -> None:
    log, small = tmp_path / "teal.log", tmp_path / "load-balancers" / "x" / "envoy" / "log"
    small.parent.mkdir(parents=True)

    async def fill(store: Store) -> None:
        retention = Retention(store, tmp_path, events=40, deployments=10, log_bytes=1000)
        every = list(reversed(history([State.ROLLED_BACK] * 120)))
        for start in range(0, 120, 30):
            for d in every[start : start + 30]:
                await store.write("test", "Put", lambda t, d=d: put(t, d))
            log.write_text("a\n" * 600)
            small.write_text("b")
            await retention.once()
            assert len(await store.history(1000)) <= 41
            assert len(list(store.view.list(tables.DEPLOYMENTS))) == 10
            assert len(list(store.view.list(tables.WINDOWS))) == 10
            assert (log.stat().st_size, small.stat().st_size) == (0, 1)
        before = store.view.revision
        await retention.once()
        assert store.view.revision == before

    store = Store.open(tmp_path / "state.db")
    try:
        asyncio.run(fill(store))
    finally:
        store.close()
    assert (tmp_path / "teal.log.1").read_text() == "a\n" * 600
    assert not small.with_name("log.1").exists()


def test_a_log_that_is_not_there_needs_no_trimming(tmp_path: Path) -> None:
    trim(tmp_path / "none", 0)
    assert list(tmp_path.iterdir()) == []
