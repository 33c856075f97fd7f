"""The snapshots of all meshes, kept up with the store: a change costs what it touches.

`snapshot.mesh_snapshot` reads a mesh from a view, which costs as much as the mesh has documents.
`Meshes` reads each once so, and then only what a newer view says has changed since. The snapshots
are the same; `tests/store/test_meshes.py` compares them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeVar
from urllib.parse import unquote

from tealmesh.model.mesh import MeshResource, MeshSnapshot
from tealmesh.store import snapshot as reading
from tealmesh.store import tables
from tealmesh.store.cloud_map import CloudMap
from tealmesh.store.tables import Collection
from tealmesh.store.views import Name, View

V = TypeVar("V")

_FLAT: Mapping[str, str] = {
    tables.VIRTUAL_NODES: "virtual_nodes",
    tables.VIRTUAL_SERVICES: "virtual_services",
    tables.VIRTUAL_ROUTERS: "virtual_routers",
    tables.VIRTUAL_GATEWAYS: "virtual_gateways",
}
_BY_PARENT: Mapping[str, str] = {
    tables.ROUTES: "routes",
    tables.GATEWAY_ROUTES: "gateway_routes",
}
"""The members of a snapshot, by the collection of which each resource is one document."""

_SHARED = frozenset({tables.INSTANCES, tables.DISCOVERED, tables.CERTIFICATES})

# Any: the resources have specifications of seven types.
_Changes = dict[str, Any]


class Meshes:
    """The snapshot of each mesh at the newest view that it was given."""

    def __init__(self) -> None:
        self._snapshots: dict[str, MeshSnapshot] = {}
        self._cloud_map = CloudMap()

    def stale(self, view: View, since: int) -> dict[str, set[Name]] | None:
        """The documents of each mesh that have changed since a revision, none if only what all
        share has; None if all is to be read anew.
        """
        changed = view.changed_since(since)
        if changed is None or not self._cloud_map.follow(view, changed):
            self._cloud_map = CloudMap.of(view)
            return None
        shared = any(collection in _SHARED for collection, _ in changed)
        found: dict[str, set[Name]] = {mesh: set() for mesh in self._snapshots} if shared else {}
        for collection, key in changed:
            if collection in reading.MESH_INPUTS:
                found.setdefault(unquote(key.partition("/")[0]), set()).add((collection, key))
        return found

    def read(self, view: View, mesh: str, changed: Iterable[Name] | None) -> MeshSnapshot | None:
        """The snapshot of a mesh: its last one with the documents that have changed since, or the
        whole mesh for None; None if there is no such mesh.
        """
        known = self._snapshots.pop(mesh, None)
        if known is None or changed is None:
            made = reading.mesh_snapshot(view, mesh, self._cloud_map)
        else:
            made = self._updated(view, known, set(changed))
        if made is not None:
            self._snapshots[mesh] = made
        return made

    def forget(self, mesh: str) -> None:
        """Forget a mesh that was deleted."""
        self._snapshots.pop(mesh, None)

    def _updated(self, view: View, known: MeshSnapshot, changed: set[Name]) -> MeshSnapshot | None:
        mesh = known.mesh.name
        if (tables.LINGERING_ROUTES in {collection for collection, _ in changed}) or any(
            d for d in view.list(tables.LINGERING_ROUTES, mesh)
        ):
            # Routers' routes are replaced by lingering ones as a whole.
            return reading.mesh_snapshot(view, mesh, self._cloud_map)
        members: _Changes = {
            "revision": view.revision,
            "cloud_map": self._cloud_map.instances,
            "zones": self._cloud_map.zones,
        }
        for collection, key in changed:
            if collection == tables.MESHES:
                document = view.get(tables.MESHES, mesh)
                if document is None:
                    return None
                members["mesh"] = reading.resource(document)
            elif collection in _FLAT:
                _set(members, known, _FLAT[collection], _resource(view, collection, key), key)
            elif collection in _BY_PARENT:
                _set_below(members, known, _BY_PARENT[collection], view, collection, key)
        if any(collection == tables.ROUTER_EXTENSIONS for collection, _ in changed):
            members["extensions"] = reading.router_extensions(view, mesh)
        if any(collection == tables.WATCHED for collection, _ in changed):
            members["watched"] = reading.watched(view, mesh)
            members["deployed"] = reading.deployed(view, mesh)
        return replace(known, **members)


def _resource(view: View, collection: str, key: str) -> MeshResource[Any] | None:
    parts = [unquote(part) for part in key.split("/")]
    document = view.get(Collection[Any](collection), *parts)
    return None if document is None else reading.resource(document)


def _set(
    members: _Changes,
    known: MeshSnapshot,
    member: str,
    resource: MeshResource[Any] | None,
    key: str,
) -> None:
    """Put one resource in, or take it out."""
    if member not in members:
        members[member] = dict(getattr(known, member))
    _put(members[member], unquote(key.rpartition("/")[2]), resource)


def _set_below(
    members: _Changes, known: MeshSnapshot, member: str, view: View, collection: str, key: str
) -> None:
    """The same, by parent: a router's or gateway's dictionary is new, the others are shared."""
    before = getattr(known, member)
    if member not in members:
        members[member] = dict(before)
    _, parent, name = (unquote(part) for part in key.split("/"))
    outer = members[member]
    inner = outer.get(parent, {})
    if inner is before.get(parent):
        inner = dict(inner)
    _put(inner, name, _resource(view, collection, key))
    _put(outer, parent, inner or None)


def _put(found: dict[str, V], name: str, value: V | None) -> None:
    if value is None:
        found.pop(name, None)
    else:
        found[name] = value
