"""Ends connections from below. gRPC has no way to end one of a server's connections, and a stream
whose client does not read cannot be ended either: its status waits behind what was not read.

https://grpc.github.io/grpc/core/group__grpc__arg__keys.html has an age for all connections, and
closing the server ends all. So the socket is found among those of this process, by whom it leads
to; to gRPC that looks as if the other side had gone.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Collection, Iterator
from urllib.parse import unquote

_OPEN = "/proc/self/fd"
_MAPPED = "::ffff:"

Address = tuple[str, int]


def address_of(peer: str) -> Address | None:
    """Address and port in what gRPC calls a peer: ``ipv4:127.0.0.1:4711``, ``ipv6:%5B::1%5D:4711``;
    None for a Unix socket, whose other end has no name.
    """
    family, _, rest = unquote(peer).partition(":")
    host, _, port = rest.rpartition(":")
    if family not in ("ipv4", "ipv6") or not port.isdecimal():
        return None
    return host.strip("[]"), int(port)


def hang_up(peers: Collection[str]) -> int:
    """End the connections of these peers; returns how many were found. Takes some milliseconds for
    each thousand of open files. Peers of Unix sockets, and systems without ``/proc``, have none.
    """
    wanted = {address for peer in peers if (address := address_of(peer)) is not None}
    if not wanted:
        return 0
    return sum(_ended(number, wanted) for number in _numbers())


def _ended(number: int, wanted: Collection[Address]) -> bool:
    """Whether an open file is the socket of one of these connections; then that is ended."""
    try:
        # A copy, so that nobody can close it, and have its number mean another, meanwhile.
        copy = os.dup(number)
    except OSError:
        return False
    try:
        with socket.socket(fileno=copy) as one:
            if one.family not in (socket.AF_INET, socket.AF_INET6):
                return False
            host, port = one.getpeername()[:2]
            if (host.removeprefix(_MAPPED), port) not in wanted:
                return False
            one.shutdown(socket.SHUT_RDWR)
            return True
    except OSError:  # it listens, or has ended
        return False


def _numbers() -> Iterator[int]:
    """The open files of this process that are sockets."""
    with contextlib.suppress(OSError):
        for name in os.listdir(_OPEN):
            with contextlib.suppress(OSError):
                if os.readlink(f"{_OPEN}/{name}").startswith("socket:"):
                    yield int(name)
