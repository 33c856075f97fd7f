"""The life of one task, from PREPARE to STOPPED.

Each phase is recorded before it is acted upon and can be repeated from its start, so a control
plane that takes over continues with the phase in which its predecessor died.

    PREPARE -> START -> AWAIT_READY -> AWAIT_CALLERS -> RUN
        -> DRAIN -> DEREGISTER -> HALT -> STOPPED

A task that fails goes to HALT at once, deregistered in the same transaction.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from tealmesh.engine.runtimes import containers
from tealmesh.engine.runtimes.containers import Role
from tealmesh.engine.runtimes.ports import connect_problem
from tealmesh.engine.runtimes.sidecar import drain_seconds
from tealmesh.engine.state import Phase, TaskState
from tealmesh.engine.task import draining, registration
from tealmesh.engine.task.balanced import Balanced
from tealmesh.engine.task.callers import Callers
from tealmesh.engine.task.preparation import prepare
from tealmesh.engine.task.record import TaskGone, detach_network, set_phase, show_states
from tealmesh.engine.task.task import Shared, Task
from tealmesh.model.ecs.moments import note_moment
from tealmesh.model.errors import DockerUnavailable, EngineError
from tealmesh.model.mesh import Kind
from tealmesh.store.snapshot import mesh_names
from tealmesh.store.views import Transaction

if TYPE_CHECKING:
    from types_boto3_appmesh.type_defs import ListenerOutputTypeDef

    from tealmesh.model.ecs.bodies import TaskBody

_log = logging.getLogger(__name__)


class TaskWorker:
    """Looks after one task until it is STOPPED."""

    def __init__(self, shared: Shared, cluster: str, identity: str) -> None:
        self._task = Task(shared, cluster, identity)
        self._context = shared.context
        self._probes = shared.probes
        self._callers = Callers(shared.context, shared.probes)
        self._balanced = Balanced(self._task)
        self._ready_by: float | None = None

    def notify(self) -> None:
        """The task's document has changed."""
        self._task.changed.set()

    async def run(self) -> None:
        """Bring the task through its life. May be cancelled and run again at any time."""
        task = self._task
        try:
            while (phase := task.record.phase) is not Phase.STOPPED:
                await self._act(phase)
        except TaskGone:
            _log.warning("task %s was deleted while it ran: stopping it", task.record.identity)
            if task.adopted:
                await task.pod.stop()
            await self._context.runtime.release(task.directory)
        finally:
            await task.detach()

    async def _act(self, phase: Phase) -> None:
        actions = {
            Phase.PREPARE: self._prepare,
            Phase.START: self._start,
            Phase.AWAIT_READY: self._await_ready,
            Phase.AWAIT_CALLERS: self._await_callers,
            Phase.RUN: self._run,
            Phase.DRAIN: self._drain,
            Phase.DEREGISTER: self._deregister,
            Phase.HALT: self._halt,
        }
        try:
            if phase is not Phase.PREPARE:
                await self._task.adopt()
            await actions[phase]()
        except (EngineError, OSError) as error:
            # What runs keeps running without Docker; only what is to be started cannot be. A full
            # disk, too, fails new tasks alone.
            starting = phase in (Phase.PREPARE, Phase.START)
            lasting = isinstance(error, EngineError) and not isinstance(error, DockerUnavailable)
            if phase is Phase.HALT or not (starting or lasting):
                raise
            await self._task.fail("TaskFailedToStart", str(error))

    # PREPARE

    async def _prepare(self) -> None:
        if self._task.record.stop_wanted:
            await self._context.runtime.release(self._task.directory)
            await self._stopped()
            return
        await prepare(self._task)

    # START

    async def _start(self) -> None:
        task, pod = self._task, self._task.pod
        deadline = self._deadline()
        while not (task.record.stop_wanted or pod.all_started):
            task.changed.clear()
            reason = containers.blocked(pod.containers, pod.states)
            if reason:
                raise EngineError(reason)
            if await task.failed():
                return
            if not await task.start_due() and not await task.wait_for_change(
                min(deadline, pod.start_deadline)
            ):
                raise EngineError(f"Task failed to start in time: {pod.waiting_for}")
        if task.record.stop_wanted:
            await task.record.enter(Phase.HALT)
            return
        await task.record.change("TaskStarted", lambda _, body: task.show(body, Phase.AWAIT_READY))

    def _deadline(self) -> float:
        """When the task must be ready, on the event loop's clock. After a restart of the control
        plane the task has its whole time again.
        """
        if self._ready_by is None:
            checks = [c.health_check for c in self._task.pod.containers if c.health_check]
            start_period = max((check.start_period for check in checks), default=0.0)
            timeouts = [c.start_timeout or 0.0 for c in self._task.pod.containers]
            grace = self._task.grace
            allowed = max(self._context.times.start, grace, *timeouts) + start_period
            self._ready_by = asyncio.get_running_loop().time() + allowed
        return self._ready_by

    # AWAIT_READY

    async def _await_ready(self) -> None:
        task = self._task
        deadline = self._deadline()
        listeners = task.node_listeners(task.record.state.envoy)
        while not task.record.stop_wanted:
            if await task.failed():
                return
            task.changed.clear()
            problem = await self._not_ready()
            unserved = [] if problem else await self._unserved(listeners)
            late = asyncio.get_running_loop().time() > deadline
            # ECS would not wait for listeners. One that the application never serves, such as a
            # port for administration that is switched off, must not keep the others from work.
            ready = not (problem or unserved) or (late and 0 < len(unserved) < len(listeners))
            if ready and (late or await self._balanced.listening()):
                await task.record.change("TaskRegistered", partial(self._register, unserved))
                return
            if late and not ready:
                raise EngineError(f"Task failed health checks: {problem or unserved[0]}")
            await asyncio.sleep(self._context.times.look)
        await task.record.enter(Phase.HALT)

    async def _not_ready(self) -> str:
        """Why the task cannot be given requests yet; empty if it can, by what its Envoy and its
        containers say.
        """
        task = self._task
        envoy, network = task.record.state.envoy, task.network
        if envoy is not None:
            problem = await self._probes.envoy_ready(network)
            if problem:
                barred = self._context.barred(task.record.body["taskArn"])
                return task.missing_resource(envoy) or barred or problem
        if task.pod.waiting_for:
            return task.pod.waiting_for
        if envoy is not None and envoy["kind"] == Kind.VIRTUAL_GATEWAY:
            for port in task.listener_ports(envoy):
                problem = await connect_problem(network.address, port)
                if problem:
                    return problem
        return ""

    async def _unserved(self, listeners: Sequence[ListenerOutputTypeDef]) -> list[str]:
        """What is wrong with each of the node's listeners that the application does not serve."""
        network = self._task.network
        problems = [await self._probes.listener(network, listener) for listener in listeners]
        return [problem for problem in problems if problem]

    def _register(self, unserved: Sequence[str], tx: Transaction, body: TaskBody) -> None:
        pod = self._task.pod
        for problem in unserved:
            self._task.tell_service_in(
                tx, body, f"is registered although {problem}: callers of that listener get 503."
            )
        services = registration.register(tx, body, pod.containers, self._context.region)
        state = TaskState.of(body)
        replace(state, registered=tuple(services), registered_at=tx.revision).write(body)
        self._balanced.register(tx, body)
        body["healthStatus"] = pod.health()
        self._task.show(body, Phase.AWAIT_CALLERS)

    # AWAIT_CALLERS

    async def _await_callers(self) -> None:
        """Wait, for a limited time, until every caller would send requests to this task, because as
        soon as it counts as running, the scheduler may stop others.
        """
        task = self._task
        state = task.record.state
        if state.registered:
            # Elsewhere nobody says who should know it; who knows that another one drains does.
            if not self._elsewhere:
                await self._unless_over(self._converge(state.registered_at))
            await self._unless_over(self._await_health_checks())
        await self._unless_over(self._balanced.await_healthy())
        if task.record.stop_wanted or await task.failed():
            if task.record.phase is not Phase.HALT:
                await task.record.enter(Phase.HALT if task.record.quick else Phase.DRAIN)
            return

        def change(tx: Transaction, body: TaskBody) -> None:
            body["startedAt"] = self._context.clock()
            note_moment(body, "started", tx.moment.stored())
            task.show(body, Phase.RUN)

        await task.record.change("TaskRunning", change)

    async def _await_health_checks(self) -> None:
        """Wait until every Envoy that may send to this task has health-checked it."""
        if unsure := await self._callers.unsure(self._task.network.address):
            await self._task.tell_service(
                f"does not pass the health checks of {unsure} of its callers' Envoys."
            )

    # RUN

    async def _run(self) -> None:
        task, pod = self._task, self._task.pod

        def show_health(_: Transaction, body: TaskBody) -> None:
            body["healthStatus"] = pod.health()
            task.show(body, Phase.RUN)

        while not task.record.stop_wanted:
            task.changed.clear()
            if await task.failed():
                return
            if pod.health() != task.record.body.get("healthStatus"):
                await task.record.change("TaskHealth", show_health)
            await self._balanced.check_health()
            await task.wait_for_change(self._balanced.next_check())
        await task.record.enter(Phase.HALT if task.record.quick else Phase.DRAIN)

    # DRAIN

    async def _drain(self) -> None:
        """Stop new requests from coming, and wait until those being served are answered."""
        task = self._task
        was_registered = False

        def change(tx: Transaction, body: TaskBody) -> None:
            nonlocal was_registered
            was_registered = registration.drain(tx, body)
            self._balanced.drain(tx, body)

        revision = await task.record.change("TaskDraining", change)
        await self._unless_over(self._balanced.await_drained(revision))
        envoy = task.record.state.envoy
        if envoy is not None and envoy["kind"] == Kind.VIRTUAL_GATEWAY:
            await self._probes.drain_listeners(task.network)
            sidecar = next((c for c in task.pod.containers if c.role is Role.ENVOY), None)
            wait = drain_seconds(sidecar.environment if sidecar else {})
            await self._unless_over(asyncio.sleep(wait))
            await self._probes.stop_listening(task.network)
        if was_registered:
            await self._unless_over(self._converge(revision))
        if envoy is not None:
            view, default = self._context.store.view, self._context.times.drain
            limit = draining.limit(view, envoy, task.pod.containers, default)
            await self._unless_over(self._await_idle(limit))
        await task.record.enter(Phase.DEREGISTER)

    async def _converge(self, revision: int) -> None:
        """Wait for the Envoys that may send to this task; for a limited time, because an Envoy that
        hangs must not block everything else.
        """
        if self._elsewhere:
            if sending := await self._callers.sending(self._task.network.address):
                await self._task.tell_service(
                    f"goes on although {sending} of its callers' Envoys still send to it: their "
                    "control plane is elsewhere."
                )
            return
        envoy = self._task.record.state.envoy
        meshes = [envoy["mesh"]] if envoy else mesh_names(self._context.store.view)
        for mesh in meshes:
            await self._task.converge(mesh, f"mesh {mesh}", revision)

    @property
    def _elsewhere(self) -> bool:
        """Whether another control plane configures this task's Envoy, and its callers'."""
        envoy = self._task.record.state.envoy
        return envoy is not None and bool(envoy.get("elsewhere"))

    async def _await_idle(self, limit: float) -> None:
        """Wait until the task's Envoy has had nothing in flight twice in a row, for at most
        ``limit`` seconds.
        """
        idle = 0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit):
                while idle < 2:
                    active = await self._probes.active_requests(self._task.network)
                    if active is None:
                        return
                    idle = idle + 1 if active == 0 else 0
                    # After the second look, too: a caller's Envoy may have acknowledged in one
                    # thread what another, which still waits for a processor, sends by.
                    await asyncio.sleep(self._context.times.settle)

    async def _unless_over(self, work: Coroutine[Any, Any, None]) -> None:
        """Do ``work``, but abandon it if the task ends or is to be stopped at once."""
        task = self._task
        job = asyncio.create_task(work)
        try:
            while not job.done():
                task.changed.clear()
                ended = containers.ended(task.pod.containers, task.pod.states)
                if task.record.quick or ended is not None:
                    return
                changed = asyncio.create_task(task.changed.wait())
                await asyncio.wait({job, changed}, return_when=asyncio.FIRST_COMPLETED)
                changed.cancel()
            job.result()
        finally:
            job.cancel()
            await asyncio.gather(job, return_exceptions=True)

    # DEREGISTER

    async def _deregister(self) -> None:
        was_registered = False

        def change(tx: Transaction, body: TaskBody) -> None:
            nonlocal was_registered
            was_registered = registration.deregister(tx, body)

        revision = await self._task.record.change("TaskDeregistered", change)
        if was_registered:
            await self._unless_over(self._converge(revision))
        await self._task.record.enter(Phase.HALT)

    # HALT

    async def _halt(self) -> None:
        def change(tx: Transaction, body: TaskBody) -> None:
            registration.deregister(tx, body)

        await self._task.record.change("TaskHalting", change)
        await self._task.pod.stop()
        await self._context.runtime.release(self._task.directory)
        await self._stopped()

    async def _stopped(self) -> None:
        task = self._task

        def change(tx: Transaction, body: TaskBody) -> None:
            if task.adopted:
                show_states(body, task.pod.states, task.pod.handles)
            for container in body.get("containers", []):
                container["lastStatus"] = "STOPPED"
            body["stoppedAt"] = body["executionStoppedAt"] = self._context.clock()
            note_moment(body, "stopped", tx.moment.stored())
            body["connectivity"] = "DISCONNECTED"
            detach_network(body)
            set_phase(body, Phase.STOPPED)

        await task.record.change("TaskStopped", change)
