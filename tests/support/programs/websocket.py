"""A WebSocket client for short texts (https://www.rfc-editor.org/rfc/rfc6455)."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

_HANDSHAKE = (
    "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


class WebSocket:
    """An open connection."""

    def __init__(self, connection: socket.socket) -> None:
        self.open = True
        """Whether the other side has answered all texts so far."""
        self._connection = connection
        self._file = connection.makefile("rb")

    def echo(self, text: str) -> str:
        """Send a text; return what comes back, empty if the other side has closed."""
        data = text.encode()
        # A mask of zeros is a mask.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._connection.sendall(bytes([0x81, 0x80 | len(data)]) + bytes(4) + data)
        return self.receive()

    def receive(self) -> str:
        """The next text; empty once the other side has closed."""
        head = b""
        with contextlib.suppress(ConnectionResetError):
            head = self._file.read(2)
        self.open = bool(head)
        return self._file.read(head[1] & 0x7F).decode() if head else ""


@contextlib.contextmanager
def websocket(port: int, path: str = "/ws", timeout: float = 60.0) -> Iterator[WebSocket]:
    """An open WebSocket to this machine's ``port``."""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as connection:
        request = _HANDSHAKE.format(path=path, host=f"127.0.0.1:{port}")
        connection.sendall(request.encode())
        made = WebSocket(connection)
        status = made._file.readline()
        assert status.split()[1] == b"101", status
        while made._file.readline().strip():
            pass
        yield made


@contextlib.contextmanager
def talking(port: int) -> Iterator[WebSocket]:
    """A WebSocket that is never idle: in the background it sends a text each 200 ms until the block
    ends or the other side closes (`WebSocket.open`).
    """
    ended = threading.Event()
    with websocket(port) as made:

        def talk() -> None:
            while made.open and not ended.wait(0.2):
                made.echo("still")

        assert made.echo("first") == "first"
        thread = threading.Thread(target=talk)
        thread.start()
        try:
            yield made
        finally:
            ended.set()
            thread.join()
