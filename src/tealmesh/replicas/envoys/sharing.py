"""Publishes what this replica knows of its Envoys, and reads what the others have published."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
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
"""What changes within so long is published together, at least."""
LATEST_SECONDS = 0.07
"""And at most: of thousands of Envoys, writing them down takes its time."""
LOOK_SECONDS = 2.0
"""How often all Envoys of a mesh are looked at, in place of those that have moved."""
READ_SECONDS = 0.05
"""How often the others' rows are looked at while somebody waits for convergence."""
IDLE_SECONDS = 1.0
"""The same otherwise."""
DEPARTED_SECONDS = 3.0
"""An Envoy that has disconnected is reported for so long: it is on its way to another replica."""


@dataclass
class _Mesh:
    """What this replica reports of a mesh, and what it has published of it."""

    envoys: dict[str, tuple[str, Reported]] = field(default_factory=dict)
    """By id, in the order of the roster: its entry, and how far it is."""
    left: dict[str, float] = field(default_factory=dict)
    """Those that have disconnected, and when."""
    looked: float = -LOOK_SECONDS
    """When all were looked at."""
    roster: str = ""
    roster_number: int = 0
    progress: str = ""
    number: int = 0

    def take(self, present: Mapping[str, Reported], asked: Collection[str], now: float) -> None:
        """``present``: those of ``asked`` that have a stream, as they are now."""
        for identity in asked:
            known = self.envoys.get(identity)
            if known is not None and identity not in present and identity not in self.left:
                entry, one = known
                gone = replace(one, status=replace(one.status, connected=False))
                self.envoys[identity], self.left[identity] = (entry, gone), now
        for identity, one in present.items():
            self.left.pop(identity, None)
            known = self.envoys.get(identity)
            same = known is not None and coding.same(known[1], one)
            self.envoys[identity] = (known[0] if known and same else coding.entry(one), one)
        for identity in [one for one, at in self.left.items() if now - at >= DEPARTED_SECONDS]:
            del self.left[identity], self.envoys[identity]


@dataclass
class _Read:
    """What another replica has published of a mesh."""

    number: int
    roster_number: int
    roster: Sequence[coding.Entry]
    envoys: list[Reported]


class SharedEnvoys:
    """An `xds.elsewhere.Elsewhere`; `publish` and `follow` must run as long as the replica does.

    ``here`` tells of the Envoys of a mesh with a stream here, of all or of those with some ids;
    ``others``, who is there; ``changed`` is called with a mesh of which others have published
    something else; ``waited`` is set while somebody waits for convergence.
    """

    def __init__(
        self,
        connect: Connect,
        replica: str,
        here: Callable[[str, Collection[str] | None], Iterable[Reported]],
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
        self._meshes: dict[str, _Mesh] = {}
        self._dirty: dict[str, set[str] | None] = {}
        """By mesh, the ids of those that may have moved; None for all."""
        self._wake = asyncio.Event()
        self._read: dict[tuple[str, str], _Read] = {}
        self._lives: Mapping[str, bool] = {}
        self._together: dict[str, dict[str, Reported]] = {}

    def moved(self, mesh: str, identity: str | None = None) -> None:
        """What is reported of an Envoy of a mesh may have changed, or of all its Envoys."""
        ids = self._dirty.setdefault(mesh, set())
        if identity is None:
            self._dirty[mesh] = None
        elif ids is not None:
            ids.add(identity)
        self._wake.set()

    def reported(self, mesh: str) -> Mapping[str, Reported]:
        return self._together.get(mesh, {})

    async def publish(self) -> None:
        """Write what has changed until cancelled."""
        pause = BATCH_SECONDS
        while True:
            leaving = any(one.left for one in self._meshes.values())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(DEPARTED_SECONDS if leaving else None):
                    await self._wake.wait()
            await asyncio.sleep(pause)
            self._wake.clear()
            began = self._clock()
            await self._publish()
            pause = min(LATEST_SECONDS, max(BATCH_SECONDS, 2 * (self._clock() - began)))

    async def _publish(self) -> None:
        due, self._dirty = self._dirty, {}
        for mesh in [mesh for mesh, one in self._meshes.items() if one.left]:
            due.setdefault(mesh, set())
        try:
            rows = [row for mesh, ids in due.items() if (row := self._row(mesh, ids)) is not None]
            if rows:
                await self._calls.call(self._write, rows)
        except (TealError, sa.exc.SQLAlchemyError, TimeoutError) as error:
            # Of what is written next, all counts.
            log.debug("what Envoys run with is not published: %s", error)
            for mesh in due:
                if mesh in self._meshes:
                    self._meshes[mesh].roster = self._meshes[mesh].progress = ""
                self.moved(mesh)
            await asyncio.sleep(IDLE_SECONDS)

    async def follow(self) -> None:
        """Read what the others have published until cancelled."""
        while True:
            with contextlib.suppress(TealError, sa.exc.SQLAlchemyError, TimeoutError):
                await self._look()
            if self._waited.is_set():
                await asyncio.sleep(READ_SECONDS)
            else:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(IDLE_SECONDS):
                        await self._waited.wait()

    async def close(self) -> None:
        await self._calls.close()

    def _row(self, mesh: str, ids: set[str] | None) -> dict[str, object] | None:
        """The row of a mesh; None if it is as it was published. ``ids``: of the Envoys that may
        have moved since; None for all.
        """
        known, now = self._meshes.setdefault(mesh, _Mesh()), self._clock()
        if ids is None or now - known.looked >= LOOK_SECONDS:
            ids, known.looked = None, now
        present = {one.status.id: one for one in self._here(mesh, ids)}
        known.take(present, list(known.envoys) if ids is None else ids, now)
        roster = coding.roster(entry for entry, _ in known.envoys.values())
        progress = coding.progress([one for _, one in known.envoys.values()])
        if (roster, progress) == (known.roster, known.progress):
            return None
        known.number += 1
        row: dict[str, object] = {"mesh": mesh, "number": known.number, "progress": progress}
        if roster != known.roster:
            known.roster_number += 1
            row |= {"roster": roster, "roster_number": known.roster_number}
        known.roster, known.progress = roster, progress
        return row

    def _write(self, connection: sa.Connection, rows: list[dict[str, object]]) -> None:
        for row in rows:
            mine = sa.and_(meshes.c.replica == self._replica, meshes.c.mesh == row["mesh"])
            if not connection.execute(sa.update(meshes).where(mine).values(**row)).rowcount:
                connection.execute(sa.insert(meshes).values(replica=self._replica, **row))

    async def _look(self) -> None:
        known = {place: (one.number, one.roster_number) for place, one in self._read.items()}
        rows = await self._calls.call(self._newer, known)
        touched = set()
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
                roster, was = before.roster, before.envoys
            else:
                row = connection.execute(sa.select(meshes).where(where)).one()
                roster, was = coding.entries(row.roster), []
            envoys = coding.read(roster, row.progress, was)
            found[place] = _Read(row.number, row.roster_number, roster, envoys)
        return found
