"""Health checks of target groups.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
"""

from __future__ import annotations

from collections.abc import Iterator

from envoy.config.core.v3 import health_check_pb2
from envoy.type.v3 import range_pb2
from google.protobuf import struct_pb2

from tealmesh.envoy.load_balancers.actions import header
from tealmesh.envoy.protos import milliseconds, uint32
from tealmesh.model.load_balancers import TargetGroupBody

AGENT = "ELB-HealthChecker/2.0"
"""The User-Agent of ELB's health checks, by which applications know them."""

GRPC_HEALTH = "/grpc.health.v1.Health/Check"
_GRPC_PATH = "/AWS.ALB/healthcheck"
_EMPTY_MESSAGE = "0000000000"
"""An empty message of gRPC, in hexadecimal: not compressed, of no bytes."""

_POST = 3  # envoy.config.core.v3.RequestMethod.POST


def health_check(group: TargetGroupBody) -> health_check_pb2.HealthCheck:
    """The health check of a target group. A target that was just registered is healthy after its
    first success, in Envoy as in ELB.
    """
    interval = milliseconds(group["HealthCheckIntervalSeconds"] * 1000)
    check = health_check_pb2.HealthCheck(
        timeout=milliseconds(group["HealthCheckTimeoutSeconds"] * 1000),
        interval=interval,
        # By default Envoy checks targets without traffic once a minute.
        no_traffic_interval=interval,
        no_traffic_healthy_interval=interval,
        healthy_threshold=uint32(group["HealthyThresholdCount"]),
        unhealthy_threshold=uint32(group["UnhealthyThresholdCount"]),
    )
    check.transport_socket_match_criteria.CopyFrom(criteria())
    if group["HealthCheckProtocol"] in ("TCP", "TLS"):
        check.tcp_health_check.SetInParent()
    elif group.get("ProtocolVersion") == "GRPC":
        _grpc(check, group)
    else:
        _http(check, group)
    return check


def criteria() -> struct_pb2.Struct:
    """Chooses the transport socket of health checks, which may differ from that of requests."""
    chosen = struct_pb2.Struct()
    chosen.update({"purpose": "health check"})
    return chosen


def _http(check: health_check_pb2.HealthCheck, group: TargetGroupBody) -> None:
    http = check.http_health_check
    http.path = group.get("HealthCheckPath") or "/"
    http.request_headers_to_add.append(header("user-agent", AGENT))
    codes = group.get("Matcher", {}).get("HttpCode") or _default_codes(group)
    http.expected_statuses.extend(_ranges(codes))
    # Without this, one wrong answer makes a target unhealthy, whatever the threshold.
    # https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/core/v3/health_check.proto#envoy-v3-api-field-config-core-v3-healthcheck-unhealthy-threshold
    http.retriable_statuses.add(start=100, end=600)
    if group.get("ProtocolVersion") == "HTTP2":
        http.codec_client_type = 1  # envoy.type.v3.CodecClientType.HTTP2


def _default_codes(group: TargetGroupBody) -> str:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_Matcher.html"""
    return "200-399" if group["Protocol"] in ("TCP", "TLS", "TCP_UDP") else "200"


def _grpc(check: health_check_pb2.HealthCheck, group: TargetGroupBody) -> None:
    """gRPC's own health check where it is asked for; else any answer in gRPC, whose code Envoy
    does not look at.
    """
    path = group.get("HealthCheckPath") or _GRPC_PATH
    codes = group.get("Matcher", {}).get("GrpcCode") or "12"
    if path == GRPC_HEALTH and any(one.start == 0 for one in _ranges(codes)):
        check.grpc_health_check.SetInParent()
        return
    http = check.http_health_check
    http.path = path
    http.method = _POST
    http.send.text = _EMPTY_MESSAGE
    http.codec_client_type = 1  # envoy.type.v3.CodecClientType.HTTP2
    http.request_headers_to_add.append(header("user-agent", AGENT))
    http.request_headers_to_add.append(header("content-type", "application/grpc"))
    http.request_headers_to_add.append(header("te", "trailers"))
    http.expected_statuses.add(start=200, end=201)
    http.retriable_statuses.add(start=100, end=600)


def _ranges(codes: str) -> Iterator[range_pb2.Int64Range]:
    """From codes such as ``200,302`` or ``200-299``; the end of Envoy's ranges is excluded."""
    for part in codes.split(","):
        first, _, last = part.strip().partition("-")
        yield range_pb2.Int64Range(start=int(first), end=int(last or first) + 1)
