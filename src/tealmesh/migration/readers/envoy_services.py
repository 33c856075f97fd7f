"""Virtual services, their routers and routes, in a dump of an Envoy that calls them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tealmesh.migration.found import Found, Name, Resource
from tealmesh.migration.json import Json, Made, list_of, name_of, object_of, objects_of
from tealmesh.migration.readers.envoy_nodes import Nodes, tags
from tealmesh.migration.readers.envoy_routes import as_grpc, matched, retried, shifted, timed
from tealmesh.migration.readers.envoy_tls import UNREAD, origination
from tealmesh.model.mesh import Kind

if TYPE_CHECKING:
    from tealmesh.migration.readers.envoy_dump import Dump

SERVICE_HEADER = "x-app-mesh-virtual-service"
"""By which a gateway's Envoy told itself the service of a request whose host it kept."""

_EGRESS_PORT = 15001


def read(dump: Dump, me: Name, nodes: Nodes, found: Found) -> dict[str, Made]:
    """Add the services that an Envoy calls; returns the backends of its node, by service."""
    backends: dict[str, Made] = {}
    for configuration in dump.routes:
        if not name_of(configuration.get("name")).startswith("rds_egress"):
            continue
        where = f"{dump.origin}: {configuration['name']}"
        for host in objects_of(configuration.get("virtual_hosts"), f"{where}: virtual_hosts"):
            for service, routes in _by_service(host, where):
                if not routes and _is_way_out(host):
                    continue
                name = Name(Kind.VIRTUAL_SERVICE, me.mesh, service)
                _service(dump, me, name, routes, nodes, found, _port(host))
                policy = _policy(dump, routes, nodes, name, found)
                backends[service] = {"virtualServiceName": service, **policy}
    _connections(dump, nodes, found)
    return backends


def _is_way_out(host: Json) -> bool:
    domains = host.get("domains")
    return isinstance(domains, list) and any(str(one).startswith("*") for one in domains)


def _by_service(host: Json, where: str) -> Iterator[tuple[str, list[Json]]]:
    """The services of a virtual host with their routes: one, but for the host that has those whose
    requests keep their own.
    """
    own = name_of(host.get("name"))
    found: dict[str, list[Json]] = {} if _is_way_out(host) else {own: []}
    for route in objects_of(host.get("routes"), f"{where}: {own}: routes"):
        service = tags(route, f"{where}: {own}").get("TargetVirtualService") or own
        if service != own and found.get(own) == []:
            del found[own]
        if service == own and _is_way_out(host):
            continue
        found.setdefault(service, []).append(route)
    yield from found.items()


def _port(host: Json) -> int | None:
    """The port of a service's router: callers may write it behind the name."""
    for domain in list_of(host.get("domains"), "domains"):
        port = str(domain).rpartition(":")[2]
        if port.isdigit() and int(port) not in (_EGRESS_PORT, 0):
            return int(port)
    return None


def _service(
    dump: Dump,
    me: Name,
    service: Name,
    routes: list[Json],
    nodes: Nodes,
    found: Found,
    port: int | None,
) -> None:
    where = f"{dump.origin}: virtual host {service.name}"
    router = Name(Kind.VIRTUAL_ROUTER, me.mesh, service.name.replace("/", "_"))
    targets = [name for route in routes for name, _ in shifted(route) if name in nodes]
    if not targets:
        found.resources.append(Resource(service, {}, where, partial=1))
        found.remark(service, "leads nowhere in the dump: made without a provider")
        return
    mapping = dict(nodes[targets[0]][1]["listeners"][0]["portMapping"])
    if port is None:
        found.remark(
            router, f"its port is not in a gateway's dump: {mapping['port']}, as its node's"
        )
    listeners = {"listeners": [{"portMapping": {**mapping, "port": port or mapping["port"]}}]}
    found.resources.append(Resource(router, listeners, where, partial=1 if port else 2))
    provider = {"provider": {"virtualRouter": {"virtualRouterName": router.name}}}
    found.resources.append(Resource(service, provider, where, partial=1))
    for index, route in enumerate(routes):
        name = Name(
            Kind.ROUTE, me.mesh, name_of(route.get("name")) or f"route-{index + 1}", router.name
        )
        spec = _route(found, name, route, nodes, where)
        if spec:
            found.resources.append(Resource(name, {"priority": index, **spec}, where, partial=1))


def _route(found: Found, name: Name, route: Json, nodes: Nodes, where: str) -> Made:
    action = object_of(route.get("route"), f"{where}: route")
    targets = []
    protocols = []
    for cluster, weight in shifted(route):
        if cluster not in nodes:
            found.remark(
                name, f"leads to {cluster or 'no cluster'}, which is not a node here: left out"
            )
            continue
        node, spec = nodes[cluster]
        protocols.append(spec["listeners"][0]["portMapping"]["protocol"])
        targets.append({"virtualNode": node.name, "weight": weight})
    if not targets:
        found.remark(name, "leads to no node: left out")
        return {}
    condition = object_of(route.get("match"), f"{where}: match")
    protocol = "grpc" if "grpc" in condition else protocols[0]
    timeout = timed(action)
    if protocol == "tcp":
        idle = {"timeout": {"idle": timeout["idle"]}} if "idle" in timeout else {}
        return {"tcpRoute": {"action": {"weightedTargets": targets}, **idle}}
    match, problems = matched(condition, without=SERVICE_HEADER)
    for problem in problems:
        found.remark(name, problem)
    retry = retried(object_of(action.get("retry_policy"), f"{where}: retry_policy"))
    return {
        f"{protocol}Route": {
            "match": as_grpc(match) if protocol == "grpc" else match,
            "action": {"weightedTargets": targets},
            **({"retryPolicy": retry} if retry else {}),
            **({"timeout": timeout} if timeout else {}),
        }
    }


def _policy(dump: Dump, routes: list[Json], nodes: Nodes, service: Name, found: Found) -> Made:
    """The TLS by which a service's nodes are called."""
    clusters = {name for route in routes for name, _ in shifted(route) if name in nodes}
    for cluster in dump.clusters:
        if cluster.get("name") not in clusters:
            continue
        tls = origination(cluster, dump.secrets, f"{dump.origin}: cluster {cluster['name']}")
        if tls is None:
            found.remark(service, f"its caller's connection {UNREAD}")
        elif tls:
            return {"clientPolicy": {"tls": tls}}
    return {}


def _connections(dump: Dump, nodes: Nodes, found: Found) -> None:
    """TCP is told apart by its port: what the service is called is not in a dump."""
    for listener in dump.listeners:
        if not name_of(listener.get("name")).startswith("lds_egress"):
            continue
        where = f"{dump.origin}: {listener['name']}"
        for chain in objects_of(listener.get("filter_chains"), f"{where}: filter_chains"):
            for one in objects_of(chain.get("filters"), f"{where}: filters"):
                config = object_of(one.get("typed_config"), f"{where}: typed_config")
                led = [
                    nodes[name][0].name for name, _ in shifted({"route": config}) if name in nodes
                ]
                if led and re.search(
                    "tcp_proxy|TcpProxy", f"{one.get('name')} {config.get('@type')}"
                ):
                    match = object_of(chain.get("filter_chain_match"), f"{where}: match")
                    text = (
                        f"connections to port {match.get('destination_port', '(any)')} lead to "
                        f"{', '.join(led)}: a dump does not name the virtual service: "
                        "create it again"
                    )
                    found.remark(where, text)
