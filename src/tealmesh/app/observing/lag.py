"""How far what Envoys get here is behind the database, which other replicas write to."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from tealmesh.model.clock import SteadyClock
from tealmesh.store import View

_EVERY_SECONDS = 2.0
UNREADY_SECONDS = 10.0
"""A replica that lags for so long is not ready."""


class Lag:
    """Of one replica."""

    def __init__(
        self, fresh: Callable[[], Awaitable[View]], fed: Callable[[], int], clock: SteadyClock
    ) -> None:
        """``fresh``: all that the database has, or what is known of it while it is away; ``fed``:
        the revision of what Envoys get.
        """
        self._fresh = fresh
        self._fed = fed
        self._clock = clock
        self._lacks: int | None = None
        """A revision that it lacks."""
        self._since = 0.0

    def seconds(self) -> float:
        """For how long it has lacked some revision; 0 if it lacks none."""
        if self._lacks is None or self._fed() >= self._lacks:
            return 0.0
        return self._clock() - self._since

    async def run(self) -> None:
        """Ask the database again and again, until cancelled."""
        while True:
            head = (await self._fresh()).revision
            if self.seconds() == 0.0:
                self._lacks = head if head > self._fed() else None
                self._since = self._clock()
            await asyncio.sleep(_EVERY_SECONDS)
