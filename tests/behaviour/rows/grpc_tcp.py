"""Routes of gRPC (services, methods, ports) and of TCP.

https://docs.aws.amazon.com/app-mesh/latest/APIReference/API_GrpcRouteMatch.html
"""

from __future__ import annotations

from typing import Any

from tests.behaviour.table import PORTS, SECOND, Row, call, listener, ms, node, route, seconds, to

GRPC = "route.grpcRoute"
TCP = "route.tcpRoute"
TWO = ("blue", "green")


def _grpc(path: str, answers: str, **more: Any) -> Any:
    return call(path, answers, protocol="grpc", **more)


def _tcp(answers: str, **more: Any) -> Any:
    return call("", answers, protocol="tcp", closed=False, **more)


def _two_ports(protocol: str) -> dict[str, Any]:
    """Nodes and a router with two listeners each."""
    both = [listener(protocol), listener(protocol, SECOND[protocol])]
    return {"nodes": {name: node(name, *both) for name in TWO}, "router": {"listeners": both}}


def _matched(first: int, second: int, member: str) -> dict[str, Any]:
    """A route for each of a router's two ports; each leads to the other port of its node."""

    def to_port(name: str, port: int) -> dict[str, Any]:
        return {"weightedTargets": [{"virtualNode": name, "weight": 1, "port": port}]}

    rest = {} if member in ("grpcRoute", "tcpRoute") else {"prefix": "/"}
    return {
        "first": route(to_port("blue", second), {**rest, "port": first}, member),
        "second": route(to_port("green", first), {**rest, "port": second}, member),
    }


GRPC_ROWS = (
    Row(
        "grpc-service",
        "only calls to that service match",
        (f"{GRPC}.match.serviceName",),
        (
            _grpc("/pkg.S/Do", "green"),
            _grpc("/pkg.S/Other", "green"),
            _grpc("/pkg.S2/Do", "blue"),
            _grpc("/other.S/Do", "blue"),
        ),
        routes={
            "special": route("green", {"serviceName": "pkg.S"}, "grpcRoute"),
            "rest": route("blue", {}, "grpcRoute"),
        },
    ),
    Row(
        "grpc-method",
        "only calls to that method of that service match",
        (f"{GRPC}.match.methodName", f"{GRPC}.match.serviceName"),
        (
            _grpc("/pkg.S/Do", "green"),
            _grpc("/pkg.S/DoMore", "blue"),
            _grpc("/pkg.T/Do", "blue"),
        ),
        routes={
            "special": route("green", {"serviceName": "pkg.S", "methodName": "Do"}, "grpcRoute"),
            "rest": route("blue", {}, "grpcRoute"),
        },
    ),
    Row(
        "grpc-specificity",
        "without priorities routes for a method come first, then those for a service",
        (f"{GRPC}.match.serviceName", f"{GRPC}.match.methodName"),
        (_grpc("/pkg.S/Do", "green"), _grpc("/pkg.S/Other", "blue"), _grpc("/pkg.T/Do", "green")),
        routes={
            "all": route("blue", {"serviceName": "pkg.S"}, "grpcRoute"),
            "method": route("green", {"serviceName": "pkg.S", "methodName": "Do"}, "grpcRoute"),
            "other": route("green", {}, "grpcRoute"),
        },
    ),
    Row(
        "grpc-priority-over-specificity",
        "priority overrides specificity",
        ("route.priority",),
        (_grpc("/pkg.S/Do", "blue"),),
        routes={
            "all": route("blue", {}, "grpcRoute", priority=0),
            "method": route(
                "green", {"serviceName": "pkg.S", "methodName": "Do"}, "grpcRoute", priority=1
            ),
        },
    ),
    Row(
        "grpc-no-route",
        "a call that matches no route fails with UNIMPLEMENTED, as for a missing method",
        (f"{GRPC}.match.serviceName",),
        (call("/pkg.T/Do", protocol="grpc", code="UNIMPLEMENTED", tries=0),),
        routes={"only": route("blue", {"serviceName": "pkg.S"}, "grpcRoute")},
    ),
    Row(
        "grpc-weights",
        "calls are distributed by weight; a target with weight 0 gets none",
        (
            f"{GRPC}.action.weightedTargets[].weight",
            f"{GRPC}.action.weightedTargets[].virtualNode",
        ),
        (
            _grpc("/pkg.None/Do", "green", times=10),
            call("/pkg.S/Do", protocol="grpc", times=30, spread=frozenset(TWO)),
        ),
        routes={
            "some": route(to(*TWO), {"serviceName": "pkg.S"}, "grpcRoute"),
            "none": route(to(blue=0, green=1), {"serviceName": "pkg.None"}, "grpcRoute"),
        },
    ),
)

PORT_ROWS = tuple(
    Row(
        f"{protocol}-ports",
        "a route gets the requests to its port; a weighted target may name its own port",
        (f"route.{member}.match.port", f"route.{member}.action.weightedTargets[].port"),
        (
            call(
                "/pkg.S/Do",
                "blue",
                protocol=protocol,
                host=f"shop.local:{PORTS[protocol]}",
            ),
            call("/pkg.S/Do", "green", protocol=protocol, host=f"shop.local:{SECOND[protocol]}"),
        ),
        routes=_matched(PORTS[protocol], SECOND[protocol], member),
        **_two_ports(protocol),
    )
    for protocol, member in (("http", "httpRoute"), ("http2", "http2Route"), ("grpc", "grpcRoute"))
)

TCP_ROWS = (
    Row(
        "tcp-route",
        "connections to a service go to the route's targets",
        (f"{TCP}.action.weightedTargets[].virtualNode",),
        (_tcp("green"),),
        routes={"all": route("green", None, "tcpRoute")},
    ),
    Row(
        "tcp-weights",
        "connections are distributed by weight; a target with weight 0 gets none",
        (f"{TCP}.action.weightedTargets[].weight",),
        (call("", protocol="tcp", times=30, spread=frozenset(TWO), closed=False),),
        routes={"all": route(to(*TWO), None, "tcpRoute")},
    ),
    Row(
        "tcp-weight-0",
        "a target with weight 0 gets no connections",
        (f"{TCP}.action.weightedTargets[].weight",),
        (_tcp("green", times=10),),
        routes={"all": route(to(blue=0, green=1), None, "tcpRoute")},
    ),
    Row(
        "tcp-ports",
        "a route gets the connections to its port; a weighted target may name its own port",
        (f"{TCP}.match.port", f"{TCP}.action.weightedTargets[].port"),
        (
            _tcp("blue", port=PORTS["tcp"]),
            call("", "green", protocol="tcp", port=SECOND["tcp"], closed=False),
        ),
        routes=_matched(PORTS["tcp"], SECOND["tcp"], "tcpRoute"),
        **_two_ports("tcp"),
    ),
    Row(
        "tcp-priority",
        "the TCP route with the lowest priority number gets the connections",
        ("route.priority",),
        (_tcp("green", times=3),),
        routes={
            "a": route("blue", None, "tcpRoute", priority=7),
            "b": route("green", None, "tcpRoute", priority=3),
        },
    ),
    Row(
        "tcp-idle",
        "a connection without any data is closed after that time",
        (f"{TCP}.timeout.idle.value", f"{TCP}.timeout.idle.unit"),
        (
            call("", protocol="tcp", closed=True, headers={"x-delay": "0.6"}),
            call("", protocol="tcp", closed=False),
        ),
        routes={"all": route("blue", None, "tcpRoute", timeout={"idle": ms(200)})},
    ),
    Row(
        "tcp-idle-seconds",
        "the unit of the idle timeout is respected",
        (f"{TCP}.timeout.idle.unit",),
        (call("", protocol="tcp", closed=False, headers={"x-delay": "0.3"}),),
        routes={"all": route("blue", None, "tcpRoute", timeout={"idle": seconds(5)})},
    ),
    Row(
        "tcp-idle-0",
        "idle 0: idle connections are never closed",
        (f"{TCP}.timeout.idle.value",),
        (call("", protocol="tcp", closed=False, headers={"x-delay": "0.3"}),),
        routes={"all": route("blue", None, "tcpRoute", timeout={"idle": ms(0)})},
        holds=(("web", "rds_egress_http_15001", {"idle_timeout": "0s"}),),
    ),
)

ROWS: tuple[Row, ...] = (*GRPC_ROWS, *PORT_ROWS, *TCP_ROWS)
