"""Gateway routes combined with the routes of the virtual service behind them.

App Mesh's gateway rewrites a request and then matches it against the service's own routes. Here
one Envoy does both in one step: for every gateway route and every route behind it there is one
Envoy route that matches what both match. If a gateway route matches a request and no route of its
service does, the answer is 404; the request does not fall through to the next gateway route.

https://docs.aws.amazon.com/app-mesh/latest/userguide/gateway-routes.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Literal

from envoy.config.route.v3 import route_components_pb2 as components

from tealmesh.envoy import names
from tealmesh.envoy.extensions import stripping
from tealmesh.envoy.gateways import composing
from tealmesh.envoy.gateways.composing import Rewrite, compose, http_rewrite, new_host
from tealmesh.envoy.protos import milliseconds
from tealmesh.envoy.resources import Resource
from tealmesh.envoy.routing import matches
from tealmesh.envoy.routing.matches import Match
from tealmesh.envoy.routing.routes import (
    HostRoutes,
    configuration,
    domains,
    envoy_routes,
    service_routes,
)
from tealmesh.envoy.services import Service
from tealmesh.model.config.beside import PREVIEW_HEADER

if TYPE_CHECKING:
    from tealmesh.envoy.specs import HostnameMatch
    from tealmesh.model.mesh import GatewayRoute, VirtualGateway

PROTOCOLS: Mapping[Literal["httpRoute", "http2Route", "grpcRoute"], str] = {
    "httpRoute": "http",
    "http2Route": "http2",
    "grpcRoute": "grpc",
}
"""The members of a gateway route's spec, of which it has one, and the protocol of each."""


@dataclass(frozen=True)
class Limits:
    """Times of one gateway, in seconds, in place of those of the services behind it; 0 for no
    limit, None to go by the services.
    """

    request: float | None = None
    idle: float | None = None

    def limit(self, action: components.RouteAction) -> None:
        if self.request is not None:
            action.timeout.CopyFrom(milliseconds(round(self.request * 1000)))
        if self.idle is not None:
            action.idle_timeout.CopyFrom(milliseconds(round(self.idle * 1000)))


@dataclass(frozen=True)
class Previews:
    """The headers of previews at one gateway."""

    stripped: tuple[str, ...] = (PREVIEW_HEADER,)
    """Those that it removes, sorted."""
    passed: frozenset[str] = frozenset()
    """Those that may choose a side, here and in the services behind it."""


@dataclass(frozen=True)
class Entrance:
    """One gateway route and the service that it leads to."""

    name: str

    hostname: str
    """A name, ``*`` and its suffix, or ``*`` for any."""

    match: Match
    rewrite: Rewrite

    service: Service | None
    """None when there is no such service: every request gets 404."""

    target_port: int | None
    """The service's port; None for its first."""

    order: tuple[int, tuple[bool, int, str], tuple[int, int], int, str]
    """Sorts gateway routes as App Mesh tries them: `matches.Order` with the hostname's wideness
    after the priority."""


def gateway_routes(
    gateway: VirtualGateway,
    port: int,
    routes: Iterable[GatewayRoute],
    services: Mapping[str, Service],
    limits: Limits = Limits(),
    previews: Previews = Previews(),
) -> Resource:
    """The route configuration of the gateway's listener at ``port``."""
    entrances = sorted(_applicable(gateway, port, routes, services), key=lambda one: one.order)
    hostnames = dict.fromkeys(sorted({one.hostname for one in entrances}, key=_wideness))
    hosts = [
        _virtual_host(hostname, port, entrances, limits, previews.passed) for hostname in hostnames
    ]
    name = names.ingress_routes(_protocol_at(gateway, port), port)
    return configuration(name, hosts, stripping.stripped(previews.stripped))


def _protocol_at(gateway: VirtualGateway, port: int) -> str:
    mappings = (listener["portMapping"] for listener in gateway.spec["listeners"])
    return next(one["protocol"] for one in mappings if one["port"] == port)


def _applicable(
    gateway: VirtualGateway,
    port: int,
    routes: Iterable[GatewayRoute],
    services: Mapping[str, Service],
) -> Iterator[Entrance]:
    """The gateway routes for one listener: those of its protocol and, if they name one, its port.

    A route of a protocol that no listener speaks applies to all of them.
    """
    spoken = {str(one["portMapping"]["protocol"]) for one in gateway.spec["listeners"]}
    own = _protocol_at(gateway, port)
    for route in routes:
        protocol = next(PROTOCOLS[member] for member in PROTOCOLS if member in route.spec)
        if protocol in spoken and protocol != own:
            continue
        entrance = _entrance(route, services)
        if entrance.match.port in (None, port):
            yield entrance


def _entrance(route: GatewayRoute, services: Mapping[str, Service]) -> Entrance:
    spec = route.spec
    http = spec.get("httpRoute") or spec.get("http2Route")
    if http is not None:
        match, target = matches.http_match(http["match"]), http["action"]["target"]
        hostname = _hostname(http["match"].get("hostname"))
        service = target["virtualService"]["virtualServiceName"]
        rewrite = http_rewrite(http["action"].get("rewrite") or {}, match.path, service)
    else:
        grpc = spec["grpcRoute"]
        match, target = matches.grpc_match(grpc["match"]), grpc["action"]["target"]
        hostname = _hostname(grpc["match"].get("hostname"))
        service = target["virtualService"]["virtualServiceName"]
        rewrite = Rewrite(new_host((grpc["action"].get("rewrite") or {}).get("hostname"), service))
    order = matches.order(spec, match, route.name)
    return Entrance(
        name=route.name,
        hostname=hostname,
        match=match,
        rewrite=rewrite,
        service=services.get(service),
        target_port=target.get("port"),
        order=(order[0], _wideness(hostname), *order[1:]),
    )


def _hostname(spec: HostnameMatch | None) -> str:
    if spec and "exact" in spec:
        return spec["exact"].lower()
    if spec and "suffix" in spec:
        return "*" + spec["suffix"].lower().removeprefix("*")
    return "*"


def _wideness(hostname: str) -> tuple[bool, int, str]:
    """Sorts exact names first, then the longest suffix; "*" is last."""
    return (hostname.startswith("*"), -len(hostname), hostname)


def _covers(wide: str, narrow: str) -> bool:
    """Whether a route for ``wide`` also serves requests to ``narrow``."""
    return wide == narrow or (wide.startswith("*") and narrow.endswith(wide[1:]))


def _virtual_host(
    hostname: str,
    port: int,
    entrances: Iterable[Entrance],
    limits: Limits,
    previews: frozenset[str],
) -> HostRoutes:
    """All routes that serve ``hostname``: Envoy looks at one virtual host only."""
    host = components.VirtualHost(name=hostname)
    host.domains.extend(["*"] if hostname == "*" else domains(hostname, (port,)))
    clusters: set[str] = set()
    for entrance in entrances:
        if _covers(entrance.hostname, hostname):
            routes, used = _envoy_routes(entrance, limits, previews)
            host.routes.extend(routes)
            clusters |= used
    return HostRoutes.of(host, clusters)


def _envoy_routes(
    entrance: Entrance, limits: Limits, previews: frozenset[str]
) -> tuple[list[components.Route], set[str]]:
    """One Envoy route for each of the service's routes, then 404 for what none of them matches;
    and the clusters that they lead to.
    """
    routes: list[components.Route] = []
    clusters: set[str] = set()
    if entrance.service is None:
        return [_unmatched(entrance)], clusters
    for route in service_routes(entrance.service, previews):
        if not _reachable(entrance, route.match.port):
            continue
        match = compose(entrance.match, entrance.rewrite, route.match)
        if match is None:
            continue
        name = f"{entrance.name}/{route.name}"
        below = partial(composing.below, entrance.match.path, entrance.rewrite)
        for envoy in envoy_routes(replace(route, name=name, match=match), entrance.service, below):
            if route.action is not None:
                _apply(entrance.rewrite, envoy.route)
                limits.limit(envoy.route)
            routes.append(envoy)
        if route.action is not None:
            clusters |= route.clusters
        if replace(match, port=None) == replace(entrance.match, port=None):
            return routes, clusters
    return [*routes, _unmatched(entrance)], clusters


def _unmatched(entrance: Entrance) -> components.Route:
    """404 for what a gateway route accepts and none of its service's routes does."""
    unmatched = components.Route(name=entrance.name, match=matches.route_match(entrance.match))
    unmatched.direct_response.status = 404
    return unmatched


def _reachable(entrance: Entrance, asked: int | None) -> bool:
    """Whether a service's route for the port ``asked`` is the one that the gateway route leads to:
    the port that it names, else the service's first.
    """
    if asked is None or entrance.service is None:
        return True
    return asked == (entrance.target_port or next(iter(entrance.service.ports), None))


def _apply(rewrite: Rewrite, action: components.RouteAction) -> None:
    if rewrite.host is not None:
        action.host_rewrite_literal = rewrite.host
    if rewrite.exact is not None:
        action.regex_rewrite.pattern.CopyFrom(matches.regex("^.*$"))
        action.regex_rewrite.substitution = _literal(rewrite.exact)
    elif rewrite.pattern is not None and (rewrite.pattern, rewrite.prefix) != ("/", "/"):
        action.regex_rewrite.pattern.CopyFrom(matches.regex(f"^{rewrite.pattern}"))
        action.regex_rewrite.substitution = _literal(rewrite.prefix)


def _literal(text: str) -> str:
    """``text`` in a substitution, where a backslash begins a reference to a group."""
    return text.replace("\\", r"\\")
