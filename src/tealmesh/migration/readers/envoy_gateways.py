"""A virtual gateway's routes in a dump of its Envoy, and its pool."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tealmesh.migration.found import Found, Name, Resource
from tealmesh.migration.json import Json, Made, list_of, name_of, object_of, objects_of
from tealmesh.migration.readers.envoy_nodes import pool_of
from tealmesh.migration.readers.envoy_routes import as_grpc, matched
from tealmesh.migration.readers.envoy_services import SERVICE_HEADER
from tealmesh.model.mesh import Kind

if TYPE_CHECKING:
    from tealmesh.migration.readers.envoy_dump import Dump


def with_pool(listeners: list[Made], dump: Dump) -> list[Made]:
    """A gateway's listeners with the limits of the clusters to which it sends."""
    for cluster in dump.clusters:
        name = name_of(cluster.get("name"))
        if name.startswith("cds_egress_") and listeners:
            protocol = listeners[0]["portMapping"]["protocol"]
            pool = pool_of(cluster, protocol, f"{dump.origin}: cluster {name}")
            if pool:
                return [{**listeners[0], **pool}, *listeners[1:]]
    return listeners


def read(found: Found, me: Name, dump: Dump) -> None:
    """Add the gateway's routes, in the order in which they are tried."""
    made: list[tuple[str, Made]] = []
    for configuration in dump.routes:
        listened = re.fullmatch(r"rds_ingress_(\w+?)_(\d+)", name_of(configuration.get("name")))
        if listened is None:
            continue
        where = f"{dump.origin}: {configuration['name']}"
        for host in objects_of(configuration.get("virtual_hosts"), f"{where}: virtual_hosts"):
            hostname = _hostname(host)
            for route in objects_of(host.get("routes"), f"{where}: routes"):
                one = _route(found, me, route, hostname, where)
                if one is not None and (listened[1], one) not in made:
                    made.append((listened[1], one))
    priority = 0
    for protocol, one in made:
        if any(_is_the_same_below(one, other) for _, other in made):
            continue
        priority += 1
        name = Name(Kind.GATEWAY_ROUTE, me.mesh, f"route-{priority}", me.name)
        spec = {"priority": priority - 1, f"{protocol}Route": one}
        found.resources.append(Resource(name, spec, f"{dump.origin}: {me.name}", partial=1))


def _is_the_same_below(one: Made, other: Made) -> bool:
    """App Mesh made two of a route for ``/x``: one for ``/x/`` before the one for ``/x``."""
    prefix = str(one["match"].get("prefix", ""))
    shorter = {**one, "match": {**one["match"], "prefix": prefix.removesuffix("/")}}
    return len(prefix) > 1 and prefix.endswith("/") and other == shorter


def _hostname(host: Json) -> Made:
    """What a virtual host's domains say of the name by which the gateway is called."""
    for domain in list_of(host.get("domains"), "domains"):
        name = str(domain).partition(":")[0]
        if name.startswith("*."):
            return {"hostname": {"suffix": name[1:]}}
        if name and "*" not in name:
            return {"hostname": {"exact": name}}
    return {}


def _route(found: Found, me: Name, route: Json, hostname: Made, where: str) -> Made | None:
    action = object_of(route.get("route"), f"{where}: route")
    headers = {
        name_of(object_of(one.get("header"), where).get("key")): one["header"].get("value", "")
        for one in objects_of(route.get("request_headers_to_add"), f"{where}: headers")
        if one.get("header")
    }
    service = name_of(action.get("host_rewrite_literal")) or name_of(headers.get(SERVICE_HEADER))
    condition = object_of(route.get("match"), f"{where}: match")
    if not service:
        if "weighted_clusters" in action:
            text = (
                "leads straight to nodes, as Tealmesh makes it: `teal export` has its gateway route"
            )
            found.remark(f"{where}: {name_of(route.get('name')) or 'a route'}", text)
        return None
    match, problems = matched(condition, without=SERVICE_HEADER)
    for problem in problems:
        found.remark(me, f"{service}: {problem}")
    if "regex_rewrite" in action:
        found.remark(me, f"{service}: a path rewritten by a regular expression is not kept")
    grpc = "grpc" in condition
    spec = as_grpc({**match, **hostname}) if grpc else {**match, **hostname}
    return {"match": spec, "action": _target(action, match, service, grpc)}


def _target(action: Json, match: Json, service: str, grpc: bool) -> Made:
    """App Mesh rewrites the prefix and the host name unless it is told not to."""
    rewrite: Made = {}
    prefix: Any = action.get("prefix_rewrite")
    if not grpc and "prefix" in match and match["prefix"] != "/":
        if prefix is None or prefix == match["prefix"]:
            rewrite["prefix"] = {"defaultPrefix": "DISABLED"}
        elif prefix != "/":
            rewrite["prefix"] = {"value": prefix}
    exact = object_of(match.get("path"), "path").get("exact")
    if prefix is not None and exact is not None and prefix != exact:
        rewrite["path"] = {"exact": prefix}
    if not action.get("host_rewrite_literal"):
        rewrite["hostname"] = {"defaultTargetHostname": "DISABLED"}
    target = {"target": {"virtualService": {"virtualServiceName": service}}}
    return {**target, **({"rewrite": rewrite} if rewrite else {})}
