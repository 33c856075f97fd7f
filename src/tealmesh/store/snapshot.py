"""Read a mesh from a view of the store, as the frozen snapshot that Envoys are configured from."""

from __future__ import annotations

from urllib.parse import unquote

from tealmesh.model.appmesh import ResourceBody, S
from tealmesh.model.cloudmap import Zones
from tealmesh.model.extensions import RouterExtension
from tealmesh.model.load_balancers import (
    BY_HOST,
    ByHostSnapshot,
    LoadBalancerBody,
    LoadBalancerSnapshot,
    PlaceBody,
    listens_by_host,
    named_groups,
)
from tealmesh.model.mesh import Kind, MeshResource, MeshSnapshot
from tealmesh.model.teal import known_members
from tealmesh.model.traffic.parts import Part
from tealmesh.store import tables
from tealmesh.store.cloud_map import CloudMap
from tealmesh.store.tables import Collection
from tealmesh.store.views import Document, Transaction, View

_COLLECTIONS: dict[str, Kind] = {
    tables.MESHES: Kind.MESH,
    tables.VIRTUAL_NODES: Kind.VIRTUAL_NODE,
    tables.VIRTUAL_SERVICES: Kind.VIRTUAL_SERVICE,
    tables.VIRTUAL_ROUTERS: Kind.VIRTUAL_ROUTER,
    tables.ROUTES: Kind.ROUTE,
    tables.LINGERING_ROUTES: Kind.ROUTE,
    tables.VIRTUAL_GATEWAYS: Kind.VIRTUAL_GATEWAY,
    tables.GATEWAY_ROUTES: Kind.GATEWAY_ROUTE,
}
MESH_INPUTS = frozenset({*_COLLECTIONS, tables.ROUTER_EXTENSIONS, tables.WATCHED})
"""The collections that a mesh's snapshot depends on and whose keys begin with the mesh's name.
Besides, all depend on Cloud Map (`CloudMap`) and on `tables.CERTIFICATES`; changes elsewhere cannot
affect an Envoy."""


def mesh_names(view: View) -> list[str]:
    """The names of all meshes."""
    return [document.body["meshName"] for document in view.list(tables.MESHES)]


def mesh_snapshot(view: View, mesh: str, found: CloudMap | None = None) -> MeshSnapshot | None:
    """The mesh of this name at the view's revision, or None if there is none. ``found`` is what
    Cloud Map has, if that has been read already.
    """
    document = view.get(tables.MESHES, mesh)
    if document is None:
        return None
    known = CloudMap.of(view) if found is None else found
    return MeshSnapshot(
        revision=view.revision,
        mesh=resource(document),
        virtual_nodes=_flat(view, tables.VIRTUAL_NODES, mesh),
        virtual_services=_flat(view, tables.VIRTUAL_SERVICES, mesh),
        virtual_routers=_flat(view, tables.VIRTUAL_ROUTERS, mesh),
        routes=_by_parent(view, tables.LINGERING_ROUTES, mesh)
        | _by_parent(view, tables.ROUTES, mesh),
        virtual_gateways=_flat(view, tables.VIRTUAL_GATEWAYS, mesh),
        gateway_routes=_by_parent(view, tables.GATEWAY_ROUTES, mesh),
        extensions=router_extensions(view, mesh),
        cloud_map=known.instances,
        zones=known.zones,
        watched=watched(view, mesh),
        deployed=deployed(view, mesh),
    )


def deployed(view: View, mesh: str) -> frozenset[str]:
    """The routers of services that are deployed now."""
    return frozenset(
        document.body["router"]
        for document in view.list(tables.WATCHED, mesh)
        if document.body.get("deployed", True)
    )


def watched(view: View, mesh: str) -> dict[str, tuple[Part, ...]]:
    """The parts that are counted, by router."""
    return {
        document.body["router"]: tuple(
            Part(**known_members(Part, part)) for part in document.body["parts"]
        )
        for document in view.list(tables.WATCHED, mesh)
    }


def router_extensions(view: View | Transaction, mesh: str) -> dict[str, RouterExtension]:
    """What running deployments add to the routes of a mesh, by router."""
    found = (RouterExtension.from_json(d.body) for d in view.list(tables.ROUTER_EXTENSIONS, mesh))
    return {extension.router: extension for extension in found}


def dns_zones(view: View) -> Zones:
    """The DNS namespaces, and their services with records."""
    return CloudMap.of(view).zones


LOAD_BALANCER_INPUTS: tuple[str, ...] = (
    tables.LOAD_BALANCERS,
    tables.LOAD_BALANCER_PLACES,
    tables.TARGET_GROUPS,
    tables.TARGETS,
    tables.CERTIFICATES,
)
"""The collections that a load balancer's snapshot depends on."""


def load_balancer_places(view: View | Transaction) -> dict[str, PlaceBody]:
    """Where load balancers listen, by ARN."""
    return {unquote(d.key): d.body for d in view.list(tables.LOAD_BALANCER_PLACES)}


def load_balancer_bodies(view: View | Transaction) -> dict[str, LoadBalancerBody]:
    """The load balancers that the API holds, by ARN."""
    return {d.body["LoadBalancerArn"]: d.body for d in view.list(tables.LOAD_BALANCERS)}


def load_balancer_addresses(view: View) -> dict[str, str]:
    """The address of each load balancer that listens, by its DNS name in lower case."""
    places = load_balancer_places(view)
    return {
        body["DNSName"].lower(): places[arn]["address"]
        for arn, body in load_balancer_bodies(view).items()
        if arn in places
    }


def load_balancers_inside(view: View) -> dict[str, str]:
    """Where containers reach each load balancer, by its DNS name in lower case."""
    places = load_balancer_places(view)
    found = {
        body["DNSName"].lower(): places[arn].get("containerAddress", "")
        for arn, body in load_balancer_bodies(view).items()
        if arn in places
    }
    return {name: address for name, address in found.items() if address}


def by_host_snapshot(view: View) -> ByHostSnapshot | None:
    """What the Envoy that selects load balancers by the Host header forwards to; None while it has
    no place.
    """
    places = load_balancer_places(view)
    own = places.get(BY_HOST)
    if own is None:
        return None
    addresses: dict[str, tuple[str, int]] = {}
    further: dict[str, tuple[str, int]] = {}
    for arn, body in load_balancer_bodies(view).items():
        place = places.get(arn)
        for listener in body["Listeners"]:
            port = listener["Port"]
            if place is None or str(port) not in place["ports"] or not listens_by_host(listener):
                continue
            name, at = body["DNSName"].lower(), (place["address"], place["ports"][str(port)])
            addresses.setdefault(name, at)
            further[f"{name}:{port}"] = at
    (port,) = own["ports"].values()
    return ByHostSnapshot(view.revision, port, addresses, further)


def load_balancer_snapshot(view: View, arn: str) -> LoadBalancerSnapshot | None:
    """The load balancer ``arn`` at the view's revision, without its certificates, and without a
    listener whose local port has not been chosen yet; None if there is none or it has no place yet.
    """
    document = view.get(tables.LOAD_BALANCERS, arn)
    place = view.get(tables.LOAD_BALANCER_PLACES, arn)
    if document is None or place is None:
        return None
    ready = [one for one in document.body["Listeners"] if str(one["Port"]) in place.body["ports"]]
    body: LoadBalancerBody = {**document.body, "Listeners": ready}
    groups = {
        group.body["TargetGroupArn"]: group.body
        for group in view.list(tables.TARGET_GROUPS)
        if group.body["TargetGroupArn"] in named_groups(body)
    }
    return LoadBalancerSnapshot(
        revision=view.revision,
        load_balancer=body,
        place=place.body,
        target_groups=groups,
        targets={
            group: tuple(t.body for t in view.list(tables.TARGETS, group)) for group in groups
        },
    )


def resource(document: Document[ResourceBody[S]]) -> MeshResource[S]:
    """A resource of a mesh as its document has it."""
    body = document.body
    return MeshResource(
        kind=_COLLECTIONS[document.collection],
        mesh=body["meshName"],
        parent=body.get("parent", ""),
        name=body["name"],
        arn=body["arn"],
        uid=body["uid"],
        version=body["version"],
        revision=document.revision,
        spec=body["spec"],
    )


def _flat(
    view: View, collection: Collection[ResourceBody[S]], mesh: str
) -> dict[str, MeshResource[S]]:
    resources = [resource(document) for document in view.list(collection, mesh)]
    return {one.name: one for one in resources}


def _by_parent(
    view: View, collection: Collection[ResourceBody[S]], mesh: str
) -> dict[str, dict[str, MeshResource[S]]]:
    resources: dict[str, dict[str, MeshResource[S]]] = {}
    for document in view.list(collection, mesh):
        one = resource(document)
        resources.setdefault(one.parent, {})[one.name] = one
    return resources
