"""Virtual nodes as Envoy clusters: the way out to others, the way in to the own application."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from envoy.config.cluster.v3 import circuit_breaker_pb2, cluster_pb2, outlier_detection_pb2
from envoy.config.core.v3 import health_check_pb2, protocol_pb2
from envoy.config.endpoint.v3 import endpoint_components_pb2 as components
from envoy.config.endpoint.v3 import endpoint_pb2
from envoy.extensions.clusters.dynamic_forward_proxy.v3 import cluster_pb2 as forward_pb2
from envoy.extensions.common.dynamic_forward_proxy.v3 import dns_cache_pb2
from envoy.extensions.upstreams.http.v3 import http_protocol_options_pb2
from google.protobuf import wrappers_pb2

from tealmesh.envoy import discovery, names, tls
from tealmesh.envoy.protos import Spec, ads, duration, milliseconds, packed, socket_address
from tealmesh.envoy.resources import Resource, encode
from tealmesh.envoy.tls import Origination
from tealmesh.model.mesh import MeshResource

UNLIMITED = 2147483647
"""App Mesh's default for every limit of a connection pool."""

CONNECT_TIMEOUT_MS = 5000

_UNLIMITED_POOL: Spec = MappingProxyType({})

HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"

_LOOKUP = {
    "IPv4_ONLY": cluster_pb2.Cluster.DnsLookupFamily.V4_ONLY,
    "IPv6_ONLY": cluster_pb2.Cluster.DnsLookupFamily.V6_ONLY,
    "IPv4_PREFERRED": cluster_pb2.Cluster.DnsLookupFamily.V4_PREFERRED,
    "IPv6_PREFERRED": cluster_pb2.Cluster.DnsLookupFamily.AUTO,
}


def egress(
    mesh: MeshResource,
    node: MeshResource,
    port: int,
    gateway: MeshResource | None = None,
    client: Origination | None = None,
) -> Resource:
    """The cluster through which others reach ``node``'s listener at ``port``.

    Health checks and outlier detection of that listener are done here, by the callers. A
    ``gateway``'s connection pool limits what it sends to each of its clusters. ``client`` is the
    TLS that the caller uses there, None for plaintext.
    """
    listener = discovery.listener(node, port) or {}
    protocol = listener["portMapping"]["protocol"]
    name = names.egress_cluster(mesh.name, node.name, protocol, port)
    pool = _pool(gateway.spec["listeners"][0] if gateway and gateway.spec["listeners"] else {})
    cluster = _cluster(name, protocol, pool)
    # A host that Cloud Map no longer has is gone, whatever its last health check said: without
    # this requests go on failing there (DESIGN §7, measured).
    cluster.ignore_health_on_host_removal = True
    # Envoy's "panic" would send requests to draining and unhealthy hosts as soon as these are
    # the majority, which every rolling replacement makes them.
    cluster.common_lb_config.healthy_panic_threshold.value = 0
    # Envoy keeps changes of health, DRAINING among them, from its workers for up to 1 s unless
    # told otherwise: it would acknowledge a drain and still send requests there.
    # https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/cluster/v3/cluster.proto#config-cluster-v3-cluster-commonlbconfig
    cluster.common_lb_config.update_merge_window.SetInParent()
    if "healthCheck" in listener:
        cluster.health_checks.append(health_check(listener["healthCheck"], node.name))
    if "outlierDetection" in listener:
        cluster.outlier_detection.CopyFrom(_outliers(listener["outlierDetection"]))
    refers_to = _discover(cluster, mesh, node, port)
    if client is not None:
        cluster.transport_socket.CopyFrom(tls.upstream_socket(client, protocol))
        refers_to += tls.references(client.secrets)
    return encode(name, cluster, refers_to)


def ingress(node: MeshResource, port: int, app_address: str) -> Resource:
    """The cluster of the one application beside this Envoy, within the listener's pool."""
    listener = discovery.listener(node, port) or {}
    protocol = listener["portMapping"]["protocol"]
    name = names.ingress_cluster(node.mesh, node.name, protocol, port)
    return encode(name, one_host(name, protocol, app_address, port, listener))


def one_host(
    name: str, protocol: str, address: str, port: int, listener: Spec = _UNLIMITED_POOL
) -> Any:
    """The cluster of one address, within ``listener``'s pool."""
    cluster = _cluster(name, protocol, _pool(listener))
    cluster.type = cluster_pb2.Cluster.DiscoveryType.STATIC
    cluster.load_assignment.CopyFrom(_one_endpoint(name, address, port))
    return cluster


def outside(mesh: MeshResource, redirected: bool) -> Resource:
    """The cluster for what leaves the mesh.

    Redirected traffic has an original destination; a request to the HTTP proxy has only a name,
    which Envoy then looks up itself.
    """
    name = names.amazon_cluster(mesh.name)
    cluster = _cluster(name, "", _pool({}))
    if redirected:
        cluster.type = cluster_pb2.Cluster.DiscoveryType.ORIGINAL_DST
        cluster.lb_policy = cluster_pb2.Cluster.LbPolicy.CLUSTER_PROVIDED
    else:
        cluster.lb_policy = cluster_pb2.Cluster.LbPolicy.CLUSTER_PROVIDED
        # "Insecure" means no TLS of Envoy's own: the application's goes through as it is.
        forward = forward_pb2.ClusterConfig(
            dns_cache_config=dns_cache(), allow_insecure_cluster_options=True
        )
        cluster.cluster_type.name = "envoy.clusters.dynamic_forward_proxy"
        cluster.cluster_type.typed_config.CopyFrom(packed(forward))
    return encode(name, cluster)


def dns_cache() -> Any:
    """The cache of names that the forward proxy's filter and cluster share (they must agree)."""
    return dns_cache_pb2.DnsCacheConfig(
        name="egress", dns_lookup_family=cluster_pb2.Cluster.DnsLookupFamily.V4_PREFERRED
    )


def _cluster(name: str, protocol: str, pool: Any) -> Any:
    cluster = cluster_pb2.Cluster(
        name=name,
        connect_timeout=milliseconds(CONNECT_TIMEOUT_MS),
        lb_policy=cluster_pb2.Cluster.LbPolicy.ROUND_ROBIN,
    )
    cluster.circuit_breakers.thresholds.append(pool)
    if protocol != "tcp":
        options = http_protocol_options_pb2.HttpProtocolOptions()
        explicit = options.explicit_http_config
        if protocol in ("http2", "grpc"):
            explicit.http2_protocol_options.CopyFrom(protocol_pb2.Http2ProtocolOptions())
        else:
            explicit.http_protocol_options.CopyFrom(protocol_pb2.Http1ProtocolOptions())
        cluster.typed_extension_protocol_options[HTTP_OPTIONS].CopyFrom(packed(options))
    return cluster


def _pool(listener: Spec) -> Any:
    """https://docs.aws.amazon.com/app-mesh/latest/APIReference/API_VirtualNodeConnectionPool.html

    Retries are never limited: a burst of them is what a lost task looks like.
    """
    limits: Spec = next(iter(listener.get("connectionPool", {}).values()), {})
    return circuit_breaker_pb2.CircuitBreakers.Thresholds(
        max_connections=_uint(limits.get("maxConnections", UNLIMITED)),
        max_pending_requests=_uint(limits.get("maxPendingRequests", UNLIMITED)),
        max_requests=_uint(limits.get("maxRequests", UNLIMITED)),
        max_retries=_uint(UNLIMITED),
    )


def _discover(cluster: Any, mesh: MeshResource, node: MeshResource, port: int) -> list[str]:
    """Set how the cluster's hosts are found; the names of the endpoints that it refers to."""
    preference = discovery.ip_preference(mesh, node)
    types = cluster_pb2.Cluster.DiscoveryType
    dns = discovery.service_discovery(node).get("dns")
    if dns is None:
        cluster.type = types.EDS
        cluster.eds_cluster_config.eds_config.CopyFrom(ads())
        return [cluster.name]
    every = dns.get("responseType") == "ENDPOINTS"
    cluster.type = types.STRICT_DNS if every else types.LOGICAL_DNS
    cluster.dns_lookup_family = _LOOKUP[preference]
    cluster.load_assignment.CopyFrom(_one_endpoint(cluster.name, dns["hostname"], port))
    return []


def _one_endpoint(cluster: str, address: str, port: int) -> Any:
    endpoint = components.Endpoint(address=socket_address(address, port))
    locality = components.LocalityLbEndpoints(
        lb_endpoints=[components.LbEndpoint(endpoint=endpoint)]
    )
    return endpoint_pb2.ClusterLoadAssignment(cluster_name=cluster, endpoints=[locality])


def health_check(spec: Spec, host: str) -> Any:
    """https://docs.aws.amazon.com/app-mesh/latest/APIReference/API_HealthCheckPolicy.html

    A node without traffic is checked as often as one with: otherwise Envoy looks once a minute,
    and a new side could not be seen to be healthy before it has weight.
    """
    interval = milliseconds(spec["intervalMillis"])
    check = health_check_pb2.HealthCheck(
        timeout=milliseconds(spec["timeoutMillis"]),
        interval=interval,
        no_traffic_interval=interval,
        no_traffic_healthy_interval=interval,
        healthy_threshold=_uint(spec["healthyThreshold"]),
        unhealthy_threshold=_uint(spec["unhealthyThreshold"]),
    )
    protocol = spec["protocol"]
    if protocol == "tcp":
        check.tcp_health_check.CopyFrom(health_check_pb2.HealthCheck.TcpHealthCheck())
    elif protocol == "grpc":
        check.grpc_health_check.CopyFrom(health_check_pb2.HealthCheck.GrpcHealthCheck())
    else:
        check.http_health_check.path = spec.get("path", "/")
        check.http_health_check.host = host
        # Without this Envoy takes one wrong answer for the whole unhealthyThreshold.
        # https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/core/v3/health_check.proto#envoy-v3-api-field-config-core-v3-healthcheck-unhealthy-threshold
        check.http_health_check.retriable_statuses.add(start=100, end=600)
        if protocol == "http2":
            check.http_health_check.codec_client_type = 1  # envoy.type.v3.CodecClientType.HTTP2
    return check


def _outliers(spec: Spec) -> Any:
    """https://docs.aws.amazon.com/app-mesh/latest/APIReference/API_OutlierDetection.html

    Only consecutive server errors eject: Envoy's statistical detectors, on by default, have no
    place in App Mesh's model.
    """
    return outlier_detection_pb2.OutlierDetection(
        consecutive_5xx=_uint(spec["maxServerErrors"]),
        interval=duration(spec["interval"]),
        base_ejection_time=duration(spec["baseEjectionDuration"]),
        max_ejection_percent=_uint(spec["maxEjectionPercent"]),
        always_eject_one_host=wrappers_pb2.BoolValue(value=True),
        enforcing_success_rate=_uint(0),
        enforcing_consecutive_gateway_failure=_uint(0),
    )


def _uint(value: int) -> Any:
    return wrappers_pb2.UInt32Value(value=value)
