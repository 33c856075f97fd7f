"""The runtime of plain processes: each method of the port, on `processes` and `addresses`."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Collection, Sequence
from pathlib import Path

from tealmesh.engine.runtimes.base import (
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
from tealmesh.engine.runtimes.containers import built_in, mapped, not_mapped
from tealmesh.engine.runtimes.files import log_path, tail
from tealmesh.engine.runtimes.launch import ControlPlane
from tealmesh.engine.runtimes.ports import connect_problem
from tealmesh.engine.runtimes.process import processes
from tealmesh.engine.runtimes.process.addresses import (
    AddressRange,
    check_allowed,
    choose,
    free,
    udp_free,
)
from tealmesh.engine.runtimes.process.envoys import ProcessEnvoys
from tealmesh.engine.runtimes.process.launch import localhost_of, ports_of, prepare, program
from tealmesh.engine.runtimes.process.localhost import rewritten
from tealmesh.engine.runtimes.process.usage import usage
from tealmesh.model.ecs.images import ImageBody
from tealmesh.model.errors import EngineError

_ATTEMPTS = 100
"""Addresses that are tried for a task before it is given up."""


class ProcessRuntime:
    """`Runtime` of local processes."""

    def __init__(self, plane: ControlPlane, data_dir: Path) -> None:
        """Raises EngineError when this machine has no addresses left for the data directory."""
        self._plane = plane
        self._addresses = AddressRange(data_dir)
        self.standalone = ProcessEnvoys(plane, self._addresses)
        """The Envoys of load balancers."""

    def report_to(self, tell: Tell) -> None:
        """Nothing happens to processes without failing their task."""

    async def run(self) -> None:
        """Processes read nothing that changes."""

    # Networks

    async def open(self, task: TaskSpec, reserve: Reserve) -> TaskNetwork:
        """Reserve addresses, and test them by binding, until nothing else uses them."""
        busy: set[str] = set()

        def choose_untested(taken: Collection[str], last: str) -> TaskNetwork:
            return choose(self._addresses.octet, {*taken, *busy}, last)

        ports = ports_of(task)
        for _ in range(_ATTEMPTS):
            network = await reserve(choose_untested)
            check_allowed(network.address, ports)
            if free(network, ports):
                return network
            busy.add(network.address)
        tried = ", ".join(sorted(busy)[:3])
        raise EngineError(
            f"other programs listen at all of {_ATTEMPTS} addresses that were tried ({tried}, …), "
            f"on one of the ports {', '.join(map(str, sorted(ports)))}: stop them"
        )

    async def port_problem(self, network: TaskNetwork, port: int, transport: Transport) -> str:
        if transport == "tcp":
            return await connect_problem(network.app_address, port)
        if await asyncio.to_thread(udp_free, network.app_address, port):
            return f"nothing receives on {network.app_address}:{port}"
        return ""

    async def release(self, directory: Path) -> None:
        """A task has only files."""

    # Containers

    async def image_problem(self, image: str, images: Sequence[ImageBody]) -> str:
        if built_in(image):
            return ""
        entry = mapped(image, images)
        if entry is None:
            return f"image {image!r} {not_mapped(images)}"
        given = entry.get("environment") or {}
        path = given.get("PATH") or os.environ.get("PATH", os.defpath)
        problem = processes.command_problem(entry["command"][0], entry.get("cwd") or "", path)
        return f"image {image!r}: {problem}" if problem else ""

    async def start(self, launch: Launch) -> Handle:
        made = program(self._plane, launch)
        prepare(self._plane, launch)
        return await processes.start(made)

    async def recover(self, directory: Path, name: str) -> Handle | None:
        return await processes.recover(directory, name)

    async def inspect(self, handle: Handle) -> ContainerStatus:
        return await processes.inspect(handle)

    async def wait(self, handle: Handle) -> int:
        return await processes.wait(handle)

    async def stop(self, handle: Handle, timeout: float) -> int:
        return await processes.stop(handle, timeout)

    async def execute(self, launch: Launch, command: Sequence[str], timeout: float) -> int:
        inside = rewritten(command, localhost_of(launch))
        return await processes.execute(program(self._plane, launch), inside, timeout)

    async def logs(self, directory: Path, name: str, lines: int) -> list[str]:
        return tail(log_path(directory, name), lines)

    def usage(self, handle: Handle) -> Usage | None:
        return usage(handle)

    # The control plane

    async def strangers(self, known: Sequence[str]) -> list[str]:
        """See `marks`: they are looked for before there is a runtime."""
        return []

    async def clear(self) -> None:
        """Tasks share nothing."""

    async def close(self) -> None:
        """Give up the address range; tasks keep their addresses."""
        self._addresses.close()
