"""The vocabulary of the table: a row is a load balancer, calls through its Envoy, and outcomes.

Rows are data. A row names only what differs from an application load balancer ``lb`` with one HTTP
listener at port 80, whose default action forwards to the target group ``blue``; there is a group
``green`` too, each with the target of its name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Spec = Mapping[str, Any]
NAME = "lb"
ARN = "arn:aws:elasticloadbalancing:us-east-1:123456789012:"
CERTIFICATES = {name: f"arn:aws:acm:us-east-1:123456789012:certificate/{name}" for name in "ab"}
"""Of ``a.test`` and ``b.test``."""


def group_arn(name: str) -> str:
    return f"{ARN}targetgroup/{name}/0123456789abcdef"


@dataclass(frozen=True)
class Call:
    """A request and its expected outcome."""

    expect: Spec
    """Members that the outcome of each call must have: ``status``, and what the target tells."""

    port: int = 80
    """The listener's port."""
    protocol: Literal["http", "grpc", "tcp"] = "http"
    method: str = "GET"
    path: str = "/"
    host: str = "shop.test"
    headers: Spec = field(default_factory=dict)
    source: str = ""
    """The place that the connection comes from; empty for any."""

    seen: Mapping[str, str | None] = field(default_factory=dict)
    """Headers that the target saw, as regular expressions; None for none of that name."""

    answer: Mapping[str, str | None] = field(default_factory=dict)
    """Headers of the answer, as regular expressions; None for none of that name."""

    body: str = ""
    """A regular expression that the answer's body must have."""

    times: int = 1
    cookies: bool = False
    """Whether cookies of earlier answers in the row are sent."""

    spread: frozenset[str] | None = None
    """The targets that answered the calls, taken together."""

    until: float = 0
    """Seconds within which the expectation must be met (health checks); 0: at once."""

    tls: Spec | None = None
    """The caller speaks TLS, with these members of `Tls`."""


@dataclass(frozen=True)
class Tls:
    """How a caller speaks TLS."""

    name: str = "a.test"
    alpn: tuple[str, ...] = ()
    highest: str = ""
    """The highest version, such as ``TLSv1_1``; empty for any."""


@dataclass(frozen=True)
class Row:
    """One behaviour. ``says`` is its sentence on the page, ``proves`` names members."""

    name: str
    says: str
    proves: tuple[str, ...]
    calls: tuple[Call, ...]
    kind: Literal["application", "network"] = "application"
    attributes: Mapping[str, str] = field(default_factory=dict)
    """Of the load balancer."""
    rules: tuple[Spec, ...] = ()
    """Rules of the first listener, with Conditions and Actions; the priority is the position."""
    default: Spec | None = None
    """The default action of every listener."""
    listeners: tuple[Spec, ...] = ({},)
    """Members in which each listener differs from an HTTP listener at port 80."""
    groups: Mapping[str, Spec] = field(default_factory=dict)
    """Members in which target groups differ; ``Attributes`` are added to."""
    targets: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    """The targets of groups: places, or (place, members that differ)."""


def forward(*groups: str, sticky: int | None = None, **weights: int) -> dict[str, Any]:
    """A forward action to one group, or to several by weight; ``sticky`` in seconds."""
    weighted = {**dict.fromkeys(groups, 1), **weights}
    if len(weighted) == 1 and not weights and sticky is None:
        return {"Type": "forward", "TargetGroupArn": group_arn(groups[0])}
    config: dict[str, Any] = {
        "TargetGroups": [
            {"TargetGroupArn": group_arn(name), "Weight": weight}
            for name, weight in weighted.items()
        ]
    }
    if sticky is not None:
        config["TargetGroupStickinessConfig"] = {"Enabled": True, "DurationSeconds": sticky}
    return {"Type": "forward", "ForwardConfig": config}


def fixed(status: int, body: str = "", kind: str = "") -> dict[str, Any]:
    """A fixed-response action."""
    config = {"StatusCode": str(status)}
    config |= {"MessageBody": body} if body else {}
    config |= {"ContentType": kind} if kind else {}
    return {"Type": "fixed-response", "FixedResponseConfig": config}


def redirect(status: int = 301, **members: str) -> dict[str, Any]:
    """A redirect action."""
    return {"Type": "redirect", "RedirectConfig": {"StatusCode": f"HTTP_{status}", **members}}


def rule(*conditions: Spec, then: Spec | None = None) -> dict[str, Any]:
    """A rule, which forwards to ``green`` unless it says otherwise."""
    return {"Conditions": list(conditions), "Actions": [then or forward("green")]}


def load_balancer(row: Row, address: str, ports: Mapping[str, int]) -> dict[str, Any]:
    """The members of a LoadBalancerSnapshot, but for targets, revision and certificates."""
    balancer = {
        "LoadBalancerArn": f"{ARN}loadbalancer/{row.kind[:3]}/{NAME}/0123456789abcdef",
        "LoadBalancerName": NAME,
        "DNSName": f"{NAME}-1.us-east-1.elb.amazonaws.com",
        "Type": row.kind,
        "Scheme": "internal",
        "Attributes": dict(row.attributes),
        "Listeners": [_listener(row, index, spec) for index, spec in enumerate(row.listeners)],
    }
    names = ["blue", "green", *(name for name in row.groups if name not in ("blue", "green"))]
    return {
        "load_balancer": balancer,
        "place": {"address": address, "ports": dict(ports)},
        "target_groups": {group_arn(name): _group(row, name) for name in names},
    }


def _listener(row: Row, index: int, spec: Spec) -> dict[str, Any]:
    port = spec.get("Port", 80)
    rules = [
        {"RuleArn": f"{ARN}listener-rule/{number}", "Priority": number, **one}
        for number, one in enumerate(row.rules if index == 0 else (), 1)
    ]
    return {
        "ListenerArn": f"{ARN}listener/{port}",
        "Port": port,
        "Protocol": "HTTP" if row.kind == "application" else "TCP",
        "Certificates": [],
        "DefaultActions": [row.default or forward("blue")],
        "Rules": rules,
        "Attributes": {},
        **spec,
    }


def _group(row: Row, name: str) -> dict[str, Any]:
    web = row.kind == "application"
    return {
        "TargetGroupArn": group_arn(name),
        "TargetGroupName": name,
        "Protocol": "HTTP" if web else "TCP",
        **({"ProtocolVersion": "HTTP1"} if web else {}),
        "Port": 80,
        "TargetType": "ip",
        "HealthCheckProtocol": "HTTP" if web else "TCP",
        "HealthCheckPort": "traffic-port",
        **({"HealthCheckPath": "/check", "Matcher": {"HttpCode": "200"}} if web else {}),
        "HealthCheckIntervalSeconds": 1,
        "HealthCheckTimeoutSeconds": 1,
        "HealthCheckEnabled": True,
        "HealthyThresholdCount": 2,
        "UnhealthyThresholdCount": 2,
        "Attributes": {},
        "LoadBalancerArns": [],
        **row.groups.get(name, {}),
    }
