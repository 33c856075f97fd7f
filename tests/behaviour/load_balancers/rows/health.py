"""Health checks, and how requests are divided among targets."""

from __future__ import annotations

from typing import Any

from tests.behaviour.load_balancers import targets
from tests.behaviour.load_balancers.rows.actions import BOTH, TWO
from tests.behaviour.load_balancers.rows.conditions import BLUE, GREEN
from tests.behaviour.load_balancers.table import CERTIFICATES, Call, Row

SICK = {"blue": ("blue", "sick")}
OPEN = Call({"status": 200}, times=20, spread=BOTH, until=10)
ONLY_BLUE = Call(BLUE, times=20, until=10)


def _checked(name: str, says: str, proves: str, call: Call, **members: Any) -> Row:
    which = members.pop("targets", TWO)
    return Row(name, says, (proves,), (call,), groups={"blue": members}, targets=which)


def _at(port: int, *places: str) -> dict[str, tuple[Any, ...]]:
    return {"blue": tuple((one, {"Port": port}) for one in places)}


GRPC = {"Protocol": "HTTP", "ProtocolVersion": "GRPC"}
SECURE = ({"Port": 443, "Protocol": "HTTPS", "Certificates": [CERTIFICATES["a"]]},)
ASKED = {"protocol": "grpc", "port": 443, "path": "/shop.Shop/Get"}

ROWS = (
    Row(
        "health-unhealthy",
        "an unhealthy target gets no requests",
        ("HealthCheckPath",),
        (ONLY_BLUE,),
        targets=SICK,
    ),
    Row(
        "health-fail-open",
        "when all targets are unhealthy, all of them get requests",
        ("HealthCheckPath",),
        (Call({"status": 200, "node": "sick"}, times=5),),
        targets={"blue": ("sick",)},
    ),
    _checked(
        "health-codes-default",
        "200 is healthy, other codes are not",
        "Matcher.HttpCode",
        ONLY_BLUE,
        HealthCheckPath="/check/green/302",
        Matcher={},
    ),
    _checked(
        "health-codes-list",
        "a list of codes is healthy",
        "Matcher.HttpCode",
        OPEN,
        HealthCheckPath="/check/green/302",
        Matcher={"HttpCode": "200,302"},
    ),
    _checked(
        "health-codes-range",
        "a range of codes is healthy, both ends included",
        "Matcher.HttpCode",
        OPEN,
        HealthCheckPath="/check/green/299",
        Matcher={"HttpCode": "200-299"},
    ),
    _checked(
        "health-codes-outside",
        "what is outside the range is unhealthy",
        "Matcher.HttpCode",
        ONLY_BLUE,
        HealthCheckPath="/check/green/300",
        Matcher={"HttpCode": "200-299"},
    ),
    _checked(
        "health-agent",
        "checks have ELB's User-Agent, and name the target's address and port in Host",
        "HealthCheckPath",
        ONLY_BLUE,
        HealthCheckPath="/check/agent",
        targets={"blue": ("blue", "dead")},
    ),
    _checked(
        "health-port",
        "checks may go to another port",
        "HealthCheckPort",
        Call(GREEN, times=20, until=10),
        HealthCheckPort=str(targets.CHECK),
    ),
    _checked(
        "health-timeout",
        "a check without an answer in time fails",
        "HealthCheckTimeoutSeconds",
        ONLY_BLUE,
        HealthCheckPath="/check/slow",
        targets=SICK,
    ),
    _checked(
        "health-https",
        "checks may speak HTTPS where requests do not",
        "HealthCheckProtocol",
        ONLY_BLUE,
        HealthCheckProtocol="HTTPS",
        HealthCheckPort=str(targets.HTTPS),
        targets=SICK,
    ),
    Row(
        "grpc",
        "a gRPC target group gets HTTP/2; gRPC's own health check finds the unhealthy",
        ("ProtocolVersion", "Matcher.GrpcCode"),
        (Call({"code": "OK", "node": "blue"}, times=10, until=10, **ASKED),),
        listeners=SECURE,
        groups={
            "blue": {
                **GRPC,
                "HealthCheckPath": "/grpc.health.v1.Health/Check",
                "Matcher": {"GrpcCode": "0"},
            }
        },
        targets=_at(targets.GRPC, "blue", "sick"),
    ),
    Row(
        "grpc-any-answer",
        "with another health check path, a target that answers gRPC is healthy",
        ("ProtocolVersion", "Matcher.GrpcCode"),
        (Call({"code": "OK", "node": "blue"}, times=10, until=10, **ASKED),),
        listeners=SECURE,
        groups={
            "blue": {
                **GRPC,
                "HealthCheckPath": "/AWS.ALB/healthcheck",
                "Matcher": {"GrpcCode": "0-99"},
            }
        },
        targets=_at(targets.GRPC, "blue", "dead"),
    ),
    Row(
        "http2",
        "an HTTP2 target group gets HTTP/2, health checks too",
        ("ProtocolVersion",),
        (Call(BLUE, times=10, until=10, seen={"x-seen-protocol": "HTTP/2"}),),
        groups={"blue": {"ProtocolVersion": "HTTP2"}},
        targets=_at(targets.HTTP2, "blue", "sick"),
    ),
    Row(
        "https-targets",
        "an HTTPS target group gets TLS; the target's certificate is not checked",
        ("Protocol",),
        (Call({**BLUE, "port": targets.HTTPS}, times=10, until=10),),
        groups={"blue": {"Protocol": "HTTPS", "HealthCheckProtocol": "HTTPS"}},
        targets=_at(targets.HTTPS, "blue", "sick"),
    ),
    Row(
        "target-ports",
        "targets of a group may have ports of their own",
        ("Port",),
        (
            Call({"status": 200, "port": targets.HTTP}, until=10),
            Call({"status": 200, "port": targets.CHECK}, until=10),
        ),
        groups={"blue": {"HealthCheckPort": str(targets.HTTP)}},
        targets={"blue": ("blue", ("blue", {"Port": targets.CHECK}))},
    ),
    *(
        Row(
            f"algorithm-{kind.replace('_', '-')}",
            f"{kind} divides requests among all targets",
            ("load_balancing.algorithm.type",),
            (Call({"status": 200}, times=40, spread=BOTH, until=10),),
            groups={"blue": {"Attributes": {"load_balancing.algorithm.type": kind}}},
            targets=TWO,
        )
        for kind in ("round_robin", "least_outstanding_requests", "weighted_random")
    ),
    Row(
        "slow-start",
        "targets in slow start get requests",
        ("slow_start.duration_seconds",),
        (Call({"status": 200}, times=40, spread=BOTH, until=10),),
        groups={"blue": {"Attributes": {"slow_start.duration_seconds": "30"}}},
        targets=TWO,
    ),
    Row(
        "health-percentage",
        "below the group's percentage of healthy targets, the unhealthy get requests too",
        ("target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage",),
        (Call({"status": 200}, times=20, spread=frozenset({"blue", "sick"}), until=10),),
        groups={
            "blue": {
                "Attributes": {
                    "target_group_health.unhealthy_state_routing."
                    "minimum_healthy_targets.percentage": "60"
                }
            }
        },
        targets=SICK,
    ),
)
