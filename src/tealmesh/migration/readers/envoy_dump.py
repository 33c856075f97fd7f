"""Dumps of Envoys that App Mesh configured: ``curl 127.0.0.1:9901/config_dump``.

A dump has what one Envoy was told, so it knows clusters, routes, weights and timeouts of what that
Envoy calls, and not what its resources are called in full: routers and routes get names here. App
Mesh called the cluster of a node ``cds_egress_MESH_NODE_PROTOCOL_PORT`` and the virtual host of a
service by its name, and wrote both into metadata
(https://docs.aws.amazon.com/app-mesh/latest/userguide/envoy-metrics.html).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tealmesh.migration.found import Found, Name, Resource
from tealmesh.migration.json import Json, Made
from tealmesh.migration.readers.envoy_routes import matched, retried, shifted, timed
from tealmesh.model.mesh import Kind

_CLUSTER = re.compile(
    r"cds_egress_(?P<mesh_and_node>.+)_(?P<protocol>http|http2|grpc|tcp)_(?P<port>\d+)"
)
_SERVICE_HEADER = "x-app-mesh-virtual-service"
_AMAZON = "aws.appmesh."


def is_ours(document: Any) -> bool:
    """Whether a document is a dump of an Envoy."""
    configs = document.get("configs") if isinstance(document, Mapping) else None
    return isinstance(configs, list) and any("envoy.admin" in str(c.get("@type")) for c in configs)


@dataclass
class _Dump:
    """The parts of a dump."""

    node_id: str = ""
    clusters: list[Json] = field(default_factory=list)
    listeners: list[Json] = field(default_factory=list)
    routes: list[Json] = field(default_factory=list)


def read(document: Json, origin: str) -> Found:
    """The resources that an Envoy of App Mesh knew."""
    dump = _parts(document)
    found = Found()
    own = re.fullmatch(r".*?mesh/([^/]+)/(virtualNode|virtualGateway)/([^/]+)", dump.node_id)
    if own is None:
        found.remark(origin, f"its node {dump.node_id or '(none)'} is none of App Mesh's: left out")
        return found
    mesh = own.group(1)
    me = Name(Kind(own.group(2)), mesh, own.group(3))
    nodes = dict(_nodes(dump, mesh))
    for name, (node, spec) in nodes.items():
        found.resources.append(Resource(node, spec, f"{origin}: cluster {name}"))
    for configuration in dump.routes:
        if str(configuration.get("name", "")).startswith("rds_egress"):
            _services(found, configuration, nodes, mesh, origin)
    _own(found, me, dump, origin)
    found.remark(origin, "routers and routes have names of their own making, and backends, health"
                 " checks and certificates of other nodes are not in a dump")  # fmt: skip
    return found


def _parts(document: Json) -> _Dump:
    dump = _Dump()
    for part in document["configs"]:
        kind = str(part.get("@type")).rpartition(".")[2]
        if kind == "BootstrapConfigDump":
            dump.node_id = str(((part.get("bootstrap") or {}).get("node") or {}).get("id") or "")
        elif kind == "ClustersConfigDump":
            dump.clusters += [one["cluster"] for one in part.get("dynamic_active_clusters") or ()]
        elif kind == "RoutesConfigDump":
            dump.routes += [one["route_config"] for one in part.get("dynamic_route_configs") or ()]
        elif kind == "ListenersConfigDump":
            for one in part.get("dynamic_listeners") or ():
                state = one.get("active_state") or one.get("warming_state") or {}
                dump.listeners += [state["listener"]] if "listener" in state else []
    return dump


def _tags(value: Json) -> dict[str, str]:
    """What App Mesh wrote into metadata for its own metrics."""
    metadata = (value.get("metadata") or {}).get("filter_metadata") or {}
    tags: dict[str, str] = {}
    for name, one in metadata.items():
        if name.startswith(_AMAZON) and isinstance(one.get("config"), str):
            for tag in json.loads(one["config"]).get("tags") or ():
                tags[tag["key"]] = tag["value"]
    return tags


def _nodes(dump: _Dump, mesh: str) -> Iterator[tuple[str, tuple[Name, Made]]]:
    for cluster in dump.clusters:
        match = _CLUSTER.fullmatch(str(cluster.get("name", "")))
        if match is None or not match["mesh_and_node"].startswith(f"{mesh}_"):
            continue
        name = match["mesh_and_node"].removeprefix(f"{mesh}_")
        known = _tags(cluster).get("TargetVirtualNode", name)
        mapping = {"port": int(match["port"]), "protocol": match["protocol"]}
        listener = {"portMapping": mapping, **_pool(cluster, match["protocol"])}
        spec: Made = {"listeners": [listener], **_discovery(cluster)}
        yield cluster["name"], (Name(Kind.VIRTUAL_NODE, mesh, known), spec)


_UNLIMITED = 2**31 - 1


def _pool(cluster: Json, protocol: str) -> Made:
    thresholds = (cluster.get("circuit_breakers") or {}).get("thresholds") or [{}]
    limits = {
        "http": {"maxConnections": "max_connections", "maxPendingRequests": "max_pending_requests"},
        "tcp": {"maxConnections": "max_connections"},
    }.get(protocol, {"maxRequests": "max_requests"})
    pool = {member: thresholds[0].get(name, _UNLIMITED) for member, name in limits.items()}
    set_ = {member: value for member, value in pool.items() if value < _UNLIMITED}
    required = next(iter(limits))
    return {"connectionPool": {protocol: {required: pool[required], **set_}}} if set_ else {}


def _discovery(cluster: Json) -> Made:
    kind = cluster.get("type")
    if kind == "EDS":
        metadata = (cluster.get("eds_cluster_config") or {}).get("service_name") or ""
        parts = str(metadata).split(".", 1)
        if len(parts) == 2 and all(parts):
            service, namespace = parts
            return {"serviceDiscovery": {
                "awsCloudMap": {"serviceName": service, "namespaceName": namespace}}}  # fmt: skip
        return {}
    endpoints = (cluster.get("load_assignment") or {}).get("endpoints") or ()
    for place in endpoints:
        for one in place.get("lb_endpoints") or ():
            address = one["endpoint"]["address"]["socket_address"]["address"]
            kinds = {"LOGICAL_DNS": "LOADBALANCER", "STRICT_DNS": "ENDPOINTS"}
            response = {"responseType": kinds[kind]} if kind in kinds else {}
            return {"serviceDiscovery": {"dns": {"hostname": address.rstrip("."), **response}}}
    return {}


def _services(
    found: Found,
    configuration: Json,
    nodes: Mapping[str, tuple[Name, Made]],
    mesh: str,
    origin: str,
) -> None:
    listened = re.fullmatch(r"rds_egress_(\w+?)_(\d+)", configuration["name"])
    protocol, port = (listened.group(1), int(listened.group(2))) if listened else ("http", 80)
    for host in configuration.get("virtual_hosts") or ():
        routes = [route for route in host.get("routes") or () if shifted(route, nodes)]
        tags = [_tags(route).get("TargetVirtualService") for route in routes]
        service = next((tag for tag in tags if tag), str(host["name"]))
        if not routes:
            continue
        where = f"{origin}: virtual host {host['name']}"
        router = Name(Kind.VIRTUAL_ROUTER, mesh, service.replace("/", "_"))
        mapping = {"port": port, "protocol": protocol}
        listeners = {"listeners": [{"portMapping": mapping}]}
        found.resources.append(Resource(router, listeners, where))
        provider = {"provider": {"virtualRouter": {"virtualRouterName": router.name}}}
        named = Name(Kind.VIRTUAL_SERVICE, mesh, service)
        found.resources.append(Resource(named, provider, where))
        for index, route in enumerate(routes):
            name = Name(Kind.ROUTE, mesh, f"route-{index + 1}", router.name)
            spec = {"priority": index, f"{protocol}Route": _route(found, name, route, nodes)}
            found.resources.append(Resource(name, spec, where))


def _route(
    found: Found,
    name: Name,
    route: Json,
    nodes: Mapping[str, tuple[Name, Made]],
) -> Made:
    match, problems = matched(route.get("match") or {})
    for problem in problems:
        found.remark(name, problem)
    action = route["route"]
    targets = [
        {"virtualNode": nodes[cluster][0].name, "weight": weight}
        for cluster, weight in shifted(route, nodes)
    ]
    retry = retried(action.get("retry_policy") or {})
    timeout = timed(action)
    return {
        "match": match,
        "action": {"weightedTargets": targets},
        **({"retryPolicy": retry} if retry else {}),
        **({"timeout": timeout} if timeout else {}),
    }


def _own(found: Found, me: Name, dump: _Dump, origin: str) -> None:
    """The node or gateway whose Envoy it is: its listeners, and its log."""
    listeners: list[Made] = []
    logging: Made = {}
    for listener in dump.listeners:
        name = re.fullmatch(r"lds_ingress_.*_(\d+)", str(listener.get("name", "")))
        if name is None:
            continue
        logging = logging or _logging(listener)
        protocol = _protocol(listener)
        listeners.append({"portMapping": {"port": int(name.group(1)), "protocol": protocol}})
    where = f"{origin}: {dump.node_id}"
    already = {resource.name for resource in found.resources}
    if me not in already:
        spec = {"listeners": listeners, **logging}
        found.resources.append(Resource(me, spec, where))
    if me.kind is not Kind.VIRTUAL_GATEWAY:
        return
    for configuration in dump.routes:
        if str(configuration.get("name", "")).startswith("rds_ingress"):
            _gateway_routes(found, me, configuration, where)


def _protocol(listener: Json) -> str:
    for chain in listener.get("filter_chains") or ():
        for one in chain.get("filters") or ():
            config = one.get("typed_config") or {}
            rds = str((config.get("rds") or {}).get("route_config_name") or "")
            match = re.fullmatch(r"rds_ingress_(\w+?)_\d+", rds)
            if match:
                return match.group(1)
    return "tcp"


def _logging(listener: Json) -> Made:
    for chain in listener.get("filter_chains") or ():
        for one in chain.get("filters") or ():
            for log in (one.get("typed_config") or {}).get("access_log") or ():
                path = (log.get("typed_config") or {}).get("path")
                if path:
                    return {"logging": {"accessLog": {"file": {"path": path}}}}
    return {}


def _gateway_routes(found: Found, gateway: Name, configuration: Json, where: str) -> None:
    protocol = re.fullmatch(r"rds_ingress_(\w+?)_\d+", configuration["name"])
    kind = f"{protocol.group(1) if protocol else 'http'}Route"
    index = 0
    for host in configuration.get("virtual_hosts") or ():
        for route in host.get("routes") or ():
            action = route.get("route") or {}
            headers = {
                one["header"]["key"]: one["header"].get("value", "")
                for one in route.get("request_headers_to_add") or ()
            }
            service = action.get("host_rewrite_literal") or headers.get(_SERVICE_HEADER)
            if not service:
                continue
            index += 1
            name = Name(Kind.GATEWAY_ROUTE, gateway.mesh, f"route-{index}", gateway.name)
            match, problems = matched(route.get("match") or {})
            for problem in problems:
                found.remark(name, problem)
            spec = {kind: {"match": match, "action": _target(action, match, service)}}
            found.resources.append(Resource(name, {"priority": index - 1, **spec}, where))


def _target(action: Json, match: Json, service: str) -> Made:
    """App Mesh rewrites the prefix and the host name unless it is told not to."""
    rewrite: Made = {}
    prefix = action.get("prefix_rewrite")
    if "prefix" in match and match["prefix"] != "/":
        if prefix is None or prefix == match["prefix"]:
            rewrite["prefix"] = {"defaultPrefix": "DISABLED"}
        elif prefix != "/":
            rewrite["prefix"] = {"value": prefix}
    if not action.get("host_rewrite_literal"):
        rewrite["hostname"] = {"defaultTargetHostname": "DISABLED"}
    target = {"target": {"virtualService": {"virtualServiceName": service}}}
    return {**target, **({"rewrite": rewrite} if rewrite else {})}
