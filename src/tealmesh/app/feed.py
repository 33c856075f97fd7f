"""Feeds the control plane with a snapshot of each mesh and of each load balancer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from tealmesh.apis.appmesh.certificates import Certificates
from tealmesh.model.certificates import Material
from tealmesh.model.load_balancers import (
    BY_HOST,
    ByHostSnapshot,
    LoadBalancerSnapshot,
    load_balancer_name,
)
from tealmesh.model.mesh import MeshSnapshot, load_balancer_scope
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
from tealmesh.supervision.supervisor import Supervisor
from tealmesh.xds.cache import AdsCache

AnySnapshot = MeshSnapshot | LoadBalancerSnapshot | ByHostSnapshot
Reading = tuple[str, Callable[[], AnySnapshot | None]]
"""A scope, and what reads its snapshot: None if there is nothing to serve."""
Read = Callable[[View, Certificates], Iterator[Reading]]
"""``(view, certificates)`` -> the snapshots of one kind."""


async def feed(
    store: Store, cache: AdsCache, certificates: Certificates, supervisor: Supervisor
) -> None:
    """Give ``cache`` the snapshots after every write to the store, until cancelled."""
    sources = (_Source(INPUTS, _meshes), _Source(LOAD_BALANCER_INPUTS, _load_balancers))
    async for view in store.watch():
        for source in sources:
            source.update(view, cache, certificates, supervisor)


@dataclass
class _Source:
    """The snapshots of one kind."""

    inputs: tuple[str, ...]
    """The collections that they depend on."""
    read: Read
    seen: tuple[object, ...] = ()
    snapshots: dict[str, AnySnapshot] = field(default_factory=dict)
    """By scope."""

    def update(
        self, view: View, cache: AdsCache, certificates: Certificates, supervisor: Supervisor
    ) -> None:
        latest = tuple(view.collections.get(collection) for collection in self.inputs)
        # A collection that was not written is the same object in the next view.
        if self.seen and all(a is b for a, b in zip(self.seen, latest, strict=True)):
            self.snapshots = {
                scope: replace(snapshot, revision=view.revision)
                for scope, snapshot in self.snapshots.items()
            }
        else:
            former, failed = self.snapshots, False
            self.snapshots = {}
            for scope, read in self.read(view, certificates):
                # One that cannot be read must not keep the others from their changes: its Envoys
                # go on with what they have, at the revision that they have.
                snapshot, failed_before = former.get(scope), failed
                failed = True
                with supervisor.contained(f"the reading of {scope} for Envoys"):
                    snapshot, failed = read(), failed_before
                if snapshot is not None:
                    self.snapshots[scope] = snapshot
            self.seen = () if failed else latest
            for scope in former.keys() - self.snapshots.keys():
                cache.remove(scope)
        for snapshot in self.snapshots.values():
            cache.update(snapshot)


def _meshes(view: View, certificates: Certificates) -> Iterator[Reading]:
    for mesh in mesh_names(view):
        yield mesh, partial(_mesh, certificates.material, view, mesh)


def _mesh(material: Mapping[str, Material], view: View, mesh: str) -> MeshSnapshot | None:
    snapshot = mesh_snapshot(view, mesh)
    return None if snapshot is None else replace(snapshot, material=material)


def _load_balancers(view: View, certificates: Certificates) -> Iterator[Reading]:
    material = certificates.material
    missing = frozenset(certificates.missing) - material.keys()
    for arn in load_balancer_bodies(view):
        scope = load_balancer_scope(load_balancer_name(arn))
        yield scope, partial(_load_balancer, material, missing, view, arn)
    yield load_balancer_scope(BY_HOST), partial(by_host_snapshot, view)


def _load_balancer(
    material: Mapping[str, Material], missing: frozenset[str], view: View, arn: str
) -> LoadBalancerSnapshot | None:
    snapshot = load_balancer_snapshot(view, arn)
    return None if snapshot is None else replace(snapshot, material=material, missing=missing)
