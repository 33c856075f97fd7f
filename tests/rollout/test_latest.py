"""The latest deployment of a service is the first of all of them, however it is found, and to find
one takes no reading of the others."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tealmesh.model.rollout import Deployment, State
from tealmesh.model.teal import DeploymentBody
from tealmesh.rollout import documents
from tealmesh.rollout.running.live import Live
from tealmesh.store import Store, Transaction, tables
from tests.rollout.test_forgetting import history
from tests.support.drills import examples

NAMES = ("a", "b", "c")
OF_WEB = history([State.BAKING, State.SUCCEEDED])
"""One that runs and one that has finished."""
STEPS = st.lists(
    st.tuples(
        st.sampled_from(NAMES),
        st.booleans(),
        st.integers(0, 3),
        st.sampled_from(["stored", "live", "both", "ended"]),
    ),
    max_size=6,
)


@settings(deadline=None, max_examples=examples(60))
@given(STEPS)
def test_it_is_the_first_of_all(steps: list[tuple[str, bool, int, str]]) -> None:
    asyncio.run(_same(steps))


def test_what_is_asked_of_one_reads_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = history([State.SUCCEEDED] * 40)
    store, read = Store.open(tmp_path / "state.db"), []

    def put(t: Transaction) -> None:
        for number, d in enumerate(many):
            stored = replace(d, number=number + 1, client_token=f"token-{number}")
            t.put(tables.DEPLOYMENTS, d.service, d.id, body=stored.to_json())

    def counted(body: DeploymentBody) -> Deployment:
        read.append(body["id"])
        return made(body)

    made = Deployment.from_json
    monkeypatch.setattr(Deployment, "from_json", counted)
    try:
        asyncio.run(store.write("test", "Put", put))
        live, service = Live(store), many[0].service
        assert live.one(service, many[7].id) is not None
        assert read == [many[7].id]
        assert live.latest(service) is not None
        assert len(read) == 2
        assert documents.unfinished(store.view) == []
        found = documents.by_token(store.view, service, "token-3")
        assert found is not None
        assert found.id == many[3].id
        assert len(read) == 3
    finally:
        store.close()


async def _same(steps: list[tuple[str, bool, int, str]]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        store = Store.open(Path(directory) / "state.db")
        live = Live(store)
        try:
            for name, finished, sequence, where in steps:
                d = replace(OF_WEB[finished], id=name, sequence=sequence)

                def put(t: Transaction, d: Deployment = d) -> None:
                    t.put(tables.DEPLOYMENTS, d.service, d.id, body=d.to_json())

                if where != "live":
                    await store.write("test", "Put", put)
                if where in ("live", "both"):
                    live.put(d)
                elif where == "ended" and d.id in live:
                    live.end(d.id)
                for service in (OF_WEB[0].service, "other"):
                    every = live.all(service)
                    assert live.latest(service) == next(iter(every), None)
                    assert [live.one(service, d.id) for d in every] == every
                    assert live.one(service, "none") is None
        finally:
            store.close()
