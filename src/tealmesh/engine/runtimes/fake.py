"""A runtime without processes, for tests of whatever stands above it: containers do as scripted.

What was started is kept in `FakeRuntime.containers`, which a second FakeRuntime may be given: that
is a control plane that has died and come back.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tealmesh.engine.runtimes.base import (
    KILLED,
    ContainerSpec,
    ContainerStatus,
    Handle,
    Place,
    TaskSpec,
    Tell,
)
from tealmesh.model.errors import EngineError


@dataclass(frozen=True)
class Behaviour:
    """What a container does. ``start_error``: why it does not start; ``exits_after`` seconds with
    ``exit_code``; ``ignores_term``: only SIGKILL ends it; ``health``: what its health check
    command answers; ``output``: what it has written.
    """

    start_error: str = ""
    exits_after: float | None = None
    exit_code: int = 0
    ignores_term: bool = False
    health: int = 0
    output: tuple[str, ...] = ()


@dataclass
class FakeContainer:
    """A started container; ``ended`` holds its exit code once it has one."""

    spec: ContainerSpec
    behaviour: Behaviour
    ended: asyncio.Future[int]
    signals: list[int] = field(default_factory=list)

    def end(self, code: int) -> None:
        if not self.ended.done():
            self.ended.set_result(code)


class FakeRuntime:
    """`Runtime` of scripted containers. ``behaviours`` are found by the command's first word."""

    def __init__(
        self,
        behaviours: dict[str, Behaviour] | None = None,
        containers: dict[str, FakeContainer] | None = None,
    ) -> None:
        self.behaviours = behaviours if behaviours is not None else {}
        self.containers = containers if containers is not None else {}

    def report_to(self, tell: Tell) -> None:
        pass

    async def open(self, task: TaskSpec) -> Place | None:
        return None

    async def release(self, directory: Path) -> None:
        """A task has files only."""

    async def clear(self) -> None:
        """Nothing is shared among tasks."""

    async def sweep(self, known: Sequence[str]) -> list[str]:
        return []

    async def start(self, spec: ContainerSpec) -> Handle:
        name = _key(spec.directory, spec.name)
        if name in self.containers:
            return {"key": name}
        behaviour = self.behaviours.get(spec.command[0], Behaviour())
        if behaviour.start_error:
            raise EngineError(behaviour.start_error)
        loop = asyncio.get_running_loop()
        container = FakeContainer(spec, behaviour, loop.create_future())
        self.containers[name] = container
        if behaviour.exits_after is not None:
            loop.call_later(behaviour.exits_after, container.end, behaviour.exit_code)
        return {"key": name}

    async def recover(self, directory: Path, name: str) -> Handle | None:
        known = _key(directory, name)
        return {"key": known} if known in self.containers else None

    async def wait(self, handle: Handle) -> int:
        return await asyncio.shield(self.containers[handle["key"]].ended)

    async def inspect(self, handle: Handle) -> ContainerStatus:
        ended = self.containers[handle["key"]].ended
        if ended.done():
            return ContainerStatus(running=False, exit_code=ended.result())
        return ContainerStatus(running=True)

    async def signal(self, handle: Handle, signum: int) -> None:
        container = self.containers[handle["key"]]
        container.signals.append(signum)
        if signum == signal.SIGKILL:
            container.end(KILLED)
        elif signum == signal.SIGTERM and not container.behaviour.ignores_term:
            container.end(container.behaviour.exit_code)

    async def stop(self, handle: Handle, timeout: float) -> int:
        await self.signal(handle, signal.SIGTERM)
        try:
            async with asyncio.timeout(timeout):
                return await self.wait(handle)
        except TimeoutError:
            await self.signal(handle, signal.SIGKILL)
            return await self.wait(handle)

    async def execute(self, spec: ContainerSpec, command: Sequence[str], timeout: float) -> int:
        return self.behaviours.get(spec.command[0], Behaviour()).health

    async def logs(self, directory: Path, name: str, lines: int) -> list[str]:
        known = self.containers.get(_key(directory, name))
        return list(known.behaviour.output[-lines:]) if known and lines else []

    async def close(self) -> None:
        """Containers go on in ``containers``."""


def _key(directory: Path, name: str) -> str:
    return f"{directory.name}/{name}"
