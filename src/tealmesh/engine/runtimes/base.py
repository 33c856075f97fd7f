"""The port between the engine and whatever runs containers.

A runtime starts programs that outlive the control plane and finds them again by the directory of
their task. It knows nothing of services, meshes or readiness.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from tealmesh.model.ecs.bodies import ContainerHandle
from tealmesh.model.errors import EngineError

Handle = ContainerHandle
"""What identifies a started container; kept in the task's document."""

KILLED = 137
"""Exit code of a container ended by SIGKILL (128 + 9), as ECS reports it."""


class DockerUnavailable(EngineError):
    """Nothing answers at the engine's socket, or it went away in the middle of an answer."""


@dataclass(frozen=True)
class TaskNetwork:
    """``address``: what Cloud Map has and Envoy binds; ``app_address``: where the application
    listens. ``pid``: a process of the task's own network namespace, 0 where it has none and both
    are addresses of this machine.
    """

    address: str
    app_address: str
    pid: int = 0


@dataclass(frozen=True)
class Place:
    """A task's own network: its ``address``, the process ``pid`` whose namespace it is, and
    ``gateway``, this machine's address as the task sees it.
    """

    address: str
    pid: int
    gateway: str


@dataclass(frozen=True)
class TaskSpec:
    """A task that is to be given a place. ``local``: whether the image map has a command for each
    of its applications (for anything at all, where it has none); ``published``: it needs a port of
    this machine. ``rules`` makes the packet filter rules of its namespace.
    """

    directory: Path
    hostname: str
    local: bool
    published: bool
    rules: Callable[[Place], str]


@dataclass(frozen=True)
class ImageSpec:
    """The image of a container and what an engine is told beside it; empty members leave what
    the image says. ``mounts``: (source, path inside, read only). ``instead`` is taken when the
    image cannot be had. ``arguments``, where given, replace the container's command.
    """

    image: str
    entry_point: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    user: str = ""
    mounts: tuple[tuple[str, str, bool], ...] = ()
    host_config: Mapping[str, Any] = field(default_factory=dict)
    instead: ImageSpec | None = None


@dataclass(frozen=True)
class ContainerSpec:
    """One container to be started, at most once ever, in ``directory``/``name``.

    ``directory`` is the task's own; ``command`` an argument vector; ``environment`` is whole:
    nothing of the control plane's own environment is added. ``ulimits``: (name, soft, hard), -1 for
    none. ``localhost``: where the task's localhost is, by port ("" for all other ports), for the
    commands of `Runtime.execute`; a runtime with network namespaces has no use for it.
    """

    directory: Path
    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    cwd: str = ""
    image: ImageSpec | None = None
    ulimits: tuple[tuple[str, int, int], ...] = ()
    localhost: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ContainerStatus:
    """``exit_code`` is None while the container runs; 128 + n when signal n ended it."""

    running: bool
    exit_code: int | None = None


Tell = Callable[[str, str], None]
"""``(task id, message)``: have the task's service told. From the event loop's thread."""


class Runtime(Protocol):
    """Starts, watches and stops containers. All methods raise EngineError with a line that says
    what to do when they cannot do their work.
    """

    def report_to(self, tell: Tell) -> None:
        """What people should know of a task while nothing fails is to go there."""
        ...

    async def open(self, task: TaskSpec) -> Place | None:
        """Give a task a network of its own, made or found again; None from a runtime whose tasks
        use this machine's.
        """
        ...

    async def release(self, directory: Path) -> None:
        """Remove what `open` and `start` made for the task in ``directory``, files apart."""
        ...

    async def clear(self) -> None:
        """Every task has been stopped: leave nothing behind."""
        ...

    async def sweep(self, known: Sequence[str]) -> list[str]:
        """Remove what belongs to tasks whose ids are not ``known``; the ids that it had."""
        ...

    async def start(self, spec: ContainerSpec) -> Handle:
        """Start the container; where this spec's container has been started before (by a control
        plane that died at once after), that one's handle is returned and nothing is started.
        """
        ...

    async def recover(self, directory: Path, name: str) -> Handle | None:
        """The handle of the container ``name`` of the task in ``directory``, running or ended;
        None where it was never started.
        """
        ...

    async def wait(self, handle: Handle) -> int:
        """Wait for the container to end; its exit code. May be cancelled and called again."""
        ...

    async def inspect(self, handle: Handle) -> ContainerStatus:
        """Whether the container runs now."""
        ...

    async def signal(self, handle: Handle, signum: int) -> None:
        """Send a signal to every process of the container; nothing happens when it has ended."""
        ...

    async def stop(self, handle: Handle, timeout: float) -> int:
        """SIGTERM, then SIGKILL after ``timeout`` seconds; the exit code."""
        ...

    async def execute(self, spec: ContainerSpec, command: Sequence[str], timeout: float) -> int:
        """Run ``command`` beside the container with its environment (a health check); its exit
        code, or `KILLED` when it took longer than ``timeout`` seconds.
        """
        ...

    async def logs(self, directory: Path, name: str, lines: int) -> list[str]:
        """The last ``lines`` lines that the container wrote to stdout and stderr."""
        ...

    async def close(self) -> None:
        """Let go of everything; containers go on running."""
        ...
