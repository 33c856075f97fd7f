"""Rules between resources: what a specification refers to, and what refers to it.

Sources: the user guide's pages on routes, gateway routes and multiple listeners
(https://docs.aws.amazon.com/app-mesh/latest/userguide/routes.html). Where App Mesh's own message is
known from its users' reports, it is used word for word.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tealmesh.apis.appmesh import nouns
from tealmesh.apis.appmesh.nouns import NOUNS, MeshContent, Noun, Resource
from tealmesh.apis.appmesh.route_rules import content, gateway_content, protocol
from tealmesh.apis.appmesh.spec_rules import Problem
from tealmesh.model.appmesh import S
from tealmesh.model.errors import AwsError
from tealmesh.model.mesh import Kind

if TYPE_CHECKING:
    from types_boto3_appmesh.type_defs import PortMappingTypeDef, VirtualGatewayPortMappingTypeDef

    from tealmesh.model.appmesh import (
        GatewayRouteSpec,
        RouteSpec,
        VirtualGatewaySpec,
        VirtualNodeSpec,
        VirtualRouterSpec,
        VirtualServiceSpec,
    )

    Listening = VirtualNodeSpec | VirtualRouterSpec | VirtualGatewaySpec
    Parent = Resource[VirtualRouterSpec] | Resource[VirtualGatewaySpec]
    PortMapping = PortMappingTypeDef | VirtualGatewayPortMappingTypeDef
    Provider = Resource[VirtualRouterSpec] | Resource[VirtualNodeSpec]
    Routing = Resource[RouteSpec] | Resource[GatewayRouteSpec]


def check_references(mesh: MeshContent, resource: Resource[Any]) -> None:
    """Raise if ``resource`` refers to something that does not exist or does not fit it.

    NotFoundException for a missing resource, BadRequestException for ports and protocols.
    """
    check = _CHECKS.get(resource.noun.kind)
    if check:
        check(mesh, resource)


def check_dependents(mesh: MeshContent, resource: Resource[S]) -> None:
    """Raise BadRequestException if something that refers to ``resource`` would no longer fit it."""
    if resource.noun.kind is Kind.VIRTUAL_ROUTER:
        _check_routes_have_ports(mesh, resource.name)
    for dependent in _dependents(mesh, resource):
        try:
            check_references(mesh, dependent)
        except AwsError as error:
            raise AwsError(
                "BadRequestException",
                f"{resource} is used by {dependent}, which would no longer fit: {error.message}",
            ) from error


def check_unused(mesh: MeshContent, resource: Resource[S], account: str) -> None:
    """Raise ResourceInUseException if something still refers to ``resource`` or is held by it."""
    if resource.noun.kind is Kind.MESH:
        for noun in NOUNS.values():
            if noun.kind is not Kind.MESH and any(mesh.each(noun)):
                raise _in_use(
                    f"Mesh {mesh.mesh} for account {account} has active {noun.plural}, please"
                    f" delete {noun.plural} before deleting the Mesh"
                )
        return
    _check_holds_none(mesh, resource.noun, resource.name, nouns.ROUTE)
    _check_holds_none(mesh, resource.noun, resource.name, nouns.GATEWAY_ROUTE)
    _check_not_referenced(mesh, resource)


def _check_holds_none(mesh: MeshContent, holder: Noun[Any], name: str, held: Noun[S]) -> None:
    if held.parent is not holder.kind:
        return
    names = [resource.name for resource in mesh.each(held, name)]
    if names:
        raise _in_use(
            f"{holder.title} with name {name} cannot be deleted because it has {held.plural}:"
            f" {_some(names)}"
        )


def _check_not_referenced(mesh: MeshContent, resource: Resource[S]) -> None:
    kind = resource.noun.kind
    title = f"{resource.noun.title} with name {resource.name}"
    if kind in (Kind.VIRTUAL_NODE, Kind.VIRTUAL_ROUTER):
        services = [service.name for service in _provided_by(mesh, kind, resource.name)]
        if services:
            raise _in_use(
                f"{title} cannot be deleted because it is a VirtualService provider: "
                f"{_some(services)}"
            )
    if kind is Kind.VIRTUAL_NODE:
        routes = [f"{route.names[1]}/{route.name}" for route in _routes_to(mesh, resource.name)]
        if routes:
            raise _in_use(
                f"{title} cannot be deleted because it is a target of a Route: {_some(routes)}"
            )
    if kind is Kind.VIRTUAL_SERVICE:
        gateways = [f"{r.names[1]}/{r.name}" for r in _gateway_routes_to(mesh, resource.name)]
        if gateways:
            raise _in_use(
                f"VirtualService {resource.name} is being referenced in the following:"
                f" GATEWAY_ROUTE: [{_some(gateways)}]"
            )


def _check_service(mesh: MeshContent, service: Resource[VirtualServiceSpec]) -> None:
    _provider(mesh, service, "spec.provider")
    same = [
        other.name
        for other in mesh.each(nouns.VIRTUAL_SERVICE)
        if other.name != service.name and other.name.lower() == service.name.lower()
    ]
    if same:
        # Host names ignore case, and Envoy refuses a configuration that has both.
        raise AwsError(
            "ConflictException",
            f"VirtualService with name {same[0]} already exists under mesh {mesh.mesh}: names of"
            " virtual services that differ only in case are the same host",
        )


def _check_route(mesh: MeshContent, route: Resource[RouteSpec]) -> None:
    router = _existing(mesh, nouns.VIRTUAL_ROUTER, route.names[1], "virtualRouterName")
    spoken, routed = protocol(route.spec), content(route.spec)
    field = f"spec.{spoken}Route"
    port = routed.get("match", {}).get("port")
    _check_match_port(route, port, router, f"{field}.match.port")
    for index, target in enumerate(routed["action"]["weightedTargets"]):
        at = f"{field}.action.weightedTargets[{index}]"
        node = _existing(mesh, nouns.VIRTUAL_NODE, target["virtualNode"], f"{at}.virtualNode")
        listener = _target_listener(node, target.get("port"), f"{at}.port")
        if listener and listener["protocol"] != spoken:
            allowed = (
                f"must have a listener of protocol {spoken!r}, as the route has"
                f" (its listener on port {listener['port']} has {listener['protocol']!r})"
            )
            raise _bad(Problem(f"{at}.virtualNode", node.name, allowed))


def _check_gateway_route(mesh: MeshContent, route: Resource[GatewayRouteSpec]) -> None:
    gateway = _existing(mesh, nouns.VIRTUAL_GATEWAY, route.names[1], "virtualGatewayName")
    routed = gateway_content(route.spec)
    field = f"spec.{protocol(route.spec)}Route"
    _check_match_port(route, routed["match"].get("port"), gateway, f"{field}.match.port")
    target = routed["action"]["target"]
    at = f"{field}.action.target"
    name = target["virtualService"]["virtualServiceName"]
    service_field = f"{at}.virtualService.virtualServiceName"
    service = _existing(mesh, nouns.VIRTUAL_SERVICE, name, service_field)
    provider = _provider(mesh, service, "spec.provider")
    if provider:
        _target_listener(provider, target.get("port"), f"{at}.port")


# Any: each check takes the resources of its own kind.
_CHECKS: Mapping[Kind, Callable[[MeshContent, Resource[Any]], None]] = {
    Kind.VIRTUAL_SERVICE: _check_service,
    Kind.ROUTE: _check_route,
    Kind.GATEWAY_ROUTE: _check_gateway_route,
}


def _check_match_port(route: Routing, port: int | None, parent: Parent, field: str) -> None:
    """Check the listener that a route is for: it exists, is unambiguous and has its protocol."""
    listeners = _port_mappings(parent.spec)
    if not listeners:
        return
    title = parent.noun.title
    if port is None and len(listeners) > 1:
        message = (
            f"{route.noun.title} must define a port match criteria if the {title} has multiple"
            " listeners"
        )
        allowed = f"must be one of {_ports(listeners)}: {message}"
        raise _bad(Problem(field, None, allowed))
    chosen = [mapping for mapping in listeners if port in (None, mapping["port"])]
    if not chosen:
        allowed = f"must be a port of a listener of {title} {parent.name} ({_ports(listeners)})"
        raise _bad(Problem(field, port, allowed))
    spoken = protocol(route.spec)
    if chosen[0]["protocol"] != spoken:
        allowed = (
            f"must not be used: the listener of {title} {parent.name} on port"
            f" {chosen[0]['port']} has protocol {chosen[0]['protocol']!r}"
        )
        raise _bad(Problem("spec", f"{spoken}Route", allowed))


def _target_listener(target: Provider, port: int | None, field: str) -> PortMapping | None:
    """The port mapping that a target's port selects; None if the target has no listener."""
    listeners = _port_mappings(target.spec)
    if not listeners:
        return None
    title = target.noun.title
    if port is None and len(listeners) > 1:
        allowed = f"must be one of {_ports(listeners)}, as {title} {target.name} has many listeners"
        raise _bad(Problem(field, None, allowed))
    for mapping in listeners:
        if port in (None, mapping["port"]):
            return mapping
    allowed = f"must be a port of a listener of {title} {target.name} ({_ports(listeners)})"
    raise _bad(Problem(field, port, allowed))


def _check_routes_have_ports(mesh: MeshContent, router: str) -> None:
    updated = mesh.get(nouns.VIRTUAL_ROUTER, router)
    if updated is None or len(_port_mappings(updated.spec)) < 2:
        return
    missing = [
        route.name
        for route in mesh.each(nouns.ROUTE, router)
        if "port" not in content(route.spec).get("match", {})
    ]
    if missing:
        raise AwsError(
            "BadRequestException",
            "All Routes for this Virtual Router must define a port match before adding multiple"
            f" listeners to this Virtual Router. {len(missing)} Route(s) are missing port."
            f" Listing up to 5 route names: [{_some(missing)}]",
        )


def _dependents(mesh: MeshContent, resource: Resource[S]) -> Iterator[Routing]:
    """The routes and gateway routes that refer to ``resource``, directly or not."""
    kind, name = resource.noun.kind, resource.name
    if kind is Kind.VIRTUAL_ROUTER:
        yield from mesh.each(nouns.ROUTE, name)
    if kind is Kind.VIRTUAL_NODE:
        yield from _routes_to(mesh, name)
    if kind in (Kind.VIRTUAL_ROUTER, Kind.VIRTUAL_NODE):
        for service in _provided_by(mesh, kind, name):
            yield from _gateway_routes_to(mesh, service.name)
    if kind is Kind.VIRTUAL_SERVICE:
        yield from _gateway_routes_to(mesh, name)
    if kind is Kind.VIRTUAL_GATEWAY:
        yield from mesh.each(nouns.GATEWAY_ROUTE, name)


def _routes_to(mesh: MeshContent, node: str) -> Iterator[Resource[RouteSpec]]:
    for route in mesh.each(nouns.ROUTE):
        targets = content(route.spec)["action"]["weightedTargets"]
        if any(target["virtualNode"] == node for target in targets):
            yield route


def _gateway_routes_to(mesh: MeshContent, service: str) -> Iterator[Resource[GatewayRouteSpec]]:
    for route in mesh.each(nouns.GATEWAY_ROUTE):
        target = gateway_content(route.spec)["action"]["target"]
        if target["virtualService"]["virtualServiceName"] == service:
            yield route


def _provided_by(
    mesh: MeshContent, kind: Kind, name: str
) -> Iterator[Resource[VirtualServiceSpec]]:
    """The virtual services whose provider is this node or router."""
    for service in mesh.each(nouns.VIRTUAL_SERVICE):
        router, node = _provider_names(service)
        if name == (router if kind is Kind.VIRTUAL_ROUTER else node):
            yield service


def _provider(
    mesh: MeshContent, service: Resource[VirtualServiceSpec], field: str
) -> Provider | None:
    """The node or router behind a virtual service, or None. Raises NotFoundException."""
    router, node = _provider_names(service)
    if router is not None:
        at = f"{field}.virtualRouter.virtualRouterName"
        return _existing(mesh, nouns.VIRTUAL_ROUTER, router, at)
    if node is not None:
        at = f"{field}.virtualNode.virtualNodeName"
        return _existing(mesh, nouns.VIRTUAL_NODE, node, at)
    return None


def _provider_names(service: Resource[VirtualServiceSpec]) -> tuple[str | None, str | None]:
    """The names of the virtual router and of the virtual node, at most one of them set."""
    provider = service.spec.get("provider", {})
    router, node = provider.get("virtualRouter"), provider.get("virtualNode")
    return (
        router["virtualRouterName"] if router else None,
        node["virtualNodeName"] if node else None,
    )


def _existing(mesh: MeshContent, noun: Noun[S], name: str, field: str) -> Resource[S]:
    resource = mesh.get(noun, name)
    if resource is None:
        raise AwsError(
            "NotFoundException",
            f"{noun.title} with name {name} is missing under mesh {mesh.mesh} ({field})",
        )
    return resource


def _port_mappings(spec: Listening) -> list[PortMapping]:
    return [listener["portMapping"] for listener in spec.get("listeners", ())]


def _ports(mappings: Sequence[PortMapping]) -> str:
    return ", ".join(str(mapping["port"]) for mapping in mappings)


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")


def _bad(problem: Problem) -> AwsError:
    return AwsError("BadRequestException", str(problem))


def _in_use(message: str) -> AwsError:
    return AwsError("ResourceInUseException", message)
