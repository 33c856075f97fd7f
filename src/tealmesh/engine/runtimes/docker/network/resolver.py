"""The name server inside a task, at the address of a VPC's own.

It answers for names of the mesh and of Cloud Map, and forwards all other questions to the name
server that Docker gave the task. Its sockets belong to the task's namespace. Docker's server is the
second in the task's resolv.conf, so a control plane that is down costs no time: a question to a
closed port of the task itself is refused at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import struct
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

from tealmesh.engine.runtimes.docker.network import netns
from tealmesh.engine.runtimes.docker.network.rules import DNS_ADDRESS
from tealmesh.supervision.supervisor import Supervisor
from tealmesh.supervision.trouble import NOBODY

_log = logging.getLogger(__name__)

Answer = Callable[[str, bytes, bool], bytes | None]
"""``(task id, question, by UDP)``: the response, both in wire format; None if the name is none of
the mesh's or Cloud Map's.
"""

RESOLV = "task.resolv.conf"
"""The resolv.conf in a task's directory."""
PORT = 53
_HEADER_BYTES = 12
_TRUNCATED = 0x02
_FORWARD_SECONDS = 3.0
"""Allowed to another name server; resolvers themselves wait for five seconds."""
_IDLE_SECONDS = 10.0
"""After which a silent TCP connection is closed."""


def resolv_text(given: str) -> str:
    """The task's resolv.conf: ourselves, then what Docker has ``given`` the task."""
    return f"nameserver {DNS_ADDRESS}\n{given.rstrip()}\n"


def others(text: str) -> list[str]:
    """The IPv4 name servers in a resolv.conf, except ourselves
    (https://man7.org/linux/man-pages/man5/resolv.conf.5.html).
    """
    lines = [line.split() for line in text.splitlines() if line.startswith("nameserver")]
    return [f[1] for f in lines if len(f) > 1 and f[1] != DNS_ADDRESS and ":" not in f[1]]


class Resolvers:
    """One name server per task; forwards to the servers in the task's `RESOLV` file."""

    def __init__(self, answer: Answer, supervisor: Supervisor) -> None:
        self._answer = answer
        self._supervisor = supervisor
        self._servers: dict[Path, _Server] = {}

    async def open(self, directory: Path, pid: int) -> None:
        """Answer in the namespace of process ``pid``, unless we do already."""
        if directory in self._servers:
            return
        try:
            servers = others((directory / RESOLV).read_text())
            asked = self._supervisor.contained
            name = f"the name server of task {directory.name}"
            server = _Server(
                pid,
                servers,
                partial(self._answer, directory.name),
                partial(asked, name, concerns=NOBODY),
            )
            self._servers[directory] = server
            await server.start()
        except OSError as error:
            # The task is ending or never started; its worker finds out by itself.
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
    """The name server of one task."""

    pid: int
    """A process in the task's namespace."""
    servers: list[str]
    """Asked for what ``answer`` does not know."""
    answer: Callable[[bytes, bool], bytes | None]
    contained: Callable[[], AbstractContextManager[None]]
    """Ends the errors of one question."""

    def __post_init__(self) -> None:
        self._udp: asyncio.DatagramTransport | None = None
        self._tcp: asyncio.Server | None = None
        self._jobs: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Raises OSError."""
        loop = asyncio.get_running_loop()
        datagrams = await self._bind(socket.SOCK_DGRAM)
        self._udp, _ = await loop.create_datagram_endpoint(lambda: _Udp(self), sock=datagrams)
        self._tcp = await asyncio.start_server(
            self._serve, sock=await self._bind(socket.SOCK_STREAM)
        )

    async def close(self) -> None:
        if self._udp is not None:
            self._udp.close()
        if self._tcp is not None:
            self._tcp.close()
        for job in self._jobs:
            job.cancel()
        await asyncio.gather(*self._jobs, return_exceptions=True)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run until done or closed."""
        job = asyncio.create_task(work)
        self._jobs.add(job)
        job.add_done_callback(self._jobs.discard)

    async def respond(self, question: bytes, udp: bool) -> bytes:
        """Our own answer, else another server's, else SERVFAIL."""
        own = self.answer(question, udp)
        if own is not None:
            return own
        for server in self.servers:
            with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
                async with asyncio.timeout(_FORWARD_SECONDS):
                    response = await self._ask(server, question)
                    # By TCP only if necessary, because Podman 4's server does not answer there.
                    if response[2] & _TRUNCATED and not udp:
                        return await self._ask_by_tcp(server, question)
                    return response
        return _failure(question)

    async def _bind(self, kind: socket.SocketKind) -> socket.socket:
        made = partial(netns.bound, DNS_ADDRESS, PORT, kind)
        return await asyncio.to_thread(netns.inside, self.pid, made)

    async def _ask(self, server: str, question: bytes) -> bytes:
        """Ask a name server from inside the task, as Docker's can be reached only there."""
        loop = asyncio.get_running_loop()
        with await self._connect(server, socket.SOCK_DGRAM) as asking:
            await loop.sock_sendall(asking, question)
            while True:
                response = await loop.sock_recv(asking, 65535)
                if len(response) >= _HEADER_BYTES and response[:2] == question[:2]:
                    return response

    async def _ask_by_tcp(self, server: str, question: bytes) -> bytes:
        asking = await self._connect(server, socket.SOCK_STREAM)
        reader, writer = await asyncio.open_connection(sock=asking)
        try:
            writer.write(_framed(question))
            return await _message(reader)
        finally:
            writer.close()

    async def _connect(self, server: str, kind: socket.SocketKind) -> socket.socket:
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
                async with asyncio.timeout(_IDLE_SECONDS):
                    question = await _message(reader)
                with self.contained():
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
        # asyncio's datagram transport is not a subclass of DatagramTransport in Python 3.11.
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if len(data) >= _HEADER_BYTES:
            self._server.spawn(self._answer(data, addr))

    async def _answer(self, question: bytes, asker: tuple[str, int]) -> None:
        with self._server.contained():
            response = await self._server.respond(question, udp=True)
            if self._transport is not None:
                self._transport.sendto(response, asker)


def _failure(question: bytes) -> bytes:
    """SERVFAIL, upon which resolvers ask their next server
    (https://www.rfc-editor.org/rfc/rfc1035#section-4.1.1).
    """
    return question[:2] + bytes([question[2] | 0x80, 0x82]) + question[4:]


def _framed(message: bytes) -> bytes:
    # Two bytes of length before each message: RFC 1035 4.2.2.
    return struct.pack("!H", len(message)) + message


async def _message(reader: asyncio.StreamReader) -> bytes:
    (length,) = struct.unpack("!H", await reader.readexactly(2))
    if length < _HEADER_BYTES:
        raise ConnectionError("a DNS message cannot be shorter than its header")
    return await reader.readexactly(length)
