"""A runtime without processes, for tests of the engine: containers behave as scripted.

Started containers are in `FakeRuntime.containers`. Give them to a second FakeRuntime to test a
control plane that has died and come back.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tealmesh.engine.runtimes.base import (
    KILLED,
    ContainerStatus,
    Handle,
    Launch,
    Reserve,
    TaskNetwork,
    TaskSpec,
    Tell,
    Transport,
    Usage,
)
from tealmesh.engine.runtimes.containers import command_for
from tealmesh.engine.runtimes.process.addresses import choose
from tealmesh.model.ecs.images import ImageBody
from tealmesh.model.errors import EngineError

_OCTET = 254
"""Addresses under 127.254; nothing binds them."""


@dataclass(frozen=True)
class Behaviour:
    """What a container does."""

    start_error: str = ""
    """Why it does not start; empty if it does."""
    exits_after: float | None = None
    """Seconds until it ends by itself."""
    exit_code: int = 0
    ignores_term: bool = False
    """Whether only SIGKILL ends it."""
    health: int = 0
    """Exit code of its health check."""
    output: tuple[str, ...] = ()
    """Lines that it has written."""


@dataclass
class FakeContainer:
    """A started container."""

    behaviour: Behaviour
    ended: asyncio.Future[int]
    """Its exit code, once it has ended."""
    signals: list[int] = field(default_factory=list)
    """Signals that it was sent."""

    def end(self, code: int) -> None:
        if not self.ended.done():
            self.ended.set_result(code)


class FakeRuntime:
    """`Runtime` of scripted containers. The first word of a command names its behaviour."""

    def __init__(
        self,
        behaviours: dict[str, Behaviour] | None = None,
        containers: dict[str, FakeContainer] | None = None,
    ) -> None:
        self.behaviours = behaviours if behaviours is not None else {}
        self.containers = containers if containers is not None else {}

    def report_to(self, tell: Tell) -> None:
        """Nothing is reported."""

    async def run(self) -> None:
        """Nothing has to be kept up to date."""

    # Networks

    async def open(self, task: TaskSpec, reserve: Reserve) -> TaskNetwork:
        return await reserve(lambda taken, last: choose(_OCTET, taken, last))

    async def port_problem(self, network: TaskNetwork, port: int, transport: Transport) -> str:
        return ""

    async def release(self, directory: Path) -> None:
        """A task has only files."""

    # Containers

    async def image_problem(self, image: str, images: Sequence[ImageBody]) -> str:
        return ""

    async def start(self, launch: Launch) -> Handle:
        key = _key(launch.task.directory, launch.container.name)
        if key in self.containers:
            return {"key": key}
        behaviour = self._behaviour(launch)
        if behaviour.start_error:
            raise EngineError(behaviour.start_error)
        loop = asyncio.get_running_loop()
        container = FakeContainer(behaviour, loop.create_future())
        self.containers[key] = container
        if behaviour.exits_after is not None:
            loop.call_later(behaviour.exits_after, container.end, behaviour.exit_code)
        return {"key": key}

    async def recover(self, directory: Path, name: str) -> Handle | None:
        key = _key(directory, name)
        return {"key": key} if key in self.containers else None

    async def inspect(self, handle: Handle) -> ContainerStatus:
        ended = self.containers[handle["key"]].ended
        if ended.done():
            return ContainerStatus(running=False, exit_code=ended.result())
        return ContainerStatus(running=True)

    async def wait(self, handle: Handle) -> int:
        return await asyncio.shield(self.containers[handle["key"]].ended)

    async def stop(self, handle: Handle, timeout: float) -> int:
        container = self.containers[handle["key"]]
        container.signals.append(signal.SIGTERM)
        if not container.behaviour.ignores_term:
            container.end(container.behaviour.exit_code)
        try:
            async with asyncio.timeout(timeout):
                return await self.wait(handle)
        except TimeoutError:
            container.signals.append(signal.SIGKILL)
            container.end(KILLED)
            return await self.wait(handle)

    async def execute(self, launch: Launch, command: Sequence[str], timeout: float) -> int:
        return self._behaviour(launch).health

    async def logs(self, directory: Path, name: str, lines: int) -> list[str]:
        container = self.containers.get(_key(directory, name))
        return list(container.behaviour.output[-lines:]) if container and lines else []

    def usage(self, handle: Handle) -> Usage | None:
        return None

    # The control plane

    async def strangers(self, known: Sequence[str]) -> list[str]:
        return []

    async def clear(self) -> None:
        """Tasks share nothing."""

    async def close(self) -> None:
        """The containers stay in ``containers``."""

    def _behaviour(self, launch: Launch) -> Behaviour:
        command = command_for(launch.container, launch.task.images)
        return self.behaviours.get(command.argv[0], Behaviour())


def _key(directory: Path, name: str) -> str:
    return f"{directory.name}/{name}"
