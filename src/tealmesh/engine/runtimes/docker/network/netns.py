"""Reaching into a task's network namespace from this machine. Needs root.

A namespace is named by the id of a process in it. The control plane's own is never changed.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import shutil
import socket
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from tealmesh.engine.runtimes.docker.network.rules import DNS_ADDRESS, METADATA_ADDRESS
from tealmesh.model.errors import EngineError

TOOLS = ("nsenter", "iptables-restore", "ip")
_CLONE_NEWNET = 0x40000000
_LISTEN, _UNCONNECTED = "0A", "07"
"""States of sockets in /proc/net (https://docs.kernel.org/networking/proc_net_tcp.html)."""


def missing() -> str:
    """What this machine lacks for task networks; empty if nothing."""
    if os.geteuid() != 0:
        return "root is needed to redirect traffic inside tasks: run `teal up` as root"
    absent = [tool for tool in TOOLS if shutil.which(tool) is None]
    if absent:
        names = ", ".join(absent)
        return f"{names} not on PATH: install util-linux, iptables and iproute2"
    return ""


async def prepare(pid: int, rules: str) -> None:
    """Give a task's namespace the addresses on which we answer it, and these packet filter rules.
    Raises EngineError with the error output of ``ip`` or ``iptables-restore``.
    """
    addresses = (METADATA_ADDRESS, DNS_ADDRESS)
    lines = [f"address replace {address}/32 dev lo\n" for address in addresses]
    await _run(pid, ("ip", "-batch", "-"), "".join(lines))
    await _run(pid, ("iptables-restore", "--noflush", "--wait"), rules)


async def cut(pid: int, address: str) -> None:
    """Close the connections from a namespace (0: our own) to an address that is gone, so that
    whoever waits for an answer can try another address. Best effort.
    """
    if shutil.which("ss") is not None:
        inside = ("nsenter", "--target", str(pid), "--net", "--") if pid else ()
        process = await asyncio.create_subprocess_exec(
            *inside,
            *("ss", "--kill", "--tcp", "dst", address),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        await process.wait()


async def _run(pid: int, command: Sequence[str], text: str) -> None:
    process = await asyncio.create_subprocess_exec(
        "nsenter",
        "--target",
        str(pid),
        "--net",
        "--",
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await process.communicate(text.encode())
    if process.returncode != 0:
        output = errors.decode(errors="replace").strip()
        raise EngineError(f"the task's network cannot be set up: {command[0]}: {output}")


def listening(pid: int, port: int) -> bool:
    """Whether something in the namespace listens on a TCP port."""
    return any(_bound(pid, table, port, _LISTEN) for table in ("tcp", "tcp6"))


def receiving(pid: int, port: int) -> bool:
    """Whether something in the namespace receives on a UDP port."""
    return any(_bound(pid, table, port, _UNCONNECTED) for table in ("udp", "udp6"))


def _bound(pid: int, table: str, port: int, state: str) -> bool:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[1].endswith(f":{port:04X}") and fields[3] == state:
                return True
    return False


def inside(pid: int, make: Callable[[], socket.socket]) -> socket.socket:
    """Make a socket of ours inside the namespace, to which it then belongs: nothing new listens on
    the machine itself. Raises OSError.
    """
    result: list[socket.socket | OSError] = []

    def work() -> None:
        # setns(2) changes the namespace of this thread alone, which ends right after.
        libc = ctypes.CDLL(None, use_errno=True)
        try:
            fd = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
            try:
                if libc.setns(fd, _CLONE_NEWNET) != 0:
                    code = ctypes.get_errno()
                    raise OSError(code, os.strerror(code))
            finally:
                os.close(fd)
            result.append(make())
        except OSError as error:
            result.append(error)

    thread = threading.Thread(target=work, name="netns")
    thread.start()
    thread.join()
    if isinstance(result[0], OSError):
        raise result[0]
    return result[0]


def bound(address: str, port: int, kind: socket.SocketKind) -> socket.socket:
    """A socket bound to an address of the current namespace; a stream socket also listens."""
    made = socket.socket(socket.AF_INET, kind)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((address, port))
        if kind is socket.SOCK_STREAM:
            made.listen(128)
    except OSError:
        made.close()
        raise
    return made
