"""Virtual nodes as Envoy clusters: out to other nodes, and in to the application."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypedDict, cast

from envoy.config.cluster.v3 import circuit_breaker_pb2, cluster_pb2, outlier_detection_pb2
from envoy.config.core.v3 import health_check_pb2, protocol_pb2
from envoy.config.endpoint.v3 import endpoint_components_pb2 as components
from envoy.config.endpoint.v3 import endpoint_pb2
from envoy.extensions.clusters.dynamic_forward_proxy.v3 import cluster_pb2 as forward_pb2
from envoy.extensions.common.dynamic_forward_proxy.v3 import dns_cache_pb2
from envoy.extensions.upstreams.http.v3 import http_protocol_options_pb2
from google.protobuf import wrappers_pb2

from tealmesh.envoy import discovery, names, tls
from tealmesh.envoy.protos import ads, duration, milliseconds, packed, socket_address, uint32
from tealmesh.envoy.resources import Resource, encode
from tealmesh.envoy.tls import Origination

if TYPE_CHECKING:
    from tealmesh.envoy.specs import (
        ConnectionPool,
        GatewayConnectionPool,
        GatewayHealthCheck,
        HealthCheck,
        OutlierDetection,
    )
    from tealmesh.model.mesh import Mesh, VirtualGateway, VirtualNode

UNLIMITED = 2147483647
"""App Mesh's default for every limit of a connection pool."""

CONNECT_TIMEOUT_MS = 5000

HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"

_LOOKUP = {
    "IPv4_ONLY": cluster_pb2.Cluster.DnsLookupFamily.V4_ONLY,
    "IPv6_ONLY": cluster_pb2.Cluster.DnsLookupFamily.V6_ONLY,
    "IPv4_PREFERRED": cluster_pb2.Cluster.DnsLookupFamily.V4_PREFERRED,
    "IPv6_PREFERRED": cluster_pb2.Cluster.DnsLookupFamily.AUTO,
}


def egress(
    mesh: Mesh,
    node: VirtualNode,
    port: int,
    hostname: str | None,
    gateway: VirtualGateway | None = None,
    client: Origination | None = None,
    beside: names.BesideKind | None = None,
) -> Resource:
    """The cluster through which callers reach ``node``'s listener at ``port``: its hosts are those
    of a DNS name, or without one the endpoints that we send.

    The callers do the listener's health checks and outlier detection, here. A ``gateway``'s
    connection pool limits what it sends to each of its clusters. ``client`` is the TLS that the
    caller uses, None for plaintext. ``beside``: for requests that reach the node beside its weight;
    only those of a cohort are users' own, so only there hosts are checked once more.
    """
    listener = discovery.own_listener(node, port)
    protocol = listener["portMapping"]["protocol"]
    name = names.egress_cluster(mesh.name, node.name, protocol, port)
    if beside is not None:
        name = names.beside_cluster(beside, name)
    listeners = gateway.spec["listeners"] if gateway else []
    cluster = _cluster(name, protocol, listeners[0].get("connectionPool") if listeners else None)
    # A host that Cloud Map no longer lists is gone, whatever its last health check said: without
    # this, requests keep failing there (measured).
    cluster.ignore_health_on_host_removal = True
    # Envoy's "panic" would send requests to draining and unhealthy hosts as soon as these are
    # the majority, which every rolling replacement makes them.
    cluster.common_lb_config.healthy_panic_threshold.value = 0
    # By default Envoy delays changes of health, DRAINING among them, by up to 1 s before its
    # workers see them: it would acknowledge a drain and still send requests there.
    # https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/cluster/v3/cluster.proto#config-cluster-v3-cluster-commonlbconfig
    cluster.common_lb_config.update_merge_window.SetInParent()
    if "healthCheck" in listener and beside in (None, "cohort"):
        check = listener["healthCheck"]
        cluster.health_checks.append(health_check(check, check["protocol"], node.name))
    if "outlierDetection" in listener:
        cluster.outlier_detection.CopyFrom(_outliers(listener["outlierDetection"]))
    refers_to = _discover(cluster, mesh, node, port, hostname)
    if client is not None:
        cluster.transport_socket.CopyFrom(tls.upstream_socket(client, protocol))
        refers_to += tls.references(client.secrets)
    return encode(name, cluster, refers_to)


def ingress(node: VirtualNode, port: int, app_address: str) -> Resource:
    """The cluster of the application beside this Envoy, within the listener's connection pool."""
    listener = discovery.own_listener(node, port)
    protocol = listener["portMapping"]["protocol"]
    name = names.ingress_cluster(node.mesh, node.name, protocol, port)
    pool = listener.get("connectionPool")
    return encode(name, one_host(name, protocol, app_address, port, pool))


def one_host(
    name: str, protocol: str, address: str, port: int, pool: ConnectionPool | None = None
) -> cluster_pb2.Cluster:
    """The cluster of one address, within ``pool``; None for no limits."""
    cluster = _cluster(name, protocol, pool)
    cluster.type = cluster_pb2.Cluster.DiscoveryType.STATIC
    cluster.load_assignment.CopyFrom(_one_endpoint(name, address, port))
    return cluster


def outside(mesh: Mesh, redirected: bool) -> Resource:
    """The cluster of requests that leave the mesh.

    Redirected traffic has an original destination; a request to the HTTP proxy has only a name,
    which Envoy looks up itself.
    """
    name = names.amazon_cluster(mesh.name)
    cluster = _cluster(name, "", None)
    if redirected:
        cluster.type = cluster_pb2.Cluster.DiscoveryType.ORIGINAL_DST
        cluster.lb_policy = cluster_pb2.Cluster.LbPolicy.CLUSTER_PROVIDED
    else:
        cluster.lb_policy = cluster_pb2.Cluster.LbPolicy.CLUSTER_PROVIDED
        # "Insecure" means that Envoy adds no TLS of its own: the application's passes unchanged.
        forward = forward_pb2.ClusterConfig(
            dns_cache_config=dns_cache(), allow_insecure_cluster_options=True
        )
        cluster.cluster_type.name = "envoy.clusters.dynamic_forward_proxy"
        cluster.cluster_type.typed_config.CopyFrom(packed(forward))
    return encode(name, cluster)


def dns_cache() -> dns_cache_pb2.DnsCacheConfig:
    """The DNS cache that the forward proxy's filter and cluster share: both must say the same."""
    return dns_cache_pb2.DnsCacheConfig(
        name="egress",
        dns_lookup_family=cluster_pb2.Cluster.DnsLookupFamily.V4_PREFERRED,
        # A name is looked up again after its TTL, but by default not within 5 s: our own name
        # server's answers are good for one second.
        dns_min_refresh_rate=milliseconds(1000),
        # By default a name whose look-up fails is not looked up again for a minute, even if it only
        # fell into a restart of the control plane.
        dns_failure_refresh_rate=cluster_pb2.Cluster.RefreshRate(
            base_interval=milliseconds(1000), max_interval=milliseconds(5000)
        ),
    )


def _cluster(
    name: str, protocol: str, pool: ConnectionPool | GatewayConnectionPool | None
) -> cluster_pb2.Cluster:
    cluster = cluster_pb2.Cluster(
        name=name,
        connect_timeout=milliseconds(CONNECT_TIMEOUT_MS),
        lb_policy=cluster_pb2.Cluster.LbPolicy.ROUND_ROBIN,
    )
    cluster.circuit_breakers.thresholds.append(_thresholds(pool))
    if protocol != "tcp":
        options = http_protocol_options_pb2.HttpProtocolOptions()
        explicit = options.explicit_http_config
        if protocol in ("http2", "grpc"):
            explicit.http2_protocol_options.CopyFrom(protocol_pb2.Http2ProtocolOptions())
        else:
            explicit.http_protocol_options.CopyFrom(protocol_pb2.Http1ProtocolOptions())
        cluster.typed_extension_protocol_options[HTTP_OPTIONS].CopyFrom(packed(options))
    return cluster


class _Limits(TypedDict, total=False):
    """Any protocol's member of a connection pool."""

    maxConnections: int
    maxPendingRequests: int
    maxRequests: int


def _thresholds(
    pool: ConnectionPool | GatewayConnectionPool | None,
) -> circuit_breaker_pb2.CircuitBreakers.Thresholds:
    """https://docs.aws.amazon.com/app-mesh/latest/APIReference/API_VirtualNodeConnectionPool.html

    Retries are never limited: when a task is lost, they come in a burst.
    """
    # The pool has one member, by the listener's protocol. mypy gives a TypedDict's values no type.
    members = cast("Iterable[_Limits]", pool.values() if pool else ())
    limits = next(iter(members), _Limits())
    return circuit_breaker_pb2.CircuitBreakers.Thresholds(
        max_connections=uint32(limits.get("maxConnections", UNLIMITED)),
        max_pending_requests=uint32(limits.get("maxPendingRequests", UNLIMITED)),
        max_requests=uint32(limits.get("maxRequests", UNLIMITED)),
        max_retries=uint32(UNLIMITED),
    )


def _discover(
    cluster: cluster_pb2.Cluster, mesh: Mesh, node: VirtualNode, port: int, hostname: str | None
) -> list[str]:
    """Set how the cluster finds its hosts; return the names of the endpoints that it refers to."""
    types = cluster_pb2.Cluster.DiscoveryType
    if hostname is None:
        cluster.type = types.EDS
        cluster.eds_cluster_config.eds_config.CopyFrom(ads())
        return [cluster.name]
    dns = discovery.service_discovery(node)["dns"]
    all_addresses = dns.get("responseType") == "ENDPOINTS"
    cluster.type = types.STRICT_DNS if all_addresses else types.LOGICAL_DNS
    cluster.dns_lookup_family = _LOOKUP[discovery.ip_preference(mesh, node)]
    cluster.load_assignment.CopyFrom(_one_endpoint(cluster.name, hostname, port))
    return []


def _one_endpoint(cluster: str, address: str, port: int) -> endpoint_pb2.ClusterLoadAssignment:
    endpoint = components.Endpoint(address=socket_address(address, port))
    locality = components.LocalityLbEndpoints(
        lb_endpoints=[components.LbEndpoint(endpoint=endpoint)]
    )
    return endpoint_pb2.ClusterLoadAssignment(cluster_name=cluster, endpoints=[locality])


def health_check(
    spec: HealthCheck | GatewayHealthCheck, protocol: str, host: str
) -> health_check_pb2.HealthCheck:
    """https://docs.aws.amazon.com/app-mesh/latest/APIReference/API_HealthCheckPolicy.html

    A node without traffic is checked as often as one with traffic: by default Envoy checks it once
    a minute, and nobody could tell that a new side is healthy before it has weight.
    """
    interval = milliseconds(spec["intervalMillis"])
    check = health_check_pb2.HealthCheck(
        timeout=milliseconds(spec["timeoutMillis"]),
        interval=interval,
        no_traffic_interval=interval,
        no_traffic_healthy_interval=interval,
        healthy_threshold=uint32(spec["healthyThreshold"]),
        unhealthy_threshold=uint32(spec["unhealthyThreshold"]),
    )
    if protocol == "tcp":
        check.tcp_health_check.CopyFrom(health_check_pb2.HealthCheck.TcpHealthCheck())
    elif protocol == "grpc":
        check.grpc_health_check.CopyFrom(health_check_pb2.HealthCheck.GrpcHealthCheck())
    else:
        check.http_health_check.path = spec.get("path", "/")
        check.http_health_check.host = host
        # Without this, one wrong answer makes a host unhealthy, whatever the unhealthyThreshold.
        # https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/core/v3/health_check.proto#envoy-v3-api-field-config-core-v3-healthcheck-unhealthy-threshold
        check.http_health_check.retriable_statuses.add(start=100, end=600)
        if protocol == "http2":
            check.http_health_check.codec_client_type = 1  # envoy.type.v3.CodecClientType.HTTP2
    return check


def _outliers(spec: OutlierDetection) -> outlier_detection_pb2.OutlierDetection:
    """https://docs.aws.amazon.com/app-mesh/latest/APIReference/API_OutlierDetection.html

    Only consecutive server errors eject a host: App Mesh's model does not have Envoy's statistical
    detectors, which are on by default.
    """
    return outlier_detection_pb2.OutlierDetection(
        consecutive_5xx=uint32(spec["maxServerErrors"]),
        interval=duration(spec["interval"]),
        base_ejection_time=duration(spec["baseEjectionDuration"]),
        max_ejection_percent=uint32(spec["maxEjectionPercent"]),
        always_eject_one_host=wrappers_pb2.BoolValue(value=True),
        enforcing_success_rate=uint32(0),
        enforcing_consecutive_gateway_failure=uint32(0),
    )
