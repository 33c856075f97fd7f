"""Envoy's routes in the words of App Mesh.

https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/route/v3/route_components.proto
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from tealmesh.migration.json import Json, Made

_SERVER_ERRORS = frozenset({500, 501, 502, 503, 504, 505, 506, 507, 508, 510, 511})
_GATEWAY_ERRORS = frozenset({502, 503, 504})
_CLIENT_ERROR = 409
_GRPC = {"cancelled", "deadline-exceeded", "internal", "resource-exhausted", "unavailable"}


def shifted(route: Json, clusters: Mapping[str, object]) -> list[tuple[str, int]]:
    """The known clusters that a route leads to, with their weights."""
    action = route.get("route") or {}
    weighted = (action.get("weighted_clusters") or {}).get("clusters") or ()
    found = [(str(one["name"]), int(one.get("weight", 0))) for one in weighted]
    found = found or [(str(action.get("cluster", "")), 1)]
    return [(name, weight) for name, weight in found if name in clusters]


def duration(text: object) -> Made | None:
    """``1.500s`` as App Mesh has it."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)s", str(text))
    if match is None:
        return None
    milliseconds = round(float(match.group(1)) * 1000)
    if milliseconds % 1000 == 0:
        return {"unit": "s", "value": milliseconds // 1000}
    return {"unit": "ms", "value": milliseconds}


def timed(action: Json) -> Made:
    """The time limits of a route."""
    limits = {
        "perRequest": duration(action.get("timeout")),
        "idle": duration(action.get("idle_timeout")),
    }
    return {member: limit for member, limit in limits.items() if limit}


def retried(policy: Json) -> Made:
    """When requests are sent again."""
    if not policy:
        return {}
    on = {word.strip() for word in str(policy.get("retry_on", "")).split(",")}
    codes = {int(code) for code in policy.get("retriable_status_codes") or ()}
    http = []
    if codes >= _SERVER_ERRORS or "5xx" in on:
        http.append("server-error")
    elif codes >= _GATEWAY_ERRORS or "gateway-error" in on:
        http.append("gateway-error")
    if _CLIENT_ERROR in codes:
        http.append("client-error")
    if on & {"refused-stream", "reset"}:
        http.append("stream-error")
    tcp = ["connection-error"] if "connect-failure" in on else []
    grpc = sorted(on & _GRPC)
    events = {"httpRetryEvents": http, "tcpRetryEvents": tcp, "grpcRetryEvents": grpc}
    per_try = duration(policy.get("per_try_timeout")) or {"unit": "s", "value": 15}
    return {
        "maxRetries": int(policy.get("num_retries", 1)),
        "perRetryTimeout": per_try,
        **{member: names for member, names in events.items() if names},
    }


def matched(match: Json) -> tuple[Made, list[str]]:
    """A match, and what of it cannot be kept."""
    found: Made = {}
    problems = []
    if "prefix" in match:
        found["prefix"] = match["prefix"]
    elif "path" in match:
        found["path"] = {"exact": match["path"]}
    elif "safe_regex" in match:
        found["path"] = {"regex": match["safe_regex"]["regex"]}
    headers = []
    for header in match.get("headers") or ():
        name = str(header["name"])
        value = _value(header)
        if name == ":method" and "exact" in value:
            found["method"] = value["exact"]
        elif name == ":scheme" and "exact" in value:
            found["scheme"] = value["exact"]
        elif name == ":authority":
            problems.append("matches a host name, which a dump has as a header: set it again")
        else:
            invert = {"invert": True} if header.get("invert_match") else {}
            headers.append({"name": name, **invert, **({"match": value} if value else {})})
    if headers:
        found["headers"] = headers
    parameters = [
        {"name": str(one["name"]), "match": {"exact": exact}}
        for one in match.get("query_parameters") or ()
        if (exact := (one.get("string_match") or {}).get("exact")) is not None
    ]
    if parameters:
        found["queryParameters"] = parameters
    return found, problems


def _value(header: Json) -> Made:
    """Old and new forms of a header's match."""
    string = header.get("string_match") or {}
    for member in ("exact", "prefix", "suffix"):
        text = header.get(f"{member}_match", string.get(member))
        if text is not None:
            return {member: text}
    regex = header.get("safe_regex_match") or string.get("safe_regex")
    if regex:
        return {"regex": regex["regex"]}
    if "range_match" in header:
        bounds = header["range_match"]
        return {"range": {"start": int(bounds.get("start", 0)), "end": int(bounds.get("end", 0))}}
    return {}
