"""A proxy before PostgreSQL that cuts a connection around its COMMIT."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Literal

import sqlalchemy as sa

Cut = Literal["before", "after"]


class Proxy:
    """Carries connections to a server; the next COMMIT that it sees while `cut` is set is cut off,
    before the server has it, or after it was made and before the client hears of it.
    """

    def __init__(self, port: int) -> None:
        self.cut: Cut | None = None
        self.cuts = 0
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._begin(self._accept)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        for end in self._open:
            _end(end)
        for thread in list(self._threads):
            thread.join(10)
        for end in [self._listener, *self._open]:
            end.close()

    def _begin(self, work: Callable[..., None], *arguments: object) -> None:
        self._threads.append(threading.Thread(target=work, args=arguments, daemon=True))
        self._threads[-1].start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self._to))
            self._open += [near, far]
            answering = threading.Event()
            answering.set()
            for carry in (self._ask, self._answer):
                self._begin(carry, near, far, answering)

    def _ask(self, near: socket.socket, far: socket.socket, answering: threading.Event) -> None:
        for data in _received(near):
            if self.cut is not None and b"COMMIT" in data:
                cut, self.cut = self.cut, None
                self.cuts += 1
                answering.clear()
                if cut == "before":
                    break
            if not _sent(far, data):
                break
            if not answering.is_set():
                return  # the other direction ends both, once the server has answered
        _end(near)
        _end(far)

    def _answer(self, near: socket.socket, far: socket.socket, answering: threading.Event) -> None:
        for data in _received(far):
            if not answering.is_set() or not _sent(near, data):
                break
        _end(near)
        _end(far)


def _received(end: socket.socket) -> Iterator[bytes]:
    with contextlib.suppress(OSError):
        while data := end.recv(65536):
            yield data


def _sent(end: socket.socket, data: bytes) -> bool:
    with contextlib.suppress(OSError):
        end.sendall(data)
        return True
    return False


def _end(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def before(url: str) -> Iterator[tuple[str, Proxy]]:
    """A proxy before the server of a URL, and the URL of the same database there."""
    server = sa.make_url(url)
    assert server.port is not None
    proxy = Proxy(server.port)
    try:
        there = server.set(port=proxy.port)
        yield there.render_as_string(hide_password=False), proxy
    finally:
        proxy.close()
