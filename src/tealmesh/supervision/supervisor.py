"""Runs workers again after errors that nobody foresaw.

A worker's state is in the store, so running it again from its start is always safe. It is tried
again later each time, and named by `troubles` until it has worked for a while.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from collections.abc import Awaitable, Callable, Collection, Iterator
from dataclasses import dataclass, field
from types import TracebackType

from tealmesh.model.clock import Clock, system_clock
from tealmesh.model.errors import DockerUnavailable, LeaseLost, TealError
from tealmesh.supervision.trouble import EVERYTHING, Told, Trouble, last_line

_log = logging.getLogger(__name__)


FORGET_SECONDS = 120.0
"""What nobody has attempted again for so long is not needed any more. Envoys try again within 30 s.
"""


@dataclass(frozen=True)
class Backoff:
    """How long to wait before a failed worker is run again, in seconds."""

    first: float = 0.5
    most: float = 15.0

    def after(self, failures: int) -> float:
        """Doubled at each failure in a row."""
        return min(self.first * 2.0 ** min(failures - 1, 30), self.most)


@dataclass
class _Failing:
    trouble: Trouble
    retry_at: float | None
    """By the event loop's clock; None while the worker runs."""
    change: asyncio.TimerHandle | None = None
    """When it counts as healed, or is forgotten."""
    healing: bool = False


class Attempts:
    """Of `Supervisor.attempt`: surrounds each one, thousands in a second."""

    __slots__ = ("_concerns", "_supervisor", "_worker", "failing")

    def __init__(self, supervisor: Supervisor, worker: str, concerns: str) -> None:
        self._supervisor = supervisor
        self.failing: Collection[str] = supervisor._failing
        """Who fails at present: where nobody does, nobody need be told that an attempt worked."""
        self._worker = worker
        self._concerns = concerns

    def __enter__(self) -> None:
        return None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if error is not None or self.failing:
            self.ended(error)

    def ended(self, error: BaseException | None) -> None:
        """An attempt has worked, or failed; the same as the end of a block."""
        self._supervisor.attempted(self._worker, self._concerns, error)


def _nobody(how: object, trouble: Trouble) -> None:
    return None


@dataclass
class Supervisor:
    """The workers of one control plane. All in one event loop."""

    clock: Clock = system_clock
    """For the times that are shown."""
    backoff: Backoff = field(default_factory=Backoff)
    told: Told = _nobody
    _failing: dict[str, _Failing] = field(default_factory=dict)

    async def keep(
        self,
        worker: str,
        work: Callable[[], Awaitable[None]],
        *,
        concerns: str = EVERYTHING,
        ends: bool = True,
    ) -> None:
        """Run ``work`` to its end; after an error, run it again.

        ``worker`` names it for people, and must be unique. ``ends``: False if it must never return,
        so that it is run again then too. Only being cancelled ends it before its time.
        """
        try:
            while True:
                try:
                    await work()
                    if ends:
                        self._heal(worker)
                        return
                    raise RuntimeError("it has ended, which it must not")
                except asyncio.CancelledError as error:
                    # Of something that it waited for, or of itself?
                    task = asyncio.current_task()
                    if task is None or task.cancelling():
                        raise
                    delay = self._failed(worker, concerns, error)
                except Exception as error:  # noqa: BLE001 - told and logged, and tried again
                    delay = self._failed(worker, concerns, error)
                await asyncio.sleep(delay)
                self._trying(worker, delay)
        finally:
            self._forget(worker)

    def attempt(self, worker: str, *, concerns: str = EVERYTHING) -> Attempts:
        """One attempt of what somebody else repeats, such as an Envoy that connects again: an error
        is told and raised, and heals once attempts have succeeded for a moment.
        """
        return Attempts(self, worker, concerns)

    def attempts(self, worker: str) -> Attempts:
        """The same, to be entered for each attempt of many."""
        return Attempts(self, worker, EVERYTHING)

    @contextlib.contextmanager
    def contained(self, worker: str, *, concerns: str = EVERYTHING) -> Iterator[None]:
        """As `attempt`, but the error ends here: for one of several things, which must not keep the
        others from being done.
        """
        with contextlib.suppress(Exception), self.attempt(worker, concerns=concerns):
            yield

    def attempted(self, worker: str, concerns: str, error: BaseException | None) -> None:
        """How an attempt has ended."""
        if isinstance(error, Exception):
            self._failed(worker, concerns, error, repeats=False)
        elif error is None and worker in self._failing:
            self._trying(worker, self.backoff.first)

    def troubles(self) -> list[Trouble]:
        """The workers that fail at present, those that concern everything first."""
        found = [_now(failing) for failing in self._failing.values()]
        return sorted(found, key=lambda trouble: (trouble.concerns != EVERYTHING, trouble.worker))

    def _failed(
        self, worker: str, concerns: str, error: BaseException, *, repeats: bool = True
    ) -> float:
        """Note a failure; return the seconds until the worker is to be tried again."""
        if isinstance(error, LeaseLost):
            # Another replica goes on with it; what is done under the lease here is being stopped.
            _log.info("%s stops: %s", worker, error)
            return self.backoff.first
        before = self._failing.get(worker)
        if before is not None and before.change is not None:
            before.change.cancel()
        text = last_line(error)
        times = before.trouble.times + 1 if before else 1
        since = before.trouble.since if before else self.clock()
        # Docker is looked for often: it may be back any time, and its absence breaks nothing.
        known = isinstance(error, DockerUnavailable)
        delay = self.backoff.first if known else self.backoff.after(times)
        retry_at = asyncio.get_running_loop().time() + delay if repeats else None
        trouble = Trouble(worker, text, concerns, since, times, None)
        failing = self._failing[worker] = _Failing(trouble, retry_at)
        if not repeats:
            loop = asyncio.get_running_loop()
            failing.change = loop.call_later(FORGET_SECONDS, self._forget, worker)
        if before is None or before.trouble.error != text:
            # A traceback for what nobody foresaw, once; ours say all in one line.
            unforeseen = not isinstance(error, TealError)
            _log.error("%s failed: %s", worker, text, exc_info=error if unforeseen else None)
            self.told("fails", trouble)
        return delay

    def _trying(self, worker: str, waited: float) -> None:
        """It is tried again, and counts as healed once it has worked as long as it waited."""
        failing = self._failing.get(worker)
        if failing is not None and not failing.healing:
            if failing.change is not None:
                failing.change.cancel()
            failing.retry_at, failing.healing = None, True
            loop = asyncio.get_running_loop()
            failing.change = loop.call_later(waited, self._heal, worker)

    def _heal(self, worker: str) -> None:
        failing = self._failing.get(worker)
        if failing is not None:
            self._forget(worker)
            _log.warning("%s works again", worker)
            self.told("works", failing.trouble)

    def _forget(self, worker: str) -> None:
        failing = self._failing.pop(worker, None)
        if failing is not None and failing.change is not None:
            failing.change.cancel()


def _now(failing: _Failing) -> Trouble:
    trouble, left = failing.trouble, None
    if failing.retry_at is not None:
        left = max(0.0, math.ceil(failing.retry_at - asyncio.get_running_loop().time()))
    return Trouble(
        trouble.worker, trouble.error, trouble.concerns, trouble.since, trouble.times, left
    )
