"""What a request must look like: a route's ``match`` in Envoy's terms.

A `Match` keeps the path apart from the other conditions, because a gateway route and the route
behind it are both matched at the gateway and must be put together (`gateways`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

from envoy.config.route.v3 import route_components_pb2 as components
from envoy.type.matcher.v3 import regex_pb2, string_pb2
from envoy.type.v3 import range_pb2

from tealmesh.envoy.protos import Spec

PathKind = Literal["exact", "regex", "prefix"]

_SPECIFICITY: dict[PathKind, int] = {"exact": 0, "regex": 1, "prefix": 2}
LAST_PRIORITY = 1001
"""Where a route without a priority stands: behind every priority that the API allows."""


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
    """``path`` and Envoy's matchers for headers and query parameters, each serialized; ``port``
    is the listener's port that must be asked for, ``grpc`` whether only gRPC requests match.
    """

    path: Path
    headers: tuple[bytes, ...] = ()
    query: tuple[bytes, ...] = ()
    port: int | None = None
    grpc: bool = False

    @property
    def everything(self) -> bool:
        """Whether every request matches, whatever port it came to."""
        return self == Match(ANY_PATH, port=self.port)


def match(spec: Spec, *, grpc: bool) -> Match:
    """From HttpRouteMatch, GrpcRouteMatch and their gateway forms.

    https://docs.aws.amazon.com/app-mesh/latest/APIReference/API_HttpRouteMatch.html
    """
    headers = [_header(one) for one in spec.get("metadata" if grpc else "headers", ())]
    for member in ("method", "scheme"):
        if member in spec:
            headers.append(exact_header(f":{member}", spec[member]))
    return Match(
        path=_grpc_path(spec) if grpc else _path(spec),
        headers=tuple(headers),
        query=tuple(_query(one) for one in spec.get("queryParameters", ())),
        port=spec.get("port"),
        grpc=grpc,
    )


def priority(spec: Spec) -> int:
    """A route's or gateway route's priority; without one it comes last."""
    return int(spec.get("priority", LAST_PRIORITY))


def order(spec: Spec, found: Match, name: str) -> tuple[Any, ...]:
    """Sorts routes as App Mesh tries them: by priority, then the more specific first.

    https://docs.aws.amazon.com/app-mesh/latest/userguide/route-priority.html says priority and
    then the longest prefix; more conditions come before fewer so that none is unreachable.
    """
    conditions = len(found.headers) + len(found.query) + (found.port is not None)
    return (priority(spec), found.path.order, -conditions, name)


def route_match(found: Match) -> Any:
    """Envoy's RouteMatch."""
    path, message = found.path, components.RouteMatch()
    if path.kind == "exact":
        message.path = path.value
    elif path.kind == "prefix":
        message.prefix = path.value
    else:
        message.safe_regex.CopyFrom(regex(path.value))
    message.headers.extend(components.HeaderMatcher.FromString(one) for one in found.headers)
    for one in found.query:
        message.query_parameters.append(components.QueryParameterMatcher.FromString(one))
    if found.grpc:
        message.grpc.CopyFrom(components.RouteMatch.GrpcRouteMatchOptions())
    return message


def exact_header(name: str, value: str) -> bytes:
    """A condition that a header has exactly this value."""
    return _encoded(components.HeaderMatcher(name=name, string_match=_exact(value)))


def regex_header(name: str, pattern: str) -> bytes:
    """A condition that a header as a whole matches a regular expression."""
    matcher = string_pb2.StringMatcher(safe_regex=regex(pattern))
    return _encoded(components.HeaderMatcher(name=name, string_match=matcher))


def regex(pattern: str) -> Any:
    """Envoy's RegexMatcher (RE2, whole string)."""
    return regex_pb2.RegexMatcher(regex=pattern)


def authority_at(port: int) -> bytes:
    """A condition that the request asks for ``port`` in its Host; http's own may be left out."""
    optional = f"(?::{port})?" if port == 80 else f":{port}"
    return regex_header(":authority", rf"(?:\[[^\]]*\]|[^:]*){optional}")


def full_match(pattern: str, text: str) -> bool:
    """Whether the whole of ``text`` matches. The API takes only what RE2 understands, of which
    Python's syntax differs in rarities; such a pattern is taken not to match.
    """
    try:
        return re.fullmatch(pattern, text) is not None
    except re.error:
        return False


def _path(spec: Spec) -> Path:
    if "path" in spec:
        (kind, value), *_ = spec["path"].items()
        return Path(kind, value)
    return Path("prefix", spec.get("prefix", "/"))


def _grpc_path(spec: Spec) -> Path:
    """https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md: ``/Service/Method``."""
    service = spec.get("serviceName", "").removeprefix("/")
    if not service:
        return ANY_PATH
    if "methodName" in spec:
        return Path("exact", f"/{service}/{spec['methodName'].removeprefix('/')}")
    return Path("prefix", f"/{service}/")


def _header(spec: Spec) -> bytes:
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
    return _encoded(matcher)


def _query(spec: Spec) -> bytes:
    """https://docs.aws.amazon.com/app-mesh/latest/APIReference/API_HttpQueryParameter.html"""
    matcher = components.QueryParameterMatcher(name=spec["name"])
    exact = (spec.get("match") or {}).get("exact")
    if exact is None:
        matcher.present_match = True
    else:
        matcher.string_match.CopyFrom(_exact(exact))
    return _encoded(matcher)


def _exact(value: str) -> Any:
    return string_pb2.StringMatcher(exact=value)


def _encoded(message: Any) -> bytes:
    encoded: bytes = message.SerializeToString(deterministic=True)
    return encoded
