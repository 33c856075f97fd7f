"""The life of one task, from PREPARE to STOPPED.

Each phase is recorded before it is acted upon and may be begun again from its start: a control
plane that was killed goes on with the phase in which its predecessor died.

    PREPARE -> START -> AWAIT_READY -> AWAIT_CALLERS -> RUN
        -> DRAIN -> DEREGISTER -> HALT -> STOPPED

A task that ends or fails by itself goes to HALT at once, deregistered in the same transaction.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Coroutine
from typing import Any

from tealmesh.engine.runtimes import containers
from tealmesh.engine.runtimes.base import DockerUnavailable, TaskNetwork
from tealmesh.engine.runtimes.containers import Role
from tealmesh.engine.runtimes.process.addresses import choose, free
from tealmesh.engine.runtimes.sidecar import ADMIN_PORT, EGRESS_PORT, drain_seconds, resource_of
from tealmesh.engine.scheduler import documents
from tealmesh.engine.task import registration
from tealmesh.engine.task.record import (
    TaskGone,
    detach_network,
    set_containers,
    set_network,
    set_phase,
    show_states,
)
from tealmesh.engine.task.task import TaskParts
from tealmesh.model.ecs.names import service_of
from tealmesh.model.errors import EngineError
from tealmesh.model.mesh import Kind
from tealmesh.store import tables
from tealmesh.store.snapshot import mesh_names
from tealmesh.store.store import Transaction

_log = logging.getLogger(__name__)

_KEPT = ("containerDefinitions", "proxyConfiguration", "volumes", "memory")
"""What of the task definition is needed after its revision may have gone."""


class TaskWorker(TaskParts):
    """Looks after one task until it is STOPPED."""

    async def run(self) -> None:
        """Bring the task through its life. May be cancelled and run again at any time."""
        phases = {
            "PREPARE": self._prepare,
            "START": self._start,
            "AWAIT_READY": self._await_ready,
            "AWAIT_CALLERS": self._await_callers,
            "RUN": self._run,
            "DRAIN": self._drain,
            "DEREGISTER": self._deregister,
            "HALT": self._halt,
        }
        try:
            while (phase := self._record.phase) != "STOPPED":
                try:
                    if phase != "PREPARE":
                        await self._take_over()
                    await phases[phase]()
                except (EngineError, OSError) as error:
                    # What runs goes on without its engine; only what is to start cannot. A full
                    # disk, too, keeps nothing but new tasks from their work.
                    starting = phase in ("PREPARE", "START")
                    lasting = isinstance(error, EngineError) and not isinstance(
                        error, DockerUnavailable
                    )
                    if phase == "HALT" or not (starting or lasting):
                        raise
                    await self._fail("TaskFailedToStart", str(error))
        except TaskGone:
            _log.warning("task %s was deleted while it ran: stopping it", self._record.identity)
            if self._pod is not None:
                await self._pod.stop()
            await self._ports.runtime.release(self._directory)
        finally:
            if self._pod is not None:
                await self._pod.close()
                self._pod = None
            self._logs.forget(self._directory)

    # PREPARE

    async def _prepare(self) -> None:
        if self._record.stop_wanted:
            await self._ports.runtime.release(self._directory)
            await self._stopped()
            return
        arn = self._record.body["taskDefinitionArn"]
        definition = documents.definition(self._ports.store.view, arn)
        if definition is None:
            raise EngineError(f"the task definition {arn} is gone: register it again")
        found = self._parse(definition)
        ports = {port for container in found for port in container.ports}
        envoy = next((c for c in found if c.role is Role.ENVOY), None)
        resource = resource_of(envoy.environment) if envoy else None
        if envoy is not None and resource is None:
            raise EngineError(
                f"container {envoy.name} does not say for what it stands: set "
                f"APPMESH_RESOURCE_ARN to mesh/MESH/virtualNode/NAME"
            )
        if envoy is not None:
            ports |= {ADMIN_PORT, EGRESS_PORT}
        network = await self._open(definition, found) or await self._allocate(ports)
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)

        def prepared(_: Transaction, body: dict[str, Any]) -> None:
            sizes = {m: str(definition[m]) for m in ("cpu", "memory") if m in definition}
            body.update({**sizes, **body})
            set_network(body, network, self._ports.region)
            set_containers(body, found)
            kept = {member: definition[member] for member in _KEPT if member in definition}
            role = (body.get("overrides") or {}).get("taskRoleArn") or definition.get("taskRoleArn")
            body["teal"] |= {"envoy": resource, "definition": kept, "handles": {}}
            body["teal"]["role"] = role or ""
            set_phase(body, "START")

        await self._record.change("TaskPrepared", prepared)

    async def _allocate(self, ports: set[int]) -> TaskNetwork:
        """Addresses of the task's own: recorded first, then tested by binding."""
        busy: set[str] = set()

        def chosen(tx: Transaction, body: dict[str, Any]) -> None:
            bodies = [d.body for d in tx.list(tables.TASKS)]
            taken = {b["teal"]["address"] for b in bodies if "address" in b.get("teal", {})}
            octet = self._addresses.octet
            newest = max(bodies, key=lambda b: b.get("teal", {}).get("addressed", 0))
            last = newest.get("teal", {}).get("address", "")
            network = choose(octet, taken | busy, last)
            body["teal"] |= {
                "address": network.address,
                "appAddress": network.app_address,
                "addressed": tx.revision,
            }

        while True:
            await self._record.change("TaskAddressed", chosen)
            network = self._network()
            if free(network, ports):
                return network
            busy.add(network.address)

    # START

    async def _start(self) -> None:
        pod = self._the_pod
        deadline = self._deadline()
        while not (self._record.stop_wanted or pod.all_started):
            self._changed.clear()
            reason = containers.blocked(pod.containers, pod.states)
            if reason:
                raise EngineError(reason)
            if await self._died():
                return
            if not await self._started_due() and not await self._woken(
                min(deadline, pod.start_deadline)
            ):
                raise EngineError(f"Task failed to start in time: {pod.waiting_for}")
        if self._record.stop_wanted:
            await self._record.enter("HALT")
            return
        await self._record.change("TaskStarted", lambda _, body: self._show(body, "AWAIT_READY"))

    def _deadline(self) -> float:
        """Until when the task must be ready, on the event loop's clock. A control plane that has
        taken the task over gives it the whole time once more.
        """
        if self._ready_by is None:
            name = service_of(self._record.body)
            view = self._ports.store.view
            service = view.get(tables.ECS_SERVICES, self._record.cluster, name) if name else None
            grace = service.body.get("healthCheckGracePeriodSeconds") if service else None
            checks = [c.health_check for c in self._the_pod.containers if c.health_check]
            leave = max((check.start_period for check in checks), default=0.0)
            starts = [c.start_timeout or 0.0 for c in self._the_pod.containers]
            allowed = max(self._ports.times.start, float(grace or 0), *starts) + leave
            self._ready_by = asyncio.get_running_loop().time() + allowed
        return self._ready_by

    # AWAIT_READY

    async def _await_ready(self) -> None:
        deadline = self._deadline()
        while not self._record.stop_wanted:
            if await self._died():
                return
            self._changed.clear()
            problem = await self._unready()
            if not problem:
                await self._record.change("TaskRegistered", self._register)
                return
            if asyncio.get_running_loop().time() > deadline:
                raise EngineError(f"Task failed health checks: {problem}")
            await asyncio.sleep(self._ports.times.look)
        await self._record.enter("HALT")

    async def _unready(self) -> str:
        """What is still missing; empty when the task may be given requests."""
        envoy = self._record.body["teal"].get("envoy")
        if envoy is not None:
            problem = await self._probes.envoy_ready(self._network())
            if problem:
                return problem
        if self._the_pod.waiting_for:
            return self._the_pod.waiting_for
        for listener in self._listeners(envoy):
            if envoy["kind"] == Kind.VIRTUAL_NODE:
                problem = await self._probes.listener(self._network(), listener)
            else:
                port = listener["portMapping"]["port"]
                problem = await self._probes.connects(self._network().address, port)
            if problem:
                return problem
        return ""

    def _register(self, tx: Transaction, body: dict[str, Any]) -> None:
        pod = self._the_pod
        body["teal"]["registered"] = registration.register(
            tx, body, pod.containers, self._ports.region
        )
        body["teal"]["registeredAt"] = tx.revision
        body["healthStatus"] = pod.health()
        self._show(body, "AWAIT_CALLERS")

    # AWAIT_CALLERS

    async def _await_callers(self) -> None:
        """Wait, for a bounded time, until those who may send here would do so. Whoever takes
        this task for running may then take others away.
        """
        teal = self._record.body["teal"]
        if teal["registered"]:
            await self._unless_cut(self._converge(teal["registeredAt"]))
            await self._unless_cut(self._trusted())
        if self._record.stop_wanted or await self._died():
            if self._record.phase != "HALT":
                await self._record.enter("HALT" if self._record.quick else "DRAIN")
            return

        def running(_: Transaction, body: dict[str, Any]) -> None:
            body["startedAt"] = self._ports.clock()
            self._show(body, "RUN")

        await self._record.change("TaskRunning", running)

    async def _trusted(self) -> None:
        """Wait until no Envoy has its first health check of this task still to make."""
        own = self._network().address
        asked = [
            TaskNetwork(teal["address"], teal["appAddress"])
            for body in (d.body for d in self._ports.store.view.list(tables.TASKS))
            if (teal := body.get("teal", {})).get("phase") == "RUN" and teal.get("envoy")
        ]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._ports.times.converge):
                while asked:
                    unsure = [await self._probes.unsure(one, own) for one in asked]
                    asked = [one for one, doubts in zip(asked, unsure, strict=True) if doubts]
                    if asked:
                        await asyncio.sleep(self._ports.times.look)
            return
        await self._tell(
            f"(task {self._record.identity}) does not pass the health checks of "
            f"{len(asked)} of its callers' Envoys."
        )

    # RUN

    async def _run(self) -> None:
        pod = self._the_pod
        while not self._record.stop_wanted:
            self._changed.clear()
            if await self._died():
                return
            if pod.health() != self._record.body.get("healthStatus"):

                def shown(_: Transaction, body: dict[str, Any]) -> None:
                    body["healthStatus"] = pod.health()
                    self._show(body, "RUN")

                await self._record.change("TaskHealth", shown)
            await self._woken(None)
        await self._record.enter("HALT" if self._record.quick else "DRAIN")

    # DRAIN

    async def _drain(self) -> None:
        """Take no new request, and let those that are here be answered."""
        found = False

        def marked(tx: Transaction, body: dict[str, Any]) -> None:
            nonlocal found
            found = registration.drain(tx, body)

        revision = await self._record.change("TaskDraining", marked)
        envoy = self._record.body["teal"].get("envoy")
        if envoy is not None and envoy["kind"] == Kind.VIRTUAL_GATEWAY:
            await self._probes.drain_listeners(self._network())
            sidecar = self._launch().envoy
            wait = drain_seconds(sidecar.environment if sidecar else {})
            await self._unless_cut(asyncio.sleep(wait))
        if found:
            await self._unless_cut(self._converge(revision))
        if envoy is not None:
            await self._unless_cut(self._idle())
        await self._record.enter("DEREGISTER")

    async def _converge(self, revision: int) -> None:
        """Wait for the Envoys that may send to this task; for a bounded time, as one that hangs
        must not keep everything else from stopping.
        """
        envoy = self._record.body["teal"].get("envoy")
        meshes = [envoy["mesh"]] if envoy else mesh_names(self._ports.store.view)
        for mesh in meshes:
            limit = self._ports.times.converge
            if not await self._ports.converged(mesh, revision, limit):
                await self._tell(
                    f"(task {self._record.identity}) goes on although not every Envoy of mesh "
                    f"{mesh} has acknowledged revision {revision} within {limit:g} s."
                )

    async def _idle(self) -> None:
        """Wait until the task's Envoy has shown no active request twice in a row."""
        quiet = 0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._ports.times.drain):
                while quiet < 2:
                    active = await self._probes.active_requests(self._network())
                    if active is None:
                        return
                    quiet = quiet + 1 if active == 0 else 0
                    await asyncio.sleep(self._ports.times.settle)

    async def _unless_cut(self, work: Coroutine[Any, Any, None]) -> None:
        """Do this, unless the task ends meanwhile or is to be stopped at once."""
        job = asyncio.create_task(work)
        try:
            while not job.done():
                self._changed.clear()
                if self._record.quick or self._over():
                    return
                woken = asyncio.create_task(self._changed.wait())
                await asyncio.wait({job, woken}, return_when=asyncio.FIRST_COMPLETED)
                woken.cancel()
            job.result()
        finally:
            job.cancel()
            await asyncio.gather(job, return_exceptions=True)

    def _over(self) -> bool:
        return containers.ended(self._the_pod.containers, self._the_pod.states) is not None

    # DEREGISTER

    async def _deregister(self) -> None:
        found = False

        def removed(tx: Transaction, body: dict[str, Any]) -> None:
            nonlocal found
            found = registration.deregister(tx, body)

        revision = await self._record.change("TaskDeregistered", removed)
        if found:
            await self._unless_cut(self._converge(revision))
        await self._record.enter("HALT")

    # HALT

    async def _halt(self) -> None:
        def removed(tx: Transaction, body: dict[str, Any]) -> None:
            registration.deregister(tx, body)

        await self._record.change("TaskHalting", removed)
        await self._the_pod.stop()
        await self._ports.runtime.release(self._directory)
        await self._stopped()

    async def _stopped(self) -> None:
        pod = self._pod

        def done(_: Transaction, body: dict[str, Any]) -> None:
            now = self._ports.clock()
            if pod is not None:
                show_states(body, pod.states, pod.handles)
            for shown in body.get("containers", []):
                shown["lastStatus"] = "STOPPED"
            body["stoppedAt"] = body["executionStoppedAt"] = now
            body["connectivity"] = "DISCONNECTED"
            detach_network(body)
            set_phase(body, "STOPPED")

        await self._record.change("TaskStopped", done)
