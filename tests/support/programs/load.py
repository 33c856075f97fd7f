"""A load client and a backend for it, on raw sockets in one event loop.

`Load` keeps ``concurrency`` connections busy and counts every answer; failures are neither retried
nor left out. `Answering` is a minimal HTTP server.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import httptools


@dataclass
class Report:
    """Counts of ``statuses`` by code and of ``bodies`` by content; ``failures`` are (seconds since
    the start, reason), including each status of 500 or more; ``slowest`` is in seconds.
    """

    statuses: Counter[int] = field(default_factory=Counter)
    bodies: Counter[bytes] = field(default_factory=Counter)
    failures: list[tuple[float, str]] = field(default_factory=list)
    slowest: float = 0.0

    @property
    def total(self) -> int:
        return sum(self.statuses.values()) + sum(
            1 for _, reason in self.failures if not reason.startswith("status ")
        )


class Load:
    """``GET path`` at ``address``:``port``, as an async context manager; see `Report`.

    ``rate`` is in requests per second over all connections, None for as fast as possible;
    ``timeout`` is how many seconds a client waits for an answer.
    """

    def __init__(
        self,
        address: str,
        port: int,
        *,
        host: str = "test",
        path: str = "/",
        concurrency: int = 8,
        rate: float | None = None,
        timeout: float = 5.0,
    ) -> None:
        self.report = Report()
        self._at = (address, port)
        self._request = f"GET {path} HTTP/1.1\r\nhost: {host}\r\n\r\n".encode()
        self._concurrency = concurrency
        self._pause = 0.0 if rate is None else concurrency / rate
        self._timeout = timeout
        self._stop = asyncio.Event()
        self._begun = time.monotonic()
        self._workers: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Load:
        self._begun = time.monotonic()
        self._workers = [asyncio.create_task(self._work()) for _ in range(self._concurrency)]
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Wait for the answers to requests already sent."""
        self._stop.set()
        await asyncio.gather(*self._workers)

    async def answered(self, count: int) -> None:
        """Wait until ``count`` more requests have ended."""
        goal = self.report.total + count
        while self.report.total < goal:  # noqa: ASYNC110 - an event for each answer would cost more
            await asyncio.sleep(0.005)

    async def _work(self) -> None:
        connection: _Connection | None = None
        while not self._stop.is_set():
            began = time.monotonic()
            try:
                if connection is None or connection.closed:
                    _, connection = await asyncio.get_running_loop().create_connection(
                        _Connection, *self._at
                    )
                status, body = await asyncio.wait_for(connection.ask(self._request), self._timeout)
            except (OSError, TimeoutError, httptools.HttpParserError) as error:
                self._fail(f"{type(error).__name__}: {error}")
                if connection is not None:
                    connection.close()
                connection = None
                await asyncio.sleep(0.005)
                continue
            took = time.monotonic() - began
            self._count(status, body, took)
            if self._pause > took:
                await asyncio.sleep(self._pause - took)
        if connection is not None:
            connection.close()

    def _count(self, status: int, body: bytes, took: float) -> None:
        self.report.statuses[status] += 1
        self.report.bodies[body] += 1
        self.report.slowest = max(self.report.slowest, took)
        if status >= 500:
            self._fail(f"status {status}: {body[:200].decode(errors='replace')}")

    def _fail(self, reason: str) -> None:
        self.report.failures.append((round(time.monotonic() - self._begun, 3), reason))


class _Connection(asyncio.Protocol):
    """One keep-alive connection with one request at a time."""

    def __init__(self) -> None:
        self.closed = False
        self._parser = httptools.HttpResponseParser(self)
        self._body = b""
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        self._answer = asyncio.get_running_loop().create_future()
        if self.closed:
            raise ConnectionResetError("closed by the server")
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        self.closed = True
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._settle(error)

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        self._settle(exc or ConnectionResetError("closed before the answer"))

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        if not self._parser.should_keep_alive():
            self.closed = True
        body, self._body = self._body, b""
        if self._answer is not None and not self._answer.done():
            self._answer.set_result((self._parser.get_status_code(), body))

    def _settle(self, error: Exception) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)


class _Answer(asyncio.Protocol):
    def __init__(self, response: bytes) -> None:
        self._response = response
        self._parser = httptools.HttpRequestParser(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        self._transport.write(self._response)


@contextlib.asynccontextmanager
async def answering(name: str, address: str, port: int) -> AsyncIterator[None]:
    """A server that answers every request with 200 and ``name`` as the body."""
    body = name.encode()
    head = f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\nx-backend: {name}\r\n\r\n"
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Answer(head.encode() + body), address, port)
    try:
        yield
    finally:
        server.close()
