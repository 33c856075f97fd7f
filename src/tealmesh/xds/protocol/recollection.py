"""What an Envoy may hold that comes from another replica, or from before a restart. Pure.

A stream that is incremental says what the Envoy holds. One that is the state of the world says one
version for all clusters, of which the former targets of the Envoy's node are tried: that target
itself, and the clusters of two that followed each other, which an Envoy has while it goes from one
to the other (`barrier`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping

from tealmesh.envoy.resources import Resource, ResourceSet, ResourceType
from tealmesh.model.errors import TealError
from tealmesh.model.mesh import Proxy, Snapshot
from tealmesh.xds.protocol.barrier import of_type
from tealmesh.xds.protocol.exchange import version_of
from tealmesh.xds.protocol.session import Memory

FORMER = 16
"""Former snapshots of a mesh that are kept; most of their parts are those of the newest."""


def recollected(targets: Iterable[ResourceSet], version: str) -> Memory | None:
    """What an Envoy with this ``version`` of clusters may hold; None if it has those of no target.
    The ``targets`` are the newest first, and are made as they are asked for.
    """
    newer: list[ResourceSet] = []
    for target in targets:
        if version_of(target.clusters) == version:
            return _memory([target, *reversed(newer)])
        for later in reversed(newer):
            if version_of({**target.clusters, **later.clusters}) == version:
                return _memory([target, *reversed(newer)], target, later)
        newer.append(target)
    return None


def _memory(targets: list[ResourceSet], *between: ResourceSet) -> Memory:
    """What may be held on the way through these targets, the oldest first.

    What the Envoy says it holds, other than clusters, may be of a target before these, though one
    of them has it too: then it may have refused any of them since. So each newer one comes before
    the oldest as well, and whichever it is, all others come after it.
    """
    outcomes: dict[str, list[Mapping[str, Resource]]] = {}
    for type_ in ResourceType:
        held = [dict(of_type(target, type_)) for target in targets]
        before = [] if type_ is ResourceType.CLUSTER else held[:0:-1]
        outcomes[type_] = [*before, *held]
    if between:
        older, later = between
        outcomes[ResourceType.CLUSTER].insert(1, {**older.clusters, **later.clusters})
    return Memory(None, outcomes)


class Recollections:
    """The former snapshots of each mesh, translated only for Envoys that hold something else than
    they would get now. All Envoys with the same version share what is found.
    """

    def __init__(self, translate: Callable[[Snapshot, Proxy], ResourceSet]) -> None:
        self._translate = translate
        self._former: dict[str, deque[Snapshot]] = {}
        self._found: dict[Proxy, tuple[Snapshot, dict[str, Memory | None]]] = {}

    def replaced(self, snapshot: Snapshot) -> None:
        """A mesh has another snapshot from now on."""
        former = self._former.setdefault(snapshot.scope, deque(maxlen=FORMER))
        former.appendleft(snapshot)

    def forget(self, mesh: str) -> None:
        """A mesh has been removed."""
        self._former.pop(mesh, None)

    def left(self, proxy: Proxy) -> None:
        """Nobody is configured like this any more."""
        self._found.pop(proxy, None)

    def of(
        self, proxy: Proxy, newest: Snapshot, resources: ResourceSet, version: str
    ) -> Memory | None:
        """What an Envoy may hold that comes with this ``version`` of its clusters, given what it
        would get from the ``newest`` snapshot.
        """
        known = self._found.get(proxy)
        if known is None or known[0] is not newest:
            known = self._found[proxy] = (newest, {})
        if version not in known[1]:
            targets = self._targets(proxy, resources)
            known[1][version] = recollected(targets, version)
        return known[1][version]

    def _targets(self, proxy: Proxy, resources: ResourceSet) -> Iterator[ResourceSet]:
        yield resources
        for snapshot in self._former.get(proxy.mesh, ()):
            if snapshot.has(proxy):
                try:
                    yield self._translate(snapshot, proxy)
                except TealError:
                    continue  # nobody was sent anything of it
