"""Conditions of a rule as Envoy's RouteMatch: all of them must hold, by one of their values each.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-condition-types.html
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from envoy.config.route.v3 import route_components_pb2 as components
from envoy.type.matcher.v3 import address_pb2, filter_state_pb2, string_pb2
from xds.core.v3 import cidr_pb2

from tealmesh.envoy.load_balancers.patterns import any_of, wildcard
from tealmesh.envoy.routing.matches import regex
from tealmesh.model.load_balancers import ConditionBody, HttpHeaderBody, QueryPair

CLIENT_ADDRESS = "tealmesh.elb.client"
"""The filter state in which a listener keeps the address that a connection came from: source-ip
does not look at X-Forwarded-For."""


def route_match(conditions: Iterable[ConditionBody]) -> components.RouteMatch:
    """A match of requests that meet every one of the ``conditions``; of all requests if none."""
    match = components.RouteMatch()
    for condition in conditions:
        _add(match, condition)
    if match.WhichOneof("path_specifier") is None:
        match.prefix = "/"
    return match


def _add(match: components.RouteMatch, condition: ConditionBody) -> None:
    field = condition["Field"]
    if field == "path-pattern":
        match.safe_regex.CopyFrom(regex(any_of(map(wildcard, _values(condition)))))
    elif field == "host-header":
        match.headers.append(_matches(":authority", _hosts(_values(condition))))
    elif field == "http-request-method":
        match.headers.append(_matches(":method", any_of(map(wildcard, _values(condition)))))
    elif field == "http-header":
        config = condition["HttpHeaderConfig"]
        match.headers.append(_matches(config["HttpHeaderName"].lower(), _header(config)))
    elif field == "query-string":
        pairs = condition["QueryStringConfig"]["Values"]
        match.headers.append(_matches(":path", _query(pairs)))
    elif field == "source-ip":
        match.filter_state.append(_source(_values(condition)))


def _values(condition: ConditionBody) -> list[str]:
    """The values of a condition: of its own member, or of the older ``Values``."""
    for member in (
        condition.get("PathPatternConfig"),
        condition.get("HostHeaderConfig"),
        condition.get("HttpRequestMethodConfig"),
        condition.get("SourceIpConfig"),
    ):
        if member and member.get("Values"):
            return member["Values"]
    return condition.get("Values", [])


def _matches(name: str, pattern: str) -> components.HeaderMatcher:
    """A condition that a header as a whole matches a regular expression."""
    matcher = string_pb2.StringMatcher(safe_regex=regex(pattern))
    return components.HeaderMatcher(name=name, string_match=matcher)


def _hosts(patterns: Iterable[str]) -> str:
    """Host names, without regard to case; the port that Host may name does not count."""
    return rf"(?i){any_of(map(wildcard, patterns))}(?::[0-9]+)?"


def _header(config: HttpHeaderBody) -> str:
    """Values of a header, without regard to case: the header as a whole is compared, and of several
    values each one.
    """
    whole = any_of(map(wildcard, config["Values"]))
    # The space behind a comma is no part of a value: no ? may stand for it.
    one = any_of(wildcard(text, character="[^,]", single=r"[^,\s]") for text in config["Values"])
    return rf"(?i)(?:{whole}|(?:.*,\s*)?{one}(?:\s*,.*)?)"


def _query(pairs: Iterable[QueryPair]) -> str:
    """A path whose query string has one of the parameters, without regard to case."""
    wanted = any_of(map(_parameter, pairs))
    return rf"(?i)[^?]*\?(?:.*&)?{wanted}(?:&.*)?"


def _parameter(pair: QueryPair) -> str:
    key = wildcard(pair["Key"], character="[^&=]") if pair.get("Key") else "[^&=]*"
    return f"{key}={wildcard(pair['Value'], character='[^&]')}"


def _source(networks: Iterable[str]) -> filter_state_pb2.FilterStateMatcher:
    """Addresses in any of the networks (CIDR)."""
    match = address_pb2.AddressMatcher()
    for text in networks:
        network = ipaddress.ip_network(text, strict=False)
        one = cidr_pb2.CidrRange(address_prefix=str(network.network_address))
        one.prefix_len.value = network.prefixlen
        match.ranges.append(one)
    return filter_state_pb2.FilterStateMatcher(key=CLIENT_ADDRESS, address_match=match)
