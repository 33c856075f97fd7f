"""Gateway routes: what matches, what is rewritten, and where it goes.

https://docs.aws.amazon.com/app-mesh/latest/userguide/gateway-routes.html
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from tests.behaviour.table import (
    MEMBERS,
    PORTS,
    REQUESTS,
    Row,
    call,
    gateway_route,
    listener,
    path_of,
)

SERVICES = {"other.local": {"provider": {"virtualNode": {"virtualNodeName": "green"}}}}
"""``other.local`` is green; ``shop.local`` is blue unless the row changes it."""


PRIORITY = "gatewayRoute.priority"
OWN = "edge.test"


def _rows(protocol: Any) -> Iterator[Row]:
    """Rows of HTTP/1.1 and HTTP/2, which work alike."""
    member = MEMBERS[protocol]
    at = f"gatewayRoute.{member}"

    def one(path: str, node: str | None, **more: Any) -> Any:
        return call(
            path, node, via="gateway", protocol=protocol, host=more.pop("host", OWN), **more
        )

    def refused(path: str = "/", **more: Any) -> Any:
        return one(path, None, status=404, tries=0, **more)

    def row(name: str, says: str, paths: tuple[str, ...], routes: Any, *calls: Any) -> Row:
        proves = tuple(f"{at}.{path}" if path != PRIORITY else path for path in paths)
        name = f"gateway-{protocol}-{name}"
        return Row(name, says, proves, calls, gateway_routes=routes, services=SERVICES)

    def only(match: Any, **more: Any) -> dict[str, Any]:
        return {"only": gateway_route(match, member, **more)}

    def two(match: Any) -> dict[str, Any]:
        return {
            "special": gateway_route(match, member, service="other.local", priority=1),
            "rest": gateway_route({"prefix": "/"}, member, priority=2),
        }

    target = "action.target.virtualService.virtualServiceName"
    yield row(
        "prefix",
        "a prefix matches by characters and is rewritten to /, and Host to the service's name",
        ("match.prefix", target),
        only({"prefix": "/shop"}),
        one("/shop", "blue", expect={"path": "/", "host": "shop.local"}),
        one("/shop/a?b=c", "blue", expect={"path": "/a?b=c"}),
        refused("/other"),
    )
    yield row(
        "path-exact",
        "an exact path must equal the whole path, which is kept",
        ("match.path.exact",),
        only({"path": {"exact": "/a/b"}}),
        one("/a/b", "blue", expect={"path": "/a/b"}),
        refused("/a/b/c"),
        refused("/a"),
    )
    yield row(
        "path-regex",
        "a regular expression must match the whole path, which is kept",
        ("match.path.regex",),
        only({"path": {"regex": "/a/[0-9]+"}}),
        one("/a/7", "blue", expect={"path": "/a/7"}),
        refused("/a/x"),
        refused("/a/7/b"),
    )
    yield row(
        "path-rewrite",
        "an exact path is rewritten; the query string is kept",
        ("action.rewrite.path.exact",),
        only({"path": {"exact": "/old"}}, rewrite={"path": {"exact": "/new"}}),
        one("/old?a=1", "blue", expect={"path": "/new?a=1"}),
    )
    yield row(
        "prefix-rewrite",
        "a prefix is rewritten to another one",
        ("action.rewrite.prefix.value",),
        only({"prefix": "/v2/"}, rewrite={"prefix": {"value": "/v1/"}}),
        one("/v2/a", "blue", expect={"path": "/v1/a"}),
    )
    yield row(
        "prefix-default-disabled",
        "defaultPrefix DISABLED: the path is kept",
        ("action.rewrite.prefix.defaultPrefix",),
        only({"prefix": "/shop/"}, rewrite={"prefix": {"defaultPrefix": "DISABLED"}}),
        one("/shop/a", "blue", expect={"path": "/shop/a"}),
    )
    yield row(
        "prefix-default-enabled",
        "defaultPrefix ENABLED: the prefix is rewritten to /, as by default",
        ("action.rewrite.prefix.defaultPrefix",),
        only({"prefix": "/shop/"}, rewrite={"prefix": {"defaultPrefix": "ENABLED"}}),
        one("/shop/a", "blue", expect={"path": "/a"}),
    )
    yield row(
        "hostname-rewrite-disabled",
        "defaultTargetHostname DISABLED: the caller's Host is kept",
        ("action.rewrite.hostname.defaultTargetHostname",),
        only({"prefix": "/"}, rewrite={"hostname": {"defaultTargetHostname": "DISABLED"}}),
        one("/", "blue", expect={"host": OWN}),
    )
    yield row(
        "hostname-rewrite-enabled",
        "defaultTargetHostname ENABLED: Host is rewritten to the service's name, as by default",
        ("action.rewrite.hostname.defaultTargetHostname",),
        only({"prefix": "/"}, rewrite={"hostname": {"defaultTargetHostname": "ENABLED"}}),
        one("/", "blue", expect={"host": "shop.local"}),
    )
    yield row(
        "hostname-exact",
        "only requests to that host name match, whatever the port and case",
        ("match.hostname.exact",),
        only({"prefix": "/", "hostname": {"exact": "a.test"}}),
        one("/", "blue", host="a.test"),
        one("/", "blue", host="A.test"),
        one("/", "blue", host=f"a.test:{PORTS[protocol]}"),
        refused(host="b.test"),
        refused(host="x.a.test"),
    )
    yield row(
        "hostname-suffix",
        "only requests to host names with that suffix match",
        ("match.hostname.suffix",),
        only({"prefix": "/", "hostname": {"suffix": ".a.test"}}),
        one("/", "blue", host="x.a.test"),
        one("/", "blue", host="x.y.a.test"),
        refused(host="a.test"),
        refused(host="b.test"),
    )
    yield row(
        "query",
        "a query parameter must have exactly that value",
        ("match.queryParameters[].name", "match.queryParameters[].match.exact"),
        two({"prefix": "/", "queryParameters": [{"name": "q", "match": {"exact": "1"}}]}),
        one("/?q=1", "green"),
        one("/?q=2", "blue"),
        one("/", "blue"),
    )
    yield row(
        "method",
        "only requests with that method match",
        ("match.method",),
        two({"prefix": "/", "method": "PUT"}),
        one("/", "green", method="PUT"),
        one("/", "blue"),
    )
    yield row(
        "priority",
        "the gateway route with the lowest priority number is tried first",
        (PRIORITY,),
        {
            "a": gateway_route({"prefix": "/a"}, member, priority=2),
            "b": gateway_route({"prefix": "/"}, member, service="other.local", priority=1),
        },
        one("/a", "green"),
    )
    yield row(
        "longest-prefix",
        "without priorities the longest prefix is tried first",
        ("match.prefix",),
        {
            "a": gateway_route({"prefix": "/"}, member),
            "b": gateway_route({"prefix": "/a"}, member, service="other.local"),
        },
        one("/a", "green"),
        one("/b", "blue"),
    )
    yield row(
        "no-route-behind",
        "a request that matches a gateway route, but no route of its service, gets 404",
        (target,),
        only({"prefix": "/x"}, service="other.local"),
        refused("/y"),
        one("/x", "green", expect={"host": "other.local"}),
    )


def _conditions(protocol: Any) -> Iterator[Row]:
    """Matches of headers, or of the metadata of gRPC."""
    member, listed = MEMBERS[protocol], "metadata" if protocol == "grpc" else "headers"
    at = f"gatewayRoute.{member}.match.{listed}[]"
    base = {"serviceName": "pkg.S"} if protocol == "grpc" else {"prefix": "/"}
    cases: list[tuple[str, Any, tuple[str, ...], list[Any], list[Any]]] = [
        ("exact", {"match": {"exact": "a"}}, ("match.exact",), ["a"], ["b", None]),
        ("prefix", {"match": {"prefix": "a"}}, ("match.prefix",), ["ab"], ["ba", None]),
        ("suffix", {"match": {"suffix": "a"}}, ("match.suffix",), ["ba"], ["ab", None]),
        ("regex", {"match": {"regex": "a[0-9]"}}, ("match.regex",), ["a1"], ["a", None]),
        (
            "range",
            {"match": {"range": {"start": 1, "end": 5}}},
            ("match.range.start", "match.range.end"),
            ["1", "4"],
            ["0", "5", "x"],
        ),
        ("present", {}, ("name",), ["a"], [None]),
        ("absent", {"invert": True}, ("invert",), [None], ["a"]),
        ("inverted", {"invert": True, "match": {"exact": "a"}}, ("invert",), ["b"], ["a"]),
    ]
    for name, more, paths, right, wrong in cases:
        match = {**base, listed: [{"name": "x-h", **more}]}
        special = gateway_route(match, member, service="other.local", priority=1)
        rest = gateway_route(base, member, priority=2)
        calls = []
        for value, answers in [*((v, "green") for v in right), *((v, "blue") for v in wrong)]:
            headers = {} if value is None else {"x-h": value}
            calls.append(
                call(
                    path_of(protocol),
                    answers,
                    via="gateway",
                    protocol=protocol,
                    headers=headers,
                    host=OWN,
                )
            )
        yield Row(
            f"gateway-{protocol}-{listed}-{name}",
            f"{listed}: {name} matches {right!r}, not {wrong!r} (None: absent)",
            tuple(f"{at}.{path}" for path in (*paths, "name")),
            tuple(calls),
            gateway_routes={"special": special, "rest": rest},
            services=SERVICES,
        )


def _grpc() -> Iterator[Row]:
    at = "gatewayRoute.grpcRoute"

    def one(path: str, node: str | None, **more: Any) -> Any:
        return call(path, node, via="gateway", protocol="grpc", host=more.pop("host", OWN), **more)

    def row(name: str, says: str, paths: tuple[str, ...], routes: Any, *calls: Any) -> Row:
        proves = tuple(f"{at}.{path}" for path in paths)
        return Row(
            f"gateway-grpc-{name}", says, proves, calls, gateway_routes=routes, services=SERVICES
        )

    yield row(
        "service",
        "calls to that service go to the virtual service",
        ("match.serviceName", "action.target.virtualService.virtualServiceName"),
        {
            "s": gateway_route({"serviceName": "pkg.S"}, "grpcRoute", service="other.local"),
            "t": gateway_route({"serviceName": "pkg.T"}, "grpcRoute"),
        },
        one("/pkg.S/Do", "green"),
        one("/pkg.T/Do", "blue"),
        one("/pkg.U/Do", None, code="UNIMPLEMENTED"),
    )
    yield row(
        "hostname-exact",
        "only calls to that host name match",
        ("match.hostname.exact",),
        {"only": gateway_route({"hostname": {"exact": "a.test"}}, "grpcRoute")},
        one("/pkg.S/Do", "blue", host="a.test"),
        one("/pkg.S/Do", None, host="b.test", code="UNIMPLEMENTED"),
    )
    yield row(
        "hostname-suffix",
        "only calls to host names with that suffix match",
        ("match.hostname.suffix",),
        {"only": gateway_route({"hostname": {"suffix": ".a.test"}}, "grpcRoute")},
        one("/pkg.S/Do", "blue", host="x.a.test"),
        one("/pkg.S/Do", None, host="b.test", code="UNIMPLEMENTED"),
    )
    for kind, seen in (("ENABLED", "shop.local"), ("DISABLED", OWN)):
        rewrite = {"hostname": {"defaultTargetHostname": kind}}
        file = {"path": f"$DIR/{kind}.log", "format": {"text": "%REQ(:AUTHORITY)%\n"}}
        made = row(
            f"hostname-rewrite-{kind.lower()}",
            f"defaultTargetHostname {kind}: the authority is {seen}",
            ("action.rewrite.hostname.defaultTargetHostname",),
            {"only": gateway_route({"serviceName": "pkg.S"}, "grpcRoute", rewrite=rewrite)},
            one("/pkg.S/Do", "blue"),
        )
        gateway = {"listeners": [listener("grpc")], "logging": {"accessLog": {"file": file}}}
        yield replace(made, gateway=gateway, logs={f"{kind}.log": seen})


ROWS: tuple[Row, ...] = (
    *(row for protocol in ("http", "http2") for row in _rows(protocol)),
    *(row for protocol in REQUESTS for row in _conditions(protocol)),
    *_grpc(),
)
