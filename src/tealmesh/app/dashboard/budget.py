"""How often the sections may be read, so that an open page costs little however large a fleet is.
Pure.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Coroutine, Generator
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")

PART_OF_TIME = 0.003
"""Of a core, that each of the two readings may take: one of the state, and one of what Envoys
report, so that neither makes the other rare. Writing down what has changed is counted as theirs,
and so is half of all that pages are sent and ask for. What is left of a hundredth is for what is
not counted: reading the history in a thread of its own, and the garbage of it all."""
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
    """The processor time that some work takes of a thread which others use in between."""

    def __init__(self, used: Callable[[], float]) -> None:
        """``used``: the seconds of processor time that the thread has used, as
        `time.thread_time`.
        """
        self._used = used
        self.seconds = 0.0
        """Until now."""

    async def by(self, work: Coroutine[Any, Any, T]) -> T:
        """What ``work`` returns. Each of its steps is counted, and nothing that others do while it
        waits; of tasks that it begins only those that are counted too.
        """
        return await self._stepped(work)

    @types.coroutine
    def _stepped(self, work: Coroutine[Any, Any, T]) -> Generator[Any, Any, T]:
        raised: BaseException | None = None
        while True:
            begun = self._used()
            try:
                waits_for = work.send(None) if raised is None else work.throw(raised)
            except StopIteration as ended:
                returned: T = ended.value
                return returned
            finally:
                self.seconds += self._used() - begun
            raised = None
            try:
                yield waits_for
            except GeneratorExit:
                work.close()
                raise
            except BaseException as error:  # noqa: BLE001 — it is for the work, whatever it is
                raised = error
