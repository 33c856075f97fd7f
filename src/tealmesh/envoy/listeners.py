"""Listeners: in to a virtual node's application or through a gateway, and out of a node.

Redirected traffic (containers) arrives at ports 15000 and 15001 with its original destination.
Without redirection (plain processes) the task's own address takes the place of iptables: ingress
listeners bind there at their own ports, and the way out is an HTTP proxy at port 15001.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from envoy.config.listener.v3 import listener_components_pb2 as components
from envoy.config.listener.v3 import listener_pb2
from envoy.extensions.filters.http.dynamic_forward_proxy.v3 import (
    dynamic_forward_proxy_pb2 as forward_pb2,
)
from envoy.extensions.filters.http.grpc_stats.v3 import config_pb2 as grpc_stats_pb2
from envoy.extensions.filters.http.router.v3 import router_pb2
from envoy.extensions.filters.listener.http_inspector.v3 import http_inspector_pb2
from envoy.extensions.filters.listener.original_dst.v3 import original_dst_pb2
from envoy.extensions.filters.listener.tls_inspector.v3 import tls_inspector_pb2
from envoy.extensions.filters.network.http_connection_manager.v3 import (
    http_connection_manager_pb2 as manager_pb2,
)
from envoy.extensions.filters.network.tcp_proxy.v3 import tcp_proxy_pb2
from google.protobuf import message

from tealmesh.envoy import clusters, names, self_check, tls
from tealmesh.envoy.access_log import access_logs
from tealmesh.envoy.extensions import parts, stripping, tasks
from tealmesh.envoy.protos import ads, milliseconds, packed, socket_address
from tealmesh.envoy.resources import Resource, encode
from tealmesh.envoy.routing.routes import allows_all
from tealmesh.envoy.tcp import IDLE_MS, TcpRoute, ingress_proxy
from tealmesh.envoy.tcp import proxy as tcp_proxy
from tealmesh.model.mesh import Proxy

if TYPE_CHECKING:
    from tealmesh.envoy.specs import GatewayListener, Listener, Logging
    from tealmesh.model.mesh import Mesh, VirtualGateway, VirtualNode

_FILTER = "envoy.filters.network.http_connection_manager"


@dataclass(frozen=True)
class _WayIn:
    """What a listener does with the connections that it accepts."""

    network_filter: components.Filter
    leads_to: str
    """The name of its routes, or for TCP of its cluster."""


def ingress(node: VirtualNode, proxy: Proxy) -> list[Resource]:
    """A virtual node's ways in: one listener in front of all ports, or one for each port."""
    specs = node.spec.get("listeners", [])
    if not specs:
        return []
    if proxy.redirected:
        return [_redirected_ingress(node, specs)]
    return [_bound(proxy.address, proxy, spec, _into_node(node, spec)) for spec in specs]


def gateway(resource: VirtualGateway, proxy: Proxy) -> list[Resource]:
    """A virtual gateway's listeners, each at its own port: nothing is redirected to a gateway."""
    address = proxy.address or names.ANYWHERE
    return [
        _bound(address, proxy, spec, _into_gateway(resource, proxy, spec))
        for spec in resource.spec["listeners"]
    ]


def egress(
    mesh: Mesh, node: VirtualNode, proxy: Proxy, connections: tuple[TcpRoute, ...] = ()
) -> Resource:
    """The way out of a virtual node; ``connections`` are the TCP routes of its backends."""
    address = proxy.address or names.ANYWHERE
    name = names.egress_listener(address, names.EGRESS_PORT)
    listener = _listener(name, address, names.EGRESS_PORT)
    listener.traffic_direction = 2  # envoy.config.core.v3.TrafficDirection.OUTBOUND
    manager = _manager("egress", names.EGRESS_ROUTES, node.spec.get("logging"))
    _count_grpc(manager)
    manager.access_log.extend(parts.logs(proxy))
    if proxy.counts_parts:
        manager.access_log.append(tasks.counting_log())
    refers_to = [names.EGRESS_ROUTES]
    if proxy.redirected:
        _add_redirected_egress(listener, manager, mesh)
        refers_to.append(names.amazon_cluster(mesh.name))
        refers_to += _add_connections(listener, connections)
    else:
        forward = forward_pb2.FilterConfig(dns_cache_config=clusters.dns_cache())
        _add_http_filter(manager, "envoy.filters.http.dynamic_forward_proxy", forward, first=True)
        manager.upgrade_configs.add(upgrade_type="CONNECT")
        # Python's http.client before 3.12, for example, sends CONNECT in HTTP/1.0.
        manager.http_protocol_options.accept_http_10 = True
        _add_chain(listener, "http", _http(manager))
    return encode(name, listener, refers_to)


def _redirected_ingress(node: VirtualNode, specs: Iterable[Listener]) -> Resource:
    name = names.ingress_listener(names.ANYWHERE, names.INGRESS_PORT)
    listener = _listener(name, names.ANYWHERE, names.INGRESS_PORT)
    listener.traffic_direction = 1  # envoy.config.core.v3.TrafficDirection.INBOUND
    _add_listener_filter(listener, "original_dst", original_dst_pb2.OriginalDst())
    refers_to = []
    for spec in specs:
        way_in = _into_node(node, spec)
        chains, secrets = _add_way_in(listener, way_in, spec)
        for chain in chains:
            chain.filter_chain_match.destination_port.value = spec["portMapping"]["port"]
        refers_to += [way_in.leads_to, *secrets]
    _look_for_tls(listener, specs)
    return encode(name, listener, refers_to)


def _add_way_in(
    listener: listener_pb2.Listener, way_in: _WayIn, spec: Listener | GatewayListener
) -> tuple[list[components.FilterChain], list[str]]:
    """Add the filter chain of one port, two where plaintext is accepted beside TLS; return them and
    the secrets that they refer to.
    """
    name, server = way_in.leads_to, tls.termination(spec.get("tls"))
    if server is None:
        return [_add_chain(listener, name, way_in.network_filter)], []
    secured = _add_chain(listener, name, way_in.network_filter)
    protocol = spec["portMapping"]["protocol"]
    secured.transport_socket.CopyFrom(tls.downstream_socket(server, protocol))
    chains = [secured]
    if server.permissive:
        secured.filter_chain_match.transport_protocol = "tls"
        chains.append(_add_chain(listener, f"{name}_plaintext", way_in.network_filter))
        chains[-1].filter_chain_match.transport_protocol = "raw_buffer"
    return chains, tls.references(server.secrets)


def _look_for_tls(
    listener: listener_pb2.Listener, specs: Iterable[Listener | GatewayListener]
) -> None:
    """Tell TLS from plaintext at the ports that accept both, and at no others: where the server
    speaks first, an inspector would wait for the client in vain.
    """
    servers = {spec["portMapping"]["port"]: tls.termination(spec.get("tls")) for spec in specs}
    both = {port for port, server in servers.items() if server and server.permissive}
    if not both:
        return
    _add_listener_filter(listener, "tls_inspector", tls_inspector_pb2.TlsInspector())
    listener.continue_on_listener_filters_timeout = True
    if len(both) < len(servers):
        _disable_at(listener.listener_filters[-1], sorted(servers.keys() - both))


def _disable_at(inspector: components.ListenerFilter, ports: Iterable[int]) -> None:
    """Keep ``inspector`` from looking at connections to ``ports``."""
    rules = []
    for port in ports:
        rule = components.ListenerFilterChainMatchPredicate()
        rule.destination_port_range.start, rule.destination_port_range.end = port, port + 1
        rules.append(rule)
    # Envoy requires at least two alternatives in an or_match.
    if len(rules) == 1:
        inspector.filter_disabled.CopyFrom(rules[0])
    elif rules:
        inspector.filter_disabled.or_match.rules.extend(rules)


def _bound(
    address: str, proxy: Proxy, spec: Listener | GatewayListener, way_in: _WayIn
) -> Resource:
    """A listener bound at its own port, and at the published address if there is one."""
    port = spec["portMapping"]["port"]
    name = names.ingress_listener(address, port)
    listener = _listener(name, address, port)
    listener.traffic_direction = 1  # envoy.config.core.v3.TrafficDirection.INBOUND
    if proxy.publish_address and proxy.publish_address != proxy.address:
        further = socket_address(proxy.publish_address, port)
        listener.additional_addresses.add().address.CopyFrom(further)
    _, secrets = _add_way_in(listener, way_in, spec)
    _look_for_tls(listener, [spec])
    return encode(name, listener, [way_in.leads_to, *secrets])


def _into_node(node: VirtualNode, spec: Listener) -> _WayIn:
    port, protocol = spec["portMapping"]["port"], spec["portMapping"]["protocol"]
    if protocol == "tcp":
        cluster = names.ingress_cluster(node.mesh, node.name, protocol, port)
        return _WayIn(_tcp(ingress_proxy(node, spec)), cluster)
    routes = names.ingress_routes(protocol, port)
    manager = _manager("ingress", routes, node.spec.get("logging"))
    manager.use_remote_address.value = False
    return _WayIn(_http(manager), routes)


def _into_gateway(resource: VirtualGateway, proxy: Proxy, spec: GatewayListener) -> _WayIn:
    routes = names.ingress_routes(spec["portMapping"]["protocol"], spec["portMapping"]["port"])
    manager = _manager("ingress", routes, resource.spec.get("logging"))
    # Requests enter the mesh at a gateway: it says who sent them.
    manager.use_remote_address.value = True
    _count_grpc(manager)
    manager.access_log.extend(parts.logs(proxy))
    if proxy.counts_parts:
        manager.access_log.append(tasks.counting_log())
    manager.http_filters.insert(0, stripping.http_filter())
    check = self_check.http_filter(spec)
    if check is not None:
        _add_http_filter(manager, "envoy.filters.http.health_check", check, first=True)
    return _WayIn(_http(manager), routes)


def _add_connections(
    listener: listener_pb2.Listener, connections: Iterable[TcpRoute]
) -> Iterator[str]:
    """Add a filter chain for each TCP port, once; yield the clusters that they lead to."""
    by_port: dict[int, TcpRoute] = {}
    for route in connections:
        if route.weights:
            by_port.setdefault(route.port, route)
    # Where the server speaks first, an inspector would wait for the client in vain.
    for inspector in listener.listener_filters[1:]:
        _disable_at(inspector, by_port)
    for port, route in by_port.items():
        filter_ = _tcp(tcp_proxy("egress", route.weights, route.idle_ms))
        chain = _add_chain(listener, f"tcp_{port}", filter_)
        chain.filter_chain_match.destination_port.value = port
        yield from route.clusters


def _add_redirected_egress(
    listener: listener_pb2.Listener, manager: manager_pb2.HttpConnectionManager, mesh: Mesh
) -> None:
    """Recognise HTTP by its first bytes and TLS to AWS by its server name; let everything else
    through if the mesh allows it.
    """
    _add_listener_filter(listener, "original_dst", original_dst_pb2.OriginalDst())
    _add_listener_filter(listener, "tls_inspector", tls_inspector_pb2.TlsInspector())
    _add_listener_filter(listener, "http_inspector", http_inspector_pb2.HttpInspector())
    # In a protocol in which the server speaks first, there is nothing to inspect.
    listener.continue_on_listener_filters_timeout = True
    http = _add_chain(listener, "http", _http(manager))
    http.filter_chain_match.application_protocols.extend(["http/1.0", "http/1.1", "h2c"])
    amazon = _add_chain(listener, "amazonaws", _outside(mesh))
    amazon.filter_chain_match.transport_protocol = "tls"
    amazon.filter_chain_match.server_names.append("*.amazonaws.com")
    if allows_all(mesh):
        through = components.FilterChain(name="allow_all")
        through.filters.append(_outside(mesh))
        listener.default_filter_chain.CopyFrom(through)


def _listener(name: str, address: str, port: int) -> listener_pb2.Listener:
    return listener_pb2.Listener(name=name, address=socket_address(address, port))


def _add_chain(
    listener: listener_pb2.Listener, name: str, network_filter: components.Filter
) -> components.FilterChain:
    chain = listener.filter_chains.add(name=name)
    chain.filters.append(network_filter)
    return chain


def _add_listener_filter(
    listener: listener_pb2.Listener, name: str, config: message.Message
) -> None:
    added = listener.listener_filters.add(name=f"envoy.filters.listener.{name}")
    added.typed_config.CopyFrom(packed(config))


def _manager(
    direction: str, routes: str, logging: Logging | None
) -> manager_pb2.HttpConnectionManager:
    """The HTTP connection manager. Each direction has one statistics prefix, so that the requests
    in flight are in ``http.ingress.downstream_rq_active``.
    """
    manager = manager_pb2.HttpConnectionManager(
        stat_prefix=direction,
        codec_type=manager_pb2.HttpConnectionManager.CodecType.AUTO,
        rds=manager_pb2.Rds(config_source=ads(), route_config_name=routes),
        stream_idle_timeout=milliseconds(IDLE_MS),
        merge_slashes=True,
    )
    manager.normalize_path.value = True
    manager.upgrade_configs.add(upgrade_type="websocket")
    # The bootstrap says where traces go, if anywhere, and how many are sampled.
    manager.tracing.SetInParent()
    manager.access_log.extend(access_logs(logging))
    _add_http_filter(manager, "envoy.filters.http.router", router_pb2.Router())
    return manager


def _count_grpc(manager: manager_pb2.HttpConnectionManager) -> None:
    """Count answers by gRPC's status: an error travels in the trailers of an answer of 200.

    https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/grpc_stats_filter
    """
    counter = grpc_stats_pb2.FilterConfig()
    counter.stats_for_all_methods.value = False
    _add_http_filter(manager, "envoy.filters.http.grpc_stats", counter, first=True)


def _add_http_filter(
    manager: manager_pb2.HttpConnectionManager,
    name: str,
    config: message.Message,
    *,
    first: bool = False,
) -> None:
    added = manager_pb2.HttpFilter(name=name, typed_config=packed(config))
    if first:
        manager.http_filters.insert(0, added)
    else:
        manager.http_filters.append(added)


def _http(manager: manager_pb2.HttpConnectionManager) -> components.Filter:
    return components.Filter(name=_FILTER, typed_config=packed(manager))


def _tcp(config: tcp_proxy_pb2.TcpProxy) -> components.Filter:
    return components.Filter(name="envoy.filters.network.tcp_proxy", typed_config=packed(config))


def _outside(mesh: Mesh) -> components.Filter:
    return _tcp(tcp_proxy("egress", ((names.amazon_cluster(mesh.name), 1),), IDLE_MS))
