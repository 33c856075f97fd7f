"""A resource of a mesh as it was sent, what Envoys were made to have of it, and who has that."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf import any_pb2, json_format

from tealmesh.envoy.names import egress_cluster
from tealmesh.envoy.resources import Resource, ResourceSet
from tealmesh.model import wire
from tealmesh.model.absent import absent
from tealmesh.model.appmesh import ResourceBody
from tealmesh.model.errors import AwsError
from tealmesh.model.mesh import Kind, Proxy
from tealmesh.rollout.inventory.graph import of_gateway_route
from tealmesh.store import Document, View, tables

_TABLES: Mapping[str, tables.Collection[ResourceBody[Any]]] = {
    Kind.VIRTUAL_GATEWAY: tables.VIRTUAL_GATEWAYS,
    Kind.GATEWAY_ROUTE: tables.GATEWAY_ROUTES,
    Kind.VIRTUAL_SERVICE: tables.VIRTUAL_SERVICES,
    Kind.VIRTUAL_ROUTER: tables.VIRTUAL_ROUTERS,
    Kind.ROUTE: tables.ROUTES,
    Kind.VIRTUAL_NODE: tables.VIRTUAL_NODES,
}
"""Of specifications of any kind: hence Any."""
_HELD = frozenset({Kind.GATEWAY_ROUTE, Kind.ROUTE})
"""Those that are named within another one."""
_MOST = 100


@dataclass(frozen=True)
class Held:
    """What the Envoys of one node or gateway were made to have."""

    proxy: Proxy
    envoys: Sequence[str]
    resources: ResourceSet


Chosen = tuple[str, Resource, Callable[[Mapping[str, object]], bool] | None]
"""The type, the resource, and of its virtual hosts those that count; None for the whole of it."""


def described(
    view: View, request: wire.GetResourceInput, held: Sequence[Held], waiting: frozenset[str]
) -> wire.GetResourceOutput:
    """``waiting``: the Envoys that do not run with the newest revision. Raises AwsError."""
    document = _found(view, request)
    body = document.body
    shown: dict[tuple[str, str, bytes], wire.EnvoyResource] = {}
    for one in held:
        for kind, resource, wanted in _chosen(view, request, one):
            key = (kind, resource.name, resource.body)
            if key not in shown:
                if len(shown) == _MOST:
                    break
                content = _content(resource, wanted)
                if content is None:
                    continue
                shown[key] = {"type": kind, "name": resource.name, "envoys": [], "content": content}
            shown[key]["envoys"] += one.envoys
    envoys = sorted({envoy for one in shown.values() for envoy in one["envoys"]})
    answer: wire.GetResourceOutput = {
        "mesh": body["meshName"],
        "kind": request["kind"],
        "name": body["name"],
        "version": body["version"],
        "createdAt": body["createdAt"],
        "updatedAt": body["lastUpdatedAt"],
        "spec": json.dumps(body["spec"], indent=2),
        "envoyResources": [shown[key] for key in sorted(shown)],
        "acknowledged": [envoy for envoy in envoys if envoy not in waiting],
        "lagging": [envoy for envoy in envoys if envoy in waiting],
    }
    if body["parent"]:
        answer["parent"] = body["parent"]
    return answer


def _found(view: View, request: wire.GetResourceInput) -> Document[ResourceBody[Any]]:
    kind = request["kind"]
    if kind not in _TABLES:
        known = ", ".join(_TABLES)
        raise AwsError("BadRequestException", f"kind: {kind!r} must be one of {known}")
    held = Kind(kind) in _HELD
    if held != ("parent" in request):
        text = f"parent: a {kind} {'needs the name of what holds it' if held else 'has none'}"
        raise AwsError("BadRequestException", text)
    parents = (request["mesh"], request["parent"]) if held else (request["mesh"],)
    document = view.get(_TABLES[kind], *parents, request["name"])
    if document is None:
        names = [one.body["name"] for one in view.list(_TABLES[kind], *parents)]
        raise AwsError("NotFoundException", absent(kind, request["name"], names))
    return document


def _chosen(view: View, request: wire.GetResourceInput, held: Held) -> Iterator[Chosen]:
    """Those resources of an Envoy that are made of the one that is asked for."""
    mesh, kind, resources = request["mesh"], Kind(request["kind"]), held.resources
    owner = request.get("parent", request["name"])
    if kind in (Kind.VIRTUAL_GATEWAY, Kind.GATEWAY_ROUTE):
        if (held.proxy.kind, held.proxy.name) == (Kind.VIRTUAL_GATEWAY, owner):
            if kind is Kind.VIRTUAL_GATEWAY:
                yield from (("listener", one, None) for one in resources.listeners.values())
            yield from (("routes", one, None) for one in resources.routes.values())
        return
    if kind is Kind.VIRTUAL_NODE:
        names = _clusters(view, mesh, request["name"])
        yield from (("cluster", one, None) for one in _named(resources.clusters, names))
        yield from (("endpoints", one, None) for one in _named(resources.endpoints, names))
        if (held.proxy.kind, held.proxy.name) == (Kind.VIRTUAL_NODE, request["name"]):
            inward = [one for name, one in resources.clusters.items() if "_ingress_" in name]
            yield from (("cluster", one, None) for one in inward)
            yield from (("listener", one, None) for one in resources.listeners.values())
            inward = [one for name, one in resources.routes.items() if "_ingress_" in name]
            yield from (("routes", one, None) for one in inward)
        return
    hosts = _hosts(view, mesh, kind, owner)

    def wanted(host: Mapping[str, object]) -> bool:
        text = json.dumps(host)
        return any(f'"{name}"' in text or f'"{name}:' in text for name in hosts)

    if held.proxy.kind is Kind.VIRTUAL_GATEWAY:
        # Its routes lead to the nodes behind a virtual service, and do not name it.
        if _leads(view, mesh, held.proxy.name, hosts):
            yield from (("routes", one, None) for one in resources.routes.values())
        return
    for one in resources.routes.values():
        if "_ingress_" not in one.name and any(name.encode() in one.body for name in hosts):
            yield "routes", one, wanted


def _clusters(view: View, mesh: str, node: str) -> list[str]:
    document = view.get(tables.VIRTUAL_NODES, mesh, node)
    listeners = document.body["spec"].get("listeners", []) if document else []
    mappings = [listener["portMapping"] for listener in listeners]
    return [egress_cluster(mesh, node, one["protocol"], one["port"]) for one in mappings]


def _named(resources: Mapping[str, Resource], names: Sequence[str]) -> list[Resource]:
    return [resources[name] for name in names if name in resources]


def _hosts(view: View, mesh: str, kind: Kind, name: str) -> list[str]:
    """The virtual services that a router provides, or the one of this name."""
    if kind is Kind.VIRTUAL_SERVICE:
        return [name]
    found = []
    for one in view.list(tables.VIRTUAL_SERVICES, mesh):
        router = one.body["spec"].get("provider", {}).get("virtualRouter")
        if router is not None and router["virtualRouterName"] == name:
            found.append(one.body["name"])
    return found


def _leads(view: View, mesh: str, gateway: str, services: Sequence[str]) -> bool:
    """Whether a gateway leads to one of these virtual services."""
    routes = view.list(tables.GATEWAY_ROUTES, mesh, gateway)
    return any(of_gateway_route(route.body["spec"])[1] in services for route in routes)


def _content(
    resource: Resource, wanted: Callable[[Mapping[str, object]], bool] | None
) -> str | None:
    """The resource as JSON; None if none of its virtual hosts counts."""
    whole = json_format.MessageToDict(any_pb2.Any.FromString(resource.body))
    if wanted is not None:
        hosts = [host for host in whole.get("virtualHosts", []) if wanted(host)]
        if not hosts:
            return None
        whole["virtualHosts"] = hosts
    return json.dumps(whole, indent=2)
