"""Feeds the control plane with a snapshot of each mesh and of each load balancer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from tealmesh.apis.appmesh.certificates import Certificates
from tealmesh.model.certificates import Material
from tealmesh.model.load_balancers import ByHostSnapshot, LoadBalancerSnapshot
from tealmesh.model.mesh import MeshSnapshot
from tealmesh.store import Store, View
from tealmesh.store.snapshot import (
    INPUTS,
    LOAD_BALANCER_INPUTS,
    by_host_snapshot,
    load_balancer_bodies,
    load_balancer_snapshot,
    mesh_names,
    mesh_snapshot,
)
from tealmesh.xds.cache import AdsCache

AnySnapshot = MeshSnapshot | LoadBalancerSnapshot | ByHostSnapshot
Read = Callable[[View, Mapping[str, Material]], list[AnySnapshot]]
"""``(view, certificates by ARN)`` -> the snapshots of one kind. Pure."""


async def feed(store: Store, cache: AdsCache, certificates: Certificates) -> None:
    """Give ``cache`` the snapshots after every write to the store, until cancelled."""
    sources = (_Source(INPUTS, _meshes), _Source(LOAD_BALANCER_INPUTS, _load_balancers))
    async for view in store.watch():
        for source in sources:
            source.update(view, cache, certificates)


@dataclass
class _Source:
    """The snapshots of one kind."""

    inputs: tuple[str, ...]
    """The collections that they depend on."""
    read: Read
    seen: tuple[object, ...] = ()
    snapshots: dict[str, AnySnapshot] = field(default_factory=dict)
    """By scope."""

    def update(self, view: View, cache: AdsCache, certificates: Certificates) -> None:
        latest = tuple(view.collections.get(collection) for collection in self.inputs)
        # A collection that was not written is the same object in the next view.
        if self.seen and all(a is b for a, b in zip(self.seen, latest, strict=True)):
            self.snapshots = {
                scope: replace(snapshot, revision=view.revision)
                for scope, snapshot in self.snapshots.items()
            }
        else:
            former = set(self.snapshots)
            read = self.read(view, certificates.material)
            self.seen, self.snapshots = latest, {snapshot.scope: snapshot for snapshot in read}
            for scope in former - self.snapshots.keys():
                cache.remove(scope)
        for snapshot in self.snapshots.values():
            cache.update(snapshot)


def _meshes(view: View, material: Mapping[str, Material]) -> list[AnySnapshot]:
    read = (mesh_snapshot(view, mesh) for mesh in mesh_names(view))
    return [replace(snapshot, material=material) for snapshot in read if snapshot is not None]


def _load_balancers(view: View, material: Mapping[str, Material]) -> list[AnySnapshot]:
    read = (load_balancer_snapshot(view, arn) for arn in load_balancer_bodies(view))
    snapshots: list[AnySnapshot] = [replace(s, material=material) for s in read if s is not None]
    by_host = by_host_snapshot(view)
    return [*snapshots, *([by_host] if by_host is not None else [])]
