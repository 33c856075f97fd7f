"""The newest snapshot of every mesh and load balancer, and how far each Envoy has come with it.

Below, "mesh" is any snapshot's scope: a mesh's name or a load balancer's ``elb/NAME``.

`AdsCache` receives snapshots and translates them once for each distinct `Proxy`, which the Envoys
of all tasks that are configured alike have in common; what bears their addresses is put in as it is
sent (`own`). Only if a proxy's resources have become something else are its streams woken.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import partial

from tealmesh.envoy.resources import ResourceSet, ResourceType
from tealmesh.model.clock import SteadyClock, steady_clock
from tealmesh.model.convergence import Convergence, EnvoyStatus, Reported
from tealmesh.model.mesh import LOAD_BALANCER, Proxy, Snapshot
from tealmesh.model.said import say
from tealmesh.xds.protocol.barrier import Order, at_once, make_before_break
from tealmesh.xds.protocol.encode import Encoder
from tealmesh.xds.protocol.exchange import version_of
from tealmesh.xds.protocol.own import Own
from tealmesh.xds.protocol.recollection import Recollections
from tealmesh.xds.protocol.session import Memory
from tealmesh.xds.protocol.shared import SharedSession
from tealmesh.xds.protocol.standing import Standings
from tealmesh.xds.streams.alarms import Alarms
from tealmesh.xds.streams.connection import SILENCE_SECONDS, Connection, Envoy, refused_here
from tealmesh.xds.streams.counts import Counts
from tealmesh.xds.streams.elsewhere import Elsewhere, Moved, Nowhere, refused_there, runs_there
from tealmesh.xds.streams.fed import Fed
from tealmesh.xds.streams.owing import Owing
from tealmesh.xds.streams.register import Expected, Register
from tealmesh.xds.streams.telling import Tell, Telling, keep, look
from tealmesh.xds.streams.translated import Translate, Translated, translated
from tealmesh.xds.streams.waiting import Waiting
from tealmesh.xds.streams.waking import Waking

HOLD_OFF_SECONDS = 0.002
"""From one translation to the next; a newer snapshot within this time replaces it."""


class AdsCache:
    """The newest snapshot of every mesh, and every Envoy that is connected or expected.

    ``translate`` must be pure. ``expected`` names the Envoys that must acknowledge. A burst of
    snapshots within ``hold_off`` seconds is translated once. ``order`` decides what may be sent
    when. Not thread-safe: everything happens in the event loop that serves the streams.
    """

    def __init__(
        self,
        translate: Translate,
        expected: Expected,
        clock: SteadyClock = steady_clock,
        *,
        hold_off: float = HOLD_OFF_SECONDS,
        order: Order = make_before_break,
    ) -> None:
        self.clock = clock
        self.encoder = Encoder(clock=clock)
        self.counts = Counts()
        self.translations = 0
        self.fed = Fed()
        self.owing = Owing(clock, SILENCE_SECONDS)
        self.alarms = Alarms(clock)
        self._translate = translate
        self._expected = expected
        self._order = order
        self.snapshots: dict[str, Snapshot] = {}
        """The newest of each mesh."""
        self._valid: dict[str, int] = {}
        """By mesh, the newest revision at which its snapshot is still what it was."""
        self._removed: set[str] = set()
        self._translated: dict[Proxy, Translated] = {}
        self._standings: dict[tuple[bool, Order], Standings] = {}
        self._recollections = Recollections(translate)
        self._register = Register(expected)
        self._waking = Waking(self._register, self._telling, self._told, hold_off=hold_off)
        self.waiting = Waiting(self.convergence, self._known)
        self.elsewhere: Elsewhere = Nowhere()
        self.moved: Moved = lambda mesh, identity=None: None
        """Called when something has changed that `here` tells of an Envoy of a mesh, or of all."""
        self._moves: Counter[str] = Counter()
        """By mesh, how often that was, or something that the state of its Envoys follows from."""

    @property
    def encodes(self) -> int:
        """How many responses were encoded rather than served from the cache."""
        return self.encoder.encodes

    def update(self, snapshot: Snapshot) -> None:
        """Replace the mesh's snapshot, unless the present one is as new."""
        mesh = snapshot.scope
        if mesh in self.snapshots and self._valid[mesh] >= snapshot.revision:
            return
        if mesh in self.snapshots:
            self._recollections.replaced(self.snapshots[mesh])
        self.snapshots[mesh], self._valid[mesh] = snapshot, snapshot.revision
        self._removed.discard(mesh)
        self._moves[mesh] += 1
        self._waking.schedule(mesh)

    def advance(self, mesh: str, revision: int) -> None:
        """The mesh's snapshot is still the same at ``revision``: who runs with it runs with that
        revision too. Costs no Envoy anything.
        """
        if mesh in self.snapshots and self._valid[mesh] < revision:
            self._valid[mesh], before = revision, self._valid[mesh]
            self.waiting.all(mesh, before)
            self._move(mesh)

    def remove(self, mesh: str) -> None:
        """Forget a deleted mesh. Its Envoys keep what they have until they disconnect."""
        if self.snapshots.pop(mesh, None) is not None:
            self._removed.add(mesh)
            self._moves[mesh] += 1
            self._recollections.forget(mesh)
            self._waking.schedule(mesh)

    def convergence(self, mesh: str, revision: int) -> Convergence:
        """Whether the Envoys of ``mesh`` run with ``revision`` or a newer one. A mesh that was
        never seen has not converged; one that was removed has.
        """
        others = self.elsewhere.reported(mesh)
        expected = self._register.everyone(mesh, others)
        snapshot = self.snapshots.get(mesh)
        if mesh in self._removed:
            return Convergence(revision, expected, True, ())
        waiting = tuple(self._behind(expected, revision, others))
        rejected = refused_here(self._register.known, waiting, snapshot)
        rejected |= refused_there(others, waiting, revision) if others else {}
        current = snapshot is not None and self._valid[mesh] >= revision
        return Convergence(revision, expected, current and not waiting, waiting, rejected)

    def _known(self, mesh: str, revision: int) -> bool:
        """Whether it is known what a revision, or a later one, means for Envoys."""
        return mesh in self._removed or self._valid.get(mesh, -1) >= revision

    async def wait_converged(self, mesh: str, revision: int, timeout: float) -> Convergence:
        """Wait until the mesh has converged on ``revision``, every Envoy that has not has refused
        it, or ``timeout`` seconds have passed; return the state then.
        """
        return await self.waiting.wait(mesh, revision, timeout)

    def connected(self, mesh: str) -> int:
        """How many Envoys of the mesh are connected."""
        return len(self._register.connected(mesh))

    def envoys(self, mesh: str, *, pending: bool = True) -> list[EnvoyStatus]:
        """Every Envoy of the mesh that is connected or expected, by id. ``pending``: whether it
        matters what they have not acknowledged, which takes longer than all the rest.
        """
        here, others = self._register.connected(mesh), self.elsewhere.reported(mesh)
        return [
            others[identity].status
            if identity in others and identity not in here
            else self._status(identity, pending)
            for identity in self._register.everyone(mesh, others)
        ]

    def unmoved(self, mesh: str) -> object | None:
        """Something that is the same (``==``) as long as `envoys` without what is pending, and
        `convergence` on one revision, tell the same of a mesh; None where they may tell something
        else at any moment.
        """
        slow = self.owing.anybody() or any(
            envoy.silence for envoy in self._register.connected(mesh).values()
        )
        others = self.elsewhere.reported(mesh)
        return None if slow or others else (self._moves[mesh], self._register.everyone(mesh, ()))

    def _move(self, mesh: str, identity: str | None = None) -> None:
        self._moves[mesh] += 1
        self.moved(mesh, identity)

    def meshes(self) -> list[str]:
        """The meshes, and load balancers, that have an Envoy with a stream here."""
        return self._register.meshes()

    def here(self, mesh: str, ids: Collection[str] | None = None) -> Iterator[Reported]:
        """Every Envoy that has a stream here, as other replicas are told; or those with ``ids``."""
        snapshot, valid = self.snapshots.get(mesh), self._valid.get(mesh, 0)
        connected = self._register.connected(mesh)
        asked = connected if ids is None else [one for one in ids if one in connected]
        for envoy in [connected[identity] for identity in asked]:
            orphaned = self._why_orphaned(envoy)
            informed = all(c.snapshot is snapshot for c in envoy.connections)
            runs_with = valid if orphaned else self._acknowledged(envoy)
            status = EnvoyStatus(
                envoy.id, envoy.node_id, envoy.proxy.resource, True, runs_with,
                rejected=envoy.rejected, note=envoy.slow() or orphaned, version=envoy.version,
            )  # fmt: skip
            yield Reported(status, valid if informed else 0)

    def slow(self, mesh: str) -> int:
        """How many Envoys that are connected do not answer, or did not."""
        return sum(bool(envoy.slow()) for envoy in self._register.connected(mesh).values())

    def held(self, mesh: str) -> list[tuple[Proxy, list[str], ResourceSet]]:
        """What was made for the Envoys of each node and gateway of a mesh, with the ids of those
        that have the same; what bears an address is made when it is looked at.
        """
        found: list[tuple[Proxy, list[str], ResourceSet]] = []
        for proxy, streams in self._register.streams(mesh).items():
            known = self._translated.get(proxy)
            if known is None or isinstance(known.resources, str):
                continue
            ids: dict[Own, dict[str, None]] = {}
            for stream in streams:
                ids.setdefault(stream.envoy.own, {})[stream.envoy.id] = None
            common = known.resources
            found += [(proxy, list(those), own.resources(common)) for own, those in ids.items()]
        return found

    def connect(self, identity: str, node_id: str, proxy: Proxy, *, delta: bool) -> Connection:
        """Register a new stream of the Envoy ``identity``."""
        self._register.forget_old(self.clock())
        envoy = self._register.envoy(identity, node_id, proxy)
        order = at_once if proxy.proxyless else self._order
        session = self._session(envoy.memory, order, delta=delta)
        connection = Connection(self, envoy, session)
        self._register.add(connection)
        envoy.sync()
        self._move(proxy.mesh, identity)
        return connection

    def _session(self, memory: Memory, order: Order, *, delta: bool) -> SharedSession:
        if (delta, order) not in self._standings:
            self._standings[delta, order] = Standings(delta=delta, order=order)
        return SharedSession(self._standings[delta, order], memory, delta=delta)

    def recollect(self, connection: Connection, version: str) -> None:
        """The stream begins with a ``version`` of clusters that is not from its Envoy's last stream
        here: begin its session with what the Envoy may hold, if that was sent lately.
        """
        envoy, proxy = connection.envoy, connection.envoy.proxy
        snapshot, last = self.snapshots.get(proxy.mesh), envoy.memory.outcomes
        here = any(version_of(one) == version for one in last.get(ResourceType.CLUSTER, ()))
        if here or proxy.proxyless or snapshot is None or not snapshot.has(proxy):
            return
        resources = self._resources(snapshot, proxy).resources
        if not isinstance(resources, str):
            found = self._recollections.of(proxy, snapshot, resources, version)
            if found is not None:
                connection.begin_with(self._session(found, self._order, delta=False))

    def disconnect(self, connection: Connection) -> None:
        """Drop a stream that has ended; the Envoy's next one continues from what it left."""
        envoy = connection.envoy
        envoy.sync()
        envoy.memory = connection.session.memory()
        envoy.acknowledged = self._acknowledged(envoy)
        if self._register.remove(connection, self.clock()):
            self._translated.pop(envoy.proxy, None)
            self._recollections.left(envoy.proxy)
        self.waiting.moved(envoy.id, self._acknowledged(envoy), stuck=True)
        self._move(envoy.proxy.mesh, envoy.id)

    def refresh(self, connection: Connection) -> None:
        """Give the connection's session the newest resources, if there are newer ones; `note` tells
        what came of it.
        """
        proxy = connection.envoy.proxy
        snapshot = self.snapshots.get(proxy.mesh)
        if snapshot is connection.snapshot or snapshot is None:
            return
        known = self._translated.get(proxy)
        if known is None or known.snapshot is not snapshot:
            if not snapshot.has(proxy):
                return
            known = self._resources(snapshot, proxy)
        connection.snapshot, resources = snapshot, known.resources
        if isinstance(resources, str):
            connection.session.keep(resources)
        else:
            connection.session.set_target(resources, snapshot.revision)

    def note(self, connection: Connection) -> None:
        """Tell who waits if the connection's Envoy has made progress."""
        envoy = connection.envoy
        if envoy.sync():
            if self.waiting.active.is_set():
                stuck = bool(envoy.rejected)
                self.waiting.moved(envoy.id, self._acknowledged(envoy), stuck=stuck)
            self._move(envoy.proxy.mesh, envoy.id)

    def _resources(self, snapshot: Snapshot, proxy: Proxy) -> Translated:
        """The Envoy's resources, or why they cannot be sent."""
        known = self._translated.get(proxy)
        if known is not None and known.snapshot is snapshot:
            return known
        self.translations += 1
        resources = translated(self._translate, snapshot, proxy)
        since = snapshot.revision
        if known is not None and resources == known.resources:
            # The same object, so that nobody needs to compare it again.
            resources, since = known.resources, known.since
        self._moves[proxy.mesh] += 1
        made = self._translated[proxy] = Translated(snapshot, resources, since)
        return made

    def _telling(self, mesh: str, proxy: Proxy) -> Tell:
        """What tells streams of a proxy of the newest snapshot."""
        before, snapshot = self._translated.get(proxy), self.snapshots.get(mesh)
        if snapshot is None or not snapshot.has(proxy):
            return look
        resources = self._resources(snapshot, proxy).resources
        if before is not None and resources is before.resources:
            return partial(keep, before.snapshot, snapshot)
        return look if isinstance(resources, str) else Telling(self, snapshot, resources).tell

    def _told(self, mesh: str) -> None:
        """All streams of a mesh know of its newest snapshot."""
        self.waiting.all(mesh)
        self._move(mesh)

    def _behind(
        self, expected: Iterable[str], revision: int, others: Mapping[str, Reported]
    ) -> Iterator[str]:
        """Those of the expected Envoys that do not run with a revision."""
        enough: dict[int, float] = {}
        known = self._register.known
        for identity in expected:
            envoy = known.get(identity)
            if envoy is not None and envoy.acknowledged >= revision and not others:
                continue  # nearly always
            other = others.get(identity)
            if other is not None and (there := runs_there(envoy, other, revision)) is not None:
                if not there:
                    yield identity
            elif envoy is None:
                yield identity
            elif envoy.acknowledged < revision:
                which = id(envoy.proxy)
                if which not in enough:
                    enough[which] = self._enough(envoy, revision)
                if envoy.acknowledged < enough[which]:
                    yield identity

    def _enough(self, envoy: Envoy, revision: int) -> float:
        """What all that are configured as this Envoy must have acknowledged to run with a
        revision.
        """
        proxy = envoy.proxy
        known = self._translated.get(proxy)
        if self._why_orphaned(envoy):
            return -math.inf
        if known is None or known.snapshot is not self.snapshots.get(proxy.mesh):
            return revision
        same = not isinstance(known.resources, str) and self._valid[proxy.mesh] >= revision
        return known.since if same else revision

    def _acknowledged(self, envoy: Envoy) -> int:
        """The newest revision that an Envoy runs with."""
        mesh = envoy.proxy.mesh
        if envoy.acknowledged >= self._valid.get(mesh, 0):
            return envoy.acknowledged  # nearly always, of those that have just been told
        known = self._translated.get(envoy.proxy)
        if known is None or known.snapshot is not self.snapshots.get(mesh):
            return envoy.acknowledged
        if isinstance(known.resources, str) or envoy.acknowledged < known.since:
            return envoy.acknowledged
        return max(envoy.acknowledged, self._valid[mesh])

    def _why_orphaned(self, envoy: Envoy) -> str:
        """Why this Envoy is not waited for, since what it stands for does not exist; or empty."""
        snapshot = self.snapshots.get(envoy.proxy.mesh)
        if snapshot is None:
            of_mesh = envoy.proxy.kind != LOAD_BALANCER
            missing = f"mesh {envoy.proxy.mesh}" if of_mesh else envoy.proxy.resource
        elif not snapshot.has(envoy.proxy):
            missing = envoy.proxy.resource
        else:
            return ""
        good = envoy.memory.good or envoy.acknowledged
        kept = say("keeps its last resources") if good else say("waits")
        return say("{missing} does not exist: this Envoy {kept}", missing=missing, kept=kept)

    def _status(self, identity: str, pending: bool) -> EnvoyStatus:
        envoy = self._register.get(identity)
        if envoy is None:
            return EnvoyStatus(identity, "", "", False, 0, note=say("has not connected yet"))
        streams = envoy.connections if pending else ()
        missing = {name for c in streams for name in c.session.missing()}
        return EnvoyStatus(
            id=identity,
            node_id=envoy.node_id,
            resource=envoy.proxy.resource,
            connected=bool(envoy.connections),
            acknowledged=self._acknowledged(envoy),
            pending=tuple(sorted(envoy.own.text(name) for name in missing)),
            rejected=envoy.rejected,
            note=envoy.slow() or self._why_orphaned(envoy),
            version=envoy.version,
        )
