"""Which runtime a task gets, and one `Runtime` in front of both.

A task that has a ``pod.json`` in its directory runs in containers, any other in processes: that
outlives us, whatever is chosen for tasks to come.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from tealmesh.engine.oci.api import EngineGone
from tealmesh.engine.runtimes.base import ContainerSpec, ContainerStatus, Handle, Runtime
from tealmesh.engine.runtimes.container import POD, ContainerRuntime
from tealmesh.engine.runtimes.place import Place, TaskSpec
from tealmesh.engine.runtimes.process import ProcessRuntime
from tealmesh.model.errors import EngineError

_log = logging.getLogger(__name__)

Mode = Literal["auto", "process", "container"]


def in_containers(mode: Mode, engine: bool, task: TaskSpec) -> bool:
    """Whether the task is to run in containers. Pure.

    ``auto``: those whose images the image map does not all name, where there is an engine. A
    gateway that is reached at an address of this machine is a process in any case: its successor
    shares the port, which an engine's published ports cannot.
    """
    if mode == "process" or task.published:
        return False
    return mode == "container" or (engine and bool(task.images) and not task.local)


class Choice:
    """`Runtime` that gives each task to one of two. ``absent``: why there is no ``container``."""

    def __init__(
        self, mode: Mode, process: ProcessRuntime, container: ContainerRuntime | None, absent: str
    ) -> None:
        self._mode = mode
        self._process = process
        self._container = container
        self._absent = absent

    async def open(self, task: TaskSpec) -> Place | None:
        if not in_containers(self._mode, self._container is not None, task):
            return None
        return await self._engine().open(task)

    async def release(self, directory: Path) -> None:
        if _has_pod(directory):
            await self._engine().release(directory)

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
        return await self._of(spec.directory).start(spec)

    async def recover(self, directory: Path, name: str) -> Handle | None:
        return await self._of(directory).recover(directory, name)

    async def wait(self, handle: Handle) -> int:
        return await self._having(handle).wait(handle)

    async def inspect(self, handle: Handle) -> ContainerStatus:
        return await self._having(handle).inspect(handle)

    async def signal(self, handle: Handle, signum: int) -> None:
        await self._having(handle).signal(handle, signum)

    async def stop(self, handle: Handle, timeout: float) -> int:
        return await self._having(handle).stop(handle, timeout)

    async def execute(self, spec: ContainerSpec, command: Sequence[str], timeout: float) -> int:
        return await self._of(spec.directory).execute(spec, command, timeout)

    async def logs(self, directory: Path, name: str, lines: int) -> list[str]:
        return await self._of(directory).logs(directory, name, lines)

    async def close(self) -> None:
        await self._process.close()
        if self._container is not None:
            await self._container.close()

    def _of(self, directory: Path) -> Runtime:
        return self._engine() if _has_pod(directory) else self._process

    def _having(self, handle: Handle) -> Runtime:
        return self._engine() if "container" in handle else self._process

    def _engine(self) -> ContainerRuntime:
        if self._container is None:
            raise EngineError(f"this task needs containers: {self._absent}")
        return self._container


def _has_pod(directory: Path) -> bool:
    return (directory / POD).exists()


@contextlib.contextmanager
def _tolerant(consequence: str) -> Iterator[None]:
    try:
        yield
    except EngineGone as error:
        _log.warning("%s; %s", error, consequence)
