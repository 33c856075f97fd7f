"""Applications behind the mesh, one of each protocol at every node's address.

Headers of a request make an application misbehave: ``x-status`` (HTTP) or ``x-code`` (gRPC) is what
it answers, ``x-delay`` how many seconds it waits first, and ``x-reset`` makes it hang up instead.
``x-first: N`` restricts that to the first N tries of a call, ``x-only: NODE`` to one node.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import grpc

CALL_ID = "x-call"
HEALTH = "/grpc.health.v1.Health/Check"


class Tries:
    """Counts how often each call reached an application, and the health checks of each."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: Counter[str] = Counter()
        self.health: Counter[str] = Counter()

    def one_more(self, call: str) -> int:
        """Count a try of ``call``; return which one it is, from 1."""
        with self._lock:
            self._seen[call] += 1
            return self._seen[call]

    def of(self, call: str) -> int:
        return self._seen[call]

    def forget_health_checks(self) -> None:
        """Count health checks from 1 again."""
        with self._lock:
            self.health.clear()

    def checked(self, node: str, protocol: str) -> int:
        """Count a health check; return which one of its kind it is, from 1."""
        with self._lock:
            self.health[f"{node} {protocol}"] += 1
            return self.health[f"{node} {protocol}"]


def _misbehaves(name: str, headers: Mapping[str, str], attempt: int) -> bool:
    """Whether the headers make this application misbehave in this attempt."""
    if headers.get("x-only", name) != name:
        return False
    return attempt <= int(headers.get("x-first", "1000000"))


def _health_status(name: str, path: str, check: int) -> int:
    """``sick`` never passes ``/check``; ``moody`` fails every second one."""
    if path != "/check":
        return 200
    return 500 if name == "sick" or (name == "moody" and check % 2 == 0) else 200


class _HttpServer(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, name: str, address: str, port: int, tries: Tries) -> None:
        self.name = name
        self.tries = tries
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        super().__init__((address, port), _HttpHandler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Rows about timeouts have callers that hang up while we wait: no traceback for them."""


class _HttpHandler(BaseHTTPRequestHandler):
    server: _HttpServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def _serve(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {key.lower(): value for key, value in self.headers.items()}
        protocol = headers.get("x-seen-protocol", "HTTP/1.1")
        if self.path.startswith("/check"):
            self._check(protocol)
            return
        attempt = self.server.tries.one_more(headers.get(CALL_ID, ""))
        status = 200
        if _misbehaves(self.server.name, headers, attempt):
            time.sleep(float(headers.get("x-delay", 0)))
            if "x-reset" in headers:
                self.close_connection = True
                return
            status = int(headers.get("x-status", 200))
        seen = {"node": self.server.name, "port": self.server.server_port, "path": self.path}
        seen |= {"method": self.command, "host": headers.get("host", ""), "protocol": protocol}
        self._answer(status, seen)

    def _check(self, protocol: str) -> None:
        name = self.server.name
        check = self.server.tries.checked(name, f"{protocol} {self.path}")
        if self.path == "/check/slow" and name == "sick":
            time.sleep(2.5)
        self._answer(_health_status(name, self.path, check), {})

    def _answer(self, status: int, seen: Any) -> None:
        body = json.dumps(seen).encode()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def __getattr__(self, member: str) -> Any:
        if member.startswith("do_"):
            return self._serve
        raise AttributeError(member)

    def log_message(self, *args: Any) -> None:
        """No log: the answers have all that rows assert."""


@contextlib.contextmanager
def http_application(name: str, address: str, port: int, tries: Tries) -> Iterator[None]:
    """HTTP/1.1 at ``address:port``."""
    server = _HttpServer(name, address, port, tries)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


class GrpcApplication(grpc.GenericRpcHandler):
    """Serves any unary method of any service; the answer tells what was called."""

    def __init__(self, name: str, port: int, tries: Tries) -> None:
        self._name = name
        self._port = port
        self._tries = tries

    def service(self, details: Any) -> Any:
        headers = dict(details.invocation_metadata)

        async def check(request: bytes, context: Any) -> bytes:
            self._tries.checked(self._name, "grpc")
            return b"\x08\x02" if self._name == "sick" else b"\x08\x01"

        async def answer(request: bytes, context: Any) -> bytes:
            attempt = self._tries.one_more(headers.get(CALL_ID, ""))
            if _misbehaves(self._name, headers, attempt):
                await asyncio.sleep(float(headers.get("x-delay", 0)))
                if "x-code" in headers:
                    await context.abort(grpc.StatusCode[headers["x-code"]], "as asked")
            seen = {"node": self._name, "port": self._port, "path": details.method}
            return json.dumps(seen).encode()

        return grpc.unary_unary_rpc_method_handler(check if details.method == HEALTH else answer)


async def tcp_application(name: str, address: str, port: int, tries: Tries) -> Any:
    """Answers each line (a call's id and a delay) with one line."""

    async def serve(reader: Any, writer: Any) -> None:
        with contextlib.suppress(ConnectionError):
            while line := await reader.readline():
                call, _, delay = line.decode().strip().partition(" ")
                tries.one_more(call)
                await asyncio.sleep(float(delay or 0))
                writer.write(json.dumps({"node": name, "port": port}).encode() + b"\n")
                await writer.drain()
        writer.close()

    return await asyncio.start_server(serve, address, port)


def _frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return len(payload).to_bytes(3) + bytes([kind, flags]) + stream.to_bytes(4) + payload


async def refusing_application(address: str, port: int, tries: Tries) -> Any:
    """HTTP/2 that refuses every other stream (RST_STREAM, REFUSED_STREAM: RFC 9113 7)."""
    refused = 0

    async def serve(reader: Any, writer: Any) -> None:
        nonlocal refused
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readexactly(24)
            writer.write(_frame(4, 0, 0))
            while True:
                head = await reader.readexactly(9)
                kind, flags, stream = head[3], head[4], int.from_bytes(head[5:9])
                await reader.readexactly(int.from_bytes(head[:3]))
                if kind == 4 and not flags & 1:
                    writer.write(_frame(4, 1, 0))
                elif kind == 1:
                    refused += 1
                    if refused % 2:
                        writer.write(_frame(3, 0, stream, (7).to_bytes(4)))
                    else:
                        # 0x88 is ":status: 200" in HPACK's static table (RFC 7541 A).
                        writer.write(_frame(1, 5, stream, b"\x88"))
                await writer.drain()
        writer.close()

    return await asyncio.start_server(serve, address, port)
