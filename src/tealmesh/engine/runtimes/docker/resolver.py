"""The name server inside a task, at the address that a VPC's own has there.

It knows the names of the mesh and of Cloud Map; all other questions are put to the name server
that the engine gave the task. Its sockets belong to the task's namespace. The task's resolv.conf
has the engine's server as its second, so that a control plane that is down costs nothing: a
question to a closed port of one's own is refused at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import struct
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

from tealmesh.engine.runtimes.docker import netns
from tealmesh.engine.runtimes.docker.rules import DNS_ADDRESS

_log = logging.getLogger(__name__)

Answer = Callable[[str, bytes, bool], bytes | None]
"""``(task id, question, by UDP)``: the response of a task's own names, both as they are on the
wire; None where the question is for others.
"""

RESOLV = "task.resolv.conf"
PORT = 53
_HEADER = 12
"""Bytes of a message's header."""
_TRUNCATED = 0x02
_PATIENCE = 3.0
"""Seconds for a name server that is asked; resolvers themselves wait five."""
_IDLE = 10.0
"""Seconds that a TCP connection may say nothing."""


def resolv_text(given: str) -> str:
    """The task's resolv.conf: ourselves, then what the engine has ``given`` the task."""
    return f"nameserver {DNS_ADDRESS}\n{given.rstrip()}\n"


def others(text: str) -> list[str]:
    """The IPv4 name servers of a resolv.conf but ourselves
    (https://man7.org/linux/man-pages/man5/resolv.conf.5.html).
    """
    lines = [line.split() for line in text.splitlines() if line.startswith("nameserver")]
    return [f[1] for f in lines if len(f) > 1 and f[1] != DNS_ADDRESS and ":" not in f[1]]


class Resolvers:
    """One name server for each task that has a `RESOLV` file in its directory."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._servers: dict[Path, _Server] = {}

    async def open(self, directory: Path, pid: int) -> None:
        """Answer in the namespace of process ``pid``; nothing happens where we do already."""
        if directory in self._servers:
            return
        try:
            servers = others((directory / RESOLV).read_text())
            server = _Server(pid, servers, partial(self._answer, directory.name))
            self._servers[directory] = server
            await server.start()
        except OSError as error:
            # As with a relay: the task is ending, or never came up.
            _log.warning("task %s: no name server at %s: %s", directory.name, DNS_ADDRESS, error)
            await self.close(directory)

    async def close(self, directory: Path) -> None:
        server = self._servers.pop(directory, None)
        if server is not None:
            await server.close()

    async def close_all(self) -> None:
        for directory in list(self._servers):
            await self.close(directory)


@dataclass
class _Server:
    """``pid``: whose namespace; ``servers``: who is asked what ``answer`` does not know."""

    pid: int
    servers: list[str]
    answer: Callable[[bytes, bool], bytes | None]

    def __post_init__(self) -> None:
        self._udp: asyncio.DatagramTransport | None = None
        self._tcp: asyncio.Server | None = None
        self._jobs: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Raises OSError."""
        loop = asyncio.get_running_loop()
        datagrams = await self._bound(socket.SOCK_DGRAM)
        self._udp, _ = await loop.create_datagram_endpoint(lambda: _Udp(self), sock=datagrams)
        self._tcp = await asyncio.start_server(
            self._serve, sock=await self._bound(socket.SOCK_STREAM)
        )

    async def close(self) -> None:
        if self._udp is not None:
            self._udp.close()
        if self._tcp is not None:
            self._tcp.close()
        for job in self._jobs:
            job.cancel()
        await asyncio.gather(*self._jobs, return_exceptions=True)

    def take(self, work: Coroutine[Any, Any, None]) -> None:
        """Do this until it is done or we are closed."""
        job = asyncio.create_task(work)
        self._jobs.add(job)
        job.add_done_callback(self._jobs.discard)

    async def respond(self, question: bytes, udp: bool) -> bytes:
        """What is known here, else what others say; SERVFAIL when nobody says anything."""
        own = self.answer(question, udp)
        if own is not None:
            return own
        for server in self.servers:
            with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
                async with asyncio.timeout(_PATIENCE):
                    found = await self._ask(server, question)
                    # By TCP only what is too long: not every engine's server answers there.
                    cut = found[2] & _TRUNCATED and not udp
                    return await self._ask_by_tcp(server, question) if cut else found
        return _failure(question)

    async def _bound(self, kind: socket.SocketKind) -> socket.socket:
        made = partial(netns.bound, DNS_ADDRESS, PORT, kind)
        return await asyncio.to_thread(netns.inside, self.pid, made)

    async def _ask(self, server: str, question: bytes) -> bytes:
        """Ask a name server as the task itself would, which may be the only way to it."""
        loop = asyncio.get_running_loop()
        with await self._connected(server, socket.SOCK_DGRAM) as asking:
            await loop.sock_sendall(asking, question)
            while True:
                found = await loop.sock_recv(asking, 65535)
                if len(found) >= _HEADER and found[:2] == question[:2]:
                    return found

    async def _ask_by_tcp(self, server: str, question: bytes) -> bytes:
        asking = await self._connected(server, socket.SOCK_STREAM)
        reader, writer = await asyncio.open_connection(sock=asking)
        try:
            writer.write(_framed(question))
            return await _message(reader)
        finally:
            writer.close()

    async def _connected(self, server: str, kind: socket.SocketKind) -> socket.socket:
        made = partial(socket.socket, socket.AF_INET, kind)
        asking = await asyncio.to_thread(netns.inside, self.pid, made)
        asking.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(asking, (server, PORT))
        except BaseException:
            asking.close()
            raise
        return asking

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                async with asyncio.timeout(_IDLE):
                    question = await _message(reader)
                writer.write(_framed(await self.respond(question, udp=False)))
                await writer.drain()
        except (asyncio.IncompleteReadError, TimeoutError, ConnectionError):
            return
        finally:
            writer.close()


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, server: _Server) -> None:
        self._server = server
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Python 3.11's is no subclass, though it is one.
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if len(data) >= _HEADER:
            self._server.take(self._answer(data, addr))

    async def _answer(self, question: bytes, asker: tuple[str, int]) -> None:
        response = await self._server.respond(question, udp=True)
        if self._transport is not None:
            self._transport.sendto(response, asker)


def _failure(question: bytes) -> bytes:
    """SERVFAIL, with the question as it was (https://www.rfc-editor.org/rfc/rfc1035#section-4.1.1),
    upon which resolvers ask their next server.
    """
    return question[:2] + bytes([question[2] | 0x80, 0x82]) + question[4:]


def _framed(message: bytes) -> bytes:
    # Two bytes of length before each message: RFC 1035 4.2.2.
    return struct.pack("!H", len(message)) + message


async def _message(reader: asyncio.StreamReader) -> bytes:
    (length,) = struct.unpack("!H", await reader.readexactly(2))
    if length < _HEADER:
        raise ConnectionError("no DNS message is shorter than its header")
    return await reader.readexactly(length)
