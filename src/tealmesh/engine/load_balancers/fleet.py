"""Gives every load balancer its place on this machine, and every place a worker."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

from tealmesh.engine.load_balancers.admin import Admin
from tealmesh.engine.load_balancers.plan import plan
from tealmesh.engine.load_balancers.worker import Worker
from tealmesh.engine.runtimes.base import StandaloneEnvoys
from tealmesh.engine.service_worker import persistently
from tealmesh.model.load_balancers import PlaceBody
from tealmesh.store import Store, Transaction, View, tables
from tealmesh.store.snapshot import load_balancer_bodies, load_balancer_places

_INPUTS = (tables.LOAD_BALANCERS, tables.LOAD_BALANCER_PLACES)


class Fleet:
    """The Envoys of all load balancers. `run` once, then `close`; `stop_all` in between."""

    def __init__(
        self,
        store: Store,
        envoys: StandaloneEnvoys,
        admin: Admin,
        data_dir: Path,
        by_host: int | None,
    ) -> None:
        """``by_host``: the port where the Host header selects the load balancer; None for none."""
        self._store = store
        self._envoys = envoys
        self._admin = admin
        self._directory = data_dir / "load-balancers"
        self._by_host = by_host
        self._workers: dict[str, Worker] = {}
        self._wanted = True

    async def run(self) -> None:
        """Run until cancelled. The Envoys keep running afterwards."""
        seen: tuple[object, ...] = ()
        async with asyncio.TaskGroup() as group:
            async for view in self._store.watch():
                # A collection that was not written is the same object in the next view.
                latest = tuple(view.collections.get(collection) for collection in _INPUTS)
                if seen and all(a is b for a, b in zip(seen, latest, strict=True)):
                    continue
                seen = latest
                await self._place(view)
                self._dispatch(group)

    async def stop_all(self) -> None:
        """Stop every Envoy at once; each is started again when the control plane next runs."""
        self._wanted = False
        await asyncio.gather(*(worker.halt() for worker in self._workers.values()))

    def problem(self, arn: str) -> str:
        """Why the load balancer does not listen, for users; empty if its Envoy runs."""
        worker = self._workers.get(arn)
        return worker.problem if worker is not None else ""

    async def _place(self, view: View) -> None:
        """Record the places of new load balancers, and the ports of new listeners."""
        if self._planned(view):

            def record(tx: Transaction) -> None:
                for arn, place in self._planned(tx).items():
                    tx.put(tables.LOAD_BALANCER_PLACES, arn, body=place)

            await self._store.write("engine", "PlaceLoadBalancers", record)

    def _planned(self, view: View | Transaction) -> dict[str, PlaceBody]:
        return plan(
            load_balancer_bodies(view),
            load_balancer_places(view),
            address=self._envoys.address,
            lowest_port=self._envoys.lowest_port(),
            by_host=self._by_host,
        )

    def _dispatch(self, group: asyncio.TaskGroup) -> None:
        for arn in load_balancer_places(self._store.view):
            worker = self._workers.get(arn)
            if worker is None:
                made = partial(Worker, self._store, self._envoys, self._admin, self._directory)
                worker = self._workers[arn] = made(arn, lambda: self._wanted)
                group.create_task(self._work(arn, worker))
            worker.notify()

    async def _work(self, arn: str, worker: Worker) -> None:
        try:
            await persistently(f"load balancer {arn}", worker.run)
        finally:
            self._workers.pop(arn, None)
