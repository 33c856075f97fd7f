"""Listeners of load balancers: HTTP and HTTPS by rules, TCP and TLS by flows."""

from __future__ import annotations

from collections.abc import Mapping

from envoy.config.core.v3 import substitution_format_string_pb2 as format_pb2
from envoy.config.listener.v3 import listener_components_pb2 as components
from envoy.config.listener.v3 import listener_pb2
from envoy.extensions.filters.common.set_filter_state.v3 import value_pb2
from envoy.extensions.filters.http.lua.v3 import lua_pb2
from envoy.extensions.filters.http.router.v3 import router_pb2
from envoy.extensions.filters.http.stateful_session.v3 import stateful_session_pb2
from envoy.extensions.filters.listener.tls_inspector.v3 import tls_inspector_pb2
from envoy.extensions.filters.network.http_connection_manager.v3 import (
    http_connection_manager_pb2 as manager_pb2,
)
from envoy.extensions.filters.network.set_filter_state.v3 import set_filter_state_pb2
from envoy.extensions.filters.network.tcp_proxy.v3 import tcp_proxy_pb2
from google.protobuf import message

from tealmesh.envoy.load_balancers import names, rules, script, tls_policies
from tealmesh.envoy.load_balancers.actions import SESSION_FILTER, group_of
from tealmesh.envoy.load_balancers.conditions import CLIENT_ADDRESS
from tealmesh.envoy.load_balancers.local_replies import local_replies
from tealmesh.envoy.protos import ads, milliseconds, packed, socket_address
from tealmesh.envoy.resources import Resource, encode
from tealmesh.model.load_balancers import (
    ListenerBody,
    LoadBalancerBody,
    PlaceBody,
    TargetGroupBody,
    forwards_to,
)

FLOW_IDLE_SECONDS = 350
"""https://docs.aws.amazon.com/elasticloadbalancing/latest/network/network-load-balancers.html#connection-idle-timeout"""

_KEEP_ALIVE_SECONDS = 3600
"""https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html#http-client-keep-alive-duration"""

_MAX_HEADERS_KB = 64
"""https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html"""

ENCRYPTED = ("HTTPS", "TLS")
BY_RULES = ("HTTP", "HTTPS")


def listener(
    load_balancer: LoadBalancerBody,
    spec: ListenerBody,
    place: PlaceBody,
    groups: Mapping[str, TargetGroupBody],
) -> Resource:
    """A listener at its local port, and for containers at its own."""
    name = names.listener(spec["Port"])
    local = place["ports"].get(str(spec["Port"]), spec["Port"])
    made = listener_pb2.Listener(name=name, address=socket_address(place["address"], local))
    if spec["Port"] in place.get("containerPorts", ()):
        inside = socket_address(place.get("containerAddress", ""), spec["Port"])
        made.additional_addresses.add(address=inside)
        # A listener whose further address is not there yet must not be refused as a whole.
        made.freebind.value = True
    chain = made.filter_chains.add(name=name)
    if spec["Protocol"] in BY_RULES:
        chain.filters.append(_client_address())
        manager = _manager(load_balancer, spec)
        chain.filters.append(_filter("http_connection_manager", manager))
        refers_to = [names.routes(spec["Port"])]
    else:
        flows, refers_to = _flows(spec, groups)
        chain.filters.append(_filter("tcp_proxy", flows))
    if spec["Protocol"] in ENCRYPTED:
        inspector = made.listener_filters.add(name="envoy.filters.listener.tls_inspector")
        inspector.typed_config.CopyFrom(packed(tls_inspector_pb2.TlsInspector()))
        socket = tls_policies.listener_socket(load_balancer, spec)
        chain.transport_socket.CopyFrom(socket)
        refers_to += [secret.name for secret in tls_policies.certificates(spec)]
    return encode(name, made, refers_to)


def _filter(name: str, config: message.Message) -> components.Filter:
    return components.Filter(name=f"envoy.filters.network.{name}", typed_config=packed(config))


def _client_address() -> components.Filter:
    """Keep the client's address for conditions on source-ip."""
    value = value_pb2.FilterStateValue(
        object_key=CLIENT_ADDRESS,
        factory_key="envoy.network.ip",
        format_string=format_pb2.SubstitutionFormatString(),
    )
    source = "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%"
    value.format_string.text_format_source.inline_string = source
    return _filter("set_filter_state", set_filter_state_pb2.Config(on_new_connection=[value]))


def _manager(
    load_balancer: LoadBalancerBody, spec: ListenerBody
) -> manager_pb2.HttpConnectionManager:
    kinds = manager_pb2.HttpConnectionManager
    idle = milliseconds(rules.idle_seconds(load_balancer) * 1000)
    manager = kinds(
        stat_prefix=names.STATISTICS,
        # HTTP/2 is for HTTPS listeners alone, as in ELB: ALPN chooses it there.
        # https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-listeners.html
        codec_type=kinds.CodecType.AUTO if spec["Protocol"] == "HTTPS" else kinds.CodecType.HTTP1,
        rds=manager_pb2.Rds(config_source=ads(), route_config_name=names.routes(spec["Port"])),
        stream_idle_timeout=idle,
        server_header_transformation=kinds.ServerHeaderTransformation.PASS_THROUGH,
        skip_xff_append=True,  # the script does that
        preserve_external_request_id=True,
        local_reply_config=local_replies(),
    )
    manager.max_request_headers_kb.value = _MAX_HEADERS_KB
    manager.use_remote_address.value = True
    # With no networks in it, no client is one of Envoy's own, whose x-envoy- headers count.
    manager.internal_address_config.SetInParent()
    manager.generate_request_id.value = False
    manager.normalize_path.value = False
    options = manager.common_http_protocol_options
    options.idle_timeout.CopyFrom(idle)
    keep = load_balancer["Attributes"].get("client_keep_alive.seconds", _KEEP_ALIVE_SECONDS)
    options.max_connection_duration.CopyFrom(milliseconds(int(keep) * 1000))
    manager.http_protocol_options.accept_http_10 = True
    # A condition may name any method.
    manager.http_protocol_options.allow_custom_methods = True
    manager.upgrade_configs.add(upgrade_type="websocket")
    lua = lua_pb2.Lua(stat_prefix=names.STATISTICS)
    lua.default_source_code.inline_string = script.SOURCE
    # No condition looks at what the script changes in a way that may choose another rule.
    lua.clear_route_cache.value = False
    _add_http(manager, script.FILTER, lua)
    _add_http(manager, SESSION_FILTER, stateful_session_pb2.StatefulSession())
    _add_http(manager, "envoy.filters.http.router", router_pb2.Router(suppress_envoy_headers=True))
    return manager


def _add_http(
    manager: manager_pb2.HttpConnectionManager, name: str, config: message.Message
) -> None:
    manager.http_filters.add(name=name).typed_config.CopyFrom(packed(config))


def _flows(
    spec: ListenerBody, groups: Mapping[str, TargetGroupBody]
) -> tuple[tcp_proxy_pb2.TcpProxy, list[str]]:
    """The TCP proxy of a network load balancer's listener, and the clusters that it leads to.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/network/load-balancer-listeners.html
    """
    idle = int(spec["Attributes"].get("tcp.idle_timeout.seconds", FLOW_IDLE_SECONDS))
    proxy = tcp_proxy_pb2.TcpProxy(
        stat_prefix=names.STATISTICS, idle_timeout=milliseconds(idle * 1000)
    )
    weighted = [one for action in spec["DefaultActions"] for one in forwards_to(action)]
    clusters = [names.cluster(group_of(one["TargetGroupArn"], groups)) for one in weighted]
    for cluster, one in zip(clusters, weighted, strict=True):
        if one.get("Weight", 1):
            proxy.weighted_clusters.clusters.add(name=cluster, weight=one.get("Weight", 1))
    if not proxy.weighted_clusters.clusters:
        proxy.cluster = names.NOWHERE
    return proxy, clusters
