"""Envoys of load balancers, as plain processes that outlive the control plane."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import logging
import os
import shutil
from pathlib import Path

from tealmesh.engine.runtimes.admin import AdminPlace
from tealmesh.engine.runtimes.base import Handle
from tealmesh.engine.runtimes.launch import ControlPlane
from tealmesh.engine.runtimes.process import processes
from tealmesh.engine.runtimes.process.addresses import (
    UNPRIVILEGED,
    UNPRIVILEGED_DEFAULT,
    AddressRange,
    bind_error,
    can_bind,
    container_network,
    inside_containers,
    load_balancer_pair,
    port_denied,
)
from tealmesh.engine.runtimes.process.holders import holders
from tealmesh.engine.runtimes.process.launch import INHERITED
from tealmesh.engine.runtimes.process.processes import Program
from tealmesh.engine.runtimes.sidecar import (
    ADMIN_SOCKET,
    PRIVATE,
    arguments,
    envoy_version,
    find_envoy,
    write_bootstrap,
    write_token,
)
from tealmesh.envoy.bootstrap.bootstrap import load_balancer_bootstrap
from tealmesh.envoy.bootstrap.version import injects
from tealmesh.model.identity.envoys import Identity, Owner, token
from tealmesh.model.mesh import load_balancer_proxy

_log = logging.getLogger(__name__)


class ProcessEnvoys:
    """`StandaloneEnvoys` of local processes."""

    def __init__(self, plane: ControlPlane, addresses: AddressRange) -> None:
        self._plane = plane
        self._addresses = addresses
        self._opened = False

    def address(self, index: int) -> str:
        return load_balancer_pair(self._addresses.octet, index).address

    def admin(self, address: str, handle: Handle | None) -> AdminPlace:
        directory = Path(handle["home"]).parent if handle else None
        return AdminPlace.of(directory, _admin_address(address))

    def container_address(self, address: str) -> str:
        return inside_containers(address) if self._opened else ""

    async def open_to_containers(self) -> None:
        # Tasks in containers need root and the same program.
        if not self._opened and os.geteuid() == 0 and shutil.which("ip") is not None:
            self._opened = await _route("replace", container_network(self._addresses.octet))

    async def close_to_containers(self) -> None:
        if self._opened:
            self._opened = False
            await _route("del", container_network(self._addresses.octet))

    def lowest_port(self) -> int:
        # Asked of the kernel, because root may lack the capability and others may have it.
        if can_bind(self.address(0), 1):
            return 1
        try:
            return int(UNPRIVILEGED.read_text())
        except FileNotFoundError:
            return UNPRIVILEGED_DEFAULT

    def port_problem(self, address: str, port: int) -> str:
        match bind_error(address, port):
            case 0:
                return ""
            case errno.EACCES:
                return port_denied(port)
            case errno.EADDRNOTAVAIL:
                return f"{address} is not an address of this machine"
        owner = next((one.text for one in holders(address, port)), "another program")
        return f"port {port} of {address} is in use by {owner}"

    async def start(self, directory: Path, name: str, load_balancer: str, address: str) -> Handle:
        host, _, port = self._plane.xds_address.rpartition(":")
        await asyncio.to_thread(directory.mkdir, parents=True, exist_ok=True, mode=0o700)
        resource = load_balancer_proxy(load_balancer).resource
        identity = Identity(Owner.BALANCER, resource, resource)
        given = token(identity, self._plane.keys.envoys[0])
        secret = write_token(directory, given)
        envoy = self._plane.envoy or find_envoy()
        by_file = injects(await asyncio.to_thread(envoy_version, envoy))
        bootstrap = load_balancer_bootstrap(
            load_balancer,
            xds_address=(host, int(port)),
            token_file=str(secret.resolve()) if by_file else "",
            token="" if by_file else given,
            admin_socket=f"{PRIVATE}/{ADMIN_SOCKET}",
        )
        path = write_bootstrap(directory, name, bootstrap)
        command = arguments(envoy, path.resolve(), {})
        environment = {n: os.environ[n] for n in INHERITED if n in os.environ}
        return await processes.start(
            Program(directory, name, command, environment, cwd=str(directory))
        )

    async def recover(self, directory: Path, name: str) -> Handle | None:
        return await processes.recover(directory, name)

    async def running(self, handle: Handle) -> bool:
        return (await processes.inspect(handle)).running

    async def wait(self, handle: Handle) -> int:
        return await processes.wait(handle)

    async def stop(self, handle: Handle, timeout: float) -> int:
        return await processes.stop(handle, timeout)


async def _route(verb: str, network: str) -> bool:
    """Make all addresses of a network this machine's own, whatever interface they are asked for
    on, or undo that; return whether it worked. No interface has them, so nothing has to be repeated
    when Docker removes its bridge.
    """
    process = await asyncio.create_subprocess_exec(
        *("ip", "route", verb, "local", network, "dev", "lo"),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await process.communicate()
    if process.returncode:
        reason = errors.decode(errors="replace").strip()
        _log.warning("containers cannot reach load balancers: ip route %s: %s", verb, reason)
    return process.returncode == 0


def _admin_address(address: str) -> str:
    """The second address of a pair, where an earlier version had the admin interface."""
    return str(ipaddress.IPv4Address(address) + 1)
