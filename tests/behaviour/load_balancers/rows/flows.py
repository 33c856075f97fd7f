"""Network load balancers: connections, not requests."""

from __future__ import annotations

from typing import Any

from tests.behaviour.load_balancers import targets
from tests.behaviour.load_balancers.rows.actions import BOTH
from tests.behaviour.load_balancers.table import CERTIFICATES, Call, Row, forward

OPEN = {"node": "blue", "closed": False}


def _row(name: str, says: str, proves: str, *calls: Call, **more: Any) -> Row:
    """Each group has the target of its name at the TCP port."""
    at = {one: ((one, {"Port": targets.TCP}),) for one in ("blue", "green")}
    places = {**at, **more.pop("targets", {})}
    return Row(name, says, (proves,), calls, kind="network", targets=places, **more)


def _tcp(expect: Any, **more: Any) -> Call:
    return Call(expect, protocol="tcp", **more)


SECURE = {"Port": 443, "Protocol": "TLS", "Certificates": [CERTIFICATES["b"]]}
SICK = ("blue", {"Port": targets.TCP}), ("sick", {"Port": targets.TCP})

ROWS = (
    _row("flow", "a connection goes to a target", "Protocol", _tcp(OPEN)),
    _row(
        "flow-weights",
        "connections are divided among target groups by weight",
        "ForwardConfig.TargetGroups.Weight",
        _tcp({"closed": False}, times=60, spread=BOTH),
        default=forward(blue=1, green=1),
    ),
    _row(
        "flow-weight-0",
        "a target group of weight 0 gets no connections",
        "ForwardConfig.TargetGroups.Weight",
        _tcp({"node": "green", "closed": False}, times=10),
        default=forward(blue=0, green=1),
    ),
    _row(
        "flow-idle",
        "an idle connection is closed after the listener's time",
        "tcp.idle_timeout.seconds",
        _tcp({"node": "blue", "closed": True}, headers={"x-delay": "2.5"}),
        listeners=({"Attributes": {"tcp.idle_timeout.seconds": "1"}},),
    ),
    _row(
        "flow-idle-default",
        "by default a connection may be idle for long",
        "tcp.idle_timeout.seconds",
        _tcp(OPEN, headers={"x-delay": "2.5"}),
    ),
    _row(
        "flow-tls",
        "a TLS listener takes TLS off",
        "Protocol",
        _tcp({**OPEN, "certificate": "b.test"}, port=443, tls={}),
        listeners=(SECURE,),
    ),
    _row(
        "flow-alpn",
        "the ALPN policy chooses the protocol",
        "AlpnPolicy",
        _tcp({**OPEN, "alpn": "h2"}, port=443, tls={"alpn": ("http/1.1", "h2")}),
        listeners=({**SECURE, "AlpnPolicy": "HTTP2Preferred"},),
    ),
    _row(
        "flow-alpn-none",
        "without an ALPN policy none is chosen",
        "AlpnPolicy",
        _tcp({**OPEN, "alpn": None}, port=443, tls={"alpn": ("http/1.1", "h2")}),
        listeners=(SECURE,),
    ),
    _row(
        "flow-proxy-protocol",
        "targets are told the client's address by PROXY protocol version 2",
        "proxy_protocol_v2.enabled",
        _tcp({**OPEN, "proxied": "$HERE"}, source="here"),
        groups={"blue": {"Attributes": {"proxy_protocol_v2.enabled": "true"}}},
    ),
    _row(
        "flow-health",
        "checks may speak HTTP; an unhealthy target gets no connections",
        "HealthCheckProtocol",
        _tcp(OPEN, times=10, until=10),
        groups={
            "blue": {
                "HealthCheckProtocol": "HTTP",
                "HealthCheckPath": "/check",
                "HealthCheckPort": str(targets.HTTP),
            }
        },
        targets={"blue": SICK},
    ),
    _row(
        "flow-http-codes",
        "without a matcher, codes from 200 to 399 are healthy",
        "Matcher.HttpCode",
        _tcp({"closed": False}, times=20, spread=BOTH, until=10),
        groups={
            "blue": {
                "HealthCheckProtocol": "HTTP",
                "HealthCheckPath": "/check/green/399",
                "HealthCheckPort": str(targets.HTTP),
            }
        },
        targets={"blue": (SICK[0], ("green", {"Port": targets.TCP}))},
    ),
    _row(
        "flow-refused",
        "a target that refuses connections is unhealthy",
        "HealthCheckProtocol",
        _tcp(OPEN, times=10, until=10),
        targets={"blue": (SICK[0], ("dead", {"Port": targets.TCP}))},
    ),
    _row(
        "flow-deregistered",
        "a target that is being deregistered gets no new connections",
        "Protocol",
        _tcp({"node": "sick", "closed": False}, times=10),
        targets={"blue": (SICK[1], ("blue", {"Port": targets.TCP, "draining": True}))},
    ),
    _row(
        "flow-no-targets",
        "without targets connections are closed",
        "Protocol",
        _tcp({"closed": True, "node": None}),
        targets={"blue": ()},
    ),
)
