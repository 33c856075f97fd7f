"""Publishes once a second what this replica's Envoys have counted, and reads what others' have."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping
from typing import Protocol

import sqlalchemy as sa

from tealmesh.model.clock import SteadyClock
from tealmesh.model.errors import TealError
from tealmesh.replicas.calls import Calls, Connect
from tealmesh.replicas.presence.deciding import Standing
from tealmesh.store.database.schema import replica_counts as counts

log = logging.getLogger(__name__)

SECONDS = 1.0
SILENT_SECONDS = 5.0
"""Nothing is heard of a replica that has published nothing for so long."""
MOST_AGE_SECONDS = 30.0
"""The clock of the database may be set: what seems older is taken for this old."""

_Row = tuple[int, float, bytes]
"""Number, age in seconds, body."""


class Others(Protocol):
    """What is done with what other replicas publish."""

    def read(self, replica: str, stored: bytes, age: float, now: float) -> None: ...
    def present(self, heard: Collection[str], gone: Callable[[str], bool]) -> None: ...
    def forget(self, replica: str) -> None: ...


class SharedCounts:
    """`run` must run as long as the replica does. ``body`` is what is published at a moment, and
    ``packed`` what is stored of that.
    """

    def __init__(
        self,
        connect: Connect,
        replica: str,
        body: Callable[[float], bytes],
        packed: Callable[[bytes], bytes],
        others: Others,
        standings: Callable[[], Mapping[str, Standing]],
        known_gone: Callable[[str], bool],
        clock: SteadyClock,
    ) -> None:
        self._calls = Calls(connect, "counts", 5.0)
        self._replica = replica
        self._body = body
        self._packed = packed
        self._others = others
        self._standings = standings
        self._known_gone = known_gone
        self._clock = clock
        self._number = 0
        self._known: dict[str, tuple[int, float]] = {}
        """Of each other replica, the number of its last publication, and when that was read."""

    async def run(self) -> None:
        """Publish and read until cancelled."""
        while True:
            self._number += 1
            body, number = self._body(self._clock()), self._number
            try:
                rows = await self._calls.call(self._write_and_read, body, number)
            except (TealError, sa.exc.SQLAlchemyError, TimeoutError) as error:
                log.debug("what callers counted is not published: %s", error)
            else:
                self._take(rows)
            self._judge()
            await asyncio.sleep(SECONDS)

    async def close(self) -> None:
        await self._calls.close()

    def _take(self, rows: Mapping[str, _Row | None]) -> None:
        now = self._clock()
        for replica, row in rows.items():
            if row is not None:
                number, age, body = row
                self._known[replica] = (number, now)
                self._others.read(replica, body, min(max(age, 0.0), MOST_AGE_SECONDS), now)
        for replica in self._known.keys() - rows.keys():
            del self._known[replica]
            self._others.forget(replica)

    def _judge(self) -> None:
        """Tell of whom something is heard."""
        now, standings = self._clock(), self._standings()
        heard = [
            replica
            for replica, (_, at) in self._known.items()
            if now - at < SILENT_SECONDS and standings.get(replica) is not Standing.DEAD
        ]
        self._others.present(heard, self._known_gone)

    def _write_and_read(
        self, connection: sa.Connection, body: bytes, number: int
    ) -> dict[str, _Row | None]:
        """The rows of the others; None for those that are known."""
        clock = sa.cast(sa.extract("epoch", sa.func.clock_timestamp()), sa.Float)
        mine = counts.c.replica == self._replica
        row = {"number": number, "body": self._packed(body), "written": clock}
        if not connection.execute(sa.update(counts).where(mine).values(**row)).rowcount:
            connection.execute(sa.insert(counts).values(replica=self._replica, **row))
        found: dict[str, _Row | None] = {}
        for replica, newest in connection.execute(
            sa.select(counts.c.replica, counts.c.number).where(sa.not_(mine))
        ).all():
            known = self._known.get(replica)
            if known is not None and known[0] == newest:
                found[replica] = None
                continue
            age = (clock - counts.c.written).label("age")
            query = sa.select(counts.c.number, age, counts.c.body)
            one = connection.execute(query.where(counts.c.replica == replica)).one()
            found[replica] = (one.number, float(one.age), one.body)
        return found
