"""Reads the clusters again and again, and writes what has changed into the store."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

from tealmesh.model.clock import SteadyClock
from tealmesh.store import Store, Transaction, tables
from tealmesh.supervision.supervisor import Supervisor
from tealmesh.workloads.changes import Change, Cluster, changes, had_any
from tealmesh.workloads.clusters import Clusters

ACTOR = "workloads"

CALM_SECONDS = 5.0
"""Between two looks at ECS while nothing is deployed."""
LAG_SECONDS = 2 * CALM_SECONDS
"""After so long what ECS has is in the store, with time for the look itself."""
BUSY_SECONDS = 1.0
"""The same while a deployment runs."""
HURRIED_SECONDS = 0.5
"""The same once an Envoy has come whose task is not known yet."""
CALLS_A_SECOND = 8.0
"""On average, at most: ECS allows 20 of each kind, and others call it too.
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/request-throttling.html"""


class Workloads:
    """The copies of some clusters' services, tasks and task definitions. Only one control plane may
    write them at a time.
    """

    def __init__(
        self,
        store: Store,
        clusters: Clusters,
        named: Sequence[str],
        supervisor: Supervisor,
        clock: SteadyClock,
    ) -> None:
        """``named``: the clusters; empty for all of the account in this region."""
        self._store = store
        self._clusters = clusters
        self._named = named
        self._supervisor = supervisor
        self._clock = clock
        self._suspected: set[str] = set()
        """Clusters that were empty at the last look, and had tasks or services before."""
        self._changed = asyncio.Event()
        self._hurried = False
        self.answered = False
        """Whether ECS has been read once."""

    async def run(self) -> None:
        """Look and copy, until cancelled."""
        with self._store.waking(self._changed):
            while True:
                self._hurried = False
                began, calls = self._clock(), self._clusters.calls
                # ECS cannot be asked: said by name, and asked again.
                with self._supervisor.contained("the copy of ECS"):
                    await self._look()
                spent = (self._clusters.calls - calls) / CALLS_A_SECOND
                await self._rest(began, spent)

    def hurry(self) -> None:
        """Look soon: there is somebody whose task is not known yet."""
        self._hurried = True
        self._changed.set()

    async def _rest(self, began: float, least: float) -> None:
        """Wait until it is time for the next look, which a deployment that begins makes earlier."""
        while True:
            self._changed.clear()
            calm = BUSY_SECONDS if self._deploying() else CALM_SECONDS
            pause = max(least, HURRIED_SECONDS if self._hurried else calm)
            left = began + pause - self._clock()
            if left <= 0:
                return
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._changed.wait()

    async def _look(self) -> None:
        names = list(self._named) or await asyncio.to_thread(self._clusters.names)
        whole = True
        for name in names:
            whole = False
            with self._supervisor.contained(f"the copy of the ECS cluster {name}"):
                await self._copy(name)
                whole = True
        if not self._named:
            for name in _known(self._store) - set(names):
                await self._take(Cluster(name))
        self.answered = self.answered or whole

    async def _copy(self, name: str) -> None:
        view = self._store.view
        await self._take(await asyncio.to_thread(self._clusters.read, name, view))

    async def _take(self, read: Cluster) -> None:
        """Write what has changed. That everything is gone is believed at the second look."""
        view = self._store.view
        if read.empty and had_any(view, read.name) and read.name not in self._suspected:
            self._suspected.add(read.name)
            return
        self._suspected.discard(read.name)
        if not any(True for _ in changes(view, read)):
            return

        def change(tx: Transaction) -> None:
            for one in list(changes(tx, read)):
                _apply(tx, one)

        await self._store.write(ACTOR, "CopyWorkloads", change)

    def _deploying(self) -> bool:
        deployments = self._store.view.list(tables.DEPLOYMENTS)
        return any(document.body["finished_at"] is None for document in deployments)


def _apply(tx: Transaction, one: Change) -> None:
    if one.body is None:
        tx.delete(one.collection, *one.key)
    else:
        tx.put(one.collection, *one.key, body=one.body)


def _known(store: Store) -> set[str]:
    """The clusters of which there are copies."""
    view = store.view
    found = [document.key for document in view.list(tables.ECS_SERVICES)]
    found += [document.key for document in view.list(tables.TASKS)]
    return {key.partition("/")[0] for key in found}
