"""Which runtime a task gets, and one `Runtime` in front of both.

A task that has a ``pod.json`` in its directory runs in containers, any other in processes: that
outlives us, whatever is chosen for tasks to come.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal

from tealmesh.engine.runtimes.base import (
    ContainerSpec,
    ContainerStatus,
    DockerUnavailable,
    Handle,
    Place,
    Runtime,
    TaskSpec,
    Tell,
)
from tealmesh.engine.runtimes.docker.runtime import POD, DockerRuntime
from tealmesh.engine.runtimes.files import log_path, tail
from tealmesh.engine.runtimes.process.runtime import ProcessRuntime
from tealmesh.model.errors import EngineError

_log = logging.getLogger(__name__)

Mode = Literal["auto", "process", "container"]
Find = Callable[[], Awaitable[DockerRuntime]]


def in_containers(mode: Mode, engine: bool, task: TaskSpec) -> bool:
    """Whether the task is to run in containers. Pure.

    ``auto``: those whose images the image map does not all name, where there is an engine; an
    Envoy alone, where the map names nothing at all. A
    gateway that is reached at an address of this machine is a process in any case: its successor
    shares the port, which an engine's published ports cannot.
    """
    if mode == "process" or task.published:
        return False
    return mode == "container" or (engine and not task.local)


class Choice:
    """`Runtime` that gives each task to one of two. Where there is no ``container`` yet, ``find``
    is asked for it when a task needs it, for engines come and go; it raises EngineError.
    """

    def __init__(
        self,
        mode: Mode,
        process: ProcessRuntime,
        container: DockerRuntime | None,
        find: Find,
    ) -> None:
        self._mode = mode
        self._process = process
        self._container = container
        self._find = find
        self._tell: Tell | None = None

    def report_to(self, tell: Tell) -> None:
        self._tell = tell
        if self._container is not None:
            self._container.report_to(tell)

    async def open(self, task: TaskSpec) -> Place | None:
        if not in_containers(self._mode, True, task):
            return None
        if self._mode == "auto" and self._container is None:
            try:
                await self._engine()
            except DockerUnavailable as error:
                _log.info("task %s runs in processes: %s", task.directory.name, error)
                return None
        return await (await self._engine()).open(task)

    async def release(self, directory: Path) -> None:
        if _has_pod(directory):
            await (await self._engine()).release(directory)

    async def clear(self) -> None:
        if self._container is not None:
            with _tolerant("what is left of this data directory stays"):
                await self._container.clear()

    async def sweep(self, known: Sequence[str]) -> list[str]:
        if self._container is None:
            return []
        with _tolerant("orphans stay until the next start"):
            return await self._container.sweep(known)
        return []

    async def start(self, spec: ContainerSpec) -> Handle:
        return await (await self._of(spec.directory)).start(spec)

    async def recover(self, directory: Path, name: str) -> Handle | None:
        return await (await self._of(directory)).recover(directory, name)

    async def wait(self, handle: Handle) -> int:
        return await (await self._having(handle)).wait(handle)

    async def inspect(self, handle: Handle) -> ContainerStatus:
        return await (await self._having(handle)).inspect(handle)

    async def signal(self, handle: Handle, signum: int) -> None:
        await (await self._having(handle)).signal(handle, signum)

    async def stop(self, handle: Handle, timeout: float) -> int:
        return await (await self._having(handle)).stop(handle, timeout)

    async def execute(self, spec: ContainerSpec, command: Sequence[str], timeout: float) -> int:
        return await (await self._of(spec.directory)).execute(spec, command, timeout)

    async def logs(self, directory: Path, name: str, lines: int) -> list[str]:
        # The copies are there without any engine.
        with contextlib.suppress(DockerUnavailable):
            return await (await self._of(directory)).logs(directory, name, lines)
        return tail(log_path(directory, name), lines)

    async def close(self) -> None:
        await self._process.close()
        if self._container is not None:
            await self._container.close()

    async def _of(self, directory: Path) -> Runtime:
        return await self._engine() if _has_pod(directory) else self._process

    async def _having(self, handle: Handle) -> Runtime:
        return await self._engine() if "container" in handle else self._process

    async def _engine(self) -> DockerRuntime:
        """Raises DockerUnavailable, upon which whoever has tasks there waits for it."""
        if self._container is None:
            try:
                found = await self._find()
            except EngineError as error:
                raise DockerUnavailable(str(error)) from error
            if self._container is not None:
                # Another has found it meanwhile.
                await found.close()
            else:
                self._container = found
                if self._tell is not None:
                    found.report_to(self._tell)
                _log.info("there is a container engine now")
        return self._container


def _has_pod(directory: Path) -> bool:
    return (directory / POD).exists()


@contextlib.contextmanager
def _tolerant(consequence: str) -> Iterator[None]:
    try:
        yield
    except DockerUnavailable as error:
        _log.warning("%s; %s", error, consequence)
