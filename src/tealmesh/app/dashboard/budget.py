"""How often the sections may be read, so that an open page costs little however large a fleet is.
Pure.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

PART_OF_TIME = 0.0035
"""Of a core, that each of the two readings may take, with writing down what has changed: one of the
state, and one of what Envoys report, so that neither makes the other rare. What is left of a
hundredth is for sending."""
SAVED_SECONDS = 0.5
"""Of processor time, that reading the state may save up while it takes less: a deployment in a
fleet that was quiet is told at once, second by second. What flows flows all the time: of it nothing
is saved up."""
SHORTEST_PAUSE = 1.0
LONGEST_PAUSE = 10.0


@dataclass
class Budget:
    """The processor time that a reading has left; it begins with what may be saved."""

    last: float
    """When it was asked last, in seconds."""
    saved: float = SAVED_SECONDS
    """What may be saved up, in seconds of processor time."""
    left: float = field(init=False)
    """Negative where more was taken than there was."""

    def __post_init__(self) -> None:
        self.left = self.saved

    def pause(self, took: float, now: float) -> float:
        """The seconds to wait after a reading that took some seconds of processor time."""
        self.left += (now - self.last) * PART_OF_TIME - took
        # Who has waited for the longest time owes nothing more.
        self.left = max(-LONGEST_PAUSE * PART_OF_TIME, min(self.saved, self.left))
        self.last = now
        return max(SHORTEST_PAUSE, -self.left / PART_OF_TIME)


class Spent:
    """The processor time that one reading takes of a thread which others use in between."""

    def __init__(self, used: Callable[[], float]) -> None:
        """``used``: the seconds of processor time that the thread has used, as
        `time.thread_time`.
        """
        self._used = used
        self._since = used()
        self._before = 0.0

    @property
    def seconds(self) -> float:
        """Until now."""
        return self._before + self._used() - self._since

    @contextlib.contextmanager
    def others(self) -> Iterator[None]:
        """What is awaited meanwhile is the others'."""
        self._before = self.seconds
        try:
            yield
        finally:
            self._since = self._used()
