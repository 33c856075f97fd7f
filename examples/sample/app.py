"""The web application of the sample. It answers every request with its version and task, in JSON.

It needs only Python and listens on HOST and PORT. On SIGTERM it finishes the requests under way
and exits. ``--fail 0.2`` answers one request in five with status 500, to watch a deployment being
rolled back.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
from collections.abc import Awaitable, Callable

Answer = Callable[[str], Awaitable[tuple[int, dict[str, str], bytes]]]
"""From a path to a status, headers and a body."""

REASONS = {200: "OK", 404: "Not Found", 500: "Internal Server Error", 502: "Bad Gateway"}
GRACE_SECONDS = 10.0
"""How long requests may take to finish after SIGTERM."""


class HttpServer(asyncio.Protocol):
    """An HTTP/1.1 connection with keep-alive, which answers requests in turn.

    It does not read request bodies: a real application uses a real web server.
    """

    def __init__(self, answer: Answer, connections: set[HttpServer]) -> None:
        self.answer = answer
        self.connections = connections
        self.buffer = b""
        self.busy: asyncio.Task[None] | None = None
        self.closing = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.connections.discard(self)
        if self.busy is not None:
            self.busy.cancel()

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if self.busy is None and b"\r\n\r\n" in self.buffer:
            self.busy = asyncio.ensure_future(self.respond())

    async def respond(self) -> None:
        """Answer every complete request that has arrived."""
        while b"\r\n\r\n" in self.buffer:
            head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
            lines = head.decode("latin-1").split("\r\n")
            words = lines[0].split(" ")
            keep = "connection: close" not in (line.lower() for line in lines[1:])
            status, headers, body = await self.answer(words[1] if len(words) == 3 else "/")
            keep = keep and not self.closing
            self.transport.write(self.encode(status, headers, body, keep))
            if not keep:
                self.transport.close()
                break
        self.busy = None

    def encode(self, status: int, headers: dict[str, str], body: bytes, keep: bool) -> bytes:
        lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Unknown')}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        lines += [f"content-length: {len(body)}"]
        if not keep:
            lines += ["connection: close"]
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + body

    def finish(self) -> None:
        """Accept no further request, and close after answering the current one."""
        self.closing = True
        if self.busy is None:
            self.transport.close()


async def serve(answer: Answer) -> None:
    """Serve on HOST and PORT until SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    connections: set[HttpServer] = set()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    server = await loop.create_server(
        lambda: HttpServer(answer, connections),
        os.environ.get("HOST", "127.0.0.1"),
        int(os.environ.get("PORT", "8080")),
        backlog=1024,
    )
    print(f"listening on {server.sockets[0].getsockname()}", flush=True)
    await stop.wait()
    server.close()
    for connection in list(connections):
        connection.finish()
    under_way = [c.busy for c in connections if c.busy is not None]
    if under_way:
        await asyncio.wait(under_way, timeout=GRACE_SECONDS)
    print("stopped", flush=True)


def task_name() -> str:
    """The name of this task: the engine gives each task its own HOST."""
    return os.environ.get("HOST", "127.0.0.1")


def web(version: str, fail: float) -> Answer:
    headers = {"content-type": "application/json", "x-version": version}
    answer_of = {"version": version, "task": task_name()}
    success = json.dumps(answer_of).encode() + b"\n"
    failure = json.dumps({**answer_of, "error": "as asked"}).encode() + b"\n"

    async def answer(path: str) -> tuple[int, dict[str, str], bytes]:
        if path == "/health":
            return 200, headers, b'{"status": "ok"}'
        if fail and random.random() < fail:
            return 500, headers, failure
        return 200, headers, success

    return answer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--version", default="1")
    parser.add_argument("--fail", type=float, default=0.0, help="share of requests to fail, 0 to 1")
    arguments = parser.parse_args()
    asyncio.run(serve(web(arguments.version, arguments.fail)))


if __name__ == "__main__":
    main()
