"""Writes that this replica is there, and finds out which others are."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import sqlalchemy as sa

from tealmesh.model.clock import SteadyClock
from tealmesh.model.errors import TealError
from tealmesh.model.wire import ControlPlaneStatus
from tealmesh.replicas.calls import Calls, Connect
from tealmesh.replicas.presence import deciding
from tealmesh.replicas.presence.deciding import LEFT, PACE, Pace, Picture, Row, Standing
from tealmesh.store.database.schema import replica_counts as counts
from tealmesh.store.database.schema import replica_meshes as meshes
from tealmesh.store.database.schema import replicas

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Health:
    """What a replica answers."""

    replica: str
    database: bool
    """Whether it has the database."""


Ask = Callable[[str, float], Awaitable[Health | None]]
"""(address, seconds) -> what answers there; None for nothing."""


class Presence:
    """Of one replica; `run` must run as long as it does."""

    def __init__(
        self,
        connect: Connect,
        replica: str,
        address: str,
        ask: Ask,
        clock: SteadyClock,
        pace: Pace = PACE,
    ) -> None:
        self.replica = replica
        self.address = address
        self._ask = ask
        self._clock = clock
        self._pace = pace
        self._picture = Picture({})
        self.streams: Callable[[], int] = lambda: 0
        """How many Envoys are served here."""
        self._streams: Mapping[str, int] = {}
        self._wrote_at = clock()
        self._others_have_it = False
        self._calls = Calls(connect, "presence", pace.silent)
        self._told: dict[str, Standing] = {}
        self._changed: set[asyncio.Event] = set()

    @contextlib.contextmanager
    def waking(self, event: asyncio.Event) -> Iterator[None]:
        """Set ``event`` whenever a replica comes, dies or is forgotten."""
        self._changed.add(event)
        try:
            yield
        finally:
            self._changed.discard(event)

    def others(self) -> Mapping[str, Standing]:
        """The other replicas, by id; the dead until they are forgotten."""
        now = self._clock()
        return {
            identity: deciding.standing(self._picture, identity, now, self._pace)
            for identity in self._picture.seen
            if identity != self.replica
        }

    def gone(self, identities: Iterable[str]) -> set[str]:
        """Those that are dead or of which nothing is known; none before the first look."""
        now = self._clock()
        return {
            one
            for one in identities
            if one != self.replica
            and deciding.standing(self._picture, one, now, self._pace) is Standing.DEAD
        }

    def served(self) -> Mapping[str, int]:
        """How many Envoys each replica serves that is alive, this one too."""
        alive = [i for i, standing in self.others().items() if standing is Standing.ALIVE]
        counted = {identity: self._streams.get(identity, 0) for identity in alive}
        return {**counted, self.replica: self.streams()}

    def addresses(self) -> Mapping[str, str]:
        """Where others are reached, by id."""
        return {i: one.row.address for i, one in self._picture.seen.items() if i != self.replica}

    def control_planes(self) -> list[ControlPlaneStatus]:
        """This one and the others, by address, without those that have stopped in good order and
        the dead whose address another one has by now.
        """
        now, others, seen = self._clock(), self.others(), self._picture.seen
        lives = {self.address} | {
            seen[one].row.address
            for one, standing in others.items()
            if standing is not Standing.DEAD
        }
        found: list[ControlPlaneStatus] = [
            {
                "address": self.address,
                "standing": Standing.ALIVE.value,
                "envoys": self.streams(),
                "here": True,
            }
        ]
        for one, standing in others.items():
            address, beat = seen[one].row.address, seen[one].row.beat
            if beat == LEFT or (standing is Standing.DEAD and address in lives):
                continue
            told: ControlPlaneStatus = {
                "address": address,
                "standing": standing.value,
                "envoys": self._streams.get(one, 0),
            }
            if standing is not Standing.ALIVE:
                told["silentSeconds"] = now - seen[one].since
            found.append(told)
        return sorted(found, key=lambda told: told["address"])

    def hands_over(self) -> bool:
        """Whether this replica alone has been cut off from the database for so long that its
        Envoys are better served elsewhere.
        """
        away = self._clock() - self._wrote_at
        return deciding.hands_over(away, self._others_have_it, self._pace)

    async def run(self) -> None:
        """Write and read until cancelled; then say that this replica has left."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._beat())
                group.create_task(self._question())
        finally:
            with contextlib.suppress(TealError, sa.exc.SQLAlchemyError, TimeoutError):
                await self._calls.call(self._leave)
            await self._calls.close()

    async def _beat(self) -> None:
        away = False
        while True:
            try:
                rows = await self._calls.call(self._write_and_read)
            except (TealError, sa.exc.SQLAlchemyError, TimeoutError) as error:
                if not away:
                    log.warning("cannot say that this replica is there: %s", error or "no answer")
                away = True
            else:
                away = False
                now = self._wrote_at = self._clock()
                self._picture = deciding.read(self._picture, rows, now, self._pace)
                self._tell()
            await asyncio.sleep(self._pace.beat)

    async def _question(self) -> None:
        """Ask those that are silent, and everybody while this replica has no database itself."""
        while True:
            await asyncio.sleep(self._pace.asks)
            now, picture = self._clock(), self._picture
            blind = not deciding.sees(picture, now, self._pace)
            suspects = {
                identity: seen.row.address
                for identity, seen in picture.seen.items()
                if identity != self.replica
                and seen.dead_at is None
                and (blind or deciding.silent(seen, now, self._pace))
            }
            health = await asyncio.gather(
                *(self._ask(address, self._pace.answers) for address in suspects.values())
            )
            self._others_have_it = any(one is not None and one.database for one in health)
            for identity, one in zip(suspects, health, strict=True):
                answers = one is not None and one.replica == identity
                self._picture = deciding.asked(
                    self._picture, identity, answers, self._clock(), self._pace
                )
            self._tell()

    def _tell(self) -> None:
        present = dict(self.others())
        for identity, standing in present.items():
            if standing is not self._told.get(identity):
                at = self._picture.seen[identity].row.address
                log.info("replica %s at %s is %s", identity, at, standing)
        if present != self._told:
            self._told = present
            for event in self._changed:
                event.set()

    def _write_and_read(self, connection: sa.Connection) -> dict[str, Row]:
        mine = replicas.c.id == self.replica
        written = connection.execute(
            sa.update(replicas)
            .where(mine)
            .values(beat=replicas.c.beat + 1, address=self.address, streams=self.streams())
        )
        if not written.rowcount:
            values = {"id": self.replica, "address": self.address, "beat": 0, "streams": 0}
            connection.execute(sa.insert(replicas).values(**values))
        for identity in deciding.forgotten(self._picture, self._clock(), self._pace):
            last = self._picture.seen[identity].row.beat
            gone = connection.execute(
                sa.delete(replicas).where(replicas.c.id == identity, replicas.c.beat == last)
            )
            if gone.rowcount:
                connection.execute(sa.delete(meshes).where(meshes.c.replica == identity))
                connection.execute(sa.delete(counts).where(counts.c.replica == identity))
        found = connection.execute(sa.select(replicas)).all()
        self._streams = {row.id: row.streams for row in found}
        return {row.id: Row(row.address, row.beat) for row in found}

    def _leave(self, connection: sa.Connection) -> None:
        mine = replicas.c.id == self.replica
        connection.execute(sa.update(replicas).where(mine).values(beat=LEFT))
        self._picture = replace(self._picture, read_at=None)
