"""Gives every load balancer its place on this machine, and every place a worker."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from tealmesh.engine.load_balancers.plan import plan
from tealmesh.engine.load_balancers.worker import Worker
from tealmesh.engine.runtimes.base import StandaloneEnvoys
from tealmesh.model.load_balancers import PlaceBody, load_balancer_name
from tealmesh.store import Store, Transaction, View, tables
from tealmesh.store.snapshot import load_balancer_bodies, load_balancer_places
from tealmesh.supervision.supervisor import Supervisor
from tealmesh.supervision.trouble import NOBODY

_log = logging.getLogger(__name__)

_INPUTS = (tables.LOAD_BALANCERS, tables.LOAD_BALANCER_PLACES)


class Fleet:
    """The Envoys of all load balancers. `run` once, then `close`; `stop_all` in between."""

    def __init__(
        self,
        store: Store,
        envoys: StandaloneEnvoys,
        data_dir: Path,
        by_host: int | None,
        supervisor: Supervisor,
    ) -> None:
        """``by_host``: the port where the Host header selects the load balancer; None for none."""
        self._store = store
        self._envoys = envoys
        self._directory = data_dir / "load-balancers"
        self._by_host = by_host
        self._supervisor = supervisor
        self._workers: dict[str, Worker] = {}
        self._running: set[str] = set()
        """The ARNs whose workers run."""
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
        arns = load_balancer_places(self._store.view)
        await asyncio.gather(*(self._worker(arn).halt() for arn in arns))
        await self._envoys.close_to_containers()

    def problem(self, arn: str) -> str:
        """Why the load balancer does not listen, for users; empty if its Envoy runs."""
        worker = self._workers.get(arn)
        return worker.problem if worker is not None else ""

    async def _place(self, view: View) -> None:
        """Record the places of new load balancers, and the ports of new listeners."""
        if load_balancer_bodies(view):
            await self._envoys.open_to_containers()
        if not self._planned(view):
            return

        def record(tx: Transaction) -> dict[str, PlaceBody]:
            planned = self._planned(tx)
            for arn, place in planned.items():
                tx.put(tables.LOAD_BALANCER_PLACES, arn, body=place)
            return planned

        for arn, place in (await self._store.write("engine", "PlaceLoadBalancers", record)).items():
            _log_mapped(arn, place)

    def _planned(self, view: View | Transaction) -> dict[str, PlaceBody]:
        return plan(
            load_balancer_bodies(view),
            load_balancer_places(view),
            address=self._envoys.address,
            lowest_port=self._envoys.lowest_port(),
            free=lambda address, port: not self._envoys.port_problem(address, port),
            by_host=self._by_host,
            inside=self._envoys.container_address,
        )

    def _dispatch(self, group: asyncio.TaskGroup) -> None:
        for arn in load_balancer_places(self._store.view):
            worker = self._worker(arn)
            if arn not in self._running:
                self._running.add(arn)
                group.create_task(self._work(arn, worker))
            worker.notify()

    def _worker(self, arn: str) -> Worker:
        if arn not in self._workers:
            self._workers[arn] = Worker(
                self._store, self._envoys, self._directory, arn, lambda: self._wanted
            )
        return self._workers[arn]

    async def _work(self, arn: str, worker: Worker) -> None:
        try:
            name = f"the worker of load balancer {load_balancer_name(arn)}"
            await self._supervisor.keep(name, worker.run, concerns=NOBODY)
        finally:
            self._workers.pop(arn, None)
            self._running.discard(arn)


def _log_mapped(arn: str, place: PlaceBody) -> None:
    for port, local in place["ports"].items():
        if local != int(port):
            _log.info(
                "port %s of load balancer %s is port %d of %s on this machine: this user may not "
                "use %s, or another listener does",
                port, load_balancer_name(arn), local, place["address"], port,
            )  # fmt: skip
