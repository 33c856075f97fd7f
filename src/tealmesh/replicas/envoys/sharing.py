"""Publishes what this replica knows of its Envoys, and reads what the others have published."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

import sqlalchemy as sa

from tealmesh.model.clock import SteadyClock
from tealmesh.model.convergence import Reported
from tealmesh.model.errors import TealError
from tealmesh.replicas.calls import Calls, Connect
from tealmesh.replicas.envoys import coding
from tealmesh.replicas.envoys.together import together
from tealmesh.replicas.presence.deciding import Standing
from tealmesh.store.database.schema import replica_meshes as meshes

log = logging.getLogger(__name__)

BATCH_SECONDS = 0.03
"""What changes within so long is published together."""
READ_SECONDS = 0.05
"""How often the others' rows are looked at while somebody waits for convergence."""
IDLE_SECONDS = 1.0
"""The same otherwise."""
PAUSES = 4
"""What is worked out for a publication, or of one, is followed by a pause so many times as long:
a mesh whose thousands of Envoys all connect would have its replicas do little else."""
DEPARTED_SECONDS = 3.0
"""An Envoy that has disconnected is reported for so long: it is on its way to another replica."""


@dataclass
class _Published:
    """What this replica has published of a mesh."""

    roster: str = ""
    roster_number: int = 0
    progress: str = ""
    number: int = 0
    last: dict[str, Reported] = field(default_factory=dict)
    departed: dict[str, tuple[float, Reported]] = field(default_factory=dict)


@dataclass
class _Read:
    """What another replica has published of a mesh."""

    number: int
    roster_number: int
    roster: str
    envoys: list[Reported]


class SharedEnvoys:
    """An `xds.elsewhere.Elsewhere`; `publish` and `follow` must run as long as the replica does.

    ``here`` tells of the Envoys with a stream here, ``others`` who is there, ``changed`` is called
    with a mesh of which others have published something else, ``waited`` is set while somebody
    waits for convergence.
    """

    def __init__(
        self,
        connect: Connect,
        replica: str,
        here: Callable[[str], Iterable[Reported]],
        others: Callable[[], Mapping[str, Standing]],
        changed: Callable[[str], None],
        waited: asyncio.Event,
        known_gone: Callable[[str], bool],
        clock: SteadyClock,
    ) -> None:
        self._calls = Calls(connect, "envoys", 5.0)
        self._replica = replica
        self._here = here
        self._others = others
        self._changed = changed
        self._waited = waited
        self._known_gone = known_gone
        self._clock = clock
        self._published: dict[str, _Published] = {}
        self._dirty: set[str] = set()
        self._wake = asyncio.Event()
        self._read: dict[tuple[str, str], _Read] = {}
        self._lives: Mapping[str, bool] = {}
        self._together: dict[str, dict[str, Reported]] = {}
        self._decoded = 0.0
        """Seconds that the newest look has taken to read what others have published."""

    def moved(self, mesh: str) -> None:
        """What is reported of a mesh may have changed."""
        self._dirty.add(mesh)
        self._wake.set()

    def reported(self, mesh: str) -> Mapping[str, Reported]:
        return self._together.get(mesh, {})

    async def publish(self) -> None:
        """Write what has changed until cancelled."""
        earliest = 0.0
        while True:
            leaving = any(one.departed for one in self._published.values())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(DEPARTED_SECONDS if leaving else None):
                    await self._wake.wait()
            await asyncio.sleep(max(BATCH_SECONDS, earliest - self._clock()))
            self._wake.clear()
            self._dirty |= {mesh for mesh, one in self._published.items() if one.departed}
            due, self._dirty = self._dirty, set()
            began = self._clock()
            rows = [row for mesh in due if (row := self._row(mesh)) is not None]
            earliest = began + (1 + PAUSES) * (self._clock() - began)
            try:
                if rows:
                    await self._calls.call(self._write, rows)
            except (TealError, sa.exc.SQLAlchemyError, TimeoutError) as error:
                # Of what is written next, all counts.
                log.debug("what Envoys run with is not published: %s", error)
                for mesh in due & self._published.keys():
                    before = self._published[mesh]
                    self._published[mesh] = replace(before, roster="", progress="")
                self._dirty |= due
                await asyncio.sleep(IDLE_SECONDS)
                self._wake.set()

    async def follow(self) -> None:
        """Read what the others have published until cancelled."""
        while True:
            spent = 0.0
            with contextlib.suppress(TealError, sa.exc.SQLAlchemyError, TimeoutError):
                spent = await self._look()
            if self._waited.is_set():
                await asyncio.sleep(max(READ_SECONDS, PAUSES * spent))
            else:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(IDLE_SECONDS):
                        await self._waited.wait()

    async def close(self) -> None:
        await self._calls.close()

    def _row(self, mesh: str) -> dict[str, object] | None:
        """The row of a mesh; None if it is as it was published."""
        before = self._published.get(mesh) or _Published()
        now = self._clock()
        present = {one.status.id: one for one in self._here(mesh)}
        departed = {
            identity: (at, one)
            for identity, (at, one) in before.departed.items()
            if identity not in present and now - at < DEPARTED_SECONDS
        }
        for identity in before.last.keys() - present.keys():
            one = before.last[identity]
            gone = replace(one, status=replace(one.status, connected=False))
            departed.setdefault(identity, (now, gone))
        envoys = [*present.values(), *(one for _, one in departed.values())]
        roster, progress = coding.roster(envoys), coding.progress(envoys)
        after = _Published(
            roster,
            before.roster_number + (roster != before.roster),
            progress,
            before.number + 1,
            present,
            departed,
        )
        same = (roster, progress) == (before.roster, before.progress)
        self._published[mesh] = replace(after, number=before.number) if same else after
        if same:
            return None
        row: dict[str, object] = {"mesh": mesh, "number": after.number, "progress": progress}
        if roster != before.roster:
            row |= {"roster": roster, "roster_number": after.roster_number}
        return row

    def _write(self, connection: sa.Connection, rows: list[dict[str, object]]) -> None:
        for row in rows:
            mine = sa.and_(meshes.c.replica == self._replica, meshes.c.mesh == row["mesh"])
            if not connection.execute(sa.update(meshes).where(mine).values(**row)).rowcount:
                connection.execute(sa.insert(meshes).values(replica=self._replica, **row))

    async def _look(self) -> float:
        """Take what others have published since the last look; the seconds of work that it was."""
        known = {place: (one.number, one.roster_number) for place, one in self._read.items()}
        self._decoded = 0.0
        rows = await self._calls.call(self._newer, known)
        began, touched = self._clock(), set()
        for place, row in rows.items():
            if row is not None:
                self._read[place] = row
                touched.add(place[1])
        for place in self._read.keys() - rows.keys():
            del self._read[place]
            touched.add(place[1])
        silent = (Standing.DEAD, Standing.CUT_OFF)
        lives = {i: standing not in silent for i, standing in self._others().items()}
        if lives != self._lives:
            self._lives = lives
            touched |= {mesh for _, mesh in self._read}
        # An Envoy that is waited for may be known to be gone by now.
        touched |= {
            mesh
            for mesh, envoys in self._together.items()
            if any(not one.status.connected for one in envoys.values())
        }
        for mesh in touched:
            reports = [
                (lives.get(replica, False), one.envoys)
                for (replica, of), one in self._read.items()
                if of == mesh
            ]
            found = together(reports, self._known_gone)
            if found != self._together.get(mesh, {}):
                self._together[mesh] = found
                self._changed(mesh)
        return self._decoded + self._clock() - began

    def _newer(
        self, connection: sa.Connection, known: Mapping[tuple[str, str], tuple[int, int]]
    ) -> dict[tuple[str, str], _Read | None]:
        """The rows of others; None for those that are known."""
        numbers = sa.select(meshes.c.replica, meshes.c.mesh, meshes.c.number)
        found: dict[tuple[str, str], _Read | None] = {}
        for replica, mesh, number in connection.execute(
            numbers.where(meshes.c.replica != self._replica)
        ).all():
            place = (replica, mesh)
            found[place] = None
            if known.get(place, (0, 0))[0] == number:
                continue
            where = sa.and_(meshes.c.replica == replica, meshes.c.mesh == mesh)
            row = connection.execute(
                sa.select(meshes.c.number, meshes.c.roster_number, meshes.c.progress).where(where)
            ).one()
            before = self._read.get(place)
            if before is not None and before.roster_number == row.roster_number:
                roster = before.roster
            else:
                whole = connection.execute(sa.select(meshes).where(where)).one()
                row, roster = whole, whole.roster
            began = self._clock()
            envoys = coding.read(roster, row.progress)
            self._decoded += self._clock() - began
            found[place] = _Read(row.number, row.roster_number, roster, envoys)
        return found
