"""TCP routes: connections rather than requests.

Redirected connections are told apart by their destination port alone, as App Mesh does, so that
services of one caller need different ports (the first by name has a port that two claim). Where
nothing is redirected, the application asks the egress proxy to ``CONNECT name:port``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from envoy.config.route.v3 import route_components_pb2 as components
from envoy.extensions.filters.network.tcp_proxy.v3 import tcp_proxy_pb2

from tealmesh.envoy import matches, names
from tealmesh.envoy.access_log import access_logs
from tealmesh.envoy.protos import Spec, duration, milliseconds
from tealmesh.envoy.services import Service, targets
from tealmesh.envoy.weights import WeightedTarget, effective_weights
from tealmesh.model.mesh import MeshResource

IDLE_MS = 300_000


@dataclass(frozen=True)
class TcpRoute:
    """Where connections to ``port`` of a service go; ``idle_ms`` 0 means no limit."""

    port: int
    weights: tuple[tuple[str, int], ...]
    idle_ms: int

    @property
    def clusters(self) -> frozenset[str]:
        return frozenset(cluster for cluster, _ in self.weights)


def tcp_routes(service: Service) -> tuple[TcpRoute, ...]:
    """One route for each TCP port of the service: the first that App Mesh would try."""
    if service.router is None:
        return tuple(_node_routes(service))
    entries = [route for route in service.routes if "tcpRoute" in route.spec]
    entries.sort(key=lambda route: (matches.priority(route.spec), route.name))
    found: dict[int, TcpRoute] = {}
    for entry in entries:
        spec = entry.spec["tcpRoute"]
        asked = spec.get("match", {}).get("port")
        chosen = targets(service, spec["action"]["weightedTargets"], asked, tcp=True)
        for port in service.tcp_ports:
            if asked in (None, port):
                found.setdefault(port, _route(port, chosen, spec.get("timeout", {})))
    return tuple(found.values())


def proxy(stat_prefix: str, weights: tuple[tuple[str, int], ...], idle_ms: int) -> Any:
    """Envoy's TCP proxy. A cluster of weight 0 is left out: here Envoy takes none."""
    config = tcp_proxy_pb2.TcpProxy(stat_prefix=stat_prefix, idle_timeout=milliseconds(idle_ms))
    for cluster, weight in weights:
        if weight:
            config.weighted_clusters.clusters.add(name=cluster, weight=weight)
    return config


def ingress_proxy(node: MeshResource, listener: Spec) -> Any:
    """The TCP proxy in front of the application."""
    port = listener["portMapping"]["port"]
    cluster = names.ingress_cluster(node.mesh, node.name, "tcp", port)
    idle = _idle_ms(listener.get("timeout", {}).get("tcp", {}))
    config = proxy("ingress", ((cluster, 1),), idle)
    config.access_log.extend(access_logs(node.spec))
    return config


def connect_route(route: TcpRoute) -> Any:
    """The Envoy route by which ``CONNECT name:port`` becomes a connection."""
    matcher = components.RouteMatch(connect_matcher=components.RouteMatch.ConnectMatcher())
    at = components.HeaderMatcher.FromString(matches.authority_at(route.port))
    matcher.headers.append(at)
    action = components.RouteAction(
        timeout=milliseconds(0), idle_timeout=milliseconds(route.idle_ms)
    )
    for cluster, weight in route.weights:
        added = action.weighted_clusters.clusters.add(name=cluster)
        added.weight.value = weight
    action.upgrade_configs.add(upgrade_type="CONNECT").connect_config.SetInParent()
    return components.Route(name=f"tcp_{route.port}", match=matcher, route=action)


def _route(port: int, chosen: list[WeightedTarget], timeout: Spec) -> TcpRoute:
    pairs = zip(chosen, effective_weights(chosen), strict=True)
    weights = tuple((target.cluster, weight) for target, weight in pairs)
    some = any(weight for _, weight in weights)
    return TcpRoute(port, weights if some else (), _idle_ms(timeout))


def _node_routes(service: Service) -> Iterator[TcpRoute]:
    for node in service.nodes:
        for listener in node.spec.get("listeners", ()):
            mapping = listener["portMapping"]
            if mapping["protocol"] == "tcp":
                cluster = names.egress_cluster(node.mesh, node.name, "tcp", mapping["port"])
                idle = _idle_ms(listener.get("timeout", {}).get("tcp", {}))
                yield TcpRoute(mapping["port"], ((cluster, 1),), idle)


def _idle_ms(timeout: Spec) -> int:
    """https://docs.aws.amazon.com/app-mesh/latest/APIReference/API_TcpTimeout.html"""
    if timeout.get("idle") is None:
        return IDLE_MS
    return int(duration(timeout["idle"]).ToMilliseconds())
