"""Rules between the members of a route's or gateway route's specification (see `spec_rules`).

https://docs.aws.amazon.com/app-mesh/latest/APIReference/API_RouteSpec.html and
https://docs.aws.amazon.com/app-mesh/latest/APIReference/API_GatewayRouteSpec.html
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from tealmesh.apis.appmesh.re2 import re2_error
from tealmesh.apis.appmesh.spec_rules import (
    MAX_UINT32,
    Problem,
    Problems,
    at_most,
    duration,
    once_each,
    timeouts,
)

if TYPE_CHECKING:
    from types_boto3_appmesh.type_defs import (
        GatewayRouteHostnameMatchTypeDef,
        GrpcGatewayRouteMatchOutputTypeDef,
        GrpcGatewayRouteMetadataTypeDef,
        GrpcGatewayRouteOutputTypeDef,
        GrpcRetryPolicyOutputTypeDef,
        GrpcRouteMatchOutputTypeDef,
        GrpcRouteMetadataTypeDef,
        GrpcRouteOutputTypeDef,
        HttpGatewayRouteHeaderTypeDef,
        HttpGatewayRouteMatchOutputTypeDef,
        HttpGatewayRouteOutputTypeDef,
        HttpGatewayRouteRewriteTypeDef,
        HttpRetryPolicyOutputTypeDef,
        HttpRouteHeaderTypeDef,
        HttpRouteMatchOutputTypeDef,
        HttpRouteOutputTypeDef,
        MatchRangeTypeDef,
        TcpRouteOutputTypeDef,
        WeightedTargetTypeDef,
    )

    from tealmesh.model.appmesh import GatewayRouteSpec, RouteSpec

    RouteContent = HttpRouteOutputTypeDef | GrpcRouteOutputTypeDef | TcpRouteOutputTypeDef
    GatewayRouteContent = HttpGatewayRouteOutputTypeDef | GrpcGatewayRouteOutputTypeDef
    Header = (
        HttpRouteHeaderTypeDef
        | HttpGatewayRouteHeaderTypeDef
        | GrpcRouteMetadataTypeDef
        | GrpcGatewayRouteMetadataTypeDef
    )
    HttpMatch = HttpRouteMatchOutputTypeDef | HttpGatewayRouteMatchOutputTypeDef

ROUTE_MEMBERS: Mapping[Literal["httpRoute", "http2Route", "grpcRoute", "tcpRoute"], str] = {
    "httpRoute": "http",
    "http2Route": "http2",
    "grpcRoute": "grpc",
    "tcpRoute": "tcp",
}
"""The members of API_RouteSpec that hold a route, and the protocol of each."""

_GATEWAY_MEMBERS: tuple[Literal["httpRoute", "http2Route", "grpcRoute"], ...] = (
    "httpRoute",
    "http2Route",
    "grpcRoute",
)
_HTTP_MEMBERS: tuple[Literal["httpRoute", "http2Route"], ...] = ("httpRoute", "http2Route")

HTTP_RETRY_EVENTS = ("server-error", "gateway-error", "client-error", "stream-error")
"""https://docs.aws.amazon.com/app-mesh/latest/APIReference/API_HttpRetryPolicy.html"""

_HEADER = re.compile(r":?[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HOST_PART = re.compile(r"[A-Za-z0-9_.-]+")
_RESERVED_PREFIXES = ("/aws-appmesh", "/aws-app-mesh")
_RESERVED_SERVICES = ("aws.appmesh", "aws.app-mesh")
_INT64 = 2**63


def protocol(spec: RouteSpec | GatewayRouteSpec) -> str:
    """The protocol of a route or gateway route that keeps the rules."""
    return next(spoken for member, spoken in ROUTE_MEMBERS.items() if member in spec)


def content(spec: RouteSpec) -> RouteContent:
    """The one route (with ``match`` and ``action``) in a spec that keeps the rules."""
    return next(spec[member] for member in ROUTE_MEMBERS if member in spec)


def gateway_content(spec: GatewayRouteSpec) -> GatewayRouteContent:
    """The one gateway route in a spec that keeps the rules."""
    return next(spec[member] for member in _GATEWAY_MEMBERS if member in spec)


def route(spec: RouteSpec) -> Problems:
    """A route's spec."""
    yield from _exactly_one("spec", spec, tuple(ROUTE_MEMBERS))
    for member in _HTTP_MEMBERS:
        if member in spec:
            yield from _http_route(f"spec.{member}", spec[member])
    if "grpcRoute" in spec:
        yield from _grpc_route("spec.grpcRoute", spec["grpcRoute"])
    if "tcpRoute" in spec:
        tcp = spec["tcpRoute"]
        yield from _targets("spec.tcpRoute", tcp["action"]["weightedTargets"])
        yield from timeouts("spec.tcpRoute.timeout", tcp.get("timeout", {}).get("idle"))


def _http_route(field: str, chosen: HttpRouteOutputTypeDef) -> Problems:
    yield from _http_match(f"{field}.match", chosen["match"])
    yield from _targets(field, chosen["action"]["weightedTargets"])
    times = chosen.get("timeout", {})
    yield from timeouts(f"{field}.timeout", times.get("idle"), times.get("perRequest"))
    if "retryPolicy" in chosen:
        yield from _retry(f"{field}.retryPolicy", chosen["retryPolicy"])


def _grpc_route(field: str, chosen: GrpcRouteOutputTypeDef) -> Problems:
    match = chosen["match"]
    if "methodName" in match and "serviceName" not in match:
        allowed = f"must not be set without {field}.match.serviceName"
        yield Problem(f"{field}.match.methodName", match["methodName"], allowed)
    yield from _grpc_match(f"{field}.match", match, match.get("methodName"))
    yield from _targets(field, chosen["action"]["weightedTargets"])
    times = chosen.get("timeout", {})
    yield from timeouts(f"{field}.timeout", times.get("idle"), times.get("perRequest"))
    if "retryPolicy" in chosen:
        policy = chosen["retryPolicy"]
        yield from _retry(f"{field}.retryPolicy", policy, policy.get("grpcRetryEvents", ()))


def _targets(route_field: str, targets: Sequence[WeightedTargetTypeDef]) -> Problems:
    field = f"{route_field}.action.weightedTargets"
    weights = [target["weight"] for target in targets]
    if sum(weights) == 0:
        yield Problem(f"{field}[].weight", weights, "must have at least one weight above 0")
    if sum(weights) > 100:
        # API_WeightedTarget: "The total weight for all targets combined must be less than or
        # equal to 100."
        yield Problem(f"{field}[].weight", weights, "must add up to at most 100")
    chosen = Counter((target["virtualNode"], target.get("port")) for target in targets)
    for (node, _), count in chosen.items():
        yield from once_each(f"{field}[].virtualNode", [node] * count)


def _retry(
    field: str,
    policy: HttpRetryPolicyOutputTypeDef | GrpcRetryPolicyOutputTypeDef,
    grpc_events: Sequence[str] = (),
) -> Problems:
    events: dict[str, Sequence[str]] = {
        "httpRetryEvents": policy.get("httpRetryEvents", ()),
        "tcpRetryEvents": policy.get("tcpRetryEvents", ()),
        "grpcRetryEvents": grpc_events,
    }
    if not any(events.values()):
        yield Problem(field, dict(policy), f"must have at least one event in {', '.join(events)}")
    for event in events["httpRetryEvents"]:
        if event not in HTTP_RETRY_EVENTS:
            allowed = f"must be one of {', '.join(HTTP_RETRY_EVENTS)}"
            yield Problem(f"{field}.httpRetryEvents[]", event, allowed)
    yield from duration(f"{field}.perRetryTimeout", policy["perRetryTimeout"])
    yield from at_most(f"{field}.maxRetries", policy["maxRetries"], MAX_UINT32)


def gateway_route(spec: GatewayRouteSpec) -> Problems:
    """A gateway route's spec."""
    yield from _exactly_one("spec", spec, _GATEWAY_MEMBERS)
    for member in _HTTP_MEMBERS:
        if member in spec:
            field, match = f"spec.{member}", spec[member]["match"]
            yield from _hostname(f"{field}.match.hostname", match.get("hostname"))
            yield from _http_match(f"{field}.match", match)
            yield from _reserved_prefix(f"{field}.match.prefix", match.get("prefix"))
            rewrite = spec[member]["action"].get("rewrite", {})
            yield from _rewrite(f"{field}.action.rewrite", rewrite, match)
    if "grpcRoute" in spec:
        field, grpc_match = "spec.grpcRoute", spec["grpcRoute"]["match"]
        yield from _hostname(f"{field}.match.hostname", grpc_match.get("hostname"))
        yield from _grpc_match(f"{field}.match", grpc_match)
        yield from _reserved_service(f"{field}.match.serviceName", grpc_match.get("serviceName"))


def _rewrite(
    field: str, rewrite: HttpGatewayRouteRewriteTypeDef, match: HttpGatewayRouteMatchOutputTypeDef
) -> Problems:
    """What is matched decides what can be rewritten (user guide, "Creating a gateway route")."""
    if "prefix" in rewrite and "path" in rewrite:
        yield Problem(field, sorted(rewrite), "must have at most one of prefix and path")
    if "prefix" in rewrite and "path" in match:
        allowed = "must not be set when the match is by path: use rewrite.path"
        yield Problem(f"{field}.prefix", rewrite["prefix"], allowed)
    if "path" in rewrite and "prefix" in match:
        allowed = "must not be set when the match is by prefix: use rewrite.prefix"
        yield Problem(f"{field}.path", rewrite["path"], allowed)
    if "prefix" in rewrite:
        yield from _exactly_one(f"{field}.prefix", rewrite["prefix"], ("defaultPrefix", "value"))
        yield from _path(f"{field}.prefix.value", rewrite["prefix"].get("value"))
    if "path" in rewrite:
        if "exact" not in rewrite["path"]:
            yield Problem(f"{field}.path", rewrite["path"], "must have exact")
        yield from _path(f"{field}.path.exact", rewrite["path"].get("exact"))


def _hostname(field: str, hostname: GatewayRouteHostnameMatchTypeDef | None) -> Problems:
    if hostname is None:
        return
    yield from _exactly_one(field, hostname, ("exact", "suffix"))
    exact = hostname.get("exact")
    if exact is not None and not _HOST_PART.fullmatch(exact):
        yield Problem(f"{field}.exact", exact, "must be a host name")
    suffix = hostname.get("suffix")
    if suffix is not None and not _HOST_PART.fullmatch(suffix.removeprefix("*")):
        yield Problem(f"{field}.suffix", suffix, "must be the end of host names (.example.com)")


def _reserved_prefix(field: str, prefix: str | None) -> Problems:
    if prefix is not None and prefix.startswith(_RESERVED_PREFIXES):
        allowed = f"must not begin with {' or '.join(_RESERVED_PREFIXES)}, which are reserved"
        yield Problem(field, prefix, allowed)


def _reserved_service(field: str, name: str | None) -> Problems:
    if name is not None and name.startswith(_RESERVED_SERVICES):
        allowed = f"must not begin with {' or '.join(_RESERVED_SERVICES)}, which are reserved"
        yield Problem(field, name, allowed)


def _http_match(field: str, match: HttpMatch) -> Problems:
    if "prefix" in match and "path" in match:
        both = {"prefix": match["prefix"], "path": match["path"]}
        yield Problem(field, both, "must have at most one of prefix and path")
    yield from _path(f"{field}.prefix", match.get("prefix"))
    if "path" in match:
        yield from _exactly_one(f"{field}.path", match["path"], ("exact", "regex"))
        yield from _path(f"{field}.path.exact", match["path"].get("exact"))
        yield from _regex(f"{field}.path.regex", match["path"].get("regex"))
    for index, header in enumerate(match.get("headers", ())):
        yield from _header(f"{field}.headers[{index}]", header)
    for index, parameter in enumerate(match.get("queryParameters", ())):
        if not parameter["name"]:
            yield Problem(f"{field}.queryParameters[{index}].name", "", "must not be empty")


def _grpc_match(
    field: str,
    match: GrpcRouteMatchOutputTypeDef | GrpcGatewayRouteMatchOutputTypeDef,
    method: str | None = None,
) -> Problems:
    for member, name in (("serviceName", match.get("serviceName")), ("methodName", method)):
        if name is not None and not re.fullmatch(r"[A-Za-z0-9_.-]+", name):
            allowed = "must be a gRPC name: letters, digits, '_', '-' and '.'"
            yield Problem(f"{field}.{member}", name, allowed)
    for index, metadata in enumerate(match.get("metadata", ())):
        yield from _header(f"{field}.metadata[{index}]", metadata)


def _header(field: str, header: Header) -> Problems:
    if not _HEADER.fullmatch(header["name"]):
        yield Problem(f"{field}.name", header["name"], "must be the name of a header")
    match = header.get("match", {})
    yield from _regex(f"{field}.match.regex", match.get("regex"))
    span = match.get("range")
    if span is not None:
        yield from _range(f"{field}.match.range", span)


def _range(field: str, span: MatchRangeTypeDef) -> Problems:
    if span["start"] >= span["end"]:
        # API_MatchRange: start is within the range, end is not.
        allowed = f"must be less than {field}.end ({span['end']})"
        yield Problem(f"{field}.start", span["start"], allowed)
    for member, value in (("start", span["start"]), ("end", span["end"])):
        if not -_INT64 <= value < _INT64:
            yield Problem(f"{field}.{member}", value, "must fit 64 bits")


def _path(field: str, path: str | None) -> Problems:
    if path is not None and not re.fullmatch(r"/[^\s\x00-\x1f\x7f?#]*", path):
        yield Problem(field, path, "must begin with '/' and hold no spaces, '?' or '#'")


def _regex(field: str, pattern: str | None) -> Problems:
    error = re2_error(pattern) if pattern is not None else None
    if error:
        allowed = f"must be a regular expression that Envoy (RE2) understands: {error}"
        yield Problem(field, pattern, allowed)


def _exactly_one(field: str, holder: Mapping[str, object], members: Sequence[str]) -> Problems:
    present = [member for member in members if member in holder]
    if len(present) != 1:
        has = f", not {' and '.join(present)}" if present else ""
        allowed = f"must have exactly one of {', '.join(members)}{has}"
        yield Problem(field, dict(holder), allowed)
