"""Servers that misbehave by the path of a request, callers that give up, a connection that breaks.

All run in the test's own event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc

_WEB_SOCKET = "upgrade: websocket\r\nconnection: upgrade\r\n"


@contextlib.asynccontextmanager
async def faulty_http() -> AsyncIterator[int]:
    """The port of an HTTP/1.1 server. Paths: a status or ``/ok``; ``/slow`` takes 2 s, ``/hang``
    never answers, ``/reset`` closes, ``/cut`` closes within the body, ``/endless`` never ends it,
    ``/socket`` is a WebSocket that the server closes.
    """
    async with _server(_serve) as port:
        yield port


Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def _server(handler: Handler) -> AsyncIterator[int]:
    """A server whose connections end with it."""
    tasks: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await handler(reader, writer)
        finally:
            tasks.discard(task)
            writer.transport.abort()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        ending = list(tasks)
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)
        # An aborted transport closes its socket in the loop's next turns.
        await asyncio.sleep(0.01)


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while line := await reader.readline():
        while await reader.readline() not in (b"\r\n", b""):
            pass
        if not await _answer(line.split()[1].decode(), writer):
            break
        await writer.drain()


async def _answer(path: str, writer: asyncio.StreamWriter) -> bool:
    """Answer a request; return whether the connection stays open."""
    match path:
        case "/hang":
            await asyncio.sleep(1000)
        case "/slow":
            await asyncio.sleep(2.0)
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        case "/reset":
            return False
        case "/cut" | "/endless":
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nbegun")
            await writer.drain()
            await asyncio.sleep(0.1 if path == "/cut" else 1000)
            return False
        case "/socket":
            writer.write(f"HTTP/1.1 101 Switching Protocols\r\n{_WEB_SOCKET}\r\nhello".encode())
            await writer.drain()
            await asyncio.sleep(0.1)
            return False
        case _:
            status = path.removeprefix("/").replace("ok", "200")
            writer.write(f"HTTP/1.1 {status} x\r\ncontent-length: 0\r\n\r\n".encode())
    return True


@contextlib.asynccontextmanager
async def faulty_grpc() -> AsyncIterator[int]:
    """The port of a gRPC server. Methods: ``ok``; ``hang``; ``stream`` answers once and goes on;
    any other name is the status with which it fails.
    """
    server = grpc.aio.server(handlers=[_Methods()])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield port
    finally:
        await server.stop(0)


class _Methods(grpc.GenericRpcHandler):  # type: ignore[misc]
    def service(self, details: Any) -> Any:
        method = details.method.rsplit("/", 1)[1]

        async def unary(request: bytes, context: Any) -> bytes:
            if method == "hang":
                await asyncio.sleep(1000)
            if method != "ok":
                await context.abort(grpc.StatusCode[method], "as asked")
            return b"ok"

        async def stream(request: bytes, context: Any) -> AsyncIterator[bytes]:
            yield b"begun"
            await asyncio.sleep(1000)

        if method == "stream":
            return grpc.unary_stream_rpc_method_handler(stream)
        return grpc.unary_unary_rpc_method_handler(unary)


async def get(port: int, path: str, way: str, patience: float) -> None:
    """A request with the header ``way`` on a connection of its own, until its answer has ended or
    ``patience`` seconds have passed.
    """
    upgrade = f"{_WEB_SOCKET}sec-websocket-version: 13\r\n" if path == "/socket" else ""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        with contextlib.suppress(TimeoutError, ConnectionError, asyncio.IncompleteReadError):
            async with asyncio.timeout(patience):
                head = f"GET {path} HTTP/1.1\r\nhost: x\r\nway: {way}\r\n{upgrade}\r\n"
                writer.write(head.encode())
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                if "upgrade:" in head:
                    await reader.read()
                elif "content-length: " in head:
                    size = int(head.split("content-length: ")[1].split()[0])
                    await reader.readexactly(size)
    finally:
        writer.transport.abort()


async def call(port: int, method: str, way: str, patience: float) -> None:
    """A gRPC call with the metadata ``way`` and a deadline, whatever its status. The deadline is
    not sent, as Envoy would answer for it.
    """
    local = (("grpc.use_local_subchannel_pool", 1),)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=local) as channel:
        streaming = method.endswith("/stream")
        kind = channel.unary_stream if streaming else channel.unary_unary
        made = kind(method)(b"x", metadata=(("way", way),))
        with contextlib.suppress(TimeoutError, grpc.aio.AioRpcError):
            async with asyncio.timeout(patience):
                if not streaming:
                    await made
                else:
                    async for _ in made:
                        pass
        made.cancel()


@contextlib.asynccontextmanager
async def relay(to: int) -> AsyncIterator[Relay]:
    """A relay to a port of this machine."""
    made = Relay(to)
    async with _server(made.carry) as port:
        made.port = port
        yield made


class Relay:
    """Carries connections to ``port`` of this machine, until it breaks them all."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._writers: list[asyncio.StreamWriter] = []
        self._bytes = asyncio.Event()
        self.port = 0

    async def carried(self) -> None:
        """Wait until a request has gone through, and any that were made together with it."""
        await self._bytes.wait()
        await asyncio.sleep(0.2)

    def cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a connection."""
        to_reader, to_writer = await asyncio.open_connection("127.0.0.1", self._to)
        self._writers += [writer, to_writer]
        try:
            await asyncio.gather(self._copy(reader, to_writer), self._copy(to_reader, writer))
        finally:
            to_writer.transport.abort()

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
            self._bytes.set()
