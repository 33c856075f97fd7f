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
from tealmesh.model.mesh import load_balancer_scope
from tealmesh.store import Store, View
from tealmesh.store.meshes import Meshes
from tealmesh.store.snapshot import (
    LOAD_BALANCER_INPUTS,
    by_host_snapshot,
    load_balancer_bodies,
    load_balancer_snapshot,
    mesh_names,
)
from tealmesh.supervision.supervisor import Supervisor
from tealmesh.xds.streams.cache import AdsCache

AnySnapshot = LoadBalancerSnapshot | ByHostSnapshot
Reading = tuple[str, Callable[[], AnySnapshot | None]]
"""A scope, and what reads its snapshot: None if there is nothing to serve."""


async def feed(
    store: Store, cache: AdsCache, certificates: Certificates, supervisor: Supervisor
) -> None:
    """Give ``cache`` the snapshots after every write to the store, until cancelled."""
    meshes, balancers = _Meshes(), _LoadBalancers()
    async for view in store.watch():
        meshes.update(view, cache, certificates, supervisor)
        balancers.update(view, cache, certificates, supervisor)
        cache.fed.advance(view.revision)


@dataclass
class _Meshes:
    """The snapshots of meshes. Only those that a change touches are made anew, from the documents
    that have changed.
    """

    meshes: Meshes = field(default_factory=Meshes)
    revision: int = -1
    """Up to which they have been read."""
    failed: set[str] = field(default_factory=set)
    """Those that could not be read."""
    known: set[str] = field(default_factory=set)
    """Those that the cache has."""

    def update(
        self, view: View, cache: AdsCache, certificates: Certificates, supervisor: Supervisor
    ) -> None:
        stale = self.meshes.stale(view, self.revision)
        names, again = mesh_names(view), self.failed
        self.failed = set()
        for mesh in names:
            if stale is not None and mesh not in stale and mesh not in again:
                cache.advance(mesh, view.revision)
                continue
            changed = None if stale is None or mesh in again else stale[mesh]
            # One that cannot be read must not keep the others from their changes: its Envoys go on
            # with what they have, at the revision that they have.
            self.failed.add(mesh)
            with supervisor.contained(f"the reading of {mesh} for Envoys"):
                snapshot = self.meshes.read(view, mesh, changed)
                self.failed.discard(mesh)
                if snapshot is not None:
                    cache.update(replace(snapshot, material=certificates.material))
        for mesh in self.known.difference(names):
            self.meshes.forget(mesh)
            cache.remove(mesh)
        self.revision, self.known = view.revision, set(names)


@dataclass
class _LoadBalancers:
    """The snapshots of load balancers."""

    seen: tuple[object, ...] = ()
    snapshots: dict[str, AnySnapshot] = field(default_factory=dict)
    """By scope."""

    def update(
        self, view: View, cache: AdsCache, certificates: Certificates, supervisor: Supervisor
    ) -> None:
        latest = tuple(view.collections.get(collection) for collection in LOAD_BALANCER_INPUTS)
        # A collection that was not written is the same object in the next view.
        if self.seen and all(a is b for a, b in zip(self.seen, latest, strict=True)):
            for scope in self.snapshots:
                cache.advance(scope, view.revision)
            return
        former, failed = self.snapshots, False
        self.snapshots = {}
        for scope, read in _load_balancers(view, certificates):
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
