"""The worker of one service.

Workers are level-triggered: a notification says only that something has changed; what to do is
decided from the committed state.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping

from tealmesh.engine.context import EngineContext
from tealmesh.engine.scheduler.turn import Outcome, schedule
from tealmesh.model.health import Unusable
from tealmesh.store.views import Transaction

_MIN_SLEEP_SECONDS = 0.01
"""Sleep at least this long, so that a clock which lags behind a deadline causes no busy loop."""


class ServiceWorker:
    """Runs the scheduler for one service whenever the service or one of its tasks has changed."""

    def __init__(
        self,
        context: EngineContext,
        cluster: str,
        name: str,
        paused: Callable[[], bool],
        unusable: Callable[[], Mapping[str, Unusable]] = dict,
    ) -> None:
        """While ``paused()`` is true, no task is started or stopped. ``unusable()`` tells which
        tasks no caller can use, by id.
        """
        self._context = context
        self._cluster = cluster
        self._name = name
        self._paused = paused
        self._unusable = unusable
        self._revisions: tuple[int, int] | None = None
        self._changed = asyncio.Event()

    def notify(self, revisions: tuple[int, int]) -> None:
        """Wake the worker if these differ from the last ones: the revision of the service's
        document, and the newest of its tasks' documents.
        """
        if revisions != self._revisions:
            self._revisions = revisions
            self._changed.set()

    def wake(self) -> None:
        """What callers see of its tasks has changed."""
        self._changed.set()

    async def run(self) -> None:
        """Schedule until the service is gone."""
        while True:
            self._changed.clear()
            outcome = await self._context.store.write("engine", "Schedule", self._schedule)
            if outcome.gone:
                return
            delay = None
            if outcome.wake_after is not None:
                delay = max(_MIN_SLEEP_SECONDS, outcome.wake_after)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await self._changed.wait()

    def _schedule(self, tx: Transaction) -> Outcome:
        # Checked inside the transaction, so that nothing is started after `Engine.stop_all`.
        if self._paused():
            return Outcome()
        context = self._context
        return schedule(
            tx,
            self._cluster,
            self._name,
            context.clock(),
            context.new_id,
            context.policy,
            self._unusable(),
        )
