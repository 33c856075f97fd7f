"""What every phase of a task's life uses: its document, its containers, its way to fail."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

from tealmesh.engine.context import EngineContext
from tealmesh.engine.runtimes import containers
from tealmesh.engine.runtimes.base import Handle, TaskNetwork, TaskSpec
from tealmesh.engine.runtimes.containers import Container, Role
from tealmesh.engine.runtimes.docker.launch import ContainerLaunch, rules_text
from tealmesh.engine.runtimes.docker.names import HOSTS, hosts_of, instances, write_hosts
from tealmesh.engine.runtimes.docker.netns import receiving
from tealmesh.engine.runtimes.process.addresses import AddressRange, udp_free
from tealmesh.engine.runtimes.process.launch import XRAY_PORT, Launch
from tealmesh.engine.scheduler import documents
from tealmesh.engine.task import registration
from tealmesh.engine.task.log_shipping import LogKeeper
from tealmesh.engine.task.pod import Care, Pod
from tealmesh.engine.task.probes import Probes
from tealmesh.engine.task.record import TaskRecord, set_phase, show_states
from tealmesh.engine.task.secrets import fetch
from tealmesh.model.errors import EngineError
from tealmesh.model.mesh import Kind
from tealmesh.store import tables
from tealmesh.store.store import Transaction

_ALL_STARTED = ("AWAIT_READY", "AWAIT_CALLERS", "RUN", "DRAIN", "DEREGISTER")
_LINES = 5
"""Last lines of a container's log that go into the reason of its failure."""


@dataclass(frozen=True)
class Shared:
    """What the workers of all tasks have in common."""

    ports: EngineContext
    probes: Probes
    logs: LogKeeper
    addresses: AddressRange


class TaskParts:
    """One task's document and containers."""

    def __init__(self, shared: Shared, cluster: str, identity: str) -> None:
        self._ports = shared.ports
        self._probes = shared.probes
        self._logs = shared.logs
        self._addresses = shared.addresses
        self._record = TaskRecord(shared.ports, cluster, identity)
        self._directory = shared.ports.data_dir / "tasks" / identity
        self._changed = asyncio.Event()
        self._pod: Pod | None = None
        self._ready_by: float | None = None
        self._values: dict[str, Mapping[str, str]] = {}

    def notify(self) -> None:
        """The task's document has changed."""
        self._changed.set()

    async def _died(self) -> bool:
        """Whether a container has ended that ends the task; it is then on its way out."""
        pod = self._the_pod
        if pod.failure is not None:
            raise EngineError(f"Task failed container health checks: {pod.failure}")
        container = containers.ended(pod.containers, pod.states)
        if container is None:
            return False
        code = pod.states[container.name].exit_code
        what = f"Essential container in task exited: {container.name} with code {code}"
        await self._fail("EssentialContainerExited", what, container)
        return True

    async def _fail(self, code: str, reason: str, container: Container | None = None) -> None:
        """The task goes by its own fault: nobody is to send to it any more, and its service is
        told why.
        """
        reason += await self._last_lines(container)
        record = self._record

        def failed(tx: Transaction, body: dict[str, Any]) -> None:
            if body["desiredStatus"] != "STOPPED":
                now = self._ports.clock()
                documents.request_stop(body, code, reason, now)
                body["teal"]["failed"] = True
                message = f"(task {record.identity}) failed: {reason}"
                documents.tell_service(tx, body, self._ports.new_id, now, message)
            registration.deregister(tx, body)
            set_phase(body, "HALT")

        await record.change("TaskFailed", failed)

    async def _last_lines(self, container: Container | None) -> str:
        """What the containers at fault wrote last, for people who cannot see why."""
        pod = self._pod
        if pod is None:
            return ""
        asked = [container] if container else [c for c in pod.containers if c.role is not Role.XRAY]
        texts = []
        for one in asked:
            lines = await self._ports.runtime.logs(self._directory, one.name, _LINES)
            if lines:
                texts.append(f"; last log lines of {one.name}: {' | '.join(lines)}")
        return "".join(texts)

    async def _tell(self, message: str) -> None:
        def told(tx: Transaction, body: dict[str, Any]) -> None:
            documents.tell_service(tx, body, self._ports.new_id, self._ports.clock(), message)

        await self._record.change("TaskEvent", told)

    async def _take_over(self) -> None:
        """Have the containers in hand, those included that a dead control plane has started."""
        if self._pod is not None:
            return
        teal = self._record.body["teal"]
        found = self._parse(teal["definition"]) if "definition" in teal else []
        self._pod = Pod(
            self._ports.runtime,
            self._directory,
            found,
            Care(self._start_container, self._healthy, self._ports.times.look),
            self._changed,
        )
        self._logs.keep(self._record.body["taskArn"], self._directory, found)
        await self._pod.recover()
        if self._record.phase in _ALL_STARTED:
            self._pod.miss()

    @property
    def _the_pod(self) -> Pod:
        if self._pod is None:
            raise RuntimeError("containers are asked for before they are taken over")
        return self._pod

    def _parse(self, definition: Mapping[str, Any]) -> list[Container]:
        overrides = self._record.body.get("overrides") or {}
        return containers.containers(definition, overrides, self._ports.times.stop)

    def _network(self) -> TaskNetwork:
        teal = self._record.body["teal"]
        return TaskNetwork(teal["address"], teal["appAddress"], teal.get("pid", 0))

    def _launch(self) -> Launch:
        body = self._record.body
        listeners = self._listeners(body["teal"].get("envoy"))
        launch = Launch(
            ports=self._ports,
            task_arn=body["taskArn"],
            directory=self._directory,
            containers=self._the_pod.containers,
            network=self._network(),
            images=[d.body for d in self._ports.store.view.list(tables.IMAGES)],
            role=body["teal"].get("role", ""),
            published=[listener["portMapping"]["port"] for listener in listeners],
        )
        if not launch.network.pid:
            return launch
        return ContainerLaunch(**vars(launch), definition=body["teal"]["definition"])

    async def _open(
        self, definition: Mapping[str, Any], found: Sequence[Container]
    ) -> TaskNetwork | None:
        """A network of the task's own, where its runtime gives one."""
        applications = [c for c in found if c.role is Role.APPLICATION]
        patterns = [d.body["pattern"] for d in self._ports.store.view.list(tables.IMAGES)]
        task = TaskSpec(
            directory=self._directory,
            hostname=self._record.identity[:12],
            local=bool(patterns)
            and all(any(fnmatchcase(c.image, p) for p in patterns) for c in applications),
            published=any(c.environment.get("TEAL_PUBLISH_ADDRESS") for c in found),
            rules=partial(rules_text, definition),
        )
        place = await self._ports.runtime.open(task)
        return TaskNetwork(place.address, "127.0.0.1", place.pid) if place else None

    async def _start_container(self, container: Container) -> Handle:
        launch = self._launch()
        spec = launch.spec(container, await self._secrets(container))
        if launch.network.pid and not (self._directory / HOSTS).exists():
            view = self._ports.store.view
            text = hosts_of(view, self._record.body, instances(view))
            write_hosts(self._directory / HOSTS, text)
        launch.prepare(container)
        return await self._ports.runtime.start(spec)

    async def _started_due(self) -> bool:
        """Start the containers whose turn it is, whether any was; left at once when the task is to
        stop, as an image may take long to come.
        """
        job = asyncio.create_task(self._the_pod.start_due())
        try:
            while not job.done() and not self._record.stop_wanted:
                await asyncio.wait({job}, timeout=0.2)
            if job.done():
                return job.result()
        finally:
            job.cancel()
            await asyncio.gather(job, return_exceptions=True)
        # What had been started is known to the runtime, if not to us.
        await self._the_pod.recover()
        return True

    async def _secrets(self, container: Container) -> Mapping[str, str]:
        """The values of the container's secrets, kept in memory for its health checks."""
        if not container.secrets:
            return {}
        if container.name not in self._values:
            found = await asyncio.to_thread(fetch, container.secrets, self._ports.client)
            self._values[container.name] = found
        return self._values[container.name]

    async def _healthy(self, container: Container) -> bool:
        # Envoy's own answer, for a command in its image would ask at localhost.
        if container.role is Role.ENVOY:
            return not await self._probes.envoy_ready(self._network())
        network = self._network()
        if container.role is Role.XRAY and network.pid:
            return receiving(network.pid, XRAY_PORT)
        if container.role is Role.XRAY:
            return not await asyncio.to_thread(udp_free, self._network().app_address, XRAY_PORT)
        check = container.health_check
        if check is None:
            return True
        spec = self._launch().spec(container, await self._secrets(container))
        code = await self._ports.runtime.execute(spec, check.argv, check.timeout)
        return code == 0

    def _show(self, body: dict[str, Any], phase: str) -> None:
        show_states(body, self._the_pod.states, self._the_pod.handles)
        set_phase(body, phase)

    async def _woken(self, deadline: float | None) -> bool:
        """Wait for a change; False when the deadline came first."""
        try:
            async with asyncio.timeout_at(deadline):
                await self._changed.wait()
        except TimeoutError:
            return False
        return True

    def _listeners(self, envoy: dict[str, str] | None) -> list[dict[str, Any]]:
        if envoy is None:
            return []
        gateway = envoy["kind"] == Kind.VIRTUAL_GATEWAY
        collection = tables.VIRTUAL_GATEWAYS if gateway else tables.VIRTUAL_NODES
        document = self._ports.store.view.get(collection, envoy["mesh"], envoy["name"])
        return list(document.body["spec"].get("listeners") or []) if document is not None else []
