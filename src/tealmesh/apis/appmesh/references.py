"""Rules between resources: what a specification refers to, and what refers to it.

Sources: the user guide's pages on routes, gateway routes and several listeners
(https://docs.aws.amazon.com/app-mesh/latest/userguide/routes.html), and App Mesh's own messages as
its users have reported them, which are kept where they are known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from tealmesh.apis.appmesh.nouns import NOUNS, MeshContent, Resource
from tealmesh.apis.appmesh.route_rules import content, protocol
from tealmesh.apis.appmesh.spec_rules import Problem, Spec
from tealmesh.model.errors import AwsError
from tealmesh.model.mesh import Kind


def check_references(mesh: MeshContent, resource: Resource) -> None:
    """Raise when ``resource`` refers to what is not there or does not fit it.

    NotFoundException for a resource that is missing, BadRequestException for ports and protocols.
    """
    check = _CHECKS.get(resource.kind)
    if check:
        check(mesh, resource)


def check_dependents(mesh: MeshContent, resource: Resource) -> None:
    """Raise BadRequestException when what refers to ``resource`` would no longer fit it."""
    if resource.kind is Kind.VIRTUAL_ROUTER:
        _check_routes_have_ports(mesh, resource)
    for dependent in _dependents(mesh, resource):
        try:
            check_references(mesh, dependent)
        except AwsError as error:
            raise AwsError(
                "BadRequestException",
                f"{resource} is used by {dependent}, which would no longer fit: {error.message}",
            ) from error


def check_unused(mesh: MeshContent, resource: Resource, account: str) -> None:
    """Raise ResourceInUseException when something still holds on to ``resource``."""
    if resource.kind is Kind.MESH:
        for noun in NOUNS.values():
            if noun.kind is not Kind.MESH and any(mesh.each(noun.kind)):
                raise _in_use(
                    f"Mesh {mesh.mesh} for account {account} has active {noun.plural}, please"
                    f" delete {noun.plural} before deleting the Mesh"
                )
        return
    for children in (Kind.ROUTE, Kind.GATEWAY_ROUTE):
        if NOUNS[children].parent is resource.kind:
            held = [child.name for child in mesh.each(children, resource.name)]
            if held:
                raise _in_use(
                    f"{NOUNS[resource.kind].title} with name {resource.name} cannot be deleted"
                    f" because it has {NOUNS[children].plural}: {_some(held)}"
                )
    _check_not_referenced(mesh, resource)


def _check_not_referenced(mesh: MeshContent, resource: Resource) -> None:
    title = f"{NOUNS[resource.kind].title} with name {resource.name}"
    if resource.kind in (Kind.VIRTUAL_NODE, Kind.VIRTUAL_ROUTER):
        services = [service.name for service in _provided_by(mesh, resource)]
        if services:
            raise _in_use(
                f"{title} cannot be deleted because it is a VirtualService provider: "
                f"{_some(services)}"
            )
    if resource.kind is Kind.VIRTUAL_NODE:
        routes = [f"{route.names[1]}/{route.name}" for route in _routes_to(mesh, resource.name)]
        if routes:
            raise _in_use(
                f"{title} cannot be deleted because it is a target of a Route: {_some(routes)}"
            )
    if resource.kind is Kind.VIRTUAL_SERVICE:
        gateways = [f"{r.names[1]}/{r.name}" for r in _gateway_routes_to(mesh, resource.name)]
        if gateways:
            raise _in_use(
                f"VirtualService {resource.name} is being referenced in the following:"
                f" GATEWAY_ROUTE: [{_some(gateways)}]"
            )


def _check_service(mesh: MeshContent, service: Resource) -> None:
    _provider(mesh, service, "spec.provider")
    same = [
        other.name
        for other in mesh.each(Kind.VIRTUAL_SERVICE)
        if other.name != service.name and other.name.lower() == service.name.lower()
    ]
    if same:
        # Host names have no case; Envoy refuses a configuration that has both.
        raise AwsError(
            "ConflictException",
            f"VirtualService with name {same[0]} already exists under mesh {mesh.mesh}: names of"
            " virtual services that differ only in case are the same host",
        )


def _check_route(mesh: MeshContent, route: Resource) -> None:
    router = _existing(mesh, Kind.VIRTUAL_ROUTER, route.names[1], "virtualRouterName")
    spec = route.spec
    spoken = protocol(spec)
    field = f"spec.{spoken}Route"
    _check_match_port(route, router, f"{field}.match.port")
    for index, target in enumerate(content(spec)["action"]["weightedTargets"]):
        at = f"{field}.action.weightedTargets[{index}]"
        node = _existing(mesh, Kind.VIRTUAL_NODE, target["virtualNode"], f"{at}.virtualNode")
        listener = _target_listener(node, target.get("port"), f"{at}.port")
        if listener and listener["protocol"] != spoken:
            allowed = (
                f"must have a listener of protocol {spoken!r}, as the route has"
                f" (its listener on port {listener['port']} has {listener['protocol']!r})"
            )
            raise _bad(Problem(f"{at}.virtualNode", node.name, allowed))


def _check_gateway_route(mesh: MeshContent, route: Resource) -> None:
    gateway = _existing(mesh, Kind.VIRTUAL_GATEWAY, route.names[1], "virtualGatewayName")
    field = f"spec.{protocol(route.spec)}Route"
    _check_match_port(route, gateway, f"{field}.match.port")
    target = content(route.spec)["action"]["target"]
    at = f"{field}.action.target"
    name = target["virtualService"]["virtualServiceName"]
    service = _existing(mesh, Kind.VIRTUAL_SERVICE, name, f"{at}.virtualService.virtualServiceName")
    provider = _provider(mesh, service, "spec.provider")
    if provider:
        _target_listener(provider, target.get("port"), f"{at}.port")


_CHECKS: Mapping[Kind, Callable[[MeshContent, Resource], None]] = {
    Kind.VIRTUAL_SERVICE: _check_service,
    Kind.ROUTE: _check_route,
    Kind.GATEWAY_ROUTE: _check_gateway_route,
}


def _check_match_port(route: Resource, parent: Resource, field: str) -> None:
    """The listener that a route hangs on: it exists, is unambiguous and speaks its protocol."""
    listeners = _port_mappings(parent.spec)
    if not listeners:
        return
    port = content(route.spec).get("match", {}).get("port")
    title = NOUNS[parent.kind].title
    if port is None and len(listeners) > 1:
        kind = NOUNS[route.kind].title
        message = f"{kind} must define a port match criteria if the {title} has multiple listeners"
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


def _target_listener(target: Resource, port: int | None, field: str) -> Spec | None:
    """The port mapping that a target's port names; None where the target has no listener."""
    listeners = _port_mappings(target.spec)
    if not listeners:
        return None
    title = NOUNS[target.kind].title
    if port is None and len(listeners) > 1:
        allowed = f"must be one of {_ports(listeners)}, as {title} {target.name} has many listeners"
        raise _bad(Problem(field, None, allowed))
    for mapping in listeners:
        if port in (None, mapping["port"]):
            return mapping
    allowed = f"must be a port of a listener of {title} {target.name} ({_ports(listeners)})"
    raise _bad(Problem(field, port, allowed))


def _check_routes_have_ports(mesh: MeshContent, router: Resource) -> None:
    if len(_port_mappings(router.spec)) < 2:
        return
    missing = [
        route.name
        for route in mesh.each(Kind.ROUTE, router.name)
        if "port" not in content(route.spec).get("match", {})
    ]
    if missing:
        raise AwsError(
            "BadRequestException",
            "All Routes for this Virtual Router must define a port match before adding multiple"
            f" listeners to this Virtual Router. {len(missing)} Route(s) are missing port."
            f" Listing up to 5 route names: [{_some(missing)}]",
        )


def _dependents(mesh: MeshContent, resource: Resource) -> Iterator[Resource]:
    if resource.kind is Kind.VIRTUAL_ROUTER:
        yield from mesh.each(Kind.ROUTE, resource.name)
    if resource.kind is Kind.VIRTUAL_NODE:
        yield from _routes_to(mesh, resource.name)
    if resource.kind in (Kind.VIRTUAL_ROUTER, Kind.VIRTUAL_NODE):
        for service in _provided_by(mesh, resource):
            yield from _gateway_routes_to(mesh, service.name)
    if resource.kind is Kind.VIRTUAL_SERVICE:
        yield from _gateway_routes_to(mesh, resource.name)
    if resource.kind is Kind.VIRTUAL_GATEWAY:
        yield from mesh.each(Kind.GATEWAY_ROUTE, resource.name)


def _routes_to(mesh: MeshContent, node: str) -> Iterator[Resource]:
    for route in mesh.each(Kind.ROUTE):
        targets = content(route.spec)["action"]["weightedTargets"]
        if any(target["virtualNode"] == node for target in targets):
            yield route


def _gateway_routes_to(mesh: MeshContent, service: str) -> Iterator[Resource]:
    for route in mesh.each(Kind.GATEWAY_ROUTE):
        target = content(route.spec)["action"]["target"]
        if target["virtualService"]["virtualServiceName"] == service:
            yield route


def _provided_by(mesh: MeshContent, resource: Resource) -> Iterator[Resource]:
    for service in mesh.each(Kind.VIRTUAL_SERVICE):
        if _provider_name(service, resource.kind) == resource.name:
            yield service


def _provider(mesh: MeshContent, service: Resource, field: str) -> Resource | None:
    for kind in (Kind.VIRTUAL_ROUTER, Kind.VIRTUAL_NODE):
        name = _provider_name(service, kind)
        if name is not None:
            return _existing(mesh, kind, name, f"{field}.{kind.value}.{kind.value}Name")
    return None


def _provider_name(service: Resource, kind: Kind) -> str | None:
    provider = service.spec.get("provider", {}).get(kind.value, {})
    name: str | None = provider.get(f"{kind.value}Name")
    return name


def _existing(mesh: MeshContent, kind: Kind, name: str, field: str) -> Resource:
    resource = mesh.get(kind, name)
    if resource is None:
        raise AwsError(
            "NotFoundException",
            f"{NOUNS[kind].title} with name {name} is missing under mesh {mesh.mesh} ({field})",
        )
    return resource


def _port_mappings(spec: Spec) -> list[Spec]:
    return [listener["portMapping"] for listener in spec.get("listeners", ())]


def _ports(mappings: Iterable[Spec]) -> str:
    return ", ".join(str(mapping["port"]) for mapping in mappings)


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")


def _bad(problem: Problem) -> AwsError:
    return AwsError("BadRequestException", str(problem))


def _in_use(message: str) -> AwsError:
    return AwsError("ResourceInUseException", message)
