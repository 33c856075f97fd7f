"""How many streams there may be: before an Envoy is known from each source, then of each Envoy.

Until it has proved who it is, a stream costs whoever opens it nothing, so few may wait. What is
known is limited only so that one that goes wrong cannot take everything.
"""

from __future__ import annotations

import contextlib
import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from tealmesh.model.clock import SteadyClock
from tealmesh.model.errors import TooManyStreams

_log = logging.getLogger(__name__)

WAITING_OF_SOURCE = 100
"""Streams from one address that have not proved anything yet, at most."""
WAITING = 500
"""The same from everywhere."""
STREAMS_OF_ENVOY = 16
"""Of one Envoy: one, two for a moment when it connects again."""
STREAMS = 20_000
"""Of all: twice as many as a full default mesh has Envoys."""


@dataclass
class Limits:
    """What is open at present."""

    waiting: Counter[str] = field(default_factory=Counter)
    """By source."""
    streams: Counter[str] = field(default_factory=Counter)
    """By Envoy."""
    open: int = 0
    """Streams of all Envoys."""

    @contextlib.contextmanager
    def unknown(self, source: str) -> Iterator[None]:
        """A stream that has still to prove who it is. Raises TooManyStreams."""
        if self.waiting[source] >= WAITING_OF_SOURCE:
            raise TooManyStreams(f"more than {WAITING_OF_SOURCE} streams of {source} have no token")
        if self.waiting.total() >= WAITING:
            raise TooManyStreams(f"more than {WAITING} streams have no token")
        with _counted(self.waiting, source):
            yield

    @contextlib.contextmanager
    def beginning(self, identity: str) -> Iterator[None]:
        """A stream of an Envoy begins in the block, and counts until `leave`; unless the block
        raises an error. Raises TooManyStreams.
        """
        if self.streams[identity] >= STREAMS_OF_ENVOY:
            raise TooManyStreams(f"more than {STREAMS_OF_ENVOY} streams of {identity}")
        if self.open >= STREAMS:
            raise TooManyStreams(f"more than {STREAMS} streams")
        self.open += 1
        self.streams[identity] += 1
        try:
            yield
        except BaseException:
            self.leave(identity)
            raise

    def leave(self, identity: str) -> None:
        """A stream that was counted has ended."""
        self.open -= 1
        _one_less(self.streams, identity)


@contextlib.contextmanager
def _counted(counter: Counter[str], key: str) -> Iterator[None]:
    counter[key] += 1
    try:
        yield
    finally:
        _one_less(counter, key)


def _one_less(counter: Counter[str], key: str) -> None:
    counter[key] -= 1
    if not counter[key]:
        del counter[key]


class Seldom:
    """Warns at most once a second, because strangers can cause these warnings at will."""

    def __init__(self, clock: SteadyClock) -> None:
        self._clock = clock
        self._next = 0.0
        self._left_out = 0

    def warn(self, message: str) -> None:
        """Warn, or count it."""
        now = self._clock()
        if now < self._next:
            self._left_out += 1
            return
        more = f" (and {self._left_out} more)" if self._left_out else ""
        self._next, self._left_out = now + 1.0, 0
        _log.warning("%s%s", message, more)


def source_of(peer: str) -> str:
    """The address in what gRPC calls a peer, without its port: ``ipv4:127.0.0.1:4711``. All
    containers are one source: they share a Unix socket.
    """
    return peer.rpartition(":")[0] if peer.startswith(("ipv4:", "ipv6:")) else "unix"
