"""What every mesh looks like now, and how far each of its Envoys has come.

`AdsCache` is handed snapshots and translates them when an Envoy's stream asks: once for each
distinct `Proxy`, in the stream's own task, so that the first Envoy has its answer before the last
one's has been worked out.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from tealmesh.envoy.resources import ResourceSet, dangling
from tealmesh.model.clock import Clock, system_clock
from tealmesh.model.mesh import Kind, MeshSnapshot, Proxy
from tealmesh.xds.barrier import Order, at_once, make_before_break
from tealmesh.xds.encode import Encoder
from tealmesh.xds.session import Memory, Session
from tealmesh.xds.subscription import Request

log = logging.getLogger(__name__)

Translate = Callable[[MeshSnapshot, Proxy], ResourceSet]
Expected = Callable[[str], Collection[str]]
"""mesh -> identities of Envoys that must acknowledge even if they are not connected now."""

HOLD_OFF = 0.002
"""Seconds from a snapshot to its translation, in which further ones take its place."""

REMEMBER = 300.0
"""Seconds for which an Envoy that has gone, and is not expected, is remembered."""

_RECHECK = 0.2
"""Seconds after which a waiter asks anew which Envoys are expected."""


@dataclass(frozen=True)
class Convergence:
    """Whether every Envoy of a mesh runs with ``revision``: the ``expected`` ones, those still
    ``waiting`` and, of these, the ``rejected`` ones with Envoy's message.
    """

    revision: int
    expected: tuple[str, ...]
    converged: bool
    waiting: tuple[str, ...]
    rejected: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class EnvoyStatus:
    """One Envoy. ``id`` is its task's ARN, else node id and peer; ``resource`` is
    ``mesh/M/virtualNode/N``; ``acknowledged`` the newest revision that it runs with; ``pending``
    the resources that it has not acknowledged; ``rejected`` its message about what it refused,
    and ``note`` what else a user should know, both empty when there is nothing.
    """

    id: str
    node_id: str
    resource: str
    connected: bool
    acknowledged: int
    pending: tuple[str, ...] = ()
    rejected: str = ""
    note: str = ""


class Connection:
    """One stream of one Envoy, as the servicer uses it. ``ended`` once there is no more to do."""

    def __init__(self, cache: AdsCache, envoy: _Envoy, session: Session) -> None:
        self.envoy = envoy
        self.session = session
        self.snapshot: MeshSnapshot | None = None
        self.ended = False
        self._cache = cache
        self._wake = asyncio.Event()

    def request(self, type_url: str, request: Request) -> None:
        """Take a request of the Envoy in."""
        nack = self.session.request(type_url, request)
        if nack is not None:
            log.warning("%s refused %s: %s", self.envoy.id, type_url, nack.message)
        self.wake()

    def next(self) -> bytes | None:
        """The next response, encoded and counted as sent; None when there is none now."""
        self._cache.refresh(self)
        send = self.session.next(self._cache.clock())
        if send is None:
            self._cache.note(self)
            return None
        return self._cache.encoder.encode(send, delta=self.session.delta)

    async def wait(self) -> None:
        """Until there may be something to send."""
        wake_at = self.session.wake_at
        timeout = None if wake_at is None else max(0.0, wake_at - self._cache.clock())
        try:
            await asyncio.wait_for(self._wake.wait(), timeout)
        except TimeoutError:
            return  # the session asked to be woken at this time
        finally:
            self._wake.clear()

    def wake(self) -> None:
        self._wake.set()

    def end(self) -> None:
        """Let the stream finish."""
        self.ended = True
        self._wake.set()

    def close(self) -> None:
        """The stream is gone."""
        self._cache.disconnect(self)


@dataclass
class _Envoy:
    """An Envoy across its streams: usually one, two for a moment when it reconnects."""

    id: str
    node_id: str
    proxy: Proxy
    connections: list[Connection] = field(default_factory=list)
    acknowledged: int = 0
    rejected: str = ""
    memory: Memory = field(default_factory=Memory)
    gone_at: float = 0.0

    def settle(self) -> bool:
        """Take over where the sessions are; whether that is news."""
        before = (self.acknowledged, self.rejected)
        sessions = [connection.session for connection in self.connections]
        if sessions:
            self.acknowledged = min(session.acknowledged for session in sessions)
            self.rejected = "; ".join(r for session in sessions for r in session.rejections)
        return before != (self.acknowledged, self.rejected)


class AdsCache:
    """The newest snapshot of every mesh, and every Envoy that has to do with it.

    ``translate`` must be pure. ``expected`` is asked for the Envoys that must acknowledge.
    ``hold_off``, in seconds, coalesces bursts of snapshots. ``order`` decides what may be sent
    when. Not thread-safe: everything happens in the event loop that serves the streams.
    """

    def __init__(
        self,
        translate: Translate,
        expected: Expected,
        clock: Clock = system_clock,
        *,
        hold_off: float = HOLD_OFF,
        order: Order = make_before_break,
    ) -> None:
        self.clock = clock
        self.encoder = Encoder()
        self.translations = 0
        self._translate = translate
        self._expected = expected
        self._hold_off = hold_off
        self._order = order
        self._snapshots: dict[str, MeshSnapshot] = {}
        self._removed: set[str] = set()
        self._translated: dict[Proxy, tuple[MeshSnapshot, ResourceSet | str]] = {}
        self._envoys: dict[str, _Envoy] = {}
        self._due: set[str] = set()
        self._waiters: set[asyncio.Event] = set()

    @property
    def encodes(self) -> int:
        """How many responses have been encoded (and not merely sent again)."""
        return self.encoder.encodes

    def update(self, snapshot: MeshSnapshot) -> None:
        """A newer snapshot of a mesh; one that is not newer is ignored."""
        mesh = snapshot.mesh.name
        known = self._snapshots.get(mesh)
        if known is not None and known.revision >= snapshot.revision:
            return
        self._snapshots[mesh] = snapshot
        self._removed.discard(mesh)
        self._schedule(mesh)

    def remove(self, mesh: str) -> None:
        """The mesh is gone. Its Envoys keep what they have until they disconnect."""
        if self._snapshots.pop(mesh, None) is not None:
            self._removed.add(mesh)
            self._schedule(mesh)

    def convergence(self, mesh: str, revision: int) -> Convergence:
        """Who runs with ``revision`` of ``mesh``, or a newer one. A mesh never seen has not
        converged; one that has been removed has.
        """
        expected = sorted({*self._expected(mesh), *self._connected(mesh)})
        snapshot = self._snapshots.get(mesh)
        if mesh in self._removed:
            return Convergence(revision, tuple(expected), True, ())
        waiting = tuple(i for i in expected if not self._has(i, revision))
        envoys = [self._envoys[i] for i in waiting if i in self._envoys]
        # What was refused before the newest snapshot says nothing about that one.
        informed = [e for e in envoys if all(c.snapshot is snapshot for c in e.connections)]
        rejected = {envoy.id: envoy.rejected for envoy in informed if envoy.rejected}
        current = snapshot is not None and snapshot.revision >= revision
        return Convergence(revision, tuple(expected), current and not waiting, waiting, rejected)

    async def wait_converged(self, mesh: str, revision: int, timeout: float) -> Convergence:
        """As soon as the mesh has converged on ``revision``, or those that have not have refused
        it, or ``timeout`` seconds have passed: how it stands.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        changed = asyncio.Event()
        self._waiters.add(changed)
        try:
            while True:
                changed.clear()
                state = self.convergence(mesh, revision)
                left = deadline - loop.time()
                refused = state.waiting and set(state.waiting) <= state.rejected.keys()
                if state.converged or refused or left <= 0:
                    return state
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(changed.wait(), min(left, _RECHECK))
        finally:
            self._waiters.discard(changed)

    def envoys(self, mesh: str) -> list[EnvoyStatus]:
        """Every Envoy of the mesh that is connected or expected, by id."""
        ids = {*self._expected(mesh), *self._connected(mesh)}
        return [self._status(identity) for identity in sorted(ids)]

    def connect(self, identity: str, node_id: str, proxy: Proxy, *, delta: bool) -> Connection:
        """A stream of the Envoy ``identity`` has begun."""
        self._forget_old()
        envoy = self._envoys.get(identity)
        if envoy is None or envoy.proxy != proxy:
            envoy = _Envoy(identity, node_id, proxy)
            self._envoys[identity] = envoy
        order = at_once if proxy.proxyless else self._order
        session = Session(delta=delta, memory=envoy.memory, order=order)
        connection = Connection(self, envoy, session)
        envoy.connections.append(connection)
        envoy.settle()
        return connection

    def disconnect(self, connection: Connection) -> None:
        """The stream has ended; what its Envoy goes on with is remembered for the next one."""
        envoy = connection.envoy
        envoy.settle()
        envoy.memory = connection.session.memory()
        envoy.gone_at = self.clock()
        if connection in envoy.connections:
            envoy.connections.remove(connection)
        if not any(e.connections and e.proxy == envoy.proxy for e in self._envoys.values()):
            self._translated.pop(envoy.proxy, None)
        self._notify()

    def refresh(self, connection: Connection) -> None:
        """Give the connection's session the newest resources, if there are newer ones."""
        proxy = connection.envoy.proxy
        snapshot = self._snapshots.get(proxy.mesh)
        if snapshot is None or snapshot is connection.snapshot or not _has_room(snapshot, proxy):
            return
        connection.snapshot = snapshot
        resources = self._resources(snapshot, proxy)
        if isinstance(resources, str):
            connection.session.keep(resources)
        else:
            connection.session.set_target(resources, snapshot.revision)
        self.note(connection)

    def note(self, connection: Connection) -> None:
        """Something may have changed in where the connection stands."""
        if connection.envoy.settle():
            self._notify()

    def _resources(self, snapshot: MeshSnapshot, proxy: Proxy) -> ResourceSet | str:
        """The Envoy's resources, or why there are none that could be sent."""
        known = self._translated.get(proxy)
        if known is not None and known[0] is snapshot:
            return known[1]
        self.translations += 1
        resources: ResourceSet | str
        try:
            resources = self._translate(snapshot, proxy)
        except Exception as error:
            # One node that cannot be translated must not end the streams of the others.
            log.exception("cannot translate %s at revision %d", proxy.resource, snapshot.revision)
            resources = f"cannot translate {proxy.resource}: {error}"
        else:
            absent = dangling(resources)
            if absent:
                resources = f"not sent: {'; '.join(absent)}"
                log.error("%s at revision %d: %s", proxy.resource, snapshot.revision, resources)
        self._translated[proxy] = (snapshot, resources)
        return resources

    def _schedule(self, mesh: str) -> None:
        """Wake the streams of ``mesh`` after the hold-off."""
        self._notify()
        if mesh not in self._due and self._connected(mesh):
            self._due.add(mesh)
            asyncio.get_running_loop().call_later(self._hold_off, self._wake, mesh)

    def _wake(self, mesh: str) -> None:
        self._due.discard(mesh)
        for envoy in self._envoys.values():
            if envoy.proxy.mesh == mesh:
                for connection in envoy.connections:
                    connection.wake()

    def _notify(self) -> None:
        for waiter in self._waiters:
            waiter.set()

    def _connected(self, mesh: str) -> list[str]:
        return [e.id for e in self._envoys.values() if e.connections and e.proxy.mesh == mesh]

    def _has(self, identity: str, revision: int) -> bool:
        envoy = self._envoys.get(identity)
        if envoy is None:
            return False
        return envoy.acknowledged >= revision or bool(self._orphaned(envoy))

    def _orphaned(self, envoy: _Envoy) -> str:
        """Why nothing new can reach this Envoy; empty when it has its place in a mesh.

        It is not waited for: no revision changes anything for it.
        """
        snapshot = self._snapshots.get(envoy.proxy.mesh)
        if snapshot is None:
            missing = f"mesh {envoy.proxy.mesh}"
        elif not _has_room(snapshot, envoy.proxy):
            missing = envoy.proxy.resource
        else:
            return ""
        kept = "keeps its last resources" if envoy.memory.good or envoy.acknowledged else "waits"
        return f"{missing} does not exist: this Envoy {kept}"

    def _status(self, identity: str) -> EnvoyStatus:
        envoy = self._envoys.get(identity)
        if envoy is None:
            return EnvoyStatus(identity, "", "", False, 0, note="has not connected yet")
        pending = {name for c in envoy.connections for name in c.session.missing()}
        return EnvoyStatus(
            id=identity,
            node_id=envoy.node_id,
            resource=envoy.proxy.resource,
            connected=bool(envoy.connections),
            acknowledged=envoy.acknowledged,
            pending=tuple(sorted(pending)),
            rejected=envoy.rejected,
            note=self._orphaned(envoy),
        )

    def _forget_old(self) -> None:
        expected: dict[str, Collection[str]] = {}
        limit = self.clock() - REMEMBER
        for envoy in list(self._envoys.values()):
            if envoy.connections or envoy.gone_at > limit:
                continue
            mesh = envoy.proxy.mesh
            if envoy.id not in expected.setdefault(mesh, self._expected(mesh)):
                del self._envoys[envoy.id]


def _has_room(snapshot: MeshSnapshot, proxy: Proxy) -> bool:
    """Whether the proxy's virtual node or gateway exists."""
    if proxy.kind is Kind.VIRTUAL_GATEWAY:
        return proxy.name in snapshot.virtual_gateways
    return proxy.name in snapshot.virtual_nodes
