"""Ends conversations with a server that takes too long to answer.

PostgreSQL has time limits of its own, but not for a commit that waits for its disk or its stand-by,
and a server that has come to a standstill keeps to none: its machine still acknowledges what it is
sent, so that the connection looks well.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

_LOOK_SECONDS = 0.5


class Limits:
    """Watches conversations in a thread, which runs from the first one to `close`."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._watched: dict[Watched, tuple[float, socket.socket]] = {}
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    @contextlib.contextmanager
    def watching(self) -> Iterator[Watched]:
        """What is `Watched.on` in the context is cut off if the context lasts too long."""
        watched = Watched(self)
        try:
            yield watched
        finally:
            self._forget(watched)

    def close(self) -> None:
        self._closing.set()
        if self._thread is not None:
            self._thread.join()

    def watch(self, key: Watched, connection: Any) -> None:
        # Of its own: the driver may close the other one, whose number is then somebody else's.
        end = socket.socket(fileno=os.dup(connection.fileno()))
        with self._lock:
            self._watched[key] = (time.monotonic() + self._seconds, end)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="store-limits", daemon=True)
                self._thread.start()

    def _forget(self, watched: Watched) -> None:
        with self._lock:
            _, end = self._watched.pop(watched, (0.0, None))
        if end is not None:
            end.close()

    def _run(self) -> None:
        while not self._closing.wait(_LOOK_SECONDS):
            with self._lock:
                for watched, (deadline, end) in self._watched.items():
                    if deadline < time.monotonic():
                        watched.cut = True
                        with contextlib.suppress(OSError):
                            end.shutdown(socket.SHUT_RDWR)


class Watched:
    """One conversation."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.cut = False
        """Whether it was ended since it took too long."""

    def on(self, connection: Any) -> None:
        """It goes over this connection of the driver."""
        self._limits.watch(self, connection)
