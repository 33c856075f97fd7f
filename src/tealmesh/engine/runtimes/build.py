"""Finds this machine's container engine and makes the runtimes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tealmesh.engine.runtimes.base import Runtime
from tealmesh.engine.runtimes.choice import Choice, Mode
from tealmesh.engine.runtimes.docker import netns
from tealmesh.engine.runtimes.docker.api import DockerApi, find_socket
from tealmesh.engine.runtimes.docker.launch import XDS_SOCKET
from tealmesh.engine.runtimes.docker.resolver import Answer
from tealmesh.engine.runtimes.docker.runtime import DockerRuntime
from tealmesh.engine.runtimes.process.runtime import ProcessRuntime
from tealmesh.model.errors import EngineError

_SOCKET_PATH = 107
"""Bytes of a Unix socket's path (unix(7))."""


@dataclass(frozen=True)
class Built:
    """``told``: for people, what tasks will run as and why; ``xds_socket``: where Envoys in
    containers are to find the ADS server, None where there can never be containers.
    """

    runtime: Runtime
    xds_socket: Path | None
    told: str


async def docker_found(environment: Mapping[str, str]) -> tuple[DockerApi, str]:
    """The machine's engine, and its name and version. Raises EngineError that says what is
    missing.
    """
    absent = netns.missing()
    if absent:
        raise EngineError(absent)
    path = find_socket(environment)
    if path is None:
        raise EngineError(
            "no container engine was found: start Docker or `podman system service`, or set "
            "DOCKER_HOST=unix://PATH to its socket"
        )
    api = DockerApi(path)
    try:
        found = await api.version()
    except EngineError:
        await api.close()
        raise
    name = next((c["Name"] for c in found.get("Components") or ()), "engine")
    return api, f"{name} {found.get('Version', '')} at {path}"


async def build(
    mode: Mode,
    data_dir: Path,
    endpoint: tuple[str, int],
    answer: Answer,
    environment: Mapping[str, str],
) -> Built:
    """The runtimes of a control plane whose HTTP port is ``endpoint`` and that gives tasks this
    ``answer`` by DNS. Raises EngineError where containers are asked for and cannot be had.
    """
    process = ProcessRuntime()
    socket = data_dir / "xds" / XDS_SOCKET

    async def find() -> tuple[DockerRuntime, str]:
        if len(str(socket).encode()) > _SOCKET_PATH:
            raise EngineError(
                f"{socket} is too long for a Unix socket ({_SOCKET_PATH} bytes): choose a shorter "
                f"--data-dir"
            )
        api, name = await docker_found(environment)
        return DockerRuntime(api, data_dir, endpoint, answer), name

    async def find_again() -> DockerRuntime:
        return (await find())[0]

    try:
        container, name = await find()
    except EngineError as error:
        if mode == "container":
            raise
        why = f" ({error})" if mode == "auto" else ""
        short = len(str(socket).encode()) <= _SOCKET_PATH
        choice = Choice(mode, process, None, find_again)
        return Built(choice, socket if short else None, f"processes{why}")
    told = {
        "auto": f"processes for images that [images] names, containers for others ({name})",
        "process": "processes",
        "container": f"containers ({name})",
    }
    return Built(Choice(mode, process, container, find_again), socket, told[mode])
