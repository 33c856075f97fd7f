"""Listeners: the way in to a virtual node's application or through a gateway, and the way out.

Redirected traffic (containers) arrives at 15000 and 15001 with its original destination. Without
redirection (plain processes) the task's own address takes the place of iptables: the ways in are
bound there at their own ports, and the way out is an HTTP proxy at port 15001 (DESIGN §6).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from envoy.config.listener.v3 import listener_components_pb2 as components
from envoy.config.listener.v3 import listener_pb2
from envoy.extensions.filters.http.dynamic_forward_proxy.v3 import (
    dynamic_forward_proxy_pb2 as forward_pb2,
)
from envoy.extensions.filters.http.router.v3 import router_pb2
from envoy.extensions.filters.listener.http_inspector.v3 import http_inspector_pb2
from envoy.extensions.filters.listener.original_dst.v3 import original_dst_pb2
from envoy.extensions.filters.listener.tls_inspector.v3 import tls_inspector_pb2
from envoy.extensions.filters.network.http_connection_manager.v3 import (
    http_connection_manager_pb2 as manager_pb2,
)

from tealmesh.envoy import clusters, names, self_check, tls
from tealmesh.envoy.access_log import access_logs
from tealmesh.envoy.protos import Spec, ads, milliseconds, packed, socket_address
from tealmesh.envoy.resources import Resource, encode
from tealmesh.envoy.routes import allows_all
from tealmesh.envoy.tcp import TcpRoute, ingress_proxy
from tealmesh.envoy.tcp import proxy as tcp_proxy
from tealmesh.model.mesh import Kind, MeshResource, Proxy

IDLE_MS = 300_000
"""App Mesh's default idle timeout of a request stream."""

_FILTER = "envoy.filters.network.http_connection_manager"


def ingress(node: MeshResource, proxy: Proxy) -> list[Resource]:
    """A virtual node's ways in: one listener in front of all ports, or one for each port."""
    specs = node.spec.get("listeners", ())
    if not specs:
        return []
    if proxy.redirected:
        return [_redirected_ingress(node, specs)]
    return [_bound(proxy.address, proxy, node, spec) for spec in specs]


def gateway(resource: MeshResource, proxy: Proxy) -> list[Resource]:
    """A virtual gateway's listeners, each at its own port: nothing is redirected to a gateway."""
    address = proxy.address or names.ANYWHERE
    return [_bound(address, proxy, resource, spec) for spec in resource.spec["listeners"]]


def egress(
    mesh: MeshResource, node: MeshResource, proxy: Proxy, connections: tuple[TcpRoute, ...] = ()
) -> Resource:
    """The way out of a virtual node; ``connections`` are the TCP routes of its backends."""
    address = proxy.address or names.ANYWHERE
    name = names.egress_listener(address, names.EGRESS_PORT)
    listener = _listener(name, address, names.EGRESS_PORT)
    listener.traffic_direction = 2  # envoy.config.core.v3.TrafficDirection.OUTBOUND
    manager = _manager("egress", names.EGRESS_ROUTES, node)
    refers_to = [names.EGRESS_ROUTES]
    if proxy.redirected:
        _add_redirected_egress(listener, manager, mesh)
        refers_to.append(names.amazon_cluster(mesh.name))
        refers_to += _add_connections(listener, connections)
    else:
        forward = forward_pb2.FilterConfig(dns_cache_config=clusters.dns_cache())
        _add_http_filter(manager, "envoy.filters.http.dynamic_forward_proxy", forward, first=True)
        manager.upgrade_configs.add(upgrade_type="CONNECT")
        # Python's http.client before 3.12, for one, asks a proxy to CONNECT in HTTP/1.0.
        manager.http_protocol_options.accept_http_10 = True
        _add_chain(listener, "http", _http(manager))
    return encode(name, listener, refers_to)


def _redirected_ingress(node: MeshResource, specs: Iterable[Spec]) -> Resource:
    name = names.ingress_listener(names.ANYWHERE, names.INGRESS_PORT)
    listener = _listener(name, names.ANYWHERE, names.INGRESS_PORT)
    listener.traffic_direction = 1  # envoy.config.core.v3.TrafficDirection.INBOUND
    _add_listener_filter(listener, "original_dst", original_dst_pb2.OriginalDst())
    refers_to = []
    for spec in specs:
        network_filter, needs = _way_in(node, spec)
        chains, secrets = _add_way_in(listener, needs, network_filter, spec)
        for chain in chains:
            chain.filter_chain_match.destination_port.value = spec["portMapping"]["port"]
        refers_to += [needs, *secrets]
    _look_for_tls(listener, specs)
    return encode(name, listener, refers_to)


def _add_way_in(
    listener: Any, name: str, network_filter: Any, spec: Spec
) -> tuple[list[Any], list[str]]:
    """The filter chain of one port (two where plaintext is taken beside TLS), and the secrets that
    it refers to.
    """
    server = tls.termination(spec)
    if server is None:
        return [_add_chain(listener, name, network_filter)], []
    secured = _add_chain(listener, name, network_filter)
    protocol = spec["portMapping"]["protocol"]
    secured.transport_socket.CopyFrom(tls.downstream_socket(server, protocol))
    chains = [secured]
    if server.permissive:
        secured.filter_chain_match.transport_protocol = "tls"
        chains.append(_add_chain(listener, f"{name}_plaintext", network_filter))
        chains[-1].filter_chain_match.transport_protocol = "raw_buffer"
    return chains, tls.references(server.secrets)


def _look_for_tls(listener: Any, specs: Iterable[Spec]) -> None:
    """Tell TLS from plaintext at the ports that take both, and at no others: where the server
    speaks first, an inspector waits for the client in vain.
    """
    servers = {spec["portMapping"]["port"]: tls.termination(spec) for spec in specs}
    both = {port for port, server in servers.items() if server and server.permissive}
    if not both:
        return
    _add_listener_filter(listener, "tls_inspector", tls_inspector_pb2.TlsInspector())
    listener.continue_on_listener_filters_timeout = True
    if len(both) < len(servers):
        _disable_at(listener.listener_filters[-1], sorted(servers.keys() - both))


def _disable_at(inspector: Any, ports: Iterable[int]) -> None:
    rules = []
    for port in ports:
        rule = components.ListenerFilterChainMatchPredicate()
        rule.destination_port_range.start, rule.destination_port_range.end = port, port + 1
        rules.append(rule)
    # Envoy wants at least two alternatives where there are any.
    if len(rules) == 1:
        inspector.filter_disabled.CopyFrom(rules[0])
    elif rules:
        inspector.filter_disabled.or_match.rules.extend(rules)


def _bound(address: str, proxy: Proxy, resource: MeshResource, spec: Spec) -> Resource:
    """A listener bound at its own port, also at the address that is published, if any."""
    port = spec["portMapping"]["port"]
    name = names.ingress_listener(address, port)
    listener = _listener(name, address, port)
    listener.traffic_direction = 1  # envoy.config.core.v3.TrafficDirection.INBOUND
    if proxy.publish_address and proxy.publish_address != proxy.address:
        further = socket_address(proxy.publish_address, port)
        listener.additional_addresses.add().address.CopyFrom(further)
    network_filter, needs = _way_in(resource, spec)
    _, secrets = _add_way_in(listener, needs, network_filter, spec)
    _look_for_tls(listener, [spec])
    return encode(name, listener, [needs, *secrets])


def _way_in(resource: MeshResource, spec: Spec) -> tuple[Any, str]:
    """The filter of a listener's protocol, and what it refers to: routes, or for TCP a cluster."""
    port, protocol = spec["portMapping"]["port"], spec["portMapping"]["protocol"]
    if protocol == "tcp":
        cluster = names.ingress_cluster(resource.mesh, resource.name, protocol, port)
        return _tcp(ingress_proxy(resource, spec)), cluster
    routes = names.ingress_routes(protocol, port)
    manager = _manager("ingress", routes, resource)
    # A gateway is where requests enter the mesh: it says who sent them.
    manager.use_remote_address.value = resource.kind is Kind.VIRTUAL_GATEWAY
    check = self_check.http_filter(spec) if resource.kind is Kind.VIRTUAL_GATEWAY else None
    if check is not None:
        _add_http_filter(manager, "envoy.filters.http.health_check", check, first=True)
    return _http(manager), routes


def _add_connections(listener: Any, connections: Iterable[TcpRoute]) -> Iterator[str]:
    """A filter chain for each TCP port, once; the clusters that they lead to."""
    found: dict[int, TcpRoute] = {}
    for route in connections:
        if route.weights:
            found.setdefault(route.port, route)
    # Where the server speaks first, an inspector would wait for the client in vain.
    for inspector in listener.listener_filters[1:]:
        _disable_at(inspector, found)
    for port, route in found.items():
        filter_ = _tcp(tcp_proxy("egress", route.weights, route.idle_ms))
        chain = _add_chain(listener, f"tcp_{port}", filter_)
        chain.filter_chain_match.destination_port.value = port
        yield from route.clusters


def _add_redirected_egress(listener: Any, manager: Any, mesh: MeshResource) -> None:
    """HTTP by its first bytes; TLS to AWS by its server name; anything else if all may leave."""
    _add_listener_filter(listener, "original_dst", original_dst_pb2.OriginalDst())
    _add_listener_filter(listener, "tls_inspector", tls_inspector_pb2.TlsInspector())
    _add_listener_filter(listener, "http_inspector", http_inspector_pb2.HttpInspector())
    # A protocol in which the server speaks first shows nothing to look at.
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


def _listener(name: str, address: str, port: int) -> Any:
    return listener_pb2.Listener(name=name, address=socket_address(address, port))


def _add_chain(listener: Any, name: str, network_filter: Any) -> Any:
    chain = listener.filter_chains.add(name=name)
    chain.filters.append(network_filter)
    return chain


def _add_listener_filter(listener: Any, name: str, config: Any) -> None:
    added = listener.listener_filters.add(name=f"envoy.filters.listener.{name}")
    added.typed_config.CopyFrom(packed(config))


def _manager(direction: str, routes: str, resource: MeshResource) -> Any:
    """The HTTP connection manager: one statistics prefix a direction, so that an Envoy's requests
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
    # Traces go where the bootstrap says, if anywhere; sampling is decided there too.
    manager.tracing.SetInParent()
    manager.access_log.extend(access_logs(resource.spec))
    _add_http_filter(manager, "envoy.filters.http.router", router_pb2.Router())
    return manager


def _add_http_filter(manager: Any, name: str, config: Any, *, first: bool = False) -> None:
    added = manager_pb2.HttpFilter(name=name, typed_config=packed(config))
    if first:
        manager.http_filters.insert(0, added)
    else:
        manager.http_filters.append(added)


def _http(manager: Any) -> Any:
    return components.Filter(name=_FILTER, typed_config=packed(manager))


def _tcp(config: Any) -> Any:
    return components.Filter(name="envoy.filters.network.tcp_proxy", typed_config=packed(config))


def _outside(mesh: MeshResource) -> Any:
    return _tcp(tcp_proxy("egress", ((names.amazon_cluster(mesh.name), 1),), IDLE_MS))
