"""The rules between members of App Mesh's specifications, each with a way to break it.

Also the functions that find and change a place in a specification.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tealmesh.model.mesh import Kind
from tests.support.meshes.specs import spec_shape
from tests.support.planes.worlds import PROTOCOLS

Place = tuple[str | int, ...]
"""Keys and indices that lead to a value in a specification."""


@dataclass(frozen=True)
class Rule:
    """How to break one rule: the ``path`` (``[]`` for any element), how to ``change`` the value
    there, and what the message must name. With ``around``, the value's container is changed.
    """

    kind: Kind
    path: str
    change: Callable[[Any], Any]
    named: str
    around: bool = False


def constant(value: Any) -> Callable[[Any], Any]:
    return lambda old: value


def other_port(old: int) -> int:
    return old % 65535 + 1


def again(old: list[Any]) -> list[Any]:
    return [*old, *copy.deepcopy(old[:1])]


def without(member: str) -> Callable[[Any], Any]:
    return lambda old: {key: value for key, value in old.items() if key != member}


def with_(member: str, value: Any) -> Callable[[Any], Any]:
    return lambda old: {**old, member: value}


def weighing(weight: int) -> Callable[[Any], Any]:
    return lambda old: [{**target, "weight": weight} for target in old]


NODE, ROUTE, GATEWAY, EDGE = (
    Kind.VIRTUAL_NODE,
    Kind.ROUTE,
    Kind.VIRTUAL_GATEWAY,
    Kind.GATEWAY_ROUTE,
)
LONG = {"unit": "s", "value": 2**31}
ACTION = {"weightedTargets": [{"virtualNode": "n0", "weight": 1}]}


def listener_rules(kind: Kind) -> Iterator[Rule]:
    at = "listeners[]"
    yield Rule(kind, "listeners", again, "listeners[].portMapping.port")
    yield Rule(kind, f"{at}.healthCheck.port", other_port, "healthCheck.port")
    arn = f"{at}.tls.certificate.acm.certificateArn"
    yield Rule(kind, arn, constant("arn:aws:s3:::bucket"), "certificateArn")
    yield from policy_rules(kind, "backendDefaults")
    wrong = {"protocol": "http", "path": "no slash"}
    yield Rule(kind, f"{at}.healthCheck", lambda old: {**old, **wrong}, "healthCheck.path")
    for protocol in ("http", "http2", "grpc"):
        other = "grpc" if protocol != "grpc" else "http"
        limits = {"maxRequests": 1} if other == "grpc" else {"maxConnections": 1}
        pool = constant({other: limits})
        yield Rule(kind, f"{at}.connectionPool.{protocol}", pool, "connectionPool", around=True)
    yield Rule(kind, "logging.accessLog.file.format.text", constant("50 %"), "format.text")
    yield Rule(kind, "logging.accessLog.file.format.json[].value", constant("%X"), "json[].value")
    yield Rule(kind, "logging.accessLog.file.format.json", again, "json[].key")


def policy_rules(kind: Kind, at: str) -> Iterator[Rule]:
    """Rules of a client policy."""
    ports, arns = "ports", "validation.trust.acm.certificateAuthorityArns"
    yield Rule(kind, f"{at}.clientPolicy.tls.{ports}", again, "tls.ports[]")
    yield Rule(
        kind, f"{at}.clientPolicy.tls.{arns}", constant(["x"]), "certificateAuthorityArns[0]"
    )


def node_rules() -> Iterator[Rule]:
    yield from listener_rules(NODE)
    yield from policy_rules(NODE, "backends[].virtualService")
    yield Rule(NODE, "", without("serviceDiscovery"), "spec.serviceDiscovery")
    yield Rule(NODE, "", without("listeners"), "Service Discovery")
    yield Rule(NODE, "backends", again, "backends[].virtualService.virtualServiceName")
    yield Rule(NODE, "serviceDiscovery.awsCloudMap.attributes", again, "attributes[].key")
    yield Rule(NODE, "serviceDiscovery.dns.hostname", constant("a b"), "dns.hostname")
    for member in ("interval", "baseEjectionDuration"):
        at = f"listeners[].outlierDetection.{member}"
        yield Rule(NODE, f"{at}.value", constant(0), f"{member}.value")
        yield Rule(NODE, at, without("unit"), member)
        yield Rule(NODE, at, constant(LONG), f"{member}.value")
    at = "listeners[].outlierDetection.maxServerErrors"
    yield Rule(NODE, at, constant(2**32), "maxServerErrors")
    for protocol in PROTOCOLS:
        for member in ("idle", "perRequest"):
            at = f"listeners[].timeout.{protocol}.{member}"
            yield Rule(NODE, at, without("value"), f"timeout.{protocol}.{member}")
            yield Rule(NODE, at, constant(LONG), f"timeout.{protocol}.{member}.value")


def value_rules(kind: Kind, at: str) -> Iterator[Rule]:
    """Rules of a match of a header, or of metadata."""
    yield Rule(kind, f"{at}[].name", constant("a b"), "name")
    yield Rule(kind, f"{at}[].match.regex", constant("(?=a)"), "match.regex")
    yield Rule(kind, f"{at}[].match.range.start", constant(2**63 - 1), "match.range.start")
    yield Rule(kind, f"{at}[].match.range.end", constant(-(2**63)), "match.range.start")


def match_rules(kind: Kind, at: str) -> Iterator[Rule]:
    for member in ("prefix", "path.exact"):
        yield Rule(kind, f"{at}.{member}", constant("no-slash"), member)
        yield Rule(kind, f"{at}.{member}", constant("/a?b"), member)
    yield Rule(kind, f"{at}.path.regex", constant("(("), "path.regex")
    yield Rule(kind, f"{at}.path.regex", with_("exact", "/a"), "match.path", around=True)
    yield Rule(kind, f"{at}.path", constant({}), "match.path")
    yield Rule(kind, f"{at}.queryParameters[].name", constant(""), "queryParameters")
    yield from value_rules(kind, f"{at}.headers")


def grpc_rules(kind: Kind, at: str) -> Iterator[Rule]:
    yield Rule(kind, f"{at}.serviceName", constant("a/b"), "serviceName")
    yield Rule(kind, f"{at}.methodName", constant("a b"), "methodName")
    yield from value_rules(kind, f"{at}.metadata")


def route_rules() -> Iterator[Rule]:
    yield Rule(ROUTE, "", without("httpRoute"), "spec")
    for member in ("httpRoute", "http2Route", "grpcRoute", "tcpRoute"):
        other = "tcpRoute" if member != "tcpRoute" else "httpRoute"
        second = {"match": {}, "action": ACTION}
        yield Rule(ROUTE, member, with_(other, second), "exactly one of", around=True)
        targets = f"{member}.action.weightedTargets"
        yield Rule(ROUTE, targets, weighing(0), "weightedTargets[].weight")
        yield Rule(
            ROUTE, targets, lambda old: weighing(100)(again(old)), "weightedTargets[].weight"
        )
        yield Rule(ROUTE, targets, again, "weightedTargets[].virtualNode")
        yield Rule(ROUTE, f"{targets}[].port", constant(65535), "weightedTargets")
        yield Rule(ROUTE, f"{member}.match.port", constant(65535), "match.port")
        for kind in ("idle", "perRequest"):
            yield Rule(ROUTE, f"{member}.timeout.{kind}", without("unit"), f"timeout.{kind}")
            yield Rule(ROUTE, f"{member}.timeout.{kind}", constant(LONG), f"timeout.{kind}.value")
        yield Rule(
            ROUTE, f"{member}.retryPolicy.httpRetryEvents", constant(["5xx"]), "httpRetryEvents"
        )
        yield Rule(
            ROUTE, f"{member}.retryPolicy.perRetryTimeout", without("value"), "perRetryTimeout"
        )
        yield Rule(ROUTE, f"{member}.retryPolicy.maxRetries", constant(2**32), "maxRetries")
    for member in ("httpRoute", "http2Route"):
        yield from match_rules(ROUTE, f"{member}.match")
        yield Rule(
            ROUTE, f"{member}.match.prefix", with_("path", {"exact": "/"}), ".match", around=True
        )
    yield from grpc_rules(ROUTE, "grpcRoute.match")
    yield Rule(
        ROUTE, "grpcRoute.match.methodName", without("serviceName"), "methodName", around=True
    )


def edge_rules() -> Iterator[Rule]:
    for member in ("httpRoute", "http2Route", "grpcRoute"):
        yield Rule(EDGE, f"{member}.match.hostname", constant({}), "match.hostname")
        yield Rule(EDGE, f"{member}.match.hostname.exact", constant("a b"), "hostname.exact")
        yield Rule(
            EDGE,
            f"{member}.match.hostname.exact",
            with_("suffix", ".a"),
            "match.hostname",
            around=True,
        )
        yield Rule(EDGE, f"{member}.match.hostname.suffix", constant("*"), "hostname.suffix")
        yield Rule(EDGE, f"{member}.match.port", constant(65535), "match.port")
        yield Rule(EDGE, f"{member}.action.target.port", constant(65535), "target.port")
    for member in ("httpRoute", "http2Route"):
        match, rewrite = f"{member}.match", f"{member}.action.rewrite"
        yield from match_rules(EDGE, match)
        yield Rule(EDGE, f"{match}.prefix", constant("/aws-appmesh"), "match.prefix")
        yield Rule(EDGE, f"{rewrite}.prefix.value", constant("no-slash"), "prefix.value")
        yield Rule(
            EDGE,
            f"{rewrite}.prefix.value",
            with_("defaultPrefix", "ENABLED"),
            "rewrite.prefix",
            around=True,
        )
        yield Rule(EDGE, f"{rewrite}.prefix", constant({}), "rewrite.prefix")
        yield Rule(EDGE, f"{rewrite}.prefix", with_("path", {"exact": "/"}), "rewrite", around=True)
        yield Rule(EDGE, f"{rewrite}.path", constant({}), "rewrite.path")
        yield Rule(EDGE, f"{rewrite}.path.exact", constant("no-slash"), "path.exact")
    yield from grpc_rules(EDGE, "grpcRoute.match")
    yield Rule(EDGE, "grpcRoute.match.serviceName", constant("aws.appmesh.X"), "serviceName")


RULES = [*node_rules(), *listener_rules(GATEWAY), *route_rules(), *edge_rules()]


def impossible(rule: Rule) -> bool:
    """Whether the model lacks the rule's path: the rules list every path for every protocol."""
    members = rule.path.replace("[]", "").split(".")
    shape = spec_shape(rule.kind)
    for member in filter(None, members):
        shape = shape.member if shape.type_name == "list" else shape
        if member not in shape.members:
            return True
        shape = shape.members[member]
    return False


def places(
    value: Any, path: str = "", at: Place = (), *, inner: bool = False
) -> Iterator[tuple[str, Place]]:
    """(path with [], keys and indices) of every leaf; with ``inner`` of everything else too."""
    if inner and at:
        yield path, at
    if isinstance(value, dict):
        for name, item in value.items():
            yield from places(item, f"{path}.{name}" if path else name, (*at, name), inner=inner)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from places(item, f"{path}[]", (*at, index), inner=inner)
    elif not inner:
        yield path, at


def value_at(value: Any, at: Place) -> Any:
    for step in at:
        value = value[step]
    return value


def changed(spec: Any, at: Place, value: Any) -> Any:
    """A copy of ``spec`` with another value there; None removes the member."""
    if not at:
        return value
    made = copy.deepcopy(spec)
    holder = value_at(made, at[:-1])
    if value is None:
        del holder[at[-1]]
    else:
        holder[at[-1]] = value
    return made
