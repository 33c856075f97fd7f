"""Workers: how a service is brought, and kept, where it is wanted. Level-triggered: what counts
is the committed state, never what is said to have changed in it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

from tealmesh.engine.context import EngineContext
from tealmesh.engine.runtimes.base import DockerUnavailable
from tealmesh.engine.scheduler.turn import Outcome, schedule
from tealmesh.store.store import Transaction

_log = logging.getLogger(__name__)

_RETRY = 1.0
"""Seconds until a worker that met the unexpected begins again."""


class ServiceWorker:
    """Schedules one service whenever it, or one of its tasks, has changed."""

    def __init__(
        self, ports: EngineContext, cluster: str, name: str, paused: Callable[[], bool]
    ) -> None:
        self._ports = ports
        self._cluster = cluster
        self._name = name
        self._paused = paused
        self._seen: tuple[int, int] | None = None
        self._changed = asyncio.Event()

    def notify(self, signature: tuple[int, int]) -> None:
        if signature != self._seen:
            self._seen = signature
            self._changed.set()

    async def run(self) -> None:
        """Until the service is gone."""
        while True:
            self._changed.clear()
            outcome = await self._ports.store.write("engine", "Schedule", self._schedule)
            if outcome.gone:
                return
            delay = None
            if outcome.wake_at is not None:
                delay = max(0.01, outcome.wake_at - self._ports.clock())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await self._changed.wait()

    def _schedule(self, tx: Transaction) -> Outcome:
        # Asked inside the transaction, so that nothing is started once all is being stopped.
        if self._paused():
            return Outcome()
        ports = self._ports
        return schedule(tx, self._cluster, self._name, ports.clock(), ports.new_id, ports.policy)


async def persistently(what: str, work: Callable[[], Awaitable[None]]) -> None:
    """Do the work; when it meets what nobody foresaw, say so and begin again. The state is in
    the store, so a new beginning is all that is needed.
    """
    while True:
        try:
            await work()
        except DockerUnavailable as error:
            # Foreseen: its containers go on, and it comes back or is started by someone.
            _log.warning("%s: %s; trying again in %g s", what, error, _RETRY)
            await asyncio.sleep(_RETRY)
        except Exception:  # noqa: BLE001 - logged whole, and the work is begun again
            _log.exception("%s: unexpected; trying again in %g s", what, _RETRY)
            await asyncio.sleep(_RETRY)
        else:
            return
