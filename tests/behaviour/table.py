"""The table's vocabulary: a row is a mesh, calls through real Envoys, and what the guide says.

Rows are data. What they have in common is made here: two nodes (``blue``, ``green``) that listen
with every protocol, a router ``shop`` behind the service ``shop.local``, a caller ``web``, a node
``app`` whose own Envoy is under test and a gateway ``edge``. A row names what differs.

In specs ``$DIR`` stands for a directory of the test and ``$NAME`` for the address of a place.
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
"""Where everything listens, by protocol."""

SECOND: Mapping[str, int] = {"http": 9090, "http2": 9091, "grpc": 9092, "tcp": 9093}
"""A further port of every application, by protocol."""


@dataclass(frozen=True)
class Call:
    """A request and what must come of it.

    ``expect`` holds members of an `Outcome`; each of ``times`` calls must have them. ``together``
    sends that many at once. ``spread`` is the set of nodes that answer over all of them, ``counts``
    how often each status was seen.
    """

    expect: Spec
    via: Via = "egress"
    protocol: Protocol = "http"
    method: str = "GET"
    path: str = "/"
    host: str = "shop.local"
    port: int | None = None
    headers: Spec = field(default_factory=dict)
    times: int = 1
    together: int = 1
    spread: frozenset[str] | None = None
    counts: Mapping[Any, int] | None = None
    until: float = 0
    """Seconds in which the expectation may come true (health checks, ejections); 0: at once."""

    tls: Mapping[str, str] | None = None
    """TLS of the caller's own: ``trust`` and ``own`` name an authority and a certificate."""

    checks: tuple[str, int] | None = None
    """(``NODE PROTOCOL PATH``, how many of these health checks the call waits for)."""


@dataclass(frozen=True)
class Row:
    """One behaviour. ``proves`` names leaf paths (``route.httpRoute.match.prefix``), each of which
    occurs in the row's own specs; ``says`` is what Envoy does, for the compatibility page.
    """

    name: str
    says: str
    proves: tuple[str, ...]
    calls: tuple[Call, ...]
    mesh: Spec = field(default_factory=dict)
    nodes: Mapping[str, Spec] = field(default_factory=dict)
    instances: Mapping[str, Any] = field(default_factory=dict)
    router: Spec | None = None
    services: Mapping[str, Spec] = field(default_factory=dict)
    routes: Mapping[str, Spec] = field(default_factory=dict)
    web: Spec = field(default_factory=dict)
    app: Spec | None = None
    gateway: Spec | None = None
    gateway_routes: Mapping[str, Spec] = field(default_factory=dict)
    logs: Mapping[str, str] = field(default_factory=dict)
    """By file below ``$DIR``, or ``stdout of ROLE``: a regular expression that a line matches."""

    holds: tuple[tuple[str, str, Any], ...] = ()
    """(role, name of a dynamic resource in Envoy's own dump, what is in it at any depth)."""


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
    """``serviceDiscovery`` by Cloud Map."""
    return {"awsCloudMap": {"namespaceName": "ns", "serviceName": service, **more}}


def node(service: str, *listeners: Spec, **more: Any) -> dict[str, Any]:
    """A VirtualNodeSpec with these listeners, or one of each protocol."""
    found = list(listeners) or ALL_LISTENERS
    return {"listeners": found, "serviceDiscovery": cloud_map(service), **more}


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
    """``action`` of a route: to these nodes in equal shares, or by weight."""
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
    """A call that ``node`` must answer with 200; members of Call by name, the rest is expected."""
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
    used = {member for spec in specs.values() for member in spec}
    found = {protocol for protocol, member in MEMBERS.items() if member in used}
    found = found or {one.protocol for one in row.calls if one.via in via}
    return tuple(one for one in PORTS if one in found) or ("http",)


def resources(row: Row) -> list[tuple[Kind, str, str, Spec]]:
    """(kind, parent, name, spec) of everything in a row's mesh, in the order of creation.

    Everything listens with the protocols that the row is about, usually one: with several, App
    Mesh wants every route to name its port.
    """
    inside = _protocols(row, row.routes, ("egress", "gateway"))
    outside = _protocols(row, row.gateway_routes, ("gateway",))
    own = [listener(one) for one in inside]
    nodes = {"blue": node("blue", *own), "green": node("green", *own), **row.nodes}
    nodes["app"] = row.app or node("app")
    services = {"shop.local": {"provider": {"virtualRouter": {"virtualRouterName": "shop"}}}}
    services |= row.services
    backends = [{"virtualService": {"virtualServiceName": name}} for name in sorted(services)]
    router = row.router or {"listeners": own}
    gateway = row.gateway or {"listeners": [listener(one) for one in outside]}
    routes = row.routes or {one: route("blue", member=MEMBERS[one]) for one in inside[:1]}
    found: list[tuple[Kind, str, str, Spec]] = [(Kind.MESH, "", "m", row.mesh)]
    found += [(Kind.VIRTUAL_NODE, "", name, spec) for name, spec in nodes.items()]
    found.append((Kind.VIRTUAL_ROUTER, "", "shop", router))
    found += [(Kind.ROUTE, "shop", name, spec) for name, spec in routes.items()]
    found += [(Kind.VIRTUAL_SERVICE, "", name, spec) for name, spec in services.items()]
    found.append((Kind.VIRTUAL_NODE, "", "web", {"backends": backends, **row.web}))
    found.append((Kind.VIRTUAL_GATEWAY, "", "edge", gateway))
    found += [(Kind.GATEWAY_ROUTE, "edge", n, spec) for n, spec in row.gateway_routes.items()]
    return found
