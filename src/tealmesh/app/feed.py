"""Feeds the control plane with a snapshot of each mesh."""

from __future__ import annotations

from dataclasses import replace

from tealmesh.apis.appmesh.certificates import Certificates
from tealmesh.model.mesh import MeshSnapshot
from tealmesh.store import Store
from tealmesh.store.snapshot import INPUTS, mesh_names, mesh_snapshot
from tealmesh.xds.cache import AdsCache


async def feed(store: Store, cache: AdsCache, certificates: Certificates) -> None:
    """Give ``cache`` a snapshot of each mesh after every write to the store, until cancelled."""
    inputs: tuple[object, ...] = ()
    snapshots: dict[str, MeshSnapshot] = {}
    async for view in store.watch():
        latest = tuple(view.collections.get(collection) for collection in INPUTS)
        # A collection that was not written is the same object in the next view.
        if len(inputs) == len(latest) and all(a is b for a, b in zip(inputs, latest, strict=True)):
            snapshots = {
                mesh: replace(snapshot, revision=view.revision)
                for mesh, snapshot in snapshots.items()
            }
        else:
            inputs, former = latest, set(snapshots)
            present = {mesh: mesh_snapshot(view, mesh) for mesh in mesh_names(view)}
            snapshots = {
                mesh: replace(snapshot, material=certificates.material)
                for mesh, snapshot in present.items()
                if snapshot
            }
            for mesh in former - snapshots.keys():
                cache.remove(mesh)
        for snapshot in snapshots.values():
            cache.update(snapshot)
