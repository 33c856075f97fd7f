"""The port between the engine and whatever runs the containers of tasks.

A runtime starts containers that outlive the control plane and finds them again by the directory of
their task. It also gives each task its network, because where a container listens depends on how
it runs. It knows nothing of services, deployments or readiness.

`Runtime` is the whole port, in three groups: what concerns a task's network, a container, and the
control plane as a whole. Methods raise EngineError with one line that says what to do; while Docker
does not answer, that is DockerUnavailable: whatever runs keeps running, so the caller waits.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal, Protocol

from tealmesh.engine.runtimes.admin import AdminPlace
from tealmesh.engine.runtimes.containers import Container, Role
from tealmesh.engine.state import TaskState
from tealmesh.model.ecs.bodies import ContainerHandle, KeptDefinition
from tealmesh.model.ecs.images import ImageBody

Handle = ContainerHandle
"""What identifies a started container; kept in the task's document."""

KILLED = 137
"""Exit code of a container ended by SIGKILL (128 + 9), as ECS reports it."""

Transport = Literal["tcp", "udp"]

Tell = Callable[[str, str], None]
"""``(task id, message)``: add an event to the task's service. Called in the event loop's thread."""

Choose = Callable[[Collection[str], str], "TaskNetwork"]
"""``(addresses of all tasks, the one that was chosen last)``: addresses for a new task. Pure."""

Reserve = Callable[[Choose], Awaitable["TaskNetwork"]]
"""Choose addresses and record them in one transaction, so that no other task gets the same."""


@dataclass(frozen=True)
class TaskNetwork:
    """Where a task is reached."""

    address: str
    """What Cloud Map lists and the task's Envoy binds."""
    app_address: str
    """Where its applications listen."""
    pid: int = 0
    """A process in the task's own network namespace; 0 where both are addresses of this machine."""
    directory: Path | None = None
    """The task's files, with the socket of its Envoy; None where nobody asks for it."""

    @classmethod
    def of(cls, state: TaskState, directory: Path | None = None) -> TaskNetwork:
        """The network that the task was given, with its files in ``directory``."""
        return cls(state.address, state.app_address, state.pid, directory)

    @property
    def admin(self) -> AdminPlace:
        """The admin interface of the task's Envoy."""
        return AdminPlace.of(self.directory, self.address)

    @property
    def application(self) -> str:
        """Where its applications are reached from outside the task, without its Envoy: at the
        task's address if the task has a network of its own.
        """
        return self.address if self.pid else self.app_address


@dataclass(frozen=True)
class TaskSpec:
    """A task as its runtime needs to know it."""

    arn: str
    directory: Path
    """Holds the task's files; its name is the task's id."""
    definition: KeptDefinition
    containers: Sequence[Container]
    images: Sequence[ImageBody]
    """The image map."""
    role: str = ""
    """ARN of the task role; empty without one."""
    listener_ports: Sequence[int] = ()
    """Listener ports of the virtual node or gateway that the task's Envoy stands for."""

    @property
    def id(self) -> str:
        return self.directory.name

    @property
    def envoy(self) -> Container | None:
        return next((c for c in self.containers if c.role is Role.ENVOY), None)

    @property
    def mapped(self) -> bool:
        """Whether the image map has a command for every application; an empty map has none, not
        even for an Envoy alone.
        """
        patterns = [image["pattern"] for image in self.images]
        applications = [c for c in self.containers if c.role is Role.APPLICATION]
        return bool(patterns) and all(
            any(fnmatchcase(c.image, pattern) for pattern in patterns) for c in applications
        )

    @property
    def published(self) -> bool:
        """Whether its Envoy also listens on an address of this machine."""
        return any(c.environment.get("TEAL_PUBLISH_ADDRESS") for c in self.containers)


@dataclass(frozen=True)
class Launch:
    """One container to be started, or to run a health check in."""

    task: TaskSpec
    network: TaskNetwork
    container: Container
    secrets: Mapping[str, str] = field(default_factory=dict)
    """Values of the container's secrets, by variable."""


@dataclass(frozen=True)
class ContainerStatus:
    running: bool
    exit_code: int | None = None
    """None while the container runs; 128 + n when signal n ended it."""


@dataclass(frozen=True)
class Usage:
    """What a container's living processes use."""

    cpu_nanoseconds: int
    memory_bytes: int
    """Resident memory; pages that processes share count for each."""
    processes: int
    cpus: int
    """Processors that they may use."""


class Networks(Protocol):
    """The networks of tasks."""

    async def open(self, task: TaskSpec, reserve: Reserve) -> TaskNetwork:
        """Give the task a network, or find the one that it was given before. ``reserve`` is for
        runtimes that choose among addresses of this machine.
        """
        ...

    async def port_problem(self, network: TaskNetwork, port: int, transport: Transport) -> str:
        """Why no container of the task can be reached at the port; empty when one listens there."""
        ...

    async def release(self, directory: Path) -> None:
        """Remove everything of the task in ``directory`` except its files."""
        ...


class Containers(Protocol):
    """The containers of tasks."""

    async def image_problem(self, image: str, images: Sequence[ImageBody]) -> str:
        """Why a container of this image could not be started, for people; empty if it can be, or
        if that shows only by trying. ``images`` is the image map.
        """
        ...

    async def start(self, launch: Launch) -> Handle:
        """Start the container, at most once ever: if it was started before (by a control plane
        that died right after), return that one's handle.
        """
        ...

    async def recover(self, directory: Path, name: str) -> Handle | None:
        """The handle of container ``name`` of the task in ``directory``, running or ended; None
        if it was never started.
        """
        ...

    async def inspect(self, handle: Handle) -> ContainerStatus: ...

    async def wait(self, handle: Handle) -> int:
        """Wait for the container to end; return its exit code. Safe to cancel and call again."""
        ...

    async def stop(self, handle: Handle, timeout: float) -> int:
        """Send SIGTERM, then SIGKILL after ``timeout`` seconds; return the exit code."""
        ...

    async def execute(self, launch: Launch, command: Sequence[str], timeout: float) -> int:
        """Run a health check with the container's environment; return its exit code, `KILLED`
        if it takes longer than ``timeout`` seconds.
        """
        ...

    async def logs(self, directory: Path, name: str, lines: int) -> list[str]:
        """The last ``lines`` lines that the container wrote to stdout and stderr."""
        ...

    def usage(self, handle: Handle) -> Usage | None:
        """What the container uses now; None if it has ended or the runtime cannot tell."""
        ...


class Runtime(Networks, Containers, Protocol):
    """The whole port."""

    def report_to(self, tell: Tell) -> None:
        """Set where to report what users should know although no task fails."""
        ...

    async def run(self) -> None:
        """Keep up to date what containers read while they run; until cancelled or not needed."""
        ...

    async def strangers(self, known: Sequence[str]) -> list[str]:
        """The ids of tasks that are not ``known`` and have a running container. What has ended of
        others is removed.
        """
        ...

    async def clear(self) -> None:
        """Remove what tasks share, once every task has stopped."""
        ...

    async def close(self) -> None:
        """Detach; containers keep running."""
        ...


class StandaloneEnvoys(Protocol):
    """Envoys that belong to no task: those of load balancers. Each has a pair of this machine's
    addresses: one for its listeners, one for its admin interface.
    """

    def address(self, index: int) -> str:
        """The ``index``-th address for listeners; no task has it."""
        ...

    def admin(self, address: str, handle: Handle | None) -> AdminPlace:
        """The admin interface of the Envoy whose listeners have this address; ``handle``: of that
        Envoy, None if it has not been started.
        """
        ...

    def container_address(self, address: str) -> str:
        """Where containers reach the Envoy whose listeners have this address; empty if they
        cannot.
        """
        ...

    async def open_to_containers(self) -> None:
        """Make the container addresses this machine's, if it has containers at all."""
        ...

    async def close_to_containers(self) -> None:
        """Undo that."""
        ...

    def lowest_port(self) -> int:
        """The first port that this user may bind."""
        ...

    def port_problem(self, address: str, port: int) -> str:
        """Why an Envoy cannot listen there; empty if it can."""
        ...

    async def start(self, directory: Path, name: str, load_balancer: str, address: str) -> Handle:
        """Start the Envoy of a load balancer as program ``name`` in ``directory``, at most once
        ever, as `Containers.start`. Raises EngineError if it cannot be started.
        """
        ...

    async def recover(self, directory: Path, name: str) -> Handle | None:
        """As `Containers.recover`."""
        ...

    async def running(self, handle: Handle) -> bool: ...

    async def wait(self, handle: Handle) -> int:
        """Wait for its end; return the exit code. Safe to cancel and call again."""
        ...

    async def stop(self, handle: Handle, timeout: float) -> int:
        """Send SIGTERM, then SIGKILL after ``timeout`` seconds; return the exit code."""
        ...
