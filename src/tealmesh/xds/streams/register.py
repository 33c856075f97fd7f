"""The Envoys that are or were connected, found by id, by mesh and by what they are configured as.

Nothing here looks through all Envoys: there are ten thousand when all connect at once, and when all
are gone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping

from tealmesh.envoy.placing import shared
from tealmesh.model.mesh import Proxy
from tealmesh.xds.protocol.own import NOTHING_OWN, Own
from tealmesh.xds.streams.connection import Connection, Envoy

FORGET_AFTER_SECONDS = 300.0
"""How long an Envoy is remembered after its stream has ended, unless it is expected."""

Expected = Callable[[str], Collection[str]]
"""mesh -> ids of the Envoys that must acknowledge even if they are not connected now."""


class Register:
    """``expected`` names those that are remembered for as long as they are expected."""

    def __init__(self, expected: Expected) -> None:
        self._expected = expected
        self.known: dict[str, Envoy] = {}
        """By id."""
        self._connected: dict[str, dict[str, Envoy]] = {}
        self._streams: dict[str, dict[Proxy, dict[Connection, None]]] = {}
        self._ordered: dict[str, tuple[set[str], tuple[str, ...]]] = {}
        """By mesh, what `everyone` said last: to order ten thousand takes time."""
        self._gone: deque[tuple[float, Envoy]] = deque()
        """When each was gone, or was found to be expected still; oldest first."""

    def get(self, identity: str) -> Envoy | None:
        """The Envoy with this id, if it is remembered."""
        return self.known.get(identity)

    def meshes(self) -> list[str]:
        """Those that have an Envoy with a stream."""
        return [mesh for mesh, envoys in self._connected.items() if envoys]

    def connected(self, mesh: str) -> Mapping[str, Envoy]:
        """The Envoys of a mesh that have a stream, by id."""
        return self._connected.get(mesh, {})

    def everyone(self, mesh: str, others: Iterable[str]) -> tuple[str, ...]:
        """The ids, in order, of the Envoys of a mesh that are connected or expected, and of
        ``others``, which are connected elsewhere.
        """
        names = {*self._expected(mesh), *self.connected(mesh), *others}
        before = self._ordered.get(mesh)
        if before is not None and before[0] == names:
            return before[1]
        ordered = tuple(sorted(names))
        if names:
            self._ordered[mesh] = (names, ordered)
        else:
            self._ordered.pop(mesh, None)
        return ordered

    def streams(self, mesh: str) -> Mapping[Proxy, Iterable[Connection]]:
        """The streams of a mesh, by what they are configured as."""
        return self._streams.get(mesh, {})

    def envoy(self, identity: str, node_id: str, configured: Proxy) -> Envoy:
        """The Envoy as which a stream begins: the one that is known, unless it is configured as
        something else from now on.
        """
        proxy, addresses = shared(configured)
        others = self._streams.get(proxy.mesh, {}).get(proxy)
        if others:
            # The same object for all, so that nobody needs to compare it again.
            proxy = next(iter(others)).envoy.proxy
        own = Own(addresses) if addresses else NOTHING_OWN
        known = self.known.get(identity)
        if known is not None and known.proxy == proxy and known.own == own:
            return known
        if known is not None:
            self._leave(known)
        made = self.known[identity] = Envoy(identity, node_id, proxy, own)
        return made

    def add(self, connection: Connection) -> None:
        """A stream has begun."""
        envoy = connection.envoy
        envoy.connections.append(connection)
        self._connected.setdefault(envoy.proxy.mesh, {})[envoy.id] = envoy
        by_proxy = self._streams.setdefault(envoy.proxy.mesh, {})
        by_proxy.setdefault(envoy.proxy, {})[connection] = None

    def remove(self, connection: Connection, now: float) -> bool:
        """A stream has ended; returns whether nobody else is configured as it was."""
        envoy = connection.envoy
        envoy.gone_at = now
        if connection in envoy.connections:
            envoy.connections.remove(connection)
        if not envoy.connections:
            self._leave(envoy)
            self._gone.append((now, envoy))
        by_proxy = self._streams.get(envoy.proxy.mesh, {})
        streams = by_proxy.get(envoy.proxy, {})
        streams.pop(connection, None)
        if streams:
            return False
        by_proxy.pop(envoy.proxy, None)
        return True

    def forget_old(self, now: float) -> None:
        """Forget the Envoys that have been gone for long and that nobody expects."""
        expected: dict[str, Collection[str]] = {}
        limit = now - FORGET_AFTER_SECONDS
        while self._gone and self._gone[0][0] <= limit:
            _, envoy = self._gone.popleft()
            if envoy.connections or envoy.gone_at > limit:
                continue  # it came back; if it went again, that was noted too
            mesh = envoy.proxy.mesh
            if mesh not in expected:
                expected[mesh] = frozenset(self._expected(mesh))
            if envoy.id in expected[mesh]:
                self._gone.append((now, envoy))
            elif self.known.get(envoy.id) is envoy:
                del self.known[envoy.id]

    def _leave(self, envoy: Envoy) -> None:
        connected = self._connected.get(envoy.proxy.mesh, {})
        if connected.get(envoy.id) is envoy:
            del connected[envoy.id]
