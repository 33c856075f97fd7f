"""The inside of a task's network namespace, reached from this machine. Needs root.

Nothing here touches the namespace that the control plane itself lives in.
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

from tealmesh.engine.runtimes.docker.rules import DNS_ADDRESS, METADATA_ADDRESS
from tealmesh.model.errors import EngineError

TOOLS = ("nsenter", "iptables-restore", "ip")
_CLONE_NEWNET = 0x40000000
_LISTEN = "0A"
_UNCONNECTED = "07"


def missing() -> str:
    """What this machine lacks for networks of tasks' own; empty when nothing."""
    if os.geteuid() != 0:
        return "root is needed to redirect traffic inside tasks: run `teal up` as root"
    absent = [tool for tool in TOOLS if shutil.which(tool) is None]
    if absent:
        names = ", ".join(absent)
        return f"{names} not on PATH: install util-linux, iptables and iproute2"
    return ""


async def prepare(pid: int, rules: str) -> None:
    """Give the namespace of process ``pid`` the addresses at which we answer it, and these packet
    filter rules. Raises EngineError with the program's own words.
    """
    addresses = (METADATA_ADDRESS, DNS_ADDRESS)
    lines = [f"address replace {address}/32 dev lo\n" for address in addresses]
    await _run(pid, ("ip", "-batch", "-"), "".join(lines))
    await _run(pid, ("iptables-restore", "--noflush", "--wait"), rules)


async def cut(pid: int, address: str) -> None:
    """Close what the namespace of process ``pid`` (0: our own) has connected to an address that is
    gone: whoever waits there would wait for ever, and can try another now. Best effort.
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
        told = errors.decode(errors="replace").strip()
        raise EngineError(f"the task's network cannot be set up: {command[0]}: {told}")


def listening(pid: int, port: int) -> bool:
    """Whether something in the namespace of process ``pid`` listens at a TCP port
    (https://docs.kernel.org/networking/proc_net_tcp.html).
    """
    return any(_bound(pid, table, port, _LISTEN) for table in ("tcp", "tcp6"))


def receiving(pid: int, port: int) -> bool:
    """Whether something in the namespace of process ``pid`` receives at a UDP port."""
    return any(_bound(pid, table, port, _UNCONNECTED) for table in ("udp", "udp6"))


def _bound(pid: int, table: str, port: int, state: str) -> bool:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[1].endswith(f":{port:04X}") and fields[3] == state:
                return True
    return False


def inside(pid: int, make: Callable[[], socket.socket]) -> socket.socket:
    """A socket of ours that ``make`` makes inside the namespace of process ``pid``, to which it
    belongs from then on: nothing new listens on the machine itself. Raises OSError.
    """
    result: list[socket.socket | OSError] = []

    def work() -> None:
        # A namespace belongs to a thread; this one ends at once and takes it along.
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
    """A socket that receives, or listens, at an address of the namespace that we are in."""
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
