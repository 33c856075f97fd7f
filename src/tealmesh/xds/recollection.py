"""What an Envoy may hold that comes from another replica, or from before a restart. Pure.

A stream that is incremental says what the Envoy holds. One that is the state of the world says one
version for all clusters, of which the former targets of the Envoy's node are tried: that target
itself, and the clusters of two that followed each other, which an Envoy has while it goes from one
to the other (`barrier`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tealmesh.envoy.resources import Resource, ResourceSet, ResourceType
from tealmesh.xds.barrier import of_type
from tealmesh.xds.exchange import version_of
from tealmesh.xds.session import Memory


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
    """What may be held on the way through these targets, the oldest first."""
    outcomes: dict[str, list[Mapping[str, Resource]]] = {}
    for type_ in ResourceType:
        outcomes[type_] = [dict(of_type(target, type_)) for target in targets]
    if between:
        older, later = between
        outcomes[ResourceType.CLUSTER].insert(1, {**older.clusters, **later.clusters})
    return Memory(None, outcomes)
