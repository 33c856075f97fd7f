"""A relay between a program and a port of this machine, whose connections a test may cut."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections import deque
from collections.abc import Iterator


class Relay:
    """Carries connections to a port of 127.0.0.1, where one end closes, the other is closed. To
    several ``ports`` it gives connections in turn, but to those where nobody listens, as a load
    balancer does.
    """

    def __init__(self, *ports: int) -> None:
        self._to = deque(ports)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.refuses = False
        """Whether new connections are closed at once."""
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def connections(self) -> int:
        """How many are open."""
        with self._lock:
            return len(self._open) // 2

    def connections_to(self, port: int) -> int:
        """How many are open to one of its ports."""
        with self._lock:
            ends = [end for end in self._open if end.fileno() >= 0]
        return sum(_peer(end) == port for end in ends)

    def cut(self) -> None:
        """End all connections that there are."""
        with self._lock:
            ends = list(self._open)
        for end in ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join(10)
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if self.refuses:
                near.close()
                continue
            far = self._reached()
            if far is None:
                near.close()
                continue
            far.settimeout(None)
            with self._lock:
                self._open |= {near, far}
            threading.Thread(target=self._carry, args=(near, far), daemon=True).start()

    def _reached(self) -> socket.socket | None:
        for _ in range(len(self._to)):
            self._to.rotate(-1)
            with contextlib.suppress(OSError):
                return socket.create_connection(("127.0.0.1", self._to[-1]), timeout=10)
        return None

    def _carry(self, near: socket.socket, far: socket.socket) -> None:
        back = threading.Thread(target=_copy, args=(far, near), daemon=True)
        back.start()
        _copy(near, far)
        back.join()
        with self._lock:
            self._open -= {near, far}
        near.close()
        far.close()


def _peer(end: socket.socket) -> int:
    """The port at the other end; 0 if that is gone."""
    with contextlib.suppress(OSError):
        return int(end.getpeername()[1])
    return 0


def _copy(source: socket.socket, to: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            to.sendall(data)
    for end in (source, to):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def relay(*ports: int) -> Iterator[Relay]:
    """A relay until the end of the block."""
    made = Relay(*ports)
    try:
        yield made
    finally:
        made.close()
