"""Who listens at a port of this machine, so that a busy port can be called by its owner's name.

The kernel splits the connections of a port between all that share it (SO_REUSEPORT, socket(7)), and
every Envoy shares its ports with its successor: two gateways would each get a part of the other's
requests. So whoever is to listen at an address of this machine looks first.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tealmesh.engine.runtimes.process.marks import PROC, Marked, mark_of

_LISTEN = "0A"
"""https://www.kernel.org/doc/html/latest/networking/proc_net_tcp.html"""


@dataclass(frozen=True)
class Holder:
    """A program that listens."""

    pid: int
    """0 if it is another user's."""
    program: str = ""
    mark: Marked | None = None

    @property
    def text(self) -> str:
        if self.mark is not None:
            name = self.mark.resource.rpartition("/")[2] or self.mark.name
            kind = "gateway" if "/virtualGateway/" in self.mark.resource else "the Envoy of"
            return f"{kind} {name} of {self.mark.data_dir} (process {self.pid})"
        return f"{self.program} (process {self.pid})" if self.pid else "another user's program"


def holders(address: str, port: int, proc: Path = PROC) -> list[Holder]:
    """The programs that listen at a port of an IPv4 address of this machine, or at that of all."""
    inodes = set(_inodes(address, port, proc))
    if not inodes:
        return []
    pids = [pid for pid in _pids(proc) if not inodes.isdisjoint(_sockets(pid, proc))]
    return [_holder(pid, proc) for pid in pids] or [Holder(0)]


def _inodes(address: str, port: int, proc: Path) -> Iterator[str]:
    wanted = {_hexadecimal(one, port) for one in (address, "0.0.0.0")}
    for line in (proc / "net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == _LISTEN and fields[1] in wanted:
            yield fields[9]
    # ``::`` accepts IPv4 too.
    with contextlib.suppress(FileNotFoundError):
        for line in (proc / "net/tcp6").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == _LISTEN and fields[1] == f"{'0' * 32}:{port:04X}":
                yield fields[9]


def _hexadecimal(address: str, port: int) -> str:
    """As /proc/net/tcp shows it: the address in the machine's byte order."""
    (number,) = struct.unpack("=I", socket.inet_aton(address))
    return f"{number:08X}:{port:04X}"


def _sockets(pid: int, proc: Path) -> Iterable[str]:
    with contextlib.suppress(OSError):
        for entry in (proc / str(pid) / "fd").iterdir():
            with contextlib.suppress(OSError):
                target = str(entry.readlink())
                if target.startswith("socket:["):
                    yield target[8:-1]


def _holder(pid: int, proc: Path) -> Holder:
    program = ""
    with contextlib.suppress(OSError):
        program = (proc / str(pid) / "comm").read_text().strip()
    return Holder(pid, program, mark_of(pid, proc))


def _pids(proc: Path) -> Iterator[int]:
    return (int(entry.name) for entry in os.scandir(proc) if entry.name.isdecimal())
