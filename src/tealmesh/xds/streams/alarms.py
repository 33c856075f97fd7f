"""Streams that have to look again at a time, whatever happens until then."""

from __future__ import annotations

import asyncio
from typing import Protocol

from tealmesh.model.clock import SteadyClock


class Sleeper(Protocol):
    """A stream."""

    @property
    def wakes_at(self) -> float | None:
        """When it has to look again by now; None for never."""
        ...

    def push(self) -> None:
        """Look, and send what is due."""
        ...


class Alarms:
    """One timer for all streams of a moment. Waits end with whole seconds (`standing`), so the
    thousands of Envoys that connect at once share few.
    """

    def __init__(self, clock: SteadyClock) -> None:
        self._clock = clock
        self._sleepers: dict[float, dict[Sleeper, None]] = {}
        """By the moment."""

    def set(self, moment: float, sleeper: Sleeper) -> None:
        """Have it look at this moment, unless it has none any more then; in the event loop of the
        streams.
        """
        known = self._sleepers.get(moment)
        if known is None:
            known = self._sleepers[moment] = {}
            self._wait(moment)
        known[sleeper] = None

    def _wait(self, moment: float) -> None:
        left = max(0.0, moment - self._clock())
        asyncio.get_running_loop().call_later(left, self._ring, moment)

    def _ring(self, moment: float) -> None:
        if self._clock() < moment:
            self._wait(moment)  # timers go by another clock
            return
        for sleeper in self._sleepers.pop(moment):
            wakes_at = sleeper.wakes_at
            if wakes_at is not None and wakes_at <= moment:
                sleeper.push()
