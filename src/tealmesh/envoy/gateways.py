"""Gateway routes combined with the routes of the virtual service behind them.

App Mesh's gateway rewrites a request and then matches it against the service's own routes. Here
one Envoy does both in one step: for every gateway route and every route behind it there is one
Envoy route that matches what both match. If a gateway route matches a request and no route of its
service does, the answer is 404; the request does not fall through to the next gateway route.

https://docs.aws.amazon.com/app-mesh/latest/userguide/gateway-routes.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from envoy.config.route.v3 import route_components_pb2 as components

from tealmesh.envoy import matches, names, stripping
from tealmesh.envoy.matches import Match, Path
from tealmesh.envoy.protos import milliseconds
from tealmesh.envoy.resources import Resource
from tealmesh.envoy.routes import (
    HostRoutes,
    configuration,
    domains,
    envoy_route,
    service_routes,
)
from tealmesh.envoy.services import Service
from tealmesh.model.config.beside import PREVIEW_HEADER

if TYPE_CHECKING:
    from tealmesh.envoy.specs import HostnameMatch, HostnameRewrite, HttpRewrite
    from tealmesh.model.mesh import GatewayRoute, VirtualGateway

_DIVISIBLE = re.compile(r"[^*+?{|][^|]*\Z|\Z")
"""What may follow a literal prefix of a pattern so that the prefix can be cut off: no quantifier of
its last character, and no alternatives."""

PROTOCOLS: Mapping[Literal["httpRoute", "http2Route", "grpcRoute"], str] = {
    "httpRoute": "http",
    "http2Route": "http2",
    "grpcRoute": "grpc",
}
"""The members of a gateway route's spec, of which it has one, and the protocol of each."""


@dataclass(frozen=True)
class Rewrite:
    """How a gateway route changes a request."""

    host: str | None
    """The new Host; None keeps it."""

    exact: str | None = None
    """The new path; None to look at ``pattern``."""

    pattern: str | None = None
    """The beginning of the path that becomes ``prefix``, a regular expression; None keeps it."""

    prefix: str = ""

    @property
    def keeps_path(self) -> bool:
        """Whether the path stays as it is."""
        return self.exact is None and self.pattern is None


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


def compose(gateway: Match, rewrite: Rewrite, route: Match) -> Match | None:
    """What a request must look like at the gateway so that both match; None if no request can."""
    path, extra = _compose_path(gateway.path, rewrite, route.path)
    if path is None:
        return None
    return Match(
        path=path,
        headers=(*gateway.headers, *route.headers, *extra),
        query=(*gateway.query, *route.query),
        grpc=gateway.grpc or route.grpc,
    )


def _compose_path(
    gateway: Path, rewrite: Rewrite, route: Path
) -> tuple[Path | None, tuple[bytes, ...]]:
    """The path to match at the gateway, None if there is none, and further conditions on it."""
    if rewrite.exact is not None or (gateway.kind == "exact" and rewrite.keeps_path):
        fixed = gateway.value if rewrite.exact is None else rewrite.exact
        return (gateway if _matches(route, fixed) else None), ()
    if route == matches.ANY_PATH:
        return gateway, ()
    if rewrite.keeps_path or (gateway == matches.ANY_PATH and rewrite.prefix == "/"):
        return _both(gateway, route)
    return _behind_rewrite(rewrite, gateway, route), ()


def _both(gateway: Path, route: Path) -> tuple[Path | None, tuple[bytes, ...]]:
    """Two conditions on one unchanged path."""
    if gateway.kind == "prefix" and route.kind != "regex":
        if route.value.startswith(gateway.value):
            return route, ()
        inside = route.kind == "prefix" and gateway.value.startswith(route.value)
        return (gateway if inside else None), ()
    if gateway == matches.ANY_PATH:
        return route, ()
    # Envoy takes one condition on the path; the other goes on the pseudo-header, which includes
    # the query string.
    second = rf"(?:{_as_regex(route)})(?:\?.*)?"
    return gateway, (matches.regex_header(":path", second),)


def _behind_rewrite(rewrite: Rewrite, gateway: Path, route: Path) -> Path | None:
    """The condition on the path before the rewrite, for the condition ``route`` after it."""
    new, pattern = rewrite.prefix, rewrite.pattern or ""
    if route.kind == "prefix" and new.startswith(route.value):
        return gateway
    if route.kind == "regex":
        return _quotient(gateway.value, new, route.value)
    if not route.value.startswith(new):
        return None
    rest = re.escape(route.value.removeprefix(new))
    return Path("regex", f"{pattern}{rest}" + (".*" if route.kind == "prefix" else ""))


def _quotient(old: str, new: str, pattern: str) -> Path | None:
    """The condition on a path whose beginning ``old`` is replaced by ``new`` so that the result
    matches ``pattern``; None if it cannot be expressed.

    Both are cut before a slash, so that the rest of the path begins with one, like the pattern.
    """
    if old.endswith("/") and not new.endswith("/"):
        return None  # "/x" becomes "/newx": the rest of the path does not begin with a slash
    old, new = old.rstrip("/"), new.rstrip("/")
    literal = re.escape(new)
    begins = next((one for one in (new, literal) if pattern.startswith(one)), None)
    divisible = begins == "" or (begins is not None and _DIVISIBLE.match(pattern, len(begins)))
    if begins is None or not divisible:
        # Better that nothing matches than the wrong requests.
        return None
    return Path("regex", f"{re.escape(old)}(?:{pattern[len(begins) :]})")


def _matches(route: Path, path: str) -> bool:
    if route.kind == "prefix":
        return path.startswith(route.value)
    if route.kind == "exact":
        return path == route.value
    return matches.full_match(route.value, path)


def _as_regex(path: Path) -> str:
    if path.kind == "regex":
        return path.value
    return re.escape(path.value) + (".*" if path.kind == "prefix" else "")


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
        rewrite = Rewrite(_new_host((grpc["action"].get("rewrite") or {}).get("hostname"), service))
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


def _new_host(rewrite: HostnameRewrite | None, service: str) -> str | None:
    """The service's name, unless the rewrite of the hostname is disabled."""
    disabled = rewrite is not None and rewrite.get("defaultTargetHostname") == "DISABLED"
    return None if disabled else service


def http_rewrite(rewrite: HttpRewrite, path: Path, service: str) -> Rewrite:
    """By default Host becomes the service's name and the matched prefix becomes ``/``."""
    host = _new_host(rewrite.get("hostname"), service)
    exact = rewrite["path"].get("exact") if "path" in rewrite else None
    if exact is not None or path.kind != "prefix":
        return Rewrite(host, exact=exact)
    prefix = rewrite.get("prefix") or {}
    if prefix.get("defaultPrefix") == "DISABLED":
        return Rewrite(host)
    escaped, new = re.escape(path.value), prefix.get("value", "/")
    if new.endswith("/") and not escaped.endswith("/"):
        # "/shop" and "/shop/" both become "/", never "//": App Mesh's gateway sends the rewritten
        # request to its own listener, which merges slashes.
        escaped += "/?"
    return Rewrite(host, pattern=escaped, prefix=new)


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
    behind = service_routes(entrance.service, previews) if entrance.service else ()
    for route in behind:
        if not _reachable(entrance, route.match.port):
            continue
        match = compose(entrance.match, entrance.rewrite, route.match)
        if match is None:
            continue
        envoy = envoy_route(f"{entrance.name}/{route.name}", match, route.action, route.more)
        if route.action is not None:
            _apply(entrance.rewrite, envoy.route)
            limits.limit(envoy.route)
            clusters |= route.clusters
        routes.append(envoy)
        if replace(match, port=None) == replace(entrance.match, port=None):
            return routes, clusters
    unmatched = components.Route(name=entrance.name, match=matches.route_match(entrance.match))
    unmatched.direct_response.status = 404
    return [*routes, unmatched], clusters


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
