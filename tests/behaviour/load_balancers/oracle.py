"""Which rule of a listener a request meets, read straight from the conditions.

It shares nothing with the translation: wildcards are matched character by character, and nothing
here is a regular expression.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any


@dataclass(frozen=True)
class Request:
    """A request as a load balancer sees it."""

    method: str
    host: str
    path: str
    query: str
    headers: Mapping[str, str]
    source: str

    @property
    def target(self) -> str:
        """Path and query string."""
        return f"{self.path}?{self.query}" if self.query else self.path


def chosen(rules: Sequence[Mapping[str, Any]], request: Request) -> int | None:
    """The index of the first rule all of whose conditions hold; None for the default actions."""
    for index, rule in enumerate(rules):
        if all(_holds(condition, request) for condition in rule["Conditions"]):
            return index
    return None


def _holds(condition: Mapping[str, Any], request: Request) -> bool:
    return _FIELDS[condition["Field"]](condition, request)


def _host(condition: Mapping[str, Any], request: Request) -> bool:
    host = request.host.partition(":")[0].lower()
    return _any(condition["HostHeaderConfig"]["Values"], host, str.lower)


def _path(condition: Mapping[str, Any], request: Request) -> bool:
    return _any(condition["PathPatternConfig"]["Values"], request.path, str)


def _method(condition: Mapping[str, Any], request: Request) -> bool:
    return request.method in condition["HttpRequestMethodConfig"]["Values"]


def _header(condition: Mapping[str, Any], request: Request) -> bool:
    config = condition["HttpHeaderConfig"]
    value = request.headers.get(config["HttpHeaderName"].lower())
    if value is None:
        return False
    parts = [value, *(part.strip() for part in value.split(","))]
    return any(_any(config["Values"], part.lower(), str.lower) for part in parts)


def _query(condition: Mapping[str, Any], request: Request) -> bool:
    parameters = [one.partition("=") for one in request.query.lower().split("&") if "=" in one]
    return any(
        wild(pair.get("Key", "*").lower(), key) and wild(pair["Value"].lower(), value)
        for pair in condition["QueryStringConfig"]["Values"]
        for key, _, value in parameters
    )


def _source(condition: Mapping[str, Any], request: Request) -> bool:
    address = ipaddress.ip_address(request.source)
    networks = condition["SourceIpConfig"]["Values"]
    return any(address in ipaddress.ip_network(network, strict=False) for network in networks)


def _any(patterns: Iterable[str], text: str, fold: Callable[[str], str]) -> bool:
    return any(wild(fold(pattern), text) for pattern in patterns)


@lru_cache(maxsize=10_000)
def wild(pattern: str, text: str) -> bool:
    """Whether the whole text matches: ``*`` is any characters, ``?`` one, others themselves."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return wild(pattern[1:], text) or (bool(text) and wild(pattern, text[1:]))
    return bool(text) and pattern[0] in ("?", text[0]) and wild(pattern[1:], text[1:])


_FIELDS = {
    "host-header": _host,
    "path-pattern": _path,
    "http-request-method": _method,
    "http-header": _header,
    "query-string": _query,
    "source-ip": _source,
}
