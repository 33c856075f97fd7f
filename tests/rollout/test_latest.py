"""The latest deployment of a service is the first of all of them, however it is found."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import replace
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tealmesh.model.rollout import Deployment, State
from tealmesh.rollout.running.live import Live
from tealmesh.store import Store, Transaction, tables
from tests.rollout.test_forgetting import history

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


@settings(deadline=None, max_examples=60)
@given(STEPS)
def test_it_is_the_first_of_all(steps: list[tuple[str, bool, int, str]]) -> None:
    asyncio.run(_same(steps))


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
                    assert live.latest(service) == next(iter(live.all(service)), None)
        finally:
            store.close()
