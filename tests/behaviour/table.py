"""The vocabulary of the table: a row is a mesh, calls through real Envoys, and their outcomes.

Rows are data. All have a default mesh in common: two nodes (``blue``, ``green``), a router ``shop``
behind the service ``shop.local``, a caller ``web``, a node ``app`` whose own Envoy is under test,
and a gateway ``edge``. A row names only what differs from it.

In specs ``$DIR`` stands for the directory of the test run and ``$SIX_PORT`` for a port that is free
on IPv6's loopback address.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from tealmesh.model.mesh import Kind

Spec = Mapping[str, Any]
Via = Literal["egress", "gateway", "node"]
Protocol = Literal["http", "http2", "grpc", "tcp"]

PORTS: Mapping[str, int] = {"http": 8080, "http2": 8081, "grpc": 8082, "tcp": 8083}
"""The port on which everything listens, by protocol."""

SECOND: Mapping[str, int] = {"http": 9090, "http2": 9091, "grpc": 9092, "tcp": 9093}
"""The second port of every application, by protocol."""


@dataclass(frozen=True)
class Call:
    """A request and its expected outcome."""

    expect: Spec
    """Members that the `Outcome` of each call must have."""

    via: Via = "egress"
    protocol: Protocol = "http"
    method: str = "GET"
    path: str = "/"
    host: str = "shop.local"
    port: int | None = None
    headers: Spec = field(default_factory=dict)
    times: int = 1
    """How many calls are made, one after the other."""

    together: int = 1
    """How many calls are made at the same time."""

    spread: frozenset[str] | None = None
    """The nodes that answered the calls, taken together."""

    counts: Mapping[Any, int] | None = None
    """How many of the calls ended with each status, code or ``closed``."""

    until: float = 0
    """Seconds within which the expectation must be met (health checks, ejections); 0: at once."""

    tls: Mapping[str, str] | None = None
    """The caller speaks TLS: ``trust`` and ``own`` name an authority and a certificate."""

    checks: tuple[str, int] | None = None
    """(``NODE PROTOCOL PATH``, how many of these health checks the call waits for)."""


@dataclass(frozen=True)
class Row:
    """One behaviour of a mesh."""

    name: str
    says: str
    """What Envoy does, for the compatibility page."""

    proves: tuple[str, ...]
    """Leaf paths (``route.httpRoute.match.prefix``); each occurs in the row's own specs."""

    calls: tuple[Call, ...]
    mesh: Spec = field(default_factory=dict)
    nodes: Mapping[str, Spec] = field(default_factory=dict)
    instances: Mapping[str, Any] = field(default_factory=dict)
    zones: Mapping[str, Mapping[str, tuple[tuple[str, ...], tuple[Any, ...]]]] = field(
        default_factory=dict
    )
    """DNS namespaces: the record types and instances of each service."""
    router: Spec | None = None
    services: Mapping[str, Spec] = field(default_factory=dict)
    routes: Mapping[str, Spec] = field(default_factory=dict)
    web: Spec = field(default_factory=dict)
    app: Spec | None = None
    gateway: Spec | None = None
    gateway_routes: Mapping[str, Spec] = field(default_factory=dict)
    logs: Mapping[str, str] = field(default_factory=dict)
    """A regular expression for a new line, by file below ``$DIR`` or ``stdout of ROLE``."""

    holds: tuple[tuple[str, str, Any], ...] = ()
    """(role, name of a dynamic resource in Envoy's own dump, what it contains at any depth)."""


PROTOCOLS: tuple[Protocol, ...] = ("http", "http2", "grpc", "tcp")
REQUESTS: tuple[Protocol, ...] = ("http", "http2", "grpc")
"""The protocols that have requests."""

ALL_LISTENERS = [{"portMapping": {"port": port, "protocol": name}} for name, port in PORTS.items()]

MEMBERS: Mapping[str, str] = {
    "http": "httpRoute",
    "http2": "http2Route",
    "grpc": "grpcRoute",
    "tcp": "tcpRoute",
}
"""The member of a RouteSpec for each protocol."""


def path_of(protocol: str) -> str:
    """A path that a request of this protocol may have."""
    return "/pkg.S/Do" if protocol == "grpc" else "/"


def cloud_map(service: str, **more: Any) -> Spec:
    """A ServiceDiscovery: by Cloud Map."""
    return {"awsCloudMap": {"namespaceName": "ns", "serviceName": service, **more}}


def node(service: str, *listeners: Spec, **more: Any) -> dict[str, Any]:
    """A VirtualNodeSpec with these listeners, or one of each protocol."""
    own = list(listeners) or ALL_LISTENERS
    return {"listeners": own, "serviceDiscovery": cloud_map(service), **more}


def listener(protocol: str = "http", port: int | None = None, **more: Any) -> dict[str, Any]:
    """A listener of a node or gateway."""
    return {"portMapping": {"port": port or PORTS[protocol], "protocol": protocol}, **more}


def ms(value: int) -> Spec:
    """A Duration."""
    return {"unit": "ms", "value": value}


def seconds(value: int) -> Spec:
    """A Duration."""
    return {"unit": "s", "value": value}


def to(*targets: str, **weights: int) -> Spec:
    """The action of a route: to these nodes in equal shares, or by weight."""
    shares = dict.fromkeys(targets, 1) | weights
    return {"weightedTargets": [{"virtualNode": n, "weight": w} for n, w in shares.items()]}


def route(
    target: str | Spec, match: Spec | None = None, member: str = "httpRoute", **more: Any
) -> dict[str, Any]:
    """A RouteSpec; ``priority`` is the spec's, the rest the route's."""
    outer = {"priority": more.pop("priority")} if "priority" in more else {}
    if match is None:
        match = {} if member in ("grpcRoute", "tcpRoute") else {"prefix": "/"}
    action = to(target) if isinstance(target, str) else target
    return {**outer, member: {"match": match, "action": action, **more}}


def gateway_route(match: Spec, member: str = "httpRoute", **more: Any) -> dict[str, Any]:
    """A GatewayRouteSpec to ``shop.local``, or to ``service``."""
    outer = {"priority": more.pop("priority")} if "priority" in more else {}
    target: dict[str, Any] = {
        "virtualService": {"virtualServiceName": more.pop("service", "shop.local")}
    }
    if "target_port" in more:
        target["port"] = more.pop("target_port")
    action: dict[str, Any] = {"target": target}
    if "rewrite" in more:
        action["rewrite"] = more.pop("rewrite")
    return {**outer, member: {"match": match, "action": action}}


def call(path: str = "/", node: str | None = None, **more: Any) -> Call:
    """A call that ``node`` must answer with 200; keywords are members of Call, or else expected."""
    members = {name: more.pop(name) for name in list(more) if name in Call.__dataclass_fields__}
    expect = {**members.pop("expect", {}), **more}
    if node is not None:
        expect["node"] = node
    protocol = members.get("protocol", "http")
    if "counts" not in members and "spread" not in members:
        if protocol == "grpc":
            expect.setdefault("code", "OK")
        elif protocol in ("http", "http2"):
            expect.setdefault("status", 200)
    return Call(expect, path=path, **members)


def _protocols(row: Row, specs: Mapping[str, Spec], via: tuple[Via, ...]) -> tuple[str, ...]:
    """The protocols of routes, else those of the row's calls."""
    members = {member for spec in specs.values() for member in spec}
    used = {protocol for protocol, member in MEMBERS.items() if member in members}
    used = used or {one.protocol for one in row.calls if one.via in via}
    return tuple(one for one in PORTS if one in used) or ("http",)


def resources(row: Row) -> list[tuple[Kind, str, str, Spec]]:
    """(kind, parent, name, spec) of each resource of a row's mesh, in the order of creation.

    Listeners have only the protocols that the row is about, usually one: with several, App Mesh
    requires every route to name its port.
    """
    inside = _protocols(row, row.routes, ("egress", "gateway"))
    outside = _protocols(row, row.gateway_routes, ("gateway",))
    own = [listener(one) for one in inside]
    nodes = {"blue": node("blue", *own), "green": node("green", *own), **row.nodes}
    nodes["app"] = row.app or node("app")
    services: dict[str, Spec] = {
        "shop.local": {"provider": {"virtualRouter": {"virtualRouterName": "shop"}}}
    }
    services |= row.services
    backends = [{"virtualService": {"virtualServiceName": name}} for name in sorted(services)]
    router = row.router or {"listeners": own}
    gateway = row.gateway or {"listeners": [listener(one) for one in outside]}
    routes = row.routes or {one: route("blue", member=MEMBERS[one]) for one in inside[:1]}
    made: list[tuple[Kind, str, str, Spec]] = [(Kind.MESH, "", "m", row.mesh)]
    made += [(Kind.VIRTUAL_NODE, "", name, spec) for name, spec in nodes.items()]
    made.append((Kind.VIRTUAL_ROUTER, "", "shop", router))
    made += [(Kind.ROUTE, "shop", name, spec) for name, spec in routes.items()]
    made += [(Kind.VIRTUAL_SERVICE, "", name, spec) for name, spec in services.items()]
    made.append((Kind.VIRTUAL_NODE, "", "web", {"backends": backends, **row.web}))
    made.append((Kind.VIRTUAL_GATEWAY, "", "edge", gateway))
    made += [(Kind.GATEWAY_ROUTE, "edge", n, spec) for n, spec in row.gateway_routes.items()]
    return made
