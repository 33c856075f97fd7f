"""A proxy that knows who people are: it writes a token over the header of what it passes on."""

from __future__ import annotations

import contextlib
import http.client
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.support.programs.server import in_thread

_OWN = ("connection", "keep-alive", "transfer-encoding", "content-length", "authorization")


@contextlib.contextmanager
def fronting(port: int, address: str, token: Callable[[], str]) -> Iterator[str]:
    """Run one in front of a port until the end of the block; its URL. It connects from
    ``address``, and sends ``Authorization: Bearer TOKEN``.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._pass_on()

        def do_POST(self) -> None:
            self._pass_on()

        def do_DELETE(self) -> None:
            self._pass_on()

        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            named = {k: v for k, v in self.headers.items() if k.lower() not in _OWN}
            named["authorization"] = f"Bearer {token()}"
            behind = http.client.HTTPConnection("127.0.0.1", port, 60, source_address=(address, 0))
            with contextlib.closing(behind), contextlib.suppress(OSError):
                behind.request(self.command, self.path, body, named)
                self._answer(behind.getresponse())

        def _answer(self, answer: http.client.HTTPResponse) -> None:
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in _OWN:
                    self.send_header(name, value)
            self.send_header("connection", "close")
            self.end_headers()
            while part := answer.read1(65536):
                self.wfile.write(part)
                self.wfile.flush()
            self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    with in_thread(server) as own:
        yield f"http://localhost:{own}"
