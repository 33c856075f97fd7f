"""Two loopback addresses per task: one in place of its network interface, one of its localhost.

All of 127.0.0.0/8 is this machine (RFC 1122 3.2.1.3), and Linux lets anybody bind any of it. A data
directory keeps the same second octet, which a live control plane holds by a name in the abstract
socket namespace, so that two control planes on one machine do not collide.
"""

from __future__ import annotations

import errno
import hashlib
import socket
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from tealmesh.engine.runtimes.base import TaskNetwork
from tealmesh.engine.runtimes.process.holders import Holder, holders
from tealmesh.model.errors import EngineError

_PAIRS = 125
"""Pairs of addresses per third octet: .2/.3 to .250/.251."""

CAPACITY = 250 * _PAIRS
"""Tasks that one data directory has addresses for."""

UNPRIVILEGED = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
UNPRIVILEGED_DEFAULT = 1024

LOAD_BALANCERS = 5 * _PAIRS
"""Load balancers that it has addresses for: the third octets from 250."""


def pair(octet: int, index: int) -> TaskNetwork:
    """The ``index``-th pair of addresses under ``127.octet``."""
    third, fourth = index // _PAIRS, 2 * (index % _PAIRS) + 2
    return TaskNetwork(f"127.{octet}.{third}.{fourth}", f"127.{octet}.{third}.{fourth + 1}")


def load_balancer_pair(octet: int, index: int) -> TaskNetwork:
    """The ``index``-th pair for load balancers. Raises EngineError when there are too many."""
    if index >= LOAD_BALANCERS:
        raise EngineError(
            f"all {LOAD_BALANCERS} addresses for load balancers under 127.{octet} are in use: "
            f"delete some load balancers"
        )
    return pair(octet, CAPACITY + index)


def container_network(octet: int) -> str:
    """The addresses at which containers reach the load balancers under ``127.octet``: loopback
    addresses mean the containers themselves.
    """
    return f"198.19.{octet}.0/24"


def inside_containers(address: str) -> str:
    """The address of that network for a load balancer's own; empty beyond the first 254."""
    index = _index(address) - CAPACITY
    return f"198.19.{address.split('.')[1]}.{index + 1}" if 0 <= index < 254 else ""


def choose(octet: int, used: Collection[str], last: str) -> TaskNetwork:
    """The next pair after that of ``last`` whose address is not in ``used``. Raises EngineError
    when all are.

    Addresses go round, rather than the lowest being taken, so that a new task does not get the
    address of one that somebody may still try to reach.
    """
    start = _index(last) + 1 if last else 0
    for step in range(CAPACITY):
        network = pair(octet, (start + step) % CAPACITY)
        if network.address not in used:
            return network
    raise EngineError(f"all {CAPACITY} addresses under 127.{octet} are in use: stop some tasks")


def _index(address: str) -> int:
    _, _, third, fourth = address.split(".")
    return int(third) * _PAIRS + (int(fourth) - 2) // 2


def free(network: TaskNetwork, ports: Iterable[int]) -> bool:
    """Whether nothing listens on these ports of either address."""
    return all(
        can_bind(address, port)
        for address in (network.address, network.app_address)
        for port in ports
    )


def can_bind(address: str, port: int, *, shared: bool = False) -> bool:
    """Whether this user can listen on a port that nothing else listens on; with ``shared``, another
    program of this user may listen there that shares it.
    """
    return bind_error(address, port, shared=shared) == 0


def bind_error(address: str, port: int, *, shared: bool = False) -> int:
    """0 if `can_bind`, else EADDRINUSE, EACCES or EADDRNOTAVAIL."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            # As Envoy binds its listeners, so that several of ours can serve the same port.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES, errno.EADDRNOTAVAIL):
                return error.errno
            raise
    return 0


def check_allowed(address: str, ports: Iterable[int]) -> None:
    """Raise EngineError for a port that this user may not bind, at whatever address."""
    for port in sorted(ports):
        error = bind_error(address, port)
        if error == errno.EACCES:
            raise EngineError(port_denied(port))
        if error == errno.EADDRNOTAVAIL:
            raise EngineError(f"address {address} cannot be used: add it to the loopback device")


def port_denied(port: int) -> str:
    """What to do about a port that this user may not bind."""
    return f"port {port} needs root: use {_lowest_port()} or above, or run `teal up` as root"


def _lowest_port() -> int:
    """https://www.kernel.org/doc/html/latest/networking/ip-sysctl.html"""
    try:
        return int(UNPRIVILEGED.read_text())
    except FileNotFoundError:
        return UNPRIVILEGED_DEFAULT


def udp_free(address: str, port: int) -> bool:
    """Whether nothing receives on a UDP port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            return False
    return True


@dataclass(frozen=True)
class Gateway:
    """A gateway among all of this machine."""

    data_dir: Path
    """Resolved."""
    resource: str
    """``mesh/MESH/virtualGateway/NAME``."""


def check_published(address: str, ports: Iterable[int], gateway: Gateway) -> None:
    """Raise EngineError when a port that ``gateway`` publishes cannot be had, or belongs to another
    program: another gateway, too, for the kernel would split the connections between them.
    """
    for port in ports:
        problem = publish_problem(address, port, gateway)
        if problem:
            raise EngineError(problem)


def publish_problem(address: str, port: int, gateway: Gateway) -> str:
    """Why ``gateway`` cannot listen at a port of this machine; empty if it can."""
    error = bind_error(address, port, shared=True)
    if error == errno.EACCES:
        return port_denied(port)
    if error == errno.EADDRNOTAVAIL:
        return f"{address} is not an address of this machine: choose another for the gateway"
    held = holders(address, port)
    others = [one for one in held if not _same(one, gateway)]
    # Its own tasks may be of another user than we are, which the kernel takes for another program.
    if others or (error and not held):
        owner = others[0].text if others else "another program"
        return (
            f"port {port} of {address} is in use by {owner}: stop that program or give the "
            f"gateway another port"
        )
    return ""


def lasting_problem(address: str, port: int, gateway: Gateway) -> str:
    """As `publish_problem`, but only what does not end by itself: a port that this user may not
    have, or another gateway's.
    """
    if not bind_error(address, port, shared=True):
        others = [one for one in holders(address, port) if not _same(one, gateway)]
        if not any(one.mark for one in others):
            return ""
    elif bind_error(address, port, shared=True) == errno.EADDRINUSE:
        return ""
    return publish_problem(address, port, gateway)


def _same(holder: Holder, gateway: Gateway) -> bool:
    """Whether it is a task of the same gateway, which hands the port over."""
    mark = holder.mark
    return mark is not None and gateway == Gateway(mark.data_dir.resolve(), mark.resource)


class AddressRange:
    """The second octet of this data directory's addresses, held until `close`."""

    def __init__(self, data_dir: Path) -> None:
        """Take the octet of last time, or the first free one, starting at a number derived from
        the directory's name. Raises EngineError when every octet is taken.
        """
        record = data_dir / "network"
        text = record.read_text() if record.exists() else ""
        preferred = int(text) if text.isdecimal() else _preferred(data_dir)
        self._hold = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        for step in range(250):
            octet = (preferred - 1 + step) % 250 + 1
            try:
                self._hold.bind(f"\0tealmesh-127.{octet}")
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                continue
            self.octet = octet
            record.write_text(str(octet))
            return
        self._hold.close()
        raise EngineError("250 control planes run on this machine already: stop one with teal down")

    def close(self) -> None:
        """Give up the octet; tasks keep their addresses."""
        self._hold.close()


def _preferred(data_dir: Path) -> int:
    digest = hashlib.sha256(str(data_dir.resolve()).encode()).digest()
    return int.from_bytes(digest[:4]) % 250 + 1
