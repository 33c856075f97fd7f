"""A mesh as a graph: how requests get from gateways and nodes to nodes. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from tealmesh.model import wire
from tealmesh.model.mesh import Kind
from tealmesh.rollout.discovery.routes import route_member
from tealmesh.store import View, tables

if TYPE_CHECKING:
    from tealmesh.model.appmesh import GatewayRouteSpec, RouteSpec

COLLECTIONS = (
    tables.MESHES,
    tables.VIRTUAL_GATEWAYS,
    tables.GATEWAY_ROUTES,
    tables.VIRTUAL_SERVICES,
    tables.VIRTUAL_ROUTERS,
    tables.ROUTES,
    tables.VIRTUAL_NODES,
)
"""What the graph depends on, besides the sides of services."""

Sides = Mapping[tuple[str, str], tuple[str, str]]
"""The service and the side that a virtual node is, by mesh and node."""


def graph(view: View, mesh: str, sides: Sides) -> wire.MeshGraph:
    """The graph, whose Envoys are not counted."""
    nodes: list[wire.GraphNode] = []
    edges: list[wire.GraphEdge] = []
    for found in (_gateways, _services, _routers, _nodes):
        for node, leading in found(view, mesh):
            nodes.append(node)
            edges += leading
    for node in nodes:
        side = sides.get((mesh, node["name"])) if node["kind"] == Kind.VIRTUAL_NODE else None
        if side is not None:
            node["service"], node["side"] = side
    known = {node["id"] for node in nodes}
    drawn = [edge for edge in edges if edge["target"] in known]
    return {"name": mesh, "nodes": nodes, "edges": drawn}


Found = tuple[wire.GraphNode, list[wire.GraphEdge]]


def _gateways(view: View, mesh: str) -> Iterator[Found]:
    for one in view.list(tables.VIRTUAL_GATEWAYS, mesh):
        name = one.body["name"]
        listeners = [item["portMapping"] for item in one.body["spec"]["listeners"]]
        gateway = f"{Kind.VIRTUAL_GATEWAY}/{name}"
        routes = view.list(tables.GATEWAY_ROUTES, mesh, name)
        ids = [f"{Kind.GATEWAY_ROUTE}/{name}/{route.body['name']}" for route in routes]
        leads: list[wire.GraphEdge] = [
            {"source": gateway, "target": route, "kind": "leads"} for route in ids
        ]
        detail = ", ".join(f"{item['protocol']} {item['port']}" for item in listeners)
        yield (
            {"id": gateway, "kind": Kind.VIRTUAL_GATEWAY, "name": name, "detail": detail},
            leads,
        )
        for identity, route in zip(ids, routes, strict=True):
            match, service = of_gateway_route(route.body["spec"])
            target = f"{Kind.VIRTUAL_SERVICE}/{service}"
            yield (
                {
                    "id": identity,
                    "kind": Kind.GATEWAY_ROUTE,
                    "name": route.body["name"],
                    "detail": match,
                },
                [{"source": identity, "target": target, "kind": "uses"}],
            )


def of_gateway_route(spec: GatewayRouteSpec) -> tuple[str, str]:
    """What it matches, in a few words, and the virtual service that it leads to."""
    for member in ("httpRoute", "http2Route", "grpcRoute"):
        if member in spec:
            route = spec[member]
            service = route["action"]["target"]["virtualService"]["virtualServiceName"]
            return _match(route.get("match", {})), str(service)
    return "", ""


def _match(match: Mapping[str, object]) -> str:
    """The conditions of a route, in a few words."""
    said = []
    for member in ("method", "prefix", "serviceName", "methodName", "port", "scheme"):
        if member in match:
            said.append(str(match[member]))
    for member in ("path", "hostname"):
        value = match.get(member)
        if isinstance(value, Mapping):
            said.append(str(next(iter(value.values()), "")))
    for member in ("headers", "metadata", "queryParameters"):
        value = match.get(member)
        if isinstance(value, list):
            said += [str(one.get("name", "")) for one in value]
    return " ".join(said)


def _services(view: View, mesh: str) -> Iterator[Found]:
    for one in view.list(tables.VIRTUAL_SERVICES, mesh):
        identity = f"{Kind.VIRTUAL_SERVICE}/{one.body['name']}"
        provider = one.body["spec"].get("provider", {})
        targets = []
        if "virtualNode" in provider:
            targets = [f"{Kind.VIRTUAL_NODE}/{provider['virtualNode']['virtualNodeName']}"]
        elif "virtualRouter" in provider:
            targets = [f"{Kind.VIRTUAL_ROUTER}/{provider['virtualRouter']['virtualRouterName']}"]
        yield (
            {"id": identity, "kind": Kind.VIRTUAL_SERVICE, "name": one.body["name"]},
            [{"source": identity, "target": target, "kind": "leads"} for target in targets],
        )


def _routers(view: View, mesh: str) -> Iterator[Found]:
    for one in view.list(tables.VIRTUAL_ROUTERS, mesh):
        name = one.body["name"]
        router = f"{Kind.VIRTUAL_ROUTER}/{name}"
        routes = view.list(tables.ROUTES, mesh, name)
        yield (
            {"id": router, "kind": Kind.VIRTUAL_ROUTER, "name": name},
            [
                {
                    "source": router,
                    "target": f"{Kind.ROUTE}/{name}/{route.body['name']}",
                    "kind": "leads",
                }
                for route in routes
            ],
        )
        for route in routes:
            yield _route(name, route.body["name"], route.body["spec"])


def _route(router: str, name: str, spec: RouteSpec) -> Found:
    identity = f"{Kind.ROUTE}/{router}/{name}"
    route = spec[route_member(spec)]
    targets = route["action"]["weightedTargets"]
    total = sum(target["weight"] for target in targets)
    edges: list[wire.GraphEdge] = []
    for target in targets:
        edge: wire.GraphEdge = {
            "source": identity,
            "target": f"{Kind.VIRTUAL_NODE}/{target['virtualNode']}",
            "kind": "weight",
            "weight": target["weight"],
        }
        if total:
            edge["share"] = target["weight"] / total
        edges.append(edge)
    node: wire.GraphNode = {"id": identity, "kind": Kind.ROUTE, "name": name}
    if detail := _match(route.get("match", {})):
        node["detail"] = detail
    return node, edges


def _nodes(view: View, mesh: str) -> Iterator[Found]:
    for one in view.list(tables.VIRTUAL_NODES, mesh):
        spec = one.body["spec"]
        identity = f"{Kind.VIRTUAL_NODE}/{one.body['name']}"
        node: wire.GraphNode = {
            "id": identity,
            "kind": Kind.VIRTUAL_NODE,
            "name": one.body["name"],
        }
        mappings = [item["portMapping"] for item in spec.get("listeners", [])]
        if mappings:
            node["detail"] = ", ".join(f"{item['protocol']} {item['port']}" for item in mappings)
        backends = [item["virtualService"]["virtualServiceName"] for item in _backends(spec)]
        yield (
            node,
            [
                {"source": identity, "target": f"{Kind.VIRTUAL_SERVICE}/{name}", "kind": "uses"}
                for name in backends
            ],
        )


def _backends(spec: object) -> list[Mapping[str, Mapping[str, str]]]:
    found = spec.get("backends", []) if isinstance(spec, Mapping) else []
    return [one for one in found if "virtualService" in one]
