"""A route's ``match`` in Envoy's terms.

A `Match` keeps the path apart from the other conditions, because a gateway route and the route
behind it are both matched at the gateway: `gateways` combines them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from envoy.config.route.v3 import route_components_pb2 as components
from envoy.type.matcher.v3 import regex_pb2, string_pb2
from envoy.type.v3 import range_pb2

from tealmesh.envoy.protos import serialized

if TYPE_CHECKING:
    from tealmesh.envoy.specs import (
        GrpcGatewayMatch,
        GrpcMatch,
        HeaderMatch,
        HttpGatewayMatch,
        HttpMatch,
        QueryParameter,
    )
    from tealmesh.model.appmesh import GatewayRouteSpec, RouteSpec

PathKind = Literal["exact", "regex", "prefix"]

_SPECIFICITY: dict[PathKind, int] = {"exact": 0, "regex": 1, "prefix": 2}
LAST_PRIORITY = 1001
"""The priority of a route that has none: after every priority that the API allows."""

Order = tuple[int, tuple[int, int], int, str]
"""Sorts routes as App Mesh tries them: (priority, `Path.order`, minus the conditions, name)."""


@dataclass(frozen=True)
class Path:
    """A condition on a request's path, without its query string."""

    kind: PathKind
    value: str

    @property
    def order(self) -> tuple[int, int]:
        """Sorts the more specific path first: exact, regex, then the longest prefix."""
        return (_SPECIFICITY[self.kind], -len(self.value))


ANY_PATH = Path("prefix", "/")


@dataclass(frozen=True)
class Match:
    """What a request must look like."""

    path: Path

    headers: tuple[bytes, ...] = ()
    """Envoy's HeaderMatchers, serialized."""

    query: tuple[bytes, ...] = ()
    """Envoy's QueryParameterMatchers, serialized."""

    port: int | None = None
    """The listener's port that the request must ask for; None for any."""

    grpc: bool = False
    """Whether only gRPC requests match."""


def http_match(spec: HttpMatch | HttpGatewayMatch) -> Match:
    """https://docs.aws.amazon.com/app-mesh/latest/APIReference/API_HttpRouteMatch.html"""
    headers = [_header(one) for one in spec.get("headers", ())]
    if "method" in spec:
        headers.append(exact_header(":method", spec["method"]))
    scheme = spec.get("scheme")  # a gateway route has none
    if isinstance(scheme, str):
        headers.append(exact_header(":scheme", scheme))
    return Match(
        path=_path(spec),
        headers=tuple(headers),
        query=tuple(_query(one) for one in spec.get("queryParameters", ())),
        port=spec.get("port"),
    )


def grpc_match(spec: GrpcMatch | GrpcGatewayMatch) -> Match:
    """https://docs.aws.amazon.com/app-mesh/latest/APIReference/API_GrpcRouteMatch.html"""
    return Match(
        path=_grpc_path(spec),
        headers=tuple(_header(one) for one in spec.get("metadata", ())),
        port=spec.get("port"),
        grpc=True,
    )


def priority(spec: RouteSpec | GatewayRouteSpec) -> int:
    """The route's priority; a route without one comes last."""
    return spec.get("priority", LAST_PRIORITY)


def order(spec: RouteSpec | GatewayRouteSpec, match: Match, name: str) -> Order:
    """The key that sorts routes as App Mesh tries them: by priority, then the more specific first.

    https://docs.aws.amazon.com/app-mesh/latest/userguide/route-priority.html says priority and
    then the longest prefix; more conditions come before fewer so that none is unreachable.
    """
    conditions = len(match.headers) + len(match.query) + (match.port is not None)
    return (priority(spec), match.path.order, -conditions, name)


def route_match(match: Match) -> components.RouteMatch:
    """Envoy's RouteMatch."""
    path, message = match.path, components.RouteMatch()
    if path.kind == "exact":
        message.path = path.value
    elif path.kind == "prefix":
        message.prefix = path.value
    else:
        message.safe_regex.CopyFrom(regex(path.value))
    message.headers.extend(components.HeaderMatcher.FromString(one) for one in match.headers)
    for one in match.query:
        message.query_parameters.append(components.QueryParameterMatcher.FromString(one))
    if match.grpc:
        message.grpc.CopyFrom(components.RouteMatch.GrpcRouteMatchOptions())
    return message


def exact_header(name: str, value: str) -> bytes:
    """A condition that a header has exactly this value."""
    return serialized(components.HeaderMatcher(name=name, string_match=_exact(value)))


def prefix_header(name: str, beginning: str) -> bytes:
    """A condition that a header begins so."""
    matcher = string_pb2.StringMatcher(prefix=beginning)
    return serialized(components.HeaderMatcher(name=name, string_match=matcher))


def regex_header(name: str, pattern: str) -> bytes:
    """A condition that a header as a whole matches a regular expression."""
    matcher = string_pb2.StringMatcher(safe_regex=regex(pattern))
    return serialized(components.HeaderMatcher(name=name, string_match=matcher))


def without_header(name: str) -> bytes:
    """A condition that there is no such header."""
    matcher = components.HeaderMatcher(name=name, present_match=True, invert_match=True)
    return serialized(matcher)


def regex(pattern: str) -> regex_pb2.RegexMatcher:
    """Envoy's RegexMatcher (RE2, whole string)."""
    return regex_pb2.RegexMatcher(regex=pattern)


def authority_at(port: int) -> bytes:
    """A condition that the request's Host names ``port``; it may leave out 80."""
    optional = f"(?::{port})?" if port == 80 else f":{port}"
    return regex_header(":authority", rf"(?:\[[^\]]*\]|[^:]*){optional}")


def full_match(pattern: str, text: str) -> bool:
    """Whether the whole of ``text`` matches. The API accepts only patterns of RE2; the few that
    Python does not understand count as not matching.
    """
    try:
        return re.fullmatch(pattern, text) is not None
    except re.error:
        return False


def _path(spec: HttpMatch | HttpGatewayMatch) -> Path:
    if "path" in spec:
        path = spec["path"]
        return Path("exact", path["exact"]) if "exact" in path else Path("regex", path["regex"])
    return Path("prefix", spec.get("prefix", "/"))


def _grpc_path(spec: GrpcMatch | GrpcGatewayMatch) -> Path:
    """https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md: ``/Service/Method``."""
    service = spec.get("serviceName", "").removeprefix("/")
    if not service:
        return ANY_PATH
    method = spec.get("methodName")  # a gateway route has none
    if isinstance(method, str):
        return Path("exact", f"/{service}/{method.removeprefix('/')}")
    return Path("prefix", f"/{service}/")


def _header(spec: HeaderMatch) -> bytes:
    """https://docs.aws.amazon.com/app-mesh/latest/APIReference/API_HeaderMatchMethod.html"""
    matcher = components.HeaderMatcher(name=spec["name"], invert_match=spec.get("invert", False))
    method = spec.get("match") or {}
    if "range" in method:
        span = method["range"]
        matcher.range_match.CopyFrom(range_pb2.Int64Range(start=span["start"], end=span["end"]))
    elif "exact" in method:
        matcher.string_match.CopyFrom(_exact(method["exact"]))
    elif "prefix" in method:
        matcher.string_match.prefix = method["prefix"]
    elif "suffix" in method:
        matcher.string_match.suffix = method["suffix"]
    elif "regex" in method:
        matcher.string_match.safe_regex.CopyFrom(regex(method["regex"]))
    else:
        matcher.present_match = True
    return serialized(matcher)


def _query(spec: QueryParameter) -> bytes:
    """https://docs.aws.amazon.com/app-mesh/latest/APIReference/API_HttpQueryParameter.html"""
    matcher = components.QueryParameterMatcher(name=spec["name"])
    exact = (spec.get("match") or {}).get("exact")
    if exact is None:
        matcher.present_match = True
    else:
        matcher.string_match.CopyFrom(_exact(exact))
    return serialized(matcher)


def _exact(value: str) -> string_pb2.StringMatcher:
    return string_pb2.StringMatcher(exact=value)
