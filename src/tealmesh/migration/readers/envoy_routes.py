"""Envoy's routes in the words of App Mesh.

https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/route/v3/route_components.proto
"""

from __future__ import annotations

import re

from tealmesh.migration.json import Json, Made, list_of, name_of, object_of, objects_of, within

_SERVER_ERRORS = frozenset({500, 501, 502, 503, 504, 505, 506, 507, 508, 510, 511})
_GATEWAY_ERRORS = frozenset({502, 503, 504})
_CLIENT_ERROR = 409
_GRPC = {"cancelled", "deadline-exceeded", "internal", "resource-exhausted", "unavailable"}


def shifted(route: Json) -> list[tuple[str, int]]:
    """The clusters that a route leads to, with their weights."""
    action = object_of(route.get("route"), "route")
    clusters = within(action, "weighted_clusters.clusters", "route")
    found = [
        (name_of(one.get("name")), _weight(one))
        for one in objects_of(clusters, "weighted_clusters.clusters")
    ]
    single = name_of(action.get("cluster"))
    return found or ([(single, 1)] if single else [])


def _weight(cluster: Json) -> int:
    weight = cluster.get("weight", 0)
    return weight if isinstance(weight, int) and not isinstance(weight, bool) else 0


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


_DEFAULT = {"connect-failure", "refused-stream", "reset", "unavailable", "retriable-status-codes"}
"""What Envoy does for a route without a policy of retries, twice:
https://docs.aws.amazon.com/app-mesh/latest/userguide/envoy-defaults.html"""


def retried(policy: Json) -> Made:
    """When requests are sent again; nothing for App Mesh's own default."""
    on = {word.strip() for word in str(policy.get("retry_on", "")).split(",")} - {""}
    codes = {
        int(code)
        for code in list_of(policy.get("retriable_status_codes"), "retriable_status_codes")
        if isinstance(code, int)
    }
    tries = policy.get("num_retries", 1)
    default = on == _DEFAULT and codes == {503} and "per_try_timeout" not in policy
    if not policy or (default and tries == 2):
        return {}
    http = []
    if codes >= _SERVER_ERRORS or "5xx" in on:
        http.append("server-error")
    elif codes >= _GATEWAY_ERRORS or "gateway-error" in on:
        http.append("gateway-error")
    if _CLIENT_ERROR in codes or "retriable-4xx" in on:
        http.append("client-error")
    if on & {"refused-stream", "reset"}:
        http.append("stream-error")
    tcp = ["connection-error"] if "connect-failure" in on else []
    grpc = sorted(on & _GRPC)
    events = {"httpRetryEvents": http, "tcpRetryEvents": tcp, "grpcRetryEvents": grpc}
    per_try = duration(policy.get("per_try_timeout")) or {"unit": "s", "value": 15}
    return {
        "maxRetries": tries if isinstance(tries, int) else 1,
        "perRetryTimeout": per_try,
        **{member: names for member, names in events.items() if names},
    }


def matched(match: Json, without: str = "") -> tuple[Made, list[str]]:
    """A match, and what of it cannot be kept. ``without`` the condition on that header."""
    found: Made = {}
    problems = []
    if "prefix" in match:
        found["prefix"] = match["prefix"]
    elif "path" in match:
        found["path"] = {"exact": match["path"]}
    elif "safe_regex" in match:
        found["path"] = {"regex": within(match, "safe_regex.regex", "match")}
    headers = []
    for header in objects_of(match.get("headers"), "match.headers"):
        name, value = name_of(header.get("name")), _value(header)
        if name == without:
            continue
        if value is None:
            problems.append(f"the condition on the header {name} cannot be kept")
        elif name == ":method" and "exact" in value:
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
    parameters = []
    for one in objects_of(match.get("query_parameters"), "match.query_parameters"):
        exact = within(one, "string_match.exact", "query_parameters")
        value = {"match": {"exact": exact}} if exact is not None else {}
        if value or one.get("present_match"):
            parameters.append({"name": name_of(one.get("name")), **value})
        else:
            problems.append(f"the condition on the parameter {one.get('name')} cannot be kept")
    if parameters:
        found["queryParameters"] = parameters
    return found, problems


def as_grpc(match: Made) -> Made:
    """A match of HTTP, ``/Service/Method``, as one of gRPC."""
    path = match.get("path", {}).get("exact") or match.get("prefix", "")
    service, _, method = str(path).removeprefix("/").partition("/")
    kept = {"hostname": match["hostname"]} if "hostname" in match else {}
    return {
        **kept,
        **({"serviceName": service} if service else {}),
        **({"methodName": method} if method else {}),
        **({"metadata": match["headers"]} if "headers" in match else {}),
    }


def _value(header: Json) -> Made | None:
    """Old and new forms of a header's match; nothing for any value, None for other conditions."""
    string = object_of(header.get("string_match"), "string_match")
    for member in ("exact", "prefix", "suffix"):
        text = header.get(f"{member}_match", string.get(member))
        if text is not None:
            return {member: text}
    regex = header.get("safe_regex_match") or string.get("safe_regex")
    if regex:
        return {"regex": within(regex, "regex", "safe_regex")}
    if "range_match" in header:
        bounds = object_of(header["range_match"], "range_match")
        start, end = (str(bounds.get(one, 0)) for one in ("start", "end"))
        if re.fullmatch(r"-?\d{1,18}", start) and re.fullmatch(r"-?\d{1,18}", end):
            return {"range": {"start": int(start), "end": int(end)}}
        return None
    others = {"contains_match", "string_match", "treat_missing_header_as_empty"}
    return None if others & header.keys() else {}
