"""What one changed route costs, and one read, with 10, 1,000 and 10,000 documents in the mesh.

The store and what feeds Envoys from it, as `app` connects them. Times are of the processor, of all
threads, so that other load on the machine matters less.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.measurement import Measurement, quantile
from bench.swarm import world
from tealmesh.apis.appmesh.certificates import Certificates
from tealmesh.app.feed import feed
from tealmesh.store import Store, Transaction, tables
from tealmesh.supervision.supervisor import Supervisor
from tealmesh.xds.streams.cache import AdsCache

DOCUMENTS = (10, 1_000, 10_000)
TIMES = 60
NODES = 4


def measure() -> list[Measurement]:
    """Each compared with ten documents."""
    costs = {count: asyncio.run(_cost(count)) for count in DOCUMENTS}
    few = costs[DOCUMENTS[0]]
    made = []
    for count, (write, read) in costs.items():
        compared = f"with {DOCUMENTS[0]}"
        limit = few[0] * 1.5 if count == DOCUMENTS[-1] else None
        name = f"a route changed, {count} documents, CPU"
        made.append(Measurement(name, write, "ms", few[0], compared, limit and round(limit, 3)))
        name = f"the routes of one router read, {count} documents, CPU"
        made.append(Measurement(name, read * 1000, "µs", few[1] * 1000, compared))
    return made


async def _cost(documents: int) -> tuple[float, float]:
    """Milliseconds of a write until Envoys' snapshot has it, and of a read."""
    with tempfile.TemporaryDirectory() as directory:
        store = Store.open(Path(directory) / "state.db")
        cache = Heard()
        certificates = Certificates(store, _nothing, _nothing)
        feeding = asyncio.create_task(feed(store, cache, certificates, Supervisor()))
        try:
            # Half as many routers as nodes, and all other documents are routes at them.
            await store.write("bench", "Start", lambda tx: _start(tx, documents))
            await cache.have(store.revision)
            return await _writes(store, cache), _reads(store)
        finally:
            feeding.cancel()
            store.close()


class Heard(AdsCache):
    """A cache without Envoys that says when it has a revision."""

    def __init__(self) -> None:
        super().__init__(_nothing, lambda mesh: ())

    async def have(self, revision: int) -> None:
        """Wait until the mesh of the bench is at ``revision``."""
        await self.wait_converged(world.MESH, revision, 60)


def _start(tx: Transaction, documents: int) -> None:
    services = NODES // 2
    world.put_mesh(tx, world.MESH, nodes=NODES, routes=max(1, documents // services))


async def _writes(store: Store, cache: Heard) -> float:
    taken = []
    for number in range(TIMES):

        def change(tx: Transaction, weight: int = number % 100) -> None:
            world.put_route(tx, world.MESH, 0, 0, weight)

        began = time.process_time()
        await store.write("bench", "UpdateRoute", change)
        await cache.have(store.revision)
        taken.append(time.process_time() - began)
    return quantile(taken, 0.5) * 1000


def _reads(store: Store) -> float:
    """One router of many, whose routes are few."""
    taken = []
    for _ in range(TIMES):
        began = time.process_time()
        store.view.list(tables.VIRTUAL_ROUTERS, world.MESH)
        store.view.list(tables.VIRTUAL_SERVICES, world.MESH)
        store.view.list(tables.ROUTES, world.MESH, "nobody")
        taken.append(time.process_time() - began)
    return quantile(taken, 0.5) * 1000


def _nothing(*_: Any) -> Any:
    raise AssertionError("the bench has no Envoys and no certificates")
