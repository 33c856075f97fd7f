"""One task: its document, its containers, its network, and how it fails.

This is what all phases of a task's life have in common; `worker.py` goes through the phases.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tealmesh.engine.context import EngineContext
from tealmesh.engine.runtimes import containers
from tealmesh.engine.runtimes.base import Choose, Handle, Launch, TaskNetwork, TaskSpec
from tealmesh.engine.runtimes.containers import Container, Role
from tealmesh.engine.runtimes.launch import XRAY_PORT
from tealmesh.engine.scheduler import documents
from tealmesh.engine.state import Phase, TaskState
from tealmesh.engine.task import registration
from tealmesh.engine.task.log_shipping import LogKeeper
from tealmesh.engine.task.pod import Care, Pod
from tealmesh.engine.task.probes import Probes
from tealmesh.engine.task.record import TaskRecord, set_phase, show_states
from tealmesh.engine.task.secrets import fetch, without
from tealmesh.model.ecs.names import service_of
from tealmesh.model.errors import EngineError
from tealmesh.model.mesh import Kind
from tealmesh.store import key, tables
from tealmesh.store.views import Transaction

if TYPE_CHECKING:
    from types_boto3_appmesh.type_defs import ListenerOutputTypeDef

    from tealmesh.model.ecs.bodies import KeptDefinition, TaskBody, TaskEnvoy

_REASON_LINES = 5
"""Last lines of a container's log that are quoted in the reason of its failure."""


@dataclass(frozen=True)
class Shared:
    """What the workers of all tasks share."""

    context: EngineContext
    probes: Probes
    logs: LogKeeper


class Task:
    """One task. It holds nothing that its document and its runtime do not have as well."""

    def __init__(self, shared: Shared, cluster: str, identity: str) -> None:
        self.context = shared.context
        self.probes = shared.probes
        self.record = TaskRecord(shared.context, cluster, identity)
        self.directory = shared.context.data_dir / "tasks" / identity
        self.changed = asyncio.Event()
        """Set when the document or the state of a container has changed."""
        self._logs = shared.logs
        self._pod: Pod | None = None
        self._secrets: dict[str, Mapping[str, str]] = {}

    @property
    def adopted(self) -> bool:
        """Whether `pod` is there."""
        return self._pod is not None

    @property
    def pod(self) -> Pod:
        """The containers, once adopted."""
        if self._pod is None:
            raise RuntimeError("the containers have not been adopted yet")
        return self._pod

    @property
    def network(self) -> TaskNetwork:
        return TaskNetwork.of(self.record.state, self.directory)

    @property
    def grace(self) -> float:
        """The ``healthCheckGracePeriodSeconds`` of the task's service; 0 without one."""
        name = service_of(self.record.body)
        view = self.context.store.view
        service = view.get(tables.ECS_SERVICES, self.record.cluster, name) if name else None
        return float(service.body.get("healthCheckGracePeriodSeconds") or 0) if service else 0.0

    def parse(self, definition: KeptDefinition) -> list[Container]:
        """The containers of a task definition, with this task's overrides."""
        overrides = self.record.body.get("overrides") or {}
        return containers.containers(definition, overrides, self.context.times.stop)

    # Containers

    async def adopt(self) -> None:
        """Make `pod`, with the containers that an earlier control plane has started."""
        if self._pod is not None:
            return
        state = self.record.state
        parsed = self.parse(state.definition) if state.definition else []
        self._pod = Pod(
            self.context.runtime,
            self.directory,
            parsed,
            Care(self._start_container, self._is_healthy, self.context.times.look),
            self.changed,
        )
        self._logs.keep(self.record.body["taskArn"], self.directory, parsed)
        await self._pod.recover()
        if self.record.phase.all_started:
            self._pod.end_missing()

    async def detach(self) -> None:
        """Stop looking after the containers; they keep running."""
        if self._pod is not None:
            await self._pod.close()
            self._pod = None
        self._logs.forget(self.directory)

    async def start_due(self) -> bool:
        """Start the containers that can be started; return whether there were any. Returns at once
        when the task is to be stopped, because pulling an image may take long.
        """
        job = asyncio.create_task(self.pod.start_due())
        try:
            while not job.done() and not self.record.stop_wanted:
                await asyncio.wait({job}, timeout=0.2)
            if job.done():
                return job.result()
        finally:
            job.cancel()
            await asyncio.gather(job, return_exceptions=True)
        # The runtime knows what was started, even if we do not.
        await self.pod.recover()
        return True

    def spec(self, parsed: Sequence[Container], state: TaskState) -> TaskSpec:
        """The task as its runtime needs to know it."""
        view = self.context.store.view
        return TaskSpec(
            arn=self.record.body["taskArn"],
            directory=self.directory,
            definition=state.definition,
            containers=parsed,
            images=[document.body for document in view.list(tables.IMAGES)],
            role=state.role,
            listener_ports=self.listener_ports(state.envoy),
        )

    async def _start_container(self, container: Container) -> Handle:
        return await self.context.runtime.start(await self._launch(container))

    async def _launch(self, container: Container) -> Launch:
        state = self.record.state
        secrets = await self._secrets_of(container)
        return Launch(
            self.spec(self.pod.containers, state), TaskNetwork.of(state), container, secrets
        )

    async def _secrets_of(self, container: Container) -> Mapping[str, str]:
        """The values of the container's secrets, fetched once and kept for its health checks."""
        if not container.secrets:
            return {}
        if container.name not in self._secrets:
            values = await asyncio.to_thread(fetch, container.secrets, self.context.client)
            self._secrets[container.name] = values
        return self._secrets[container.name]

    async def _is_healthy(self, container: Container) -> bool:
        if container.role is Role.ENVOY:
            # We ask Envoy ourselves; a command from its image would look for it on localhost.
            return not await self.probes.envoy_ready(self.network)
        runtime = self.context.runtime
        if container.role is Role.XRAY:
            return not await runtime.port_problem(self.network, XRAY_PORT, "udp")
        check = container.health_check
        if check is None:
            return True
        launch = await self._launch(container)
        return await runtime.execute(launch, check.argv, check.timeout) == 0

    # Network

    async def reserve(self, choose: Choose) -> TaskNetwork:
        """Choose addresses of this machine and record them, in one transaction."""

        def change(tx: Transaction, body: TaskBody) -> None:
            states = [TaskState.of(document.body) for document in tx.list(tables.TASKS)]
            newest = max(states, key=lambda state: state.addressed)
            taken = {state.address for state in states if state.address}
            network = choose(taken, newest.address)
            replace(
                TaskState.of(body),
                address=network.address,
                app_address=network.app_address,
                addressed=tx.revision,
            ).write(body)

        await self.record.change("TaskAddressed", change)
        return self.network

    def node_listeners(self, envoy: TaskEnvoy | None) -> Sequence[ListenerOutputTypeDef]:
        """The listeners of the virtual node that the task stands for; none for a gateway."""
        if envoy is None or envoy["kind"] != Kind.VIRTUAL_NODE:
            return []
        view = self.context.store.view
        document = view.get(tables.VIRTUAL_NODES, envoy["mesh"], envoy["name"])
        return document.body["spec"].get("listeners", []) if document is not None else []

    def missing_resource(self, envoy: TaskEnvoy) -> str:
        """That what its Envoy stands for does not exist; empty if it does, or if only another
        control plane knows that.
        """
        if envoy.get("elsewhere"):
            return ""
        node = envoy["kind"] == Kind.VIRTUAL_NODE
        collection = tables.VIRTUAL_NODES if node else tables.VIRTUAL_GATEWAYS
        names = self.context.store.view.collections.get(collection, {})
        if key(envoy["mesh"], envoy["name"]) in names:
            return ""
        kind = "virtual node" if node else "virtual gateway"
        return f"{kind} {envoy['name']} of mesh {envoy['mesh']} does not exist"

    def listener_ports(self, envoy: TaskEnvoy | None) -> Sequence[int]:
        """The listener ports of the virtual node or gateway that the task stands for."""
        if envoy is None:
            return []
        if envoy["kind"] == Kind.VIRTUAL_NODE:
            return [one["portMapping"]["port"] for one in self.node_listeners(envoy)]
        view = self.context.store.view
        document = view.get(tables.VIRTUAL_GATEWAYS, envoy["mesh"], envoy["name"])
        listeners = document.body["spec"]["listeners"] if document is not None else []
        return [listener["portMapping"]["port"] for listener in listeners]

    # Changes of the document

    def show(self, body: TaskBody, phase: Phase) -> None:
        """Enter a phase and show the containers as they are."""
        show_states(body, self.pod.states, self.pod.handles)
        set_phase(body, phase)

    async def tell_service(self, message: str) -> None:
        """Add an event to the task's service."""

        def change(tx: Transaction, body: TaskBody) -> None:
            self.tell_service_in(tx, body, message)

        await self.record.change("TaskEvent", change)

    def tell_service_in(self, tx: Transaction, body: TaskBody, message: str) -> None:
        """As `tell_service`, within a transaction."""
        now = self.context.clock()
        text = f"(task {self.record.identity}) {message}"
        documents.tell_service(tx, body, self.context.new_id, now, text)

    async def failed(self) -> bool:
        """Whether a container has ended and the task with it; if so, the task is in HALT. Raises
        EngineError if a container could not be watched.
        """
        pod = self.pod
        if isinstance(pod.failure, EngineError):
            raise EngineError(f"Task failed container health checks: {pod.failure}")
        if pod.failure is not None:
            # Our own defect is no reason to end a task: its worker begins anew.
            raise pod.failure
        container = containers.ended(pod.containers, pod.states)
        if container is None:
            return False
        code = pod.states[container.name].exit_code
        reason = f"Essential container in task exited: {container.name} with code {code}"
        await self.fail("EssentialContainerExited", reason, container)
        return True

    async def fail(self, code: str, reason: str, container: Container | None = None) -> None:
        """Stop the task as failed: deregister it, and tell its service why. ``container`` is the
        one at fault, if it is known.
        """
        reason += await self._last_lines(container)

        def change(tx: Transaction, body: TaskBody) -> None:
            if body["desiredStatus"] != "STOPPED":
                now = self.context.clock()
                documents.request_stop(body, code, reason, now, tx.moment.stored())
                replace(TaskState.of(body), failed=True).write(body)
                message = f"(task {self.record.identity}) failed: {reason}"
                documents.tell_service(tx, body, self.context.new_id, now, message)
            registration.deregister(tx, body)
            set_phase(body, Phase.HALT)

        await self.record.change("TaskFailed", change)

    async def _last_lines(self, container: Container | None) -> str:
        """The last log lines of the container at fault, or of all if that is not known."""
        if self._pod is None:
            return ""
        suspects = [c for c in self._pod.containers if c.role not in (Role.XRAY, Role.DRAIN)]
        texts = []
        for one in [container] if container else suspects:
            lines = await self.context.runtime.logs(self.directory, one.name, _REASON_LINES)
            if lines:
                # Without the values nobody could tell what to leave out.
                with contextlib.suppress(EngineError):
                    told = without(" | ".join(lines), await self._secrets_of(one))
                    texts.append(f"; last log lines of {one.name}: {told}")
        return "".join(texts)

    # Waiting

    async def converge(self, scope: str, what: str, revision: int) -> None:
        """Wait, for a limited time, until every Envoy of a scope (``what``, in words) has
        acknowledged a revision. Tells the service if one has not.
        """
        limit = self.context.times.converge
        if not await self.context.converged(scope, revision, limit):
            await self.tell_service(
                f"goes on although not every Envoy of {what} has acknowledged "
                f"revision {revision} within {limit:g} s."
            )

    async def wait_for_change(self, deadline: float | None) -> bool:
        """Wait until `changed` is set; return False if the deadline came first."""
        try:
            async with asyncio.timeout_at(deadline):
                await self.changed.wait()
        except TimeoutError:
            return False
        return True
