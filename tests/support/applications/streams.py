"""An application with streams and WebSockets: ``python streams.py`` on HOST:PORT.

GET /slow waits two seconds; /stream sends a line each 100 ms until the client leaves; /ws is a
WebSocket that echoes short texts; /sick makes /health answer 500 from then on, /well 200 again; any
other path answers the process id.
"""

from __future__ import annotations

import base64
import hashlib
import os
import signal
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_HEALTH = {"status": 200}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        match self.path.split("?")[0]:
            case "/ws":
                self._websocket()
            case "/stream":
                self._stream()
            case "/health":
                self._answer(_HEALTH["status"], "health")
            case path:
                if path == "/slow":
                    time.sleep(2)
                if path in ("/sick", "/well"):
                    _HEALTH["status"] = 500 if path == "/sick" else 200
                self._answer(200, str(os.getpid()))

    def _answer(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def _stream(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while True:
            self.wfile.write(b"5\r\nline\n\r\n")
            self.wfile.flush()
            time.sleep(0.1)

    def _websocket(self) -> None:
        key = self.headers["Sec-WebSocket-Key"].encode()
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        accept = base64.b64encode(hashlib.sha1(key + _MAGIC).digest()).decode()
        self.send_header("Sec-WebSocket-Accept", accept)
        self.end_headers()
        self.close_connection = True
        while head := self.rfile.read(2):
            mask = self.rfile.read(4)
            masked = self.rfile.read(head[1] & 0x7F)
            text = bytes(byte ^ mask[index % 4] for index, byte in enumerate(masked))
            self.wfile.write(bytes([0x81, len(text)]) + text)

    def log_message(self, format: str, *args: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """A client that leaves is no error."""


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    Server((os.environ["HOST"], int(os.environ["PORT"])), Handler).serve_forever()


main()
