"""Gateway routes: what matches, what is rewritten, and where it goes.

https://docs.aws.amazon.com/app-mesh/latest/userguide/gateway-routes.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from tests.behaviour.table import (
    MEMBERS,
    PORTS,
    REQUESTS,
    Call,
    Protocol,
    Row,
    Spec,
    call,
    gateway_route,
    listener,
    path_of,
)

SERVICES = {"other.local": {"provider": {"virtualNode": {"virtualNodeName": "green"}}}}
"""``other.local`` is green; ``shop.local`` is blue unless the row changes it."""


PRIORITY = "gatewayRoute.priority"
TARGET = "action.target.virtualService.virtualServiceName"
OWN = "edge.test"


@dataclass(frozen=True)
class _Http:
    """Rows of HTTP/1.1 and HTTP/2, which work alike."""

    protocol: Protocol

    def rows(self) -> Iterator[Row]:
        yield from self.paths()
        yield from self.rewrites()
        yield from self.hostnames()
        yield from self.conditions()
        yield from self.order()

    def one(self, path: str, answers: str | None, host: str = OWN, **more: Any) -> Call:
        return call(path, answers, via="gateway", protocol=self.protocol, host=host, **more)

    def refused(self, path: str = "/", host: str = OWN) -> Call:
        return self.one(path, None, host, status=404, tries=0)

    def row(
        self, name: str, says: str, paths: tuple[str, ...], routes: Mapping[str, Spec], *calls: Call
    ) -> Row:
        at = f"gatewayRoute.{MEMBERS[self.protocol]}"
        proves = tuple(f"{at}.{path}" if path != PRIORITY else path for path in paths)
        name = f"gateway-{self.protocol}-{name}"
        return Row(name, says, proves, calls, gateway_routes=routes, services=SERVICES)

    def only(self, match: Spec, **more: Any) -> dict[str, Spec]:
        return {"only": gateway_route(match, MEMBERS[self.protocol], **more)}

    def two(self, match: Spec) -> dict[str, Spec]:
        """Requests that match go to green, all others to blue."""
        return {
            "special": self.only(match, service="other.local", priority=1)["only"],
            "rest": self.only({"prefix": "/"}, priority=2)["only"],
        }

    def paths(self) -> Iterator[Row]:
        yield self.row(
            "prefix",
            "a prefix matches by characters and is rewritten to /, and Host to the service's name",
            ("match.prefix", TARGET),
            self.only({"prefix": "/shop"}),
            self.one("/shop", "blue", expect={"path": "/", "host": "shop.local"}),
            self.one("/shop/a?b=c", "blue", expect={"path": "/a?b=c"}),
            self.refused("/other"),
        )
        yield self.row(
            "path-exact",
            "an exact path must equal the whole path, which is kept",
            ("match.path.exact",),
            self.only({"path": {"exact": "/a/b"}}),
            self.one("/a/b", "blue", expect={"path": "/a/b"}),
            self.refused("/a/b/c"),
            self.refused("/a"),
        )
        yield self.row(
            "path-regex",
            "a regular expression must match the whole path, which is kept",
            ("match.path.regex",),
            self.only({"path": {"regex": "/a/[0-9]+"}}),
            self.one("/a/7", "blue", expect={"path": "/a/7"}),
            self.refused("/a/x"),
            self.refused("/a/7/b"),
        )

    def rewrites(self) -> Iterator[Row]:
        yield self.row(
            "path-rewrite",
            "an exact path is rewritten; the query string is kept",
            ("action.rewrite.path.exact",),
            self.only({"path": {"exact": "/old"}}, rewrite={"path": {"exact": "/new"}}),
            self.one("/old?a=1", "blue", expect={"path": "/new?a=1"}),
        )
        yield self.row(
            "prefix-rewrite",
            "a prefix is rewritten to another one",
            ("action.rewrite.prefix.value",),
            self.only({"prefix": "/v2/"}, rewrite={"prefix": {"value": "/v1/"}}),
            self.one("/v2/a", "blue", expect={"path": "/v1/a"}),
        )
        yield self.row(
            "prefix-default-disabled",
            "defaultPrefix DISABLED: the path is kept",
            ("action.rewrite.prefix.defaultPrefix",),
            self.only({"prefix": "/shop/"}, rewrite={"prefix": {"defaultPrefix": "DISABLED"}}),
            self.one("/shop/a", "blue", expect={"path": "/shop/a"}),
        )
        yield self.row(
            "prefix-default-enabled",
            "defaultPrefix ENABLED: the prefix is rewritten to /, as by default",
            ("action.rewrite.prefix.defaultPrefix",),
            self.only({"prefix": "/shop/"}, rewrite={"prefix": {"defaultPrefix": "ENABLED"}}),
            self.one("/shop/a", "blue", expect={"path": "/a"}),
        )
        yield self.row(
            "hostname-rewrite-disabled",
            "defaultTargetHostname DISABLED: the caller's Host is kept",
            ("action.rewrite.hostname.defaultTargetHostname",),
            self.only({"prefix": "/"}, rewrite={"hostname": {"defaultTargetHostname": "DISABLED"}}),
            self.one("/", "blue", expect={"host": OWN}),
        )
        yield self.row(
            "hostname-rewrite-enabled",
            "defaultTargetHostname ENABLED: Host is rewritten to the service's name, as by default",
            ("action.rewrite.hostname.defaultTargetHostname",),
            self.only({"prefix": "/"}, rewrite={"hostname": {"defaultTargetHostname": "ENABLED"}}),
            self.one("/", "blue", expect={"host": "shop.local"}),
        )

    def hostnames(self) -> Iterator[Row]:
        yield self.row(
            "hostname-exact",
            "only requests to that host name match, whatever the port and case",
            ("match.hostname.exact",),
            self.only({"prefix": "/", "hostname": {"exact": "a.test"}}),
            self.one("/", "blue", host="a.test"),
            self.one("/", "blue", host="A.test"),
            self.one("/", "blue", host=f"a.test:{PORTS[self.protocol]}"),
            self.refused(host="b.test"),
            self.refused(host="x.a.test"),
        )
        yield self.row(
            "hostname-suffix",
            "only requests to host names with that suffix match",
            ("match.hostname.suffix",),
            self.only({"prefix": "/", "hostname": {"suffix": ".a.test"}}),
            self.one("/", "blue", host="x.a.test"),
            self.one("/", "blue", host="x.y.a.test"),
            self.refused(host="a.test"),
            self.refused(host="b.test"),
        )

    def conditions(self) -> Iterator[Row]:
        yield self.row(
            "query",
            "a query parameter must have exactly that value",
            ("match.queryParameters[].name", "match.queryParameters[].match.exact"),
            self.two({"prefix": "/", "queryParameters": [{"name": "q", "match": {"exact": "1"}}]}),
            self.one("/?q=1", "green"),
            self.one("/?q=2", "blue"),
            self.one("/", "blue"),
        )
        yield self.row(
            "method",
            "only requests with that method match",
            ("match.method",),
            self.two({"prefix": "/", "method": "PUT"}),
            self.one("/", "green", method="PUT"),
            self.one("/", "blue"),
        )

    def order(self) -> Iterator[Row]:
        """The order of gateway routes, and what is behind them."""
        yield self.row(
            "priority",
            "the gateway route with the lowest priority number is tried first",
            (PRIORITY,),
            {
                "a": self.only({"prefix": "/a"}, priority=2)["only"],
                "b": self.only({"prefix": "/"}, service="other.local", priority=1)["only"],
            },
            self.one("/a", "green"),
        )
        yield self.row(
            "longest-prefix",
            "without priorities the longest prefix is tried first",
            ("match.prefix",),
            {
                "a": self.only({"prefix": "/"})["only"],
                "b": self.only({"prefix": "/a"}, service="other.local")["only"],
            },
            self.one("/a", "green"),
            self.one("/b", "blue"),
        )
        yield self.row(
            "no-route-behind",
            "a request that matches a gateway route, but no route of its service, gets 404",
            (TARGET,),
            self.only({"prefix": "/x"}, service="other.local"),
            self.refused("/y"),
            self.one("/x", "green", expect={"host": "other.local"}),
        )


CONDITIONS: list[tuple[str, Any, tuple[str, ...], list[Any], list[Any]]] = [
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
"""(name, members of the condition, what it proves, values that match, values that do not)."""


def _conditions(protocol: Any) -> Iterator[Row]:
    """Matches of headers, or of the metadata of gRPC."""
    member, listed = MEMBERS[protocol], "metadata" if protocol == "grpc" else "headers"
    at = f"gatewayRoute.{member}.match.{listed}[]"
    base = {"serviceName": "pkg.S"} if protocol == "grpc" else {"prefix": "/"}
    for name, more, paths, right, wrong in CONDITIONS:
        match = {**base, listed: [{"name": "x-h", **more}]}
        special = gateway_route(match, member, service="other.local", priority=1)
        rest = gateway_route(base, member, priority=2)
        calls = [
            call(
                path_of(protocol),
                answers,
                via="gateway",
                protocol=protocol,
                headers={} if value is None else {"x-h": value},
                host=OWN,
            )
            for answers, values in (("green", right), ("blue", wrong))
            for value in values
        ]
        yield Row(
            f"gateway-{protocol}-{listed}-{name}",
            f"{listed}: {name} matches {right!r}, not {wrong!r} (None: absent)",
            tuple(f"{at}.{path}" for path in (*paths, "name")),
            tuple(calls),
            gateway_routes={"special": special, "rest": rest},
            services=SERVICES,
        )


def _call(path: str, node: str | None, host: str = OWN, **more: Any) -> Call:
    return call(path, node, via="gateway", protocol="grpc", host=host, **more)


def _grpc_row(
    name: str, says: str, paths: tuple[str, ...], routes: Mapping[str, Spec], *calls: Call
) -> Row:
    proves = tuple(f"gatewayRoute.grpcRoute.{path}" for path in paths)
    return Row(
        f"gateway-grpc-{name}", says, proves, calls, gateway_routes=routes, services=SERVICES
    )


def _grpc_matches() -> Iterator[Row]:
    yield _grpc_row(
        "service",
        "calls to that service go to the virtual service",
        ("match.serviceName", "action.target.virtualService.virtualServiceName"),
        {
            "s": gateway_route({"serviceName": "pkg.S"}, "grpcRoute", service="other.local"),
            "t": gateway_route({"serviceName": "pkg.T"}, "grpcRoute"),
        },
        _call("/pkg.S/Do", "green"),
        _call("/pkg.T/Do", "blue"),
        _call("/pkg.U/Do", None, code="UNIMPLEMENTED"),
    )
    yield _grpc_row(
        "hostname-exact",
        "only calls to that host name match",
        ("match.hostname.exact",),
        {"only": gateway_route({"hostname": {"exact": "a.test"}}, "grpcRoute")},
        _call("/pkg.S/Do", "blue", host="a.test"),
        _call("/pkg.S/Do", None, host="b.test", code="UNIMPLEMENTED"),
    )
    yield _grpc_row(
        "hostname-suffix",
        "only calls to host names with that suffix match",
        ("match.hostname.suffix",),
        {"only": gateway_route({"hostname": {"suffix": ".a.test"}}, "grpcRoute")},
        _call("/pkg.S/Do", "blue", host="x.a.test"),
        _call("/pkg.S/Do", None, host="b.test", code="UNIMPLEMENTED"),
    )


def _grpc_rewrites() -> Iterator[Row]:
    for kind, seen in (("ENABLED", "shop.local"), ("DISABLED", OWN)):
        rewrite = {"hostname": {"defaultTargetHostname": kind}}
        file = {"path": f"$DIR/{kind}.log", "format": {"text": "%REQ(:AUTHORITY)%\n"}}
        made = _grpc_row(
            f"hostname-rewrite-{kind.lower()}",
            f"defaultTargetHostname {kind}: the authority is {seen}",
            ("action.rewrite.hostname.defaultTargetHostname",),
            {"only": gateway_route({"serviceName": "pkg.S"}, "grpcRoute", rewrite=rewrite)},
            _call("/pkg.S/Do", "blue"),
        )
        gateway = {"listeners": [listener("grpc")], "logging": {"accessLog": {"file": file}}}
        yield replace(made, gateway=gateway, logs={f"{kind}.log": seen})


ROWS: tuple[Row, ...] = (
    *(row for protocol in ("http", "http2") for row in _Http(protocol).rows()),
    *(row for protocol in REQUESTS for row in _conditions(protocol)),
    *_grpc_matches(),
    *_grpc_rewrites(),
)
