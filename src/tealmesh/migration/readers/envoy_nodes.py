"""Virtual nodes in a dump of an Envoy: those that it calls, and its own listeners."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tealmesh.migration.found import Found, Name
from tealmesh.migration.json import Json, Made, name_of, object_of, objects_of, within
from tealmesh.migration.readers.envoy_routes import duration, timed
from tealmesh.migration.readers.envoy_tls import UNREAD, termination
from tealmesh.model.errors import TealError
from tealmesh.model.mesh import Kind

if TYPE_CHECKING:
    from tealmesh.migration.readers.envoy_dump import Dump

Nodes = dict[str, tuple[Name, Made]]
"""By the names of their clusters."""

_CLUSTER = re.compile(r"cds_egress_(.+)_(http|http2|grpc|tcp)_(\d+)")
_INTO = re.compile(r"(?:rds|cds)_ingress_(?:.+_)?(http|http2|grpc|tcp)_(\d+)")
_AMAZON = "aws.appmesh."
_UNLIMITED = 2**31 - 1
_DEFAULT_TIMEOUT = {"perRequest": {"unit": "s", "value": 15}}


def tags(value: Json, where: str) -> dict[str, str]:
    """What App Mesh wrote into metadata for its own metrics."""
    found: dict[str, str] = {}
    metadata = object_of(within(value, "metadata.filter_metadata", where), where)
    for name, one in metadata.items():
        config = one.get("config") if isinstance(one, dict) else None
        if not name.startswith(_AMAZON) or not isinstance(config, str):
            continue
        try:
            read = json.loads(config)
        except ValueError as error:
            raise TealError(f"{where}: {name} is not JSON") from error
        for tag in objects_of(object_of(read, f"{where}: {name}").get("tags"), f"{where}: tags"):
            found[name_of(tag.get("key"))] = name_of(tag.get("value"))
    return found


def called(dump: Dump, me: Name) -> Nodes:
    """The nodes that an Envoy sends to, with what it knows of them."""
    nodes: Nodes = {}
    for cluster in dump.clusters:
        name = name_of(cluster.get("name"))
        match = _CLUSTER.fullmatch(name)
        if match is None or not match[1].startswith(f"{me.mesh}_"):
            continue
        where = f"{dump.origin}: cluster {name}"
        node = tags(cluster, where).get("TargetVirtualNode") or match[1].removeprefix(f"{me.mesh}_")
        protocol, port = match[2], int(match[3])
        # A gateway's own pool limits what it sends to each of its clusters.
        pool = pool_of(cluster, protocol, where) if me.kind is Kind.VIRTUAL_NODE else {}
        listener = {
            "portMapping": {"port": port, "protocol": protocol},
            **pool,
            **_checked(cluster, protocol, port, where),
            **_outliers(cluster, where),
        }
        spec: Made = {"listeners": [listener], **_discovery(cluster, where)}
        nodes[name] = (Name(Kind.VIRTUAL_NODE, me.mesh, node), spec)
    return nodes


def pool_of(cluster: Json, protocol: str, where: str) -> Made:
    """The connection pool that a cluster's limits are, if it has any."""
    thresholds = objects_of(within(cluster, "circuit_breakers.thresholds", where), where)
    limits = {
        "http": {"maxConnections": "max_connections", "maxPendingRequests": "max_pending_requests"},
        "tcp": {"maxConnections": "max_connections"},
    }.get(protocol, {"maxRequests": "max_requests"})
    first = thresholds[0] if thresholds else {}
    pool = {member: _number(first.get(name), _UNLIMITED) for member, name in limits.items()}
    set_ = {member: value for member, value in pool.items() if value < _UNLIMITED}
    required = next(iter(limits))
    return {"connectionPool": {protocol: {required: pool[required], **set_}}} if set_ else {}


def _number(value: Any, default: int) -> int:
    return int(value) if isinstance(value, int | str) and str(value).isdigit() else default


def _milliseconds(value: Any) -> int:
    found = duration(value) or {"unit": "ms", "value": 0}
    return int(found["value"]) * (1000 if found["unit"] == "s" else 1)


def _checked(cluster: Json, protocol: str, port: int, where: str) -> Made:
    """Callers do the health checks of a node's listener."""
    checks = objects_of(cluster.get("health_checks"), f"{where}: health_checks")
    if not checks:
        return {}
    check = checks[0]
    http = object_of(check.get("http_health_check"), f"{where}: http_health_check")
    kind = (
        "tcp" if "tcp_health_check" in check else "grpc" if "grpc_health_check" in check else "http"
    )
    if kind == "http" and (protocol == "http2" or http.get("codec_client_type") == "HTTP2"):
        kind = "http2"
    return {
        "healthCheck": {
            "protocol": kind,
            "port": port,
            **({"path": http["path"]} if "path" in http else {}),
            "intervalMillis": _milliseconds(check.get("interval")),
            "timeoutMillis": _milliseconds(check.get("timeout")),
            "healthyThreshold": _number(check.get("healthy_threshold"), 2),
            "unhealthyThreshold": _number(check.get("unhealthy_threshold"), 2),
        }
    }


def _outliers(cluster: Json, where: str) -> Made:
    found = object_of(cluster.get("outlier_detection"), f"{where}: outlier_detection")
    if not found:
        return {}
    return {
        "outlierDetection": {
            "maxServerErrors": _number(found.get("consecutive_5xx"), 5),
            "interval": duration(found.get("interval")) or {"unit": "s", "value": 10},
            "baseEjectionDuration": duration(found.get("base_ejection_time"))
            or {"unit": "s", "value": 30},
            "maxEjectionPercent": _number(found.get("max_ejection_percent"), 10),
        }
    }


def _discovery(cluster: Json, where: str) -> Made:
    kind = cluster.get("type")
    if kind == "EDS":
        service = name_of(within(cluster, "eds_cluster_config.service_name", where))
        name, _, namespace = service.partition(".")
        if not name or not namespace:
            return {}
        cloud_map = {"serviceName": name, "namespaceName": namespace}
        return {"serviceDiscovery": {"awsCloudMap": cloud_map}}
    for place in objects_of(within(cluster, "load_assignment.endpoints", where), where):
        for one in objects_of(place.get("lb_endpoints"), f"{where}: lb_endpoints"):
            address = name_of(within(one, "endpoint.address.socket_address.address", where))
            kinds = {"LOGICAL_DNS": "LOADBALANCER", "STRICT_DNS": "ENDPOINTS"}
            response = {"responseType": kinds[kind]} if kind in kinds else {}
            return {"serviceDiscovery": {"dns": {"hostname": address.rstrip("."), **response}}}
    return {}


def own_listeners(dump: Dump, me: Name, found: Found) -> tuple[list[Made], Made]:
    """The listeners of the node or gateway whose Envoy it is, and its log."""
    chains: dict[tuple[int, str], list[Json]] = {}
    logging: Made = {}
    for listener in dump.listeners:
        name = name_of(listener.get("name"))
        if not name.startswith("lds_ingress_"):
            continue
        where = f"{dump.origin}: listener {name}"
        for chain in objects_of(listener.get("filter_chains"), f"{where}: filter_chains"):
            for config in _filters(chain, where):
                logging = logging or _logging(config, where)
                if into := _INTO.fullmatch(_leads_to(config, where)):
                    chains.setdefault((int(into[2]), into[1]), []).append(chain)
    listeners = []
    for (port, protocol), of_port in sorted(chains.items()):
        tls = termination(of_port, dump.secrets, f"{dump.origin}: port {port}")
        if tls is None:
            found.remark(me, f"port {port} {UNREAD}")
        mapping = {"port": port, "protocol": protocol}
        encrypted = {"tls": tls} if tls else {}
        listeners.append({"portMapping": mapping, **encrypted, **_limits(dump, me, port, protocol)})
    return listeners, logging


def _filters(chain: Json, where: str) -> Iterator[Json]:
    for one in objects_of(chain.get("filters"), f"{where}: filters"):
        yield object_of(one.get("typed_config") or one.get("config"), f"{where}: a filter's config")


def _leads_to(config: Json, where: str) -> str:
    """The name of the routes that a filter uses, or of its cluster."""
    routes = within(config, "rds.route_config_name", where) or within(
        config, "route_config.name", where
    )
    return name_of(routes) or name_of(config.get("cluster")) or _only_cluster(config, where)


def _only_cluster(config: Json, where: str) -> str:
    clusters = objects_of(within(config, "weighted_clusters.clusters", where), where)
    return name_of(clusters[0].get("name")) if len(clusters) == 1 else ""


def _limits(dump: Dump, me: Name, port: int, protocol: str) -> Made:
    """The pool and the time limits of a node's own listener: those towards its application."""
    if me.kind is not Kind.VIRTUAL_NODE:
        return {}
    found: Made = {}
    cluster = f"cds_ingress_{me.mesh}_{me.name}_{protocol}_{port}"
    for one in dump.clusters:
        if one.get("name") == cluster:
            found.update(pool_of(one, protocol, f"{dump.origin}: cluster {cluster}"))
    for configuration in dump.routes:
        if configuration.get("name") != f"rds_ingress_{protocol}_{port}":
            continue
        for host in objects_of(configuration.get("virtual_hosts"), dump.origin):
            for route in objects_of(host.get("routes"), f"{dump.origin}: routes"):
                timeout = timed(object_of(route.get("route"), f"{dump.origin}: route"))
                if timeout and timeout != _DEFAULT_TIMEOUT:
                    found["timeout"] = {protocol: timeout}
    return found


def _logging(config: Json, where: str) -> Made:
    for log in objects_of(config.get("access_log"), f"{where}: access_log"):
        typed = object_of(log.get("typed_config") or log.get("config"), f"{where}: access_log")
        path = name_of(typed.get("path"))
        if path:
            file = {"path": path, **_format(typed, where)}
            return {"logging": {"accessLog": {"file": file}}}
    return {}


def _format(log: Json, where: str) -> Made:
    form = object_of(log.get("log_format") or log, f"{where}: log_format")
    keys = object_of(form.get("json_format"), f"{where}: json_format")
    if keys:
        pairs = [{"key": key, "value": str(value)} for key, value in keys.items()]
        return {"format": {"json": pairs}}
    text = (
        form.get("text_format")
        or within(form, "text_format_source.inline_string", where)
        or log.get("format")
    )
    return {"format": {"text": text}} if isinstance(text, str) else {}
