"""Passes changes of meshes from the store to the xDS cache."""

from __future__ import annotations

from dataclasses import replace

from tealmesh.apis.appmesh.certificates import Certificates
from tealmesh.model.mesh import MeshSnapshot
from tealmesh.store import Store
from tealmesh.store.snapshot import INPUTS, mesh_names, mesh_snapshot
from tealmesh.xds.cache import AdsCache


async def feed(store: Store, cache: AdsCache, certificates: Certificates) -> None:
    """After every change of the store, give the cache a snapshot of each mesh.

    If no input of a snapshot has changed, the previous one only gets the new revision.
    """
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
            inputs, previous = latest, set(snapshots)
            taken = {mesh: mesh_snapshot(view, mesh) for mesh in mesh_names(view)}
            snapshots = {
                mesh: replace(snapshot, material=certificates.material)
                for mesh, snapshot in taken.items()
                if snapshot
            }
            for mesh in previous - snapshots.keys():
                cache.remove(mesh)
        for snapshot in snapshots.values():
            cache.update(snapshot)
