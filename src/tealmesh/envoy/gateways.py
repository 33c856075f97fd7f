"""Gateway routes put together with the routes of the virtual service behind them.

App Mesh's gateway rewrites a request and then matches it against the service's own routes. Here
both happen in one step of one Envoy: for every gateway route and every route behind it there is
one Envoy route that matches what both match. A request that a gateway route takes and its service
has no route for is answered 404, it does not fall through to the next gateway route.

https://docs.aws.amazon.com/app-mesh/latest/userguide/gateway-routes.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from envoy.config.route.v3 import route_components_pb2 as components

from tealmesh.envoy import matches, names
from tealmesh.envoy.matches import Match, Path
from tealmesh.envoy.protos import Spec
from tealmesh.envoy.resources import Resource
from tealmesh.envoy.routes import (
    HostRoutes,
    configuration,
    domains,
    envoy_route,
    service_routes,
)
from tealmesh.envoy.services import Service
from tealmesh.model.mesh import MeshResource

_DIVISIBLE = re.compile(r"[^*+?{|][^|]*\Z|\Z")
"""What may follow a literal beginning so that the beginning can be taken off a pattern: nothing
that counts its last character, and no alternatives.
"""

PROTOCOLS = {"httpRoute": "http", "http2Route": "http2", "grpcRoute": "grpc"}


@dataclass(frozen=True)
class Rewrite:
    """What becomes of a path: wholly ``exact``; or its beginning ``pattern`` becomes ``prefix``;
    or (both None) it stays. ``host`` is what Host becomes, None for as it is.
    """

    host: str | None
    exact: str | None = None
    pattern: str | None = None
    prefix: str = ""

    @property
    def keeps_path(self) -> bool:
        return self.exact is None and self.pattern is None


@dataclass(frozen=True)
class GatewayRoute:
    """One gateway route as it stands in the API, with the service that it leads to."""

    name: str
    hostname: str
    match: Match
    rewrite: Rewrite
    service: Service | None
    target_port: int | None
    order: tuple[Any, ...]


def gateway_routes(
    gateway: MeshResource,
    port: int,
    routes: Iterable[MeshResource],
    services: Mapping[str, Service],
) -> Resource:
    """The route configuration of the gateway's listener at ``port``."""
    found = sorted(_applicable(gateway, port, routes, services), key=lambda route: route.order)
    hostnames = dict.fromkeys(sorted({route.hostname for route in found}, key=_wideness))
    hosts = [_virtual_host(hostname, port, found) for hostname in hostnames]
    return configuration(names.ingress_routes(protocol_at(gateway, port), port), hosts)


def protocol_at(gateway: MeshResource, port: int) -> str:
    """The protocol of the gateway's listener at ``port``."""
    mappings = (listener["portMapping"] for listener in gateway.spec["listeners"])
    return next(str(one["protocol"]) for one in mappings if one["port"] == port)


def compose(gateway: Match, rewrite: Rewrite, route: Match) -> Match | None:
    """What a request must look like at the gateway so that both match; None if none can."""
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
    """The path to match at the gateway, and what else of it must hold."""
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
    # Envoy matches one path condition; the other is put on the pseudo-header, which has the
    # query string too.
    second = rf"(?:{_as_regex(route)})(?:\?.*)?"
    return gateway, (matches.regex_header(":path", second),)


def _behind_rewrite(rewrite: Rewrite, gateway: Path, route: Path) -> Path | None:
    """The path before its beginning is rewritten, for a condition on what it is afterwards."""
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
    """``pattern`` for the path before ``old`` at its beginning became ``new``.

    Both end before a slash, so that "what follows" begins with one and the pattern, which
    describes a path from its first slash on, can be taken for it.
    """
    if old.endswith("/") and not new.endswith("/"):
        return None  # "/x" becomes "/newx": what follows begins with no slash
    old, new = old.rstrip("/"), new.rstrip("/")
    literal = re.escape(new)
    begins = next((one for one in (new, literal) if pattern.startswith(one)), None)
    divisible = begins == "" or (begins is not None and _DIVISIBLE.match(pattern, len(begins)))
    if begins is None or not divisible:
        # Nothing matches rather than the wrong thing.
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
    gateway: MeshResource,
    port: int,
    routes: Iterable[MeshResource],
    services: Mapping[str, Service],
) -> Iterator[GatewayRoute]:
    """The gateway routes for one listener: those of its protocol and, if they name one, its port.

    A route of a protocol that no listener speaks holds for all of them.
    """
    spoken = {one["portMapping"]["protocol"] for one in gateway.spec["listeners"]}
    own = protocol_at(gateway, port)
    for route in routes:
        for member, protocol in PROTOCOLS.items():
            spec = route.spec.get(member)
            if spec is None or (protocol in spoken and protocol != own):
                continue
            made = _gateway_route(route, spec, member == "grpcRoute", services)
            if made.match.port in (None, port):
                yield made


def _gateway_route(
    resource: MeshResource, spec: Spec, grpc: bool, services: Mapping[str, Service]
) -> GatewayRoute:
    found = matches.match(spec["match"], grpc=grpc)
    target = spec["action"]["target"]
    service = target["virtualService"]["virtualServiceName"]
    hostname = _hostname(spec["match"].get("hostname") or {})
    first, *rest = matches.order(resource.spec, found, resource.name)
    return GatewayRoute(
        name=resource.name,
        hostname=hostname,
        match=found,
        rewrite=rewrite_of(spec, found, service, grpc=grpc),
        service=services.get(service),
        target_port=target.get("port"),
        order=(first, _wideness(hostname), *rest),
    )


def _hostname(spec: Spec) -> str:
    if "exact" in spec:
        return str(spec["exact"]).lower()
    if "suffix" in spec:
        return "*" + str(spec["suffix"]).lower().removeprefix("*")
    return "*"


def _wideness(hostname: str) -> tuple[bool, int, str]:
    """Sorts exact names first, then the longest suffix; "*" is last."""
    return (hostname.startswith("*"), -len(hostname), hostname)


def _covers(wide: str, narrow: str) -> bool:
    """Whether a route for ``wide`` also serves requests to ``narrow``."""
    return wide == narrow or (wide.startswith("*") and narrow.endswith(wide[1:]))


def rewrite_of(spec: Spec, found: Match, service: str, *, grpc: bool) -> Rewrite:
    """By default Host becomes the service's name and the matched prefix becomes ``/``."""
    rewrite = spec["action"].get("rewrite") or {}
    hostname = rewrite.get("hostname") or {}
    host = None if hostname.get("defaultTargetHostname") == "DISABLED" else service
    exact = (rewrite.get("path") or {}).get("exact")
    if exact is not None or grpc or found.path.kind != "prefix":
        return Rewrite(host, exact=exact)
    prefix = rewrite.get("prefix") or {}
    if prefix.get("defaultPrefix") == "DISABLED":
        return Rewrite(host)
    escaped, new = re.escape(found.path.value), str(prefix.get("value", "/"))
    if new.endswith("/") and not escaped.endswith("/"):
        # "/shop" and "/shop/" both become "/", never "//": App Mesh's gateway sent the rewritten
        # request to its own listener, which merges slashes.
        escaped += "/?"
    return Rewrite(host, pattern=escaped, prefix=new)


def _virtual_host(hostname: str, port: int, routes: Iterable[GatewayRoute]) -> HostRoutes:
    """All routes that serve ``hostname``: Envoy looks into one virtual host alone."""
    host = components.VirtualHost(name=hostname)
    host.domains.extend(["*"] if hostname == "*" else domains(hostname, (port,)))
    clusters: set[str] = set()
    for route in routes:
        if _covers(route.hostname, hostname):
            made, used = _envoy_routes(route)
            host.routes.extend(made)
            clusters |= used
    return HostRoutes.of(host, clusters)


def _envoy_routes(gateway: GatewayRoute) -> tuple[list[Any], set[str]]:
    """One Envoy route for each of the service's routes, then 404 for what none of them takes."""
    made: list[Any] = []
    clusters: set[str] = set()
    behind = service_routes(gateway.service) if gateway.service else ()
    for route in behind:
        if not _reachable(gateway, route.match.port):
            continue
        found = compose(gateway.match, gateway.rewrite, route.match)
        if found is None:
            continue
        envoy = envoy_route(f"{gateway.name}/{route.name}", found, route.action)
        if route.action is not None:
            _apply(gateway.rewrite, envoy.route)
            clusters |= route.clusters
        made.append(envoy)
        if replace(found, port=None) == replace(gateway.match, port=None):
            return made, clusters
    nothing = components.Route(name=gateway.name, match=matches.route_match(gateway.match))
    nothing.direct_response.status = 404
    return [*made, nothing], clusters


def _reachable(gateway: GatewayRoute, asked: int | None) -> bool:
    """Whether the service's route is for the port that the gateway route asks for: the one that
    it names, else the first of the service.
    """
    if asked is None or gateway.service is None:
        return True
    return asked == (gateway.target_port or next(iter(gateway.service.ports), None))


def _apply(rewrite: Rewrite, action: Any) -> None:
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
