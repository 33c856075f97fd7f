"""Waits until an Envoy that connects here gets nothing older than it may have got elsewhere.

Whatever an Envoy was ever sent was in the database before. So whoever asks the database for its
revision once the Envoy has connected, and waits until what Envoys get here is of that revision, can
send it nothing older, whichever replica it was at before and whether or not that one still lives.
Design note 050.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from tealmesh.model.clock import SteadyClock
from tealmesh.model.errors import Behind, DatabaseAway
from tealmesh.store import Store
from tealmesh.xds.streams.fed import Fed

LAG_SECONDS = 5.0
"""How long an Envoy waits for this replica to have what the database has."""
AWAY_SECONDS = 60.0
"""How long an Envoy that holds something waits for a database that is away."""
_AGAIN_SECONDS = 0.5

Head = Callable[[], Awaitable[int]]
"""The database's revision. Raises DatabaseAway."""


def head_of(store: Store) -> Head:
    """The revision of a store's database."""

    async def head() -> int:
        view = await store.fresh()
        if why := store.away():
            raise DatabaseAway(why)
        return view.revision

    return head


class Current:
    """`xds.streams.server.Current` by the database's revision, which is asked for once for all that
    connect while an earlier question is open.
    """

    def __init__(
        self,
        head: Head,
        fed: Fed,
        clock: SteadyClock,
        cut_off: Callable[[], bool] = lambda: False,
    ) -> None:
        """``cut_off``: whether this replica alone is without the database."""
        self._head = head
        self._cut_off = cut_off
        self._fed = fed
        self._clock = clock
        self._open: asyncio.Task[int] | None = None
        self._next: asyncio.Task[int] | None = None

    async def __call__(self, holds: bool) -> None:
        """``holds``: whether the Envoy has something. While the database is away nothing changes,
        so that it misses nothing if it keeps that; one that has nothing gets what is known. Where
        others have the database it changes, and both are sent there.
        """
        until = self._clock() + AWAY_SECONDS
        while True:
            try:
                revision = await self._asked()
                break
            except DatabaseAway as error:
                if self._cut_off():
                    raise Behind("this replica alone has no database: connect again") from error
                if not holds or self._clock() >= until:
                    return
                await asyncio.sleep(_AGAIN_SECONDS)
        try:
            async with asyncio.timeout(LAG_SECONDS):
                await self._fed.reached(revision)
        except TimeoutError:
            raise Behind(
                f"this replica is at revision {self._fed.revision}, the database at {revision}: "
                "connect again"
            ) from None

    async def _asked(self) -> int:
        """The revision at a moment after this call."""
        if self._next is None:
            self._next = asyncio.create_task(self._ask(self._open))
        return await asyncio.shield(self._next)

    async def _ask(self, before: asyncio.Task[int] | None) -> int:
        if before is not None:
            await asyncio.wait([before])
        self._open, self._next = self._next, None
        return await self._head()
