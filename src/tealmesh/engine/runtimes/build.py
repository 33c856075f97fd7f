"""Makes the runtimes of a control plane, and finds this machine's Docker for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from tealmesh.engine.runtimes.base import Runtime, StandaloneEnvoys
from tealmesh.engine.runtimes.choice import Choice, Mode
from tealmesh.engine.runtimes.docker.api import DockerApi, find_socket
from tealmesh.engine.runtimes.docker.launch import XDS_SOCKET
from tealmesh.engine.runtimes.docker.network import netns
from tealmesh.engine.runtimes.docker.network.names import HostsFiles, fixed_addresses
from tealmesh.engine.runtimes.docker.network.resolver import Answer
from tealmesh.engine.runtimes.docker.runtime import DockerRuntime
from tealmesh.engine.runtimes.launch import ControlPlane
from tealmesh.engine.runtimes.process.runtime import ProcessRuntime
from tealmesh.model.errors import EngineError
from tealmesh.store.store import Store
from tealmesh.supervision.supervisor import Supervisor

_SOCKET_PATH_BYTES = 107
"""Longest path of a Unix socket (unix(7))."""

Respond = Callable[[bytes, Mapping[str, str], bool], bytes | None]
"""``(question, fixed addresses by lower-case name, by UDP)``: the response to a task's DNS
question, both in wire format; None for a name that Cloud Map does not have either.
"""


@dataclass(frozen=True)
class Built:
    runtime: Runtime
    envoys: StandaloneEnvoys
    xds_socket: Path | None
    """Where Envoys in containers expect the ADS server; None if there can be no containers."""
    description: str
    """For users: what tasks run as, and why."""


async def docker_found(environment: Mapping[str, str]) -> tuple[DockerApi, str]:
    """This machine's Docker, and its name and version. Raises EngineError that says what is
    missing.
    """
    missing = netns.missing()
    if missing:
        raise EngineError(missing)
    path = find_socket(environment)
    if path is None:
        raise EngineError(
            "no container engine was found: start Docker or `podman system service`, or set "
            "DOCKER_HOST=unix://PATH to its socket"
        )
    api = DockerApi(path)
    try:
        version = await api.version()
    except EngineError:
        await api.close()
        raise
    name = next((c["Name"] for c in version.get("Components") or ()), "engine")
    return api, f"{name} {version.get('Version', '')} at {path}"


@dataclass(frozen=True)
class _Search:
    """Makes the runtime of this machine's Docker, each time that it is looked for."""

    data_dir: Path
    plane: ControlPlane
    hosts: HostsFiles
    answer: Answer
    supervisor: Supervisor
    environment: Mapping[str, str]

    @property
    def socket(self) -> Path:
        """The ADS server's Unix socket."""
        return self.data_dir / "xds" / XDS_SOCKET

    @property
    def socket_fits(self) -> bool:
        return len(str(self.socket).encode()) <= _SOCKET_PATH_BYTES

    async def named(self) -> tuple[DockerRuntime, str]:
        """The runtime, and Docker's name and version. Raises EngineError if it cannot be had."""
        if not self.socket_fits:
            raise EngineError(
                f"{self.socket} is too long for a Unix socket ({_SOCKET_PATH_BYTES} bytes): "
                f"choose a shorter --data-dir"
            )
        api, name = await docker_found(self.environment)
        plane = replace(self.plane, xds_socket=self.socket)
        docker = DockerRuntime(api, plane, self.data_dir, self.hosts, self.answer, self.supervisor)
        return docker, name

    async def runtime(self) -> DockerRuntime:
        """As `named`, without the name."""
        docker, _ = await self.named()
        return docker


async def build(
    mode: Mode,
    data_dir: Path,
    store: Store,
    plane: ControlPlane,
    respond: Respond,
    environment: Mapping[str, str],
    supervisor: Supervisor,
) -> Built:
    """Make the runtimes of a control plane, given where its tasks find it, except for the Unix
    socket. Raises EngineError if containers are asked for and impossible, or if this machine has no
    addresses left.
    """

    def answer(task_id: str, question: bytes, udp: bool) -> bytes | None:
        return respond(question, fixed_addresses(store.view, task_id), udp)

    hosts = HostsFiles(store, data_dir)
    search = _Search(data_dir, plane, hosts, answer, supervisor, environment)
    process = ProcessRuntime(plane, data_dir)
    try:
        docker, name = await search.named()
    except EngineError as error:
        if mode == "container":
            await process.close()
            raise
        choice = Choice(mode, process, None, search.runtime, hosts)
        why = f" ({error})" if mode == "auto" else ""
        xds_socket = search.socket if search.socket_fits else None
        return Built(choice, process.standalone, xds_socket, f"processes{why}")
    descriptions = {
        "auto": f"processes for images that [images] names, containers for others ({name})",
        "process": "processes",
        "container": f"containers ({name})",
    }
    choice = Choice(mode, process, docker, search.runtime, hosts)
    return Built(choice, process.standalone, search.socket, descriptions[mode])
