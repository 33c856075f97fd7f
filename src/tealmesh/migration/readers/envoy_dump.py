"""Dumps of Envoys that App Mesh configured: ``curl 127.0.0.1:9901/config_dump``.

A dump has what one Envoy was told, so it knows clusters, routes, weights and time limits of what
that Envoy calls, and its own listeners, and not what its resources are called in full: routers and
routes get names here. App Mesh called the cluster of a node ``cds_egress_MESH_NODE_PROTOCOL_PORT``
and the virtual host of a service by its name, and wrote both into metadata
(https://docs.aws.amazon.com/app-mesh/latest/userguide/envoy-metrics.html).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tealmesh.migration.found import Found, Name, Resource
from tealmesh.migration.json import Json, Made, name_of, object_of, objects_of, within
from tealmesh.migration.readers import envoy_gateways, envoy_nodes, envoy_services
from tealmesh.model.mesh import Kind

_NODE = re.compile(r"(?:.*[:/])?mesh/([^/]+)/(virtualNode|virtualGateway)/([^/]+)/?")
_STATES = ("active_state", "warming_state", "draining_state")
_PARTIAL = "backends and time limits of other nodes are in their own Envoys' dumps"


def is_ours(document: Any) -> bool:
    """Whether a document is a dump of an Envoy."""
    configs = document.get("configs") if isinstance(document, Mapping) else None
    return isinstance(configs, list) and any(
        isinstance(one, Mapping) and "envoy.admin" in str(one.get("@type")) for one in configs
    )


@dataclass
class Dump:
    """The parts of a dump."""

    origin: str
    node_id: str = ""
    clusters: list[Json] = field(default_factory=list)
    listeners: list[Json] = field(default_factory=list)
    routes: list[Json] = field(default_factory=list)
    secrets: dict[str, Json] = field(default_factory=dict)


def read(document: Json, origin: str) -> Found:
    """The resources that an Envoy of App Mesh knew. Raises TealError for what is no dump."""
    dump = _parts(document, origin)
    found = Found()
    own = _NODE.fullmatch(dump.node_id)
    if own is None:
        lacks = "it has no bootstrap, which says whose it is: take the whole config_dump"
        other = f"its node {dump.node_id} is none of App Mesh's: left out"
        found.remark(origin, other if dump.node_id else lacks)
        return found
    me = Name(Kind(own[2]), own[1], own[3])
    nodes = envoy_nodes.called(dump, me)
    for name, (node, spec) in nodes.items():
        where = f"{origin}: cluster {name}"
        found.resources.append(Resource(node, spec, where, partial=1))
        if "serviceDiscovery" not in spec:
            found.remark(
                node, "the service of Cloud Map that it is in is not in a dump: set it again"
            )
    services = envoy_services.read(dump, me, nodes, found)
    _own(found, me, dump, services)
    if any(_allows_all(configuration, origin) for configuration in dump.routes):
        mesh = Name(Kind.MESH, me.mesh, me.mesh)
        spec = {"egressFilter": {"type": "ALLOW_ALL"}}
        found.resources.append(Resource(mesh, spec, origin, partial=1))
    found.remark(origin, f"routers and routes have names of their own making, and {_PARTIAL}")
    return found


def _own(found: Found, me: Name, dump: Dump, services: Mapping[str, Made]) -> None:
    """The node or gateway whose Envoy it is."""
    where = f"{dump.origin}: {dump.node_id}"
    listeners, logging = envoy_nodes.own_listeners(dump, me, found)
    if me.kind is Kind.VIRTUAL_GATEWAY:
        listeners = envoy_gateways.with_pool(listeners, dump)
        envoy_gateways.read(found, me, dump)
    spec: Made = {**({"listeners": listeners} if listeners else {}), **logging}
    if me.kind is Kind.VIRTUAL_NODE and services:
        spec["backends"] = [{"virtualService": services[name]} for name in sorted(services)]
    found.resources.append(Resource(me, spec, where, partial=1))


def _allows_all(configuration: Json, origin: str) -> bool:
    hosts = objects_of(configuration.get("virtual_hosts"), f"{origin}: virtual_hosts")
    return any(host.get("name") == "allow_all" for host in hosts)


def _parts(document: Json, origin: str) -> Dump:
    dump = Dump(origin)
    for part in objects_of(document.get("configs"), f"{origin}: configs"):
        kind = str(part.get("@type")).rpartition(".")[2]
        where = f"{origin}: {kind}"

        def each(member: str, inner: str, part: Json = part, where: str = where) -> list[Json]:
            ones = objects_of(part.get(member), f"{where}.{member}")
            return [object_of(one.get(inner), f"{where}.{member}.{inner}") for one in ones]

        if kind == "BootstrapConfigDump":
            node = object_of(within(part, "bootstrap.node", where), f"{where}.bootstrap.node")
            dump.node_id = name_of(node.get("id")) or name_of(node.get("cluster"))
        elif kind == "ClustersConfigDump":
            dump.clusters += each("dynamic_active_clusters", "cluster")
            dump.clusters += each("dynamic_warming_clusters", "cluster")
        elif kind == "RoutesConfigDump":
            dump.routes += each("dynamic_route_configs", "route_config")
        elif kind == "SecretsConfigDump":
            secrets = each("static_secrets", "secret") + each("dynamic_active_secrets", "secret")
            dump.secrets.update({name_of(secret.get("name")): secret for secret in secrets})
        elif kind == "ListenersConfigDump":
            for state in _STATES:
                states = each("dynamic_listeners", state)
                dump.listeners += [
                    object_of(one["listener"], f"{where}.listener")
                    for one in states
                    if "listener" in one
                ]
            dump.listeners += each("dynamic_active_listeners", "listener")  # before Envoy 1.13
    return dump
