"""What a service or gateway of teal.toml consists of, and who else needs it. Pure.

Only what `teal apply` and `teal deploy` make under its names is removed. What others made and what
leads to it is named, and nothing is removed as long as it does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from tealmesh.model.absent import absent
from tealmesh.model.errors import AwsError
from tealmesh.model.status import Change
from tealmesh.rollout import documents
from tealmesh.rollout.drivers import gateways, resources
from tealmesh.rollout.system import GatewaySystem, ServiceSystem
from tealmesh.store import Reader, tables

if TYPE_CHECKING:
    from tealmesh.model.appmesh import GatewayRouteSpec, RouteSpec

MeshNames = Mapping[str, str]
"""The members that identify an App Mesh resource in every operation."""


@dataclass(frozen=True)
class Removal:
    """What has to be deleted, and what stands against it."""

    kind: Literal["service", "gateway"]
    name: str
    mesh: str
    cluster: str
    first: tuple[tuple[str, MeshNames], ...]
    """App Mesh resources (noun, names) without which no new requests come."""
    ecs_services: tuple[str, ...]
    """Drained and stopped then."""
    rest: tuple[tuple[str, MeshNames], ...]
    """App Mesh resources that are deleted when nothing runs any more, in this order."""
    registry: str
    """Id of the Cloud Map service; empty for none."""
    task_definitions: tuple[str, ...]
    """Their ARNs."""
    callers: tuple[str, ...]
    """What sends requests to it, in words."""
    needed_by: tuple[str, ...]
    """What others made and leads to it, in words."""

    def changes(self) -> tuple[Change, ...]:
        """What is deleted, in words and in order."""
        found = [
            *(_named(*one) for one in self.first),
            *(f"ECS service {name}" for name in self.ecs_services),
            *(_named(*one) for one in self.rest),
            *([f"Cloud Map service {self.name}"] if self.registry else []),
            *(f"task definition {arn.rpartition('/')[2]}" for arn in self.task_definitions),
        ]
        return tuple(Change("delete", what) for what in found)


def removal(view: Reader, name: str) -> Removal:
    """The removal of the service or gateway of this name. Raises NotFoundException if there is
    none, and BadRequestException if it is not teal.toml's.
    """
    if view.get(tables.SYSTEMS, name) is not None:
        return _of_service(view, documents.service_system(view, name))
    document = view.get(tables.GATEWAYS, name)
    if document is not None:
        return _of_gateway(view, GatewaySystem.from_json(document.body))
    known = [s.name for s in documents.services(view)] + [g.name for g in documents.gateways(view)]
    if name in _others(view):
        raise AwsError(
            "BadRequestException",
            f"{name} was not made by `teal apply`: remove it where it was made, such as with "
            "`terraform destroy`",
        )
    raise AwsError("NotFoundException", absent("service or gateway", name, known))


def _others(view: Reader) -> set[str]:
    """The names of what others made, by which somebody may want to remove it."""
    names = {service.name for service in documents.every_service(view)}
    names |= {document.body["name"] for document in view.list(tables.VIRTUAL_SERVICES)}
    names |= {document.body["name"] for document in view.list(tables.VIRTUAL_GATEWAYS)}
    names |= {document.body["name"] for document in view.list(tables.VIRTUAL_NODES)}
    names |= {document.body["serviceName"] for document in view.list(tables.ECS_SERVICES)}
    return names | {name.partition(".")[0] for name in names}


def _of_service(view: Reader, service: ServiceSystem) -> Removal:
    mesh, nodes = service.mesh, [service.node(side) for side in service.sides]
    own = dict(_own_gateway_routes(view, service))
    router = {"meshName": mesh, "virtualRouterName": service.name}
    rest: list[tuple[str, MeshNames]] = [
        ("virtual_service", {"meshName": mesh, "virtualServiceName": service.hostname}),
        ("route", {**router, "routeName": "route"}),
        ("virtual_router", router),
        *(("virtual_node", {"meshName": mesh, "virtualNodeName": node}) for node in nodes),
    ]
    registry = _registry(view, service)
    return Removal(
        kind="service",
        name=service.name,
        mesh=mesh,
        cluster=service.cluster,
        first=tuple(("gateway_route", names) for names in own.values()),
        ecs_services=tuple(n for n in nodes if _is_there(view, service.cluster, n)),
        rest=tuple(one for one in rest if _exists(view, *one)),
        registry=registry,
        task_definitions=_task_definitions(view, nodes, f"mesh/{mesh}/virtualNode/"),
        callers=(*own, *_callers(view, service)),
        needed_by=(
            *_other_gateway_routes(view, service, own.values()),
            *_other_mesh_users(view, service, nodes),
            *_other_registrations(view, service, registry, nodes),
        ),
    )


def _of_gateway(view: Reader, gateway: GatewaySystem) -> Removal:
    own = {"meshName": gateway.mesh, "virtualGatewayName": gateway.name}
    hostnames = {s.name: s.hostname for s in documents.services(view)}
    described = {route.names["gatewayRouteName"] for route in _routes(gateway, hostnames)}
    present = [d.body["name"] for d in view.list(tables.GATEWAY_ROUTES, gateway.mesh, gateway.name)]
    routes = [("gateway_route", {**own, "gatewayRouteName": r}) for r in present if r in described]
    there = _is_there(view, gateway.cluster, gateway.name)
    return Removal(
        kind="gateway",
        name=gateway.name,
        mesh=gateway.mesh,
        cluster=gateway.cluster,
        first=(),
        ecs_services=(gateway.name,) if there else (),
        rest=(
            *routes,
            *([("virtual_gateway", own)] if _exists(view, "virtual_gateway", own) else []),
        ),
        registry="",
        task_definitions=_task_definitions(
            view, [gateway.name], f"mesh/{gateway.mesh}/virtualGateway/"
        ),
        callers=(),
        needed_by=tuple(
            f"gateway route {route} of {gateway.name} was made by others"
            for route in present
            if route not in described
        ),
    )


def _routes(
    gateway: GatewaySystem, hostnames: Mapping[str, str]
) -> list[resources.MeshObject[GatewayRouteSpec]]:
    """The gateway routes that `teal apply` makes, for as far as their services are known."""
    known = {service: hostnames.get(service, "") for service in gateway.config.routes.values()}
    return gateways.gateway_routes(gateway, known)


def _own_gateway_routes(view: Reader, service: ServiceSystem) -> Iterator[tuple[str, MeshNames]]:
    """(in words, names) of the gateway routes of teal.toml that lead to a service."""
    for gateway in documents.gateways(view):
        if gateway.mesh != service.mesh:
            continue
        for (prefix, to), route in zip(
            gateway.config.routes.items(), _routes(gateway, {service.name: ""}), strict=True
        ):
            if to == service.name and _exists(view, route.noun, route.names):
                yield f"gateway {gateway.name} routes {prefix} to it", route.names


def _callers(view: Reader, service: ServiceSystem) -> Iterator[str]:
    """The nodes that have it as a backend, by the name of their service."""
    owners = {
        (other.mesh, other.node(side)): other.name
        for other in documents.services(view)
        for side in other.sides
    }
    found: dict[str, None] = {}
    for document in view.list(tables.VIRTUAL_NODES, service.mesh):
        name = document.body["name"]
        backends = document.body["spec"].get("backends", [])
        hosts = [b.get("virtualService", {}).get("virtualServiceName") for b in backends]
        owner = owners.get((service.mesh, name))
        if service.hostname in hosts and owner != service.name:
            found[f"service {owner} calls it" if owner else f"virtual node {name} calls it"] = None
    yield from found


def _other_gateway_routes(
    view: Reader, service: ServiceSystem, own: Iterable[MeshNames]
) -> Iterator[str]:
    known = {tuple(names.values()) for names in own}
    for document in view.list(tables.GATEWAY_ROUTES, service.mesh):
        body = document.body
        key = (service.mesh, body["parent"], body["name"])
        if key not in known and service.hostname in _led_to(body["spec"]):
            yield f"gateway route {body['name']} of {body['parent']}, made by others, leads to it"


def _led_to(spec: GatewayRouteSpec) -> list[str]:
    kinds = (spec.get("httpRoute"), spec.get("http2Route"), spec.get("grpcRoute"))
    return [
        kind["action"]["target"]["virtualService"]["virtualServiceName"] for kind in kinds if kind
    ]


def _other_mesh_users(view: Reader, service: ServiceSystem, nodes: list[str]) -> Iterator[str]:
    """Virtual services and routes that others made and that lead to the router or a node."""
    for virtual in view.list(tables.VIRTUAL_SERVICES, service.mesh):
        provider = virtual.body["spec"].get("provider", {})
        router = provider.get("virtualRouter", {}).get("virtualRouterName")
        node = provider.get("virtualNode", {}).get("virtualNodeName")
        if virtual.body["name"] != service.hostname and (router == service.name or node in nodes):
            yield f"virtual service {virtual.body['name']}, made by others, leads to it"
    for route in view.list(tables.ROUTES, service.mesh):
        own = (route.body["parent"], route.body["name"]) == (service.name, "route")
        theirs = route.body["parent"] == service.name
        if not own and (theirs or _targets(route.body["spec"]) & set(nodes)):
            where = f"route {route.body['name']} of router {route.body['parent']}"
            yield f"{where}, made by others, {'is in its router' if theirs else 'leads to it'}"


def _targets(spec: RouteSpec) -> set[str]:
    kinds = (
        spec.get("httpRoute"), spec.get("http2Route"), spec.get("grpcRoute"), spec.get("tcpRoute")
    )  # fmt: skip
    return {
        target["virtualNode"]
        for kind in kinds
        if kind
        for target in kind["action"]["weightedTargets"]
    }


def _other_registrations(
    view: Reader, service: ServiceSystem, registry: str, nodes: list[str]
) -> Iterator[str]:
    """ECS services of others that register in its Cloud Map service."""
    for document in view.list(tables.ECS_SERVICES) if registry else ():
        body = document.body
        arns = [entry.get("registryArn", "") for entry in body.get("serviceRegistries", [])]
        ours = body["serviceName"] in nodes and body["clusterArn"].endswith(f"/{service.cluster}")
        active = body["status"] != "INACTIVE"
        if active and not ours and any(arn.endswith(f"/{registry}") for arn in arns):
            yield f"ECS service {body['serviceName']}, made by others, is in its registry"


def _registry(view: Reader, service: ServiceSystem) -> str:
    """The id of its Cloud Map service; empty if there is none."""
    ids = [
        d.body["id"] for d in view.list(tables.NAMESPACES) if d.body["name"] == service.namespace
    ]
    found = [
        d.body["id"]
        for d in view.list(tables.SD_SERVICES)
        if d.body["namespaceId"] in ids and d.body["name"] == service.name
    ]
    return found[0] if found else ""


def _task_definitions(view: Reader, families: list[str], resource: str) -> tuple[str, ...]:
    """The active revisions of these families whose Envoy stands for the node of the same name: what
    others registered there is theirs.
    """
    return tuple(
        document.body["taskDefinitionArn"]
        for family in families
        for document in view.list(tables.TASK_DEFINITIONS, family)
        if document.body.get("status") == "ACTIVE"
        and any(
            variable.get("name") == "APPMESH_RESOURCE_ARN"
            and variable.get("value") == f"{resource}{family}"
            for container in document.body["containerDefinitions"]
            for variable in container.get("environment", [])
        )
    )


def _is_there(view: Reader, cluster: str, name: str) -> bool:
    document = view.get(tables.ECS_SERVICES, cluster, name)
    return document is not None and document.body["status"] != "INACTIVE"


_COLLECTIONS: dict[str, tables.Collection[Any]] = {
    "virtual_service": tables.VIRTUAL_SERVICES,
    "virtual_router": tables.VIRTUAL_ROUTERS,
    "virtual_node": tables.VIRTUAL_NODES,
    "virtual_gateway": tables.VIRTUAL_GATEWAYS,
    "route": tables.ROUTES,
    "gateway_route": tables.GATEWAY_ROUTES,
}


def _exists(view: Reader, noun: str, names: MeshNames) -> bool:
    return view.get(_COLLECTIONS[noun], *names.values()) is not None


def _named(noun: str, names: MeshNames) -> str:
    own, *parents = reversed(list(names.values()))
    what = f"{noun.replace('_', ' ')} {own}"
    return f"{what} of {parents[0]}" if noun in ("route", "gateway_route") else what
