"""TCP routes: connections rather than requests.

Like App Mesh, we tell redirected connections apart by their destination port alone, so the services
of one caller need different ports; if two claim the same one, the first by name gets it. Where
nothing is redirected, the application asks the egress proxy to ``CONNECT name:port``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from envoy.config.route.v3 import route_components_pb2 as components
from envoy.extensions.filters.network.tcp_proxy.v3 import tcp_proxy_pb2

from tealmesh.envoy import names
from tealmesh.envoy.access_log import access_logs
from tealmesh.envoy.protos import duration, milliseconds
from tealmesh.envoy.routing import matches
from tealmesh.envoy.routing.weights import WeightedTarget, effective_weights
from tealmesh.envoy.services import Service, targets

if TYPE_CHECKING:
    from tealmesh.envoy.specs import Listener, TcpTimeout
    from tealmesh.model.mesh import VirtualNode

IDLE_MS = 300_000
"""App Mesh's default idle timeout of a connection or stream."""


@dataclass(frozen=True)
class TcpRoute:
    """Where connections to one port of a service go."""

    port: int

    weights: tuple[tuple[str, int], ...]
    """(cluster, weight) of each target; empty when no target has weight."""

    idle_ms: int
    """Closes connections that are idle for so long; 0 for never."""

    @property
    def clusters(self) -> frozenset[str]:
        return frozenset(cluster for cluster, _ in self.weights)


def tcp_routes(service: Service) -> tuple[TcpRoute, ...]:
    """One route for each TCP port of the service: the first that App Mesh would try."""
    if service.router is None:
        return tuple(_node_routes(service))
    entries = [route for route in service.routes if "tcpRoute" in route.spec]
    entries.sort(key=lambda route: (matches.priority(route.spec), route.name))
    by_port: dict[int, TcpRoute] = {}
    for entry in entries:
        spec = entry.spec["tcpRoute"]
        asked = spec.get("match", {}).get("port")
        chosen = targets(service, spec["action"]["weightedTargets"], asked, tcp=True)
        for port in service.tcp_ports:
            if asked in (None, port):
                by_port.setdefault(port, _route(port, chosen, spec.get("timeout", {})))
    return tuple(by_port.values())


def proxy(
    stat_prefix: str, weights: tuple[tuple[str, int], ...], idle_ms: int
) -> tcp_proxy_pb2.TcpProxy:
    """Envoy's TCP proxy. It refuses clusters of weight 0, so they are left out."""
    config = tcp_proxy_pb2.TcpProxy(stat_prefix=stat_prefix, idle_timeout=milliseconds(idle_ms))
    for cluster, weight in weights:
        if weight:
            config.weighted_clusters.clusters.add(name=cluster, weight=weight)
    return config


def ingress_proxy(node: VirtualNode, listener: Listener) -> tcp_proxy_pb2.TcpProxy:
    """The TCP proxy in front of the application."""
    port = listener["portMapping"]["port"]
    cluster = names.ingress_cluster(node.mesh, node.name, "tcp", port)
    idle = _idle_ms(listener.get("timeout", {}).get("tcp", {}))
    config = proxy("ingress", ((cluster, 1),), idle)
    config.access_log.extend(access_logs(node.spec.get("logging")))
    return config


def connect_route(route: TcpRoute) -> components.Route:
    """The Envoy route that turns ``CONNECT name:port`` into a connection."""
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


def _route(port: int, chosen: list[WeightedTarget], timeout: TcpTimeout) -> TcpRoute:
    pairs = zip(chosen, effective_weights(chosen), strict=True)
    weights = tuple((target.cluster, weight) for target, weight in pairs)
    weighted = any(weight for _, weight in weights)
    return TcpRoute(port, weights if weighted else (), _idle_ms(timeout))


def _node_routes(service: Service) -> Iterator[TcpRoute]:
    for node in service.nodes:
        for listener in node.spec.get("listeners", ()):
            mapping = listener["portMapping"]
            if mapping["protocol"] == "tcp":
                cluster = names.egress_cluster(node.mesh, node.name, "tcp", mapping["port"])
                idle = _idle_ms(listener.get("timeout", {}).get("tcp", {}))
                yield TcpRoute(mapping["port"], ((cluster, 1),), idle)


def _idle_ms(timeout: TcpTimeout) -> int:
    """https://docs.aws.amazon.com/app-mesh/latest/APIReference/API_TcpTimeout.html"""
    idle = timeout.get("idle")
    return IDLE_MS if idle is None else int(duration(idle).ToMilliseconds())
