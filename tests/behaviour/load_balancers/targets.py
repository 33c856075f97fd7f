"""Targets behind the load balancer: HTTP, HTTPS, gRPC and TCP at each one's address.

Headers of a request make a target misbehave: ``x-status`` is what it answers, ``x-delay`` how many
seconds it waits first, ``x-close`` makes it hang up and ``x-garbage`` answer what is not HTTP.
``x-set-cookie`` is a cookie that it sets. Health checks ask for paths below ``/check``.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

HTTP, HTTP2, GRPC, TCP, HTTPS, CHECK = 8000, 8002, 8003, 8004, 8443, 8005
"""The ports of every target; at ``CHECK`` only ``green`` answers health checks with success."""

PROXY_V2 = b"\r\n\r\n\x00\r\nQUIT\n"
"""https://www.haproxy.org/download/1.8/doc/proxy-protocol.txt, section 2.2"""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, name: str, address: str, port: int) -> None:
        self.name = name
        super().__init__((address, port), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Rows about timeouts have callers that hang up while we wait: no traceback for them."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    server_version = "target"
    sys_version = ""
    disable_nagle_algorithm = True

    def _serve(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {key.lower(): value for key, value in self.headers.items()}
        if self.path.startswith("/check"):
            self._answer(self._health(headers), {})
            return
        time.sleep(float(headers.get("x-delay", 0)))
        if "x-close" in headers or "x-garbage" in headers:
            self.wfile.write(b"this is not HTTP\r\n\r\n" if "x-garbage" in headers else b"")
            self.close_connection = True
            return
        seen = {"node": self.server.name, "port": self.server.server_port, "path": self.path}
        seen |= {"method": self.command, "headers": headers}
        self._answer(int(headers.get("x-status", 200)), seen, headers.get("x-set-cookie", ""))

    def _health(self, headers: dict[str, str]) -> int:
        name, path = self.server.name, self.path
        if self.server.server_port == CHECK:
            return 200 if name == "green" else 500
        if path == "/check/agent":
            expected = f"{self.server.server_address[0]}:{self.server.server_port}"
            known = headers["user-agent"].startswith("ELB-HealthChecker/")
            return 200 if known and headers["host"] == expected else 500
        if path.startswith("/check/green/"):
            return int(path.rpartition("/")[2]) if name == "green" else 200
        if path == "/check/slow":
            time.sleep(2.5 if name == "sick" else 0)
            return 200
        return 500 if name == "sick" else 200

    def _answer(self, status: int, seen: Any, cookie: str = "") -> None:
        body = json.dumps(seen).encode()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            if cookie:
                self.send_header("set-cookie", cookie)
            self.end_headers()
            self.wfile.write(body)

    def __getattr__(self, member: str) -> Any:
        if member.startswith("do_"):
            return self._serve
        raise AttributeError(member)

    def log_message(self, *args: Any) -> None:
        """No log: the answers have all that rows assert."""


@contextlib.contextmanager
def http_target(
    name: str, address: str, port: int, context: ssl.SSLContext | None = None
) -> Iterator[None]:
    """HTTP/1.1 at ``address:port``, over TLS with ``context``."""
    server = _Server(name, address, port)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


async def tcp_target(name: str, address: str, port: int) -> Any:
    """Answers each line with one line, which also tells what a PROXY header said."""

    async def serve(reader: Any, writer: Any) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            told: dict[str, Any] = {"node": name, "port": port}
            first = await reader.read(1)
            if first == PROXY_V2[:1]:
                first, told["proxied"] = b"", await _proxy_header(reader)
            while line := first + await reader.readline():
                first = b""
                writer.write(json.dumps({**told, "line": line.decode().strip()}).encode() + b"\n")
                await writer.drain()
        writer.close()

    return await asyncio.start_server(serve, address, port)


async def _proxy_header(reader: Any) -> str:
    """The client's IPv4 address in a PROXY header whose first byte has been read."""
    await reader.readexactly(len(PROXY_V2) - 1 + 2)
    length = int.from_bytes(await reader.readexactly(2))
    addresses = await reader.readexactly(length)
    return ".".join(map(str, addresses[:4]))
