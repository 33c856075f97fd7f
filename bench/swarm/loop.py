"""An event loop for ten thousand sockets that does as little as it can: asyncio's would take more
of the machine than the control plane that is measured.

While all wait for a change, what can be read goes before what is to be written (`reads_first`): of
ten thousand Envoys on machines of their own, none would hear of it later because others answer.
"""

from __future__ import annotations

import heapq
import itertools
import os
import select
import sys
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

_WRITTEN_AT_ONCE = 16
"""Sockets that are written to until it is looked whether something can be read."""


class Ready(Protocol):
    """What belongs to a socket."""

    def happened(self, events: int) -> None:
        """It can be read from or written to."""
        ...


class Loop:
    """Sockets, times and lines of the standard input."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._known: dict[int, Ready] = {}
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._soon: list[Callable[[], None]] = []
        self.reads_first = False
        """Whether what can be read is read before anything is written."""
        self._unwritten: deque[Callable[[], None]] = deque()
        self._lines = b""
        self._line: Callable[[str], None] = lambda line: None
        self._ended = False

    def add(self, number: int, one: Ready, events: int) -> None:
        """Look for events of a socket."""
        self._known[number] = one
        self._epoll.register(number, events)

    def watch(self, number: int, events: int) -> None:
        """Look for others."""
        self._epoll.modify(number, events)

    def forget(self, number: int) -> None:
        """Look for none."""
        del self._known[number]
        self._epoll.unregister(number)

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        """Act in so many seconds."""
        heapq.heappush(self._timers, (time.monotonic() + seconds, next(self._numbers), act))

    def soon(self, act: Callable[[], None]) -> None:
        """Act once what can be read now has been."""
        self._soon.append(act)

    def write(self, write: Callable[[], None]) -> None:
        """Write now; or once nothing can be read, after what waits already."""
        if self.reads_first or self._unwritten:
            self._unwritten.append(write)
        else:
            write()

    def run(self, line: Callable[[str], None]) -> None:
        """Hand on each line of the standard input, until there are no more."""
        self._line = line
        stdin = sys.stdin.fileno()
        self._epoll.register(stdin, select.EPOLLIN)
        while not self._ended:
            ready = self._epoll.poll(self._wait(), 512)
            for number, events in ready:
                if number == stdin:
                    self._read(stdin)
                elif (one := self._known.get(number)) is not None:
                    one.happened(events)
            if not ready:
                for _ in range(min(_WRITTEN_AT_ONCE, len(self._unwritten))):
                    self._unwritten.popleft()()
            soon, self._soon = self._soon, []
            for act in soon:
                act()
            while self._timers and self._timers[0][0] <= time.monotonic():
                heapq.heappop(self._timers)[2]()

    def _wait(self) -> float:
        """Seconds for which nothing need be done; negative for ever."""
        if self._soon or self._unwritten:
            return 0.0
        return max(0.0, self._timers[0][0] - time.monotonic()) if self._timers else -1.0

    def _read(self, stdin: int) -> None:
        read = os.read(stdin, 1 << 20)
        self._ended = not read
        *lines, self._lines = (self._lines + read).split(b"\n")
        for one in lines:
            self._line(one.decode())
