"""Target groups as Envoy clusters, and their targets as endpoints."""

from __future__ import annotations

from collections.abc import Iterable

from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.core.v3 import base_pb2, health_check_pb2
from envoy.config.endpoint.v3 import endpoint_components_pb2 as components
from envoy.config.endpoint.v3 import endpoint_pb2
from envoy.extensions.load_balancing_policies.common.v3 import common_pb2
from envoy.extensions.load_balancing_policies.least_request.v3 import least_request_pb2
from envoy.extensions.load_balancing_policies.random.v3 import random_pb2
from envoy.extensions.load_balancing_policies.round_robin.v3 import round_robin_pb2
from envoy.extensions.load_balancing_policies.subset.v3 import subset_pb2
from envoy.extensions.transport_sockets.proxy_protocol.v3 import upstream_proxy_protocol_pb2
from envoy.extensions.transport_sockets.raw_buffer.v3 import raw_buffer_pb2
from envoy.extensions.upstreams.http.v3 import http_protocol_options_pb2
from google.protobuf import message, struct_pb2

from tealmesh.envoy.clusters import HTTP_OPTIONS, UNLIMITED
from tealmesh.envoy.load_balancers import names
from tealmesh.envoy.load_balancers.health_checks import criteria, health_check
from tealmesh.envoy.load_balancers.rules import attribute
from tealmesh.envoy.load_balancers.tls_policies import encrypts, target_socket
from tealmesh.envoy.protos import ads, milliseconds, packed, socket_address, uint32
from tealmesh.envoy.resources import Resource, encode
from tealmesh.model.load_balancers import TargetBody, TargetGroupBody

CONNECT_TIMEOUT_SECONDS = 10
"""https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html#http-504-issues"""

_SUBSET_KEY = "serves"
_PANIC = "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage"


def cluster(group: TargetGroupBody) -> Resource:
    """The cluster of a target group.

    It fails open: when no target is healthy, all that are not being deregistered get requests.
    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
    """
    name = names.cluster(group)
    made = cluster_pb2.Cluster(
        name=name,
        type=cluster_pb2.Cluster.DiscoveryType.EDS,
        connect_timeout=milliseconds(CONNECT_TIMEOUT_SECONDS * 1000),
    )
    made.eds_cluster_config.eds_config.CopyFrom(ads())
    made.circuit_breakers.thresholds.add(
        max_connections=uint32(UNLIMITED),
        max_pending_requests=uint32(UNLIMITED),
        max_requests=uint32(UNLIMITED),
        max_retries=uint32(UNLIMITED),
    )
    made.ignore_health_on_host_removal = True
    # Workers see changes of targets at once, not up to 1 s later.
    made.common_lb_config.update_merge_window.SetInParent()
    made.common_lb_config.healthy_panic_threshold.value = _panic(group)
    made.load_balancing_policy.policies.append(_policy("subset", _serving_only(group)))
    if group["Protocol"] in ("HTTP", "HTTPS"):
        made.typed_extension_protocol_options[HTTP_OPTIONS].CopyFrom(packed(_protocol(group)))
    _encrypt(made, group)
    if group["HealthCheckEnabled"]:
        made.health_checks.append(health_check(group))
    return encode(name, made, [name])


def endpoints(group: TargetGroupBody, targets: Iterable[TargetBody]) -> Resource:
    """The targets of a group. One that is being deregistered stays, so that its requests can be
    counted, but is not chosen any more.
    """
    name = names.cluster(group)
    assignment = endpoint_pb2.ClusterLoadAssignment(cluster_name=name)
    made = [
        _endpoint(group, target)
        for target in sorted(targets, key=lambda one: (one["Id"], one["Port"]))
    ]
    if made:
        assignment.endpoints.add(lb_endpoints=made)
    return encode(name, assignment)


def _endpoint(group: TargetGroupBody, target: TargetBody) -> components.LbEndpoint:
    endpoint = components.Endpoint(address=socket_address(target["Id"], target["Port"]))
    port = group["HealthCheckPort"]
    if port != "traffic-port":
        endpoint.health_check_config.port_value = int(port)
    checked = int(port) if port != "traffic-port" else target["Port"]
    # ELB's health checks name the target itself in Host.
    host = f"[{target['Id']}]" if ":" in target["Id"] else target["Id"]
    endpoint.health_check_config.hostname = f"{host}:{checked}"
    status = health_check_pb2.HealthStatus
    serving = struct_pb2.Struct()
    serving.update({_SUBSET_KEY: not target["draining"]})
    return components.LbEndpoint(
        endpoint=endpoint,
        health_status=status.DRAINING if target["draining"] else status.HEALTHY,
        metadata=base_pb2.Metadata(filter_metadata={"envoy.lb": serving}),
    )


def _panic(group: TargetGroupBody) -> int:
    """Below how many percent of healthy targets all of them get requests. By default none may be
    healthy: 1 is the least that Envoy can be told.
    """
    percentage = group["Attributes"].get(_PANIC, "off")
    return int(percentage) if percentage.isdecimal() else 1


def _serving_only(group: TargetGroupBody) -> subset_pb2.Subset:
    """Choose among targets that are not being deregistered, even when none of them is healthy."""
    config = subset_pb2.Subset(
        fallback_policy=subset_pb2.Subset.LbSubsetFallbackPolicy.DEFAULT_SUBSET
    )
    config.default_subset.update({_SUBSET_KEY: True})
    config.subset_selectors.add(keys=[_SUBSET_KEY])
    config.subset_lb_policy.policies.append(_algorithm(group))
    return config


def _algorithm(group: TargetGroupBody) -> cluster_pb2.LoadBalancingPolicy.Policy:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-target-group-attributes.html#modify-routing-algorithm"""
    attributes = group["Attributes"]
    kind = attributes.get("load_balancing.algorithm.type", "round_robin")
    if kind == "weighted_random":
        return _policy("random", random_pb2.Random())
    slow = int(attributes.get("slow_start.duration_seconds", "0"))
    start = common_pb2.SlowStartConfig(slow_start_window=milliseconds(slow * 1000))
    config: message.Message
    if kind == "least_outstanding_requests":
        selection = least_request_pb2.LeastRequest.SelectionMethod.FULL_SCAN
        config = least_request_pb2.LeastRequest(selection_method=selection)
    else:
        config = round_robin_pb2.RoundRobin()
    if slow:
        config.slow_start_config.CopyFrom(start)
    return _policy(
        "round_robin" if kind != "least_outstanding_requests" else "least_request", config
    )


def _policy(name: str, config: message.Message) -> cluster_pb2.LoadBalancingPolicy.Policy:
    policy = cluster_pb2.LoadBalancingPolicy.Policy()
    policy.typed_extension_config.name = f"envoy.load_balancing_policies.{name}"
    policy.typed_extension_config.typed_config.CopyFrom(packed(config))
    return policy


def _protocol(group: TargetGroupBody) -> http_protocol_options_pb2.HttpProtocolOptions:
    options = http_protocol_options_pb2.HttpProtocolOptions()
    if group.get("ProtocolVersion") in ("HTTP2", "GRPC"):
        options.explicit_http_config.http2_protocol_options.SetInParent()
    else:
        options.explicit_http_config.http_protocol_options.SetInParent()
    return options


def _encrypt(made: cluster_pb2.Cluster, group: TargetGroupBody) -> None:
    """Set how targets are sent requests, and how their health is checked, which may differ."""
    http2 = group.get("ProtocolVersion") in ("HTTP2", "GRPC")
    alpn = () if group["Protocol"] == "TLS" else ("h2",) if http2 else ("http/1.1",)
    proxied = attribute(group["Attributes"], "proxy_protocol_v2.enabled")
    made.transport_socket.CopyFrom(_socket(encrypts(group), proxied, alpn))
    check = made.transport_socket_matches.add(name="health check", match=criteria())
    secure = group["HealthCheckProtocol"] in ("HTTPS", "TLS")
    check.transport_socket.CopyFrom(_socket(secure, proxied, alpn))


def _socket(secure: bool, proxied: bool, alpn: tuple[str, ...]) -> base_pb2.TransportSocket:
    if secure:
        inner = target_socket(alpn)
    else:
        raw = packed(raw_buffer_pb2.RawBuffer())
        inner = base_pb2.TransportSocket(
            name="envoy.transport_sockets.raw_buffer", typed_config=raw
        )
    if not proxied:
        return inner
    # https://docs.aws.amazon.com/elasticloadbalancing/latest/network/edit-target-group-attributes.html#proxy-protocol
    outer = upstream_proxy_protocol_pb2.ProxyProtocolUpstreamTransport(transport_socket=inner)
    outer.config.version = 1  # envoy.config.core.v3.ProxyProtocolConfig.Version.V2
    return base_pb2.TransportSocket(
        name="envoy.transport_sockets.upstream_proxy_protocol", typed_config=packed(outer)
    )
