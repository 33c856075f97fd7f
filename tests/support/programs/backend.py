"""A small HTTP backend in a thread of the test, which sets its answers."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Seen:
    """A request that the backend received."""

    method: str
    path: str
    host: str
    headers: dict[str, str]


@dataclass
class Backend:
    """``answer`` maps a request to (status, seconds to wait before the answer); the body is always
    JSON with the backend's name and the request's path and host.
    """

    name: str
    address: str
    port: int
    answer: Callable[[Seen], tuple[int, float]] = lambda seen: (200, 0.0)
    seen: list[Seen] = field(default_factory=list)

    def paths(self) -> list[str]:
        return [one.path for one in self.seen]


@contextlib.contextmanager
def backend(name: str, address: str = "127.0.0.1", port: int = 0) -> Iterator[Backend]:
    """A backend that listens until the end of the block; port 0 chooses a free one."""
    made = Backend(name, address, port)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # headers and body are two writes

        def _serve(self) -> None:
            length = int(self.headers.get("content-length", 0))
            self.rfile.read(length)
            headers = {key.lower(): value for key, value in self.headers.items()}
            seen = Seen(self.command, self.path, headers.get("host", ""), headers)
            made.seen.append(seen)
            status, wait = made.answer(seen)
            time.sleep(wait)
            body = json.dumps({"name": name, "path": seen.path, "host": seen.host}).encode()
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _serve  # noqa: N815

        def log_message(self, *args: Any) -> None:
            """No log: tests read `Backend.seen`."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

    server = Server((address, port), Handler)
    made.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
