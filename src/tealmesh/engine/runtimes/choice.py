"""Which runtime a task gets, and one `Runtime` in front of both.

The choice is made once, when the task's network is opened. A task with a ``pod.json`` in its
directory runs in Docker, any other in processes: that outlives us, whatever is chosen later.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal

from tealmesh.engine.runtimes.base import (
    ContainerStatus,
    Handle,
    Launch,
    Reserve,
    Runtime,
    TaskNetwork,
    TaskSpec,
    Tell,
    Transport,
    Usage,
)
from tealmesh.engine.runtimes.containers import mapped
from tealmesh.engine.runtimes.docker.network.names import HostsFiles
from tealmesh.engine.runtimes.docker.network.namespaces import has_pod
from tealmesh.engine.runtimes.docker.runtime import DockerRuntime
from tealmesh.engine.runtimes.files import log_path, tail
from tealmesh.engine.runtimes.process.runtime import ProcessRuntime
from tealmesh.model.ecs.images import ImageBody
from tealmesh.model.errors import DockerUnavailable, EngineError

_log = logging.getLogger(__name__)

Mode = Literal["auto", "process", "container"]
Find = Callable[[], Awaitable[DockerRuntime]]


def in_containers(mode: Mode, docker: bool, task: TaskSpec) -> bool:
    """Whether the task is to run in containers; ``docker``: whether there may be a Docker. Pure.

    ``auto``: in containers if Docker runs and the image map lacks a command for some application;
    an empty map lacks all. A gateway that is published on an address of this machine always runs
    as a process: its successor shares the port, which is impossible with ports that Docker
    publishes.
    """
    if mode == "process" or task.published:
        return False
    return mode == "container" or (docker and not task.mapped)


class Choice:
    """`Runtime` that passes each task to one of two.

    While there is no ``docker``, ``find`` looks for it each time that a task needs it, because
    Docker may be started at any time; it raises EngineError.
    """

    def __init__(
        self,
        mode: Mode,
        process: ProcessRuntime,
        docker: DockerRuntime | None,
        find: Find,
        hosts: HostsFiles,
    ) -> None:
        self._mode = mode
        self._process = process
        self._docker = docker
        self._find = find
        self._hosts = hosts
        self._tell: Tell | None = None

    def report_to(self, tell: Tell) -> None:
        self._tell = tell
        if self._docker is not None:
            self._docker.report_to(tell)

    async def run(self) -> None:
        # Containers go on reading their hosts files while Docker is away.
        await self._hosts.run()

    # Networks

    async def open(self, task: TaskSpec, reserve: Reserve) -> TaskNetwork:
        if not in_containers(self._mode, True, task):
            return await self._process.open(task, reserve)
        try:
            docker = await self._find_docker()
        except DockerUnavailable as error:
            if self._mode != "auto":
                raise
            _log.info("task %s runs in processes: %s", task.id, error)
            return await self._process.open(task, reserve)
        return await docker.open(task, reserve)

    async def port_problem(self, network: TaskNetwork, port: int, transport: Transport) -> str:
        runtime = await self._find_docker() if network.pid else self._process
        return await runtime.port_problem(network, port, transport)

    async def release(self, directory: Path) -> None:
        await (await self._of(directory)).release(directory)

    # Containers

    async def image_problem(self, image: str, images: Sequence[ImageBody]) -> str:
        if self._mode == "process" or (self._mode == "auto" and mapped(image, images)):
            return await self._process.image_problem(image, images)
        try:
            docker = await self._find_docker()
        except DockerUnavailable as error:
            if self._mode != "auto":
                return str(error)
            return await self._process.image_problem(image, images)
        return await docker.image_problem(image, images)

    async def start(self, launch: Launch) -> Handle:
        return await (await self._of(launch.task.directory)).start(launch)

    async def recover(self, directory: Path, name: str) -> Handle | None:
        return await (await self._of(directory)).recover(directory, name)

    async def inspect(self, handle: Handle) -> ContainerStatus:
        return await (await self._behind(handle)).inspect(handle)

    async def wait(self, handle: Handle) -> int:
        return await (await self._behind(handle)).wait(handle)

    async def stop(self, handle: Handle, timeout: float) -> int:
        return await (await self._behind(handle)).stop(handle, timeout)

    async def execute(self, launch: Launch, command: Sequence[str], timeout: float) -> int:
        runtime = await self._of(launch.task.directory)
        return await runtime.execute(launch, command, timeout)

    async def logs(self, directory: Path, name: str, lines: int) -> list[str]:
        with contextlib.suppress(DockerUnavailable):
            return await (await self._of(directory)).logs(directory, name, lines)
        # What was copied so far can be read without Docker.
        return tail(log_path(directory, name), lines)

    def usage(self, handle: Handle) -> Usage | None:
        if "container" in handle and self._docker is not None:
            return self._docker.usage(handle)
        return self._process.usage(handle)

    # The control plane

    async def strangers(self, known: Sequence[str]) -> list[str]:
        if self._docker is not None:
            with _tolerated("containers of unknown tasks are not looked for"):
                return await self._docker.strangers(known)
        return []

    async def clear(self) -> None:
        if self._docker is not None:
            with _tolerated("what is left of this data directory stays"):
                await self._docker.clear()

    async def close(self) -> None:
        await self._process.close()
        if self._docker is not None:
            await self._docker.close()

    async def _of(self, directory: Path) -> Runtime:
        """The runtime of the task in ``directory``."""
        return await self._find_docker() if has_pod(directory) else self._process

    async def _behind(self, handle: Handle) -> Runtime:
        """The runtime that has given this handle."""
        return await self._find_docker() if "container" in handle else self._process

    async def _find_docker(self) -> DockerRuntime:
        """Raises DockerUnavailable, upon which whoever has tasks there waits for it."""
        if self._docker is None:
            try:
                docker = await self._find()
            except EngineError as error:
                raise DockerUnavailable(str(error)) from error
            if self._docker is not None:
                # Found twice at a time.
                await docker.close()
            else:
                self._docker = docker
                if self._tell is not None:
                    docker.report_to(self._tell)
                _log.info("there is a container engine now")
        return self._docker


@contextlib.contextmanager
def _tolerated(consequence: str) -> Iterator[None]:
    try:
        yield
    except DockerUnavailable as error:
        _log.warning("%s; %s", error, consequence)
