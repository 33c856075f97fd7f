"""Streams whose Envoys owe an answer, in the order in which they have owed it."""

from __future__ import annotations

import asyncio
from typing import Protocol

from tealmesh.model.clock import SteadyClock


class Debtor(Protocol):
    """A stream."""

    def wake(self) -> None:
        """Look whether the Envoy has owed its answer for too long."""
        ...


class Owing:
    """One timer for all streams: nearly every answer comes at once, and a timer for each would be
    made and ended ten thousand times at every push.
    """

    def __init__(self, clock: SteadyClock, patience: float) -> None:
        """``patience``: seconds after which who owes an answer is woken."""
        self._clock = clock
        self._patience = patience
        self._since: dict[Debtor, float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def owes(self, stream: Debtor, since: float) -> None:
        """It has owed an answer since then, which is later than what the others have."""
        self._since.pop(stream, None)
        self._since[stream] = since

    def owes_nothing(self, stream: Debtor) -> None:
        self._since.pop(stream, None)

    def anybody(self) -> bool:
        """Whether a stream owes an answer."""
        return bool(self._since)

    def watch(self) -> None:
        """See to it that who owes is woken in time; in the event loop of the streams."""
        if self._timer is None and self._since:
            first = next(iter(self._since.values()))
            left = max(0.0, first + self._patience - self._clock())
            self._timer = asyncio.get_running_loop().call_later(left, self._overdue)

    def _overdue(self) -> None:
        self._timer = None
        now = self._clock()
        overdue: list[Debtor] = []
        for stream, since in self._since.items():
            if since + self._patience > now:
                break
            overdue.append(stream)
        for stream in overdue:
            self._since.pop(stream, None)
            stream.wake()
        self.watch()
