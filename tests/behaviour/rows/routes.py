"""Routes: what matches, in which order, and where it goes.

https://docs.aws.amazon.com/app-mesh/latest/userguide/routes.html
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.behaviour.table import (
    MEMBERS,
    SECOND,
    Call,
    Protocol,
    Row,
    Spec,
    call,
    listener,
    node,
    path_of,
    route,
    to,
)

HTTP: tuple[Protocol, ...] = ("http", "http2")


def _two(protocol: Protocol, match: Spec) -> dict[str, Spec]:
    """Requests that match go to green, all others to blue."""
    member = MEMBERS[protocol]
    rest = {} if protocol in ("grpc", "tcp") else {"prefix": "/"}
    return {
        "special": route("green", match, member, priority=1),
        "rest": route("blue", rest, member, priority=2),
    }


def _headers(protocol: Protocol) -> Iterator[Row]:
    """Header matches of HTTP, and metadata matches of gRPC, which work alike."""
    member, listed = MEMBERS[protocol], "metadata" if protocol == "grpc" else "headers"
    base = {"serviceName": "pkg.S"} if protocol == "grpc" else {"prefix": "/"}
    path = path_of(protocol)
    at = f"route.{member}.match.{listed}[]"
    cases: list[tuple[str, dict[str, Any], str, list[str | None], list[str | None]]] = [
        ("exact", {"match": {"exact": "a"}}, "match.exact", ["a"], ["b", "ab", None]),
        ("prefix", {"match": {"prefix": "a"}}, "match.prefix", ["a", "ab"], ["ba", None]),
        ("suffix", {"match": {"suffix": "a"}}, "match.suffix", ["a", "ba"], ["ab", None]),
        ("regex", {"match": {"regex": "a[0-9]+"}}, "match.regex", ["a1"], ["a", "a1b", None]),
        ("present", {}, "name", ["", "any"], [None]),
        # Envoy's matchers, and so App Mesh's, require the header even when inverted.
        ("inverted", {"match": {"exact": "a"}, "invert": True}, "invert", ["b"], ["a", None]),
        ("absent", {"invert": True}, "invert", [None], ["a"]),
    ]
    for name, more, proved, right, wrong in cases:
        match = {**base, listed: [{"name": "x-h", **more}]}
        calls = [_with("x-h", value, protocol, path, "green") for value in right]
        calls += [_with("x-h", value, protocol, path, "blue") for value in wrong]
        says = f"{listed}: {name} matches {right!r}, not {wrong!r} (None: absent)"
        proves = (f"{at}.{proved}", f"{at}.name")
        yield Row(
            f"{protocol}-{listed}-{name}", says, proves, tuple(calls), routes=_two(protocol, match)
        )
    match = {**base, listed: [{"name": "x-h", "match": {"range": {"start": 1, "end": 5}}}]}
    calls = [_with("x-h", value, protocol, path, "green") for value in ("1", "4")]
    calls += [_with("x-h", value, protocol, path, "blue") for value in ("0", "5", "x", None)]
    yield Row(
        f"{protocol}-{listed}-range",
        "a range of integers: its start matches, its end does not",
        (f"{at}.match.range.start", f"{at}.match.range.end"),
        tuple(calls),
        routes=_two(protocol, match),
    )


def _with(header: str, value: str | None, protocol: Any, path: str, answers: str) -> Call:
    headers = {} if value is None else {header: value}
    return call(path, answers, protocol=protocol, headers=headers)


@dataclass(frozen=True)
class _Http:
    """Rows of HTTP/1.1 and HTTP/2, which work alike."""

    protocol: Protocol

    def rows(self) -> Iterator[Row]:
        yield from self.paths()
        yield from self.requests()
        yield from self.queries()
        yield self.every_condition()
        yield _ports(self.protocol)
        yield from _order(self.protocol)
        yield from _targets(self.protocol)

    def one(self, path: str, answers: str, **more: Any) -> Call:
        return call(path, answers, protocol=self.protocol, **more)

    def row(
        self, name: str, says: str, proved: str | tuple[str, ...], match: Spec, *calls: Call
    ) -> Row:
        paths = (proved,) if isinstance(proved, str) else proved
        proves = tuple(f"route.{MEMBERS[self.protocol]}.{path}" for path in paths)
        routes = _two(self.protocol, match)
        return Row(f"{self.protocol}-{name}", says, proves, calls, routes=routes)

    def paths(self) -> Iterator[Row]:
        yield self.row(
            "prefix",
            "a prefix matches by characters, in a path without dots and double slashes",
            "match.prefix",
            {"prefix": "/a"},
            *(
                self.one(path, "green")
                for path in ("/a", "/a/b", "/ab", "//a", "/x/../a", "/a?q=1")
            ),
            *(self.one(path, "blue") for path in ("/", "/b", "/A", "/b/a")),
        )
        yield self.row(
            "path-exact",
            "an exact path must equal the whole path, without the query string",
            "match.path.exact",
            {"path": {"exact": "/a/b"}},
            *(self.one(path, "green") for path in ("/a/b", "/a/b?q=1")),
            *(self.one(path, "blue") for path in ("/a/b/", "/a", "/a/bc")),
        )
        yield self.row(
            "path-regex",
            "a regular expression (RE2) matches the whole path, without the query string",
            "match.path.regex",
            {"path": {"regex": "/a/[0-9]+(/x)?"}},
            *(self.one(path, "green") for path in ("/a/1", "/a/22/x", "/a/1?q=a")),
            *(self.one(path, "blue") for path in ("/a/", "/a/1/y", "/b/a/1")),
        )

    def requests(self) -> Iterator[Row]:
        """What matches in the first line of a request."""
        yield self.row(
            "method",
            "only requests with that method match",
            "match.method",
            {"prefix": "/", "method": "DELETE"},
            self.one("/", "green", method="DELETE"),
            self.one("/", "blue"),
            self.one("/", "blue", method="POST"),
        )
        yield self.row(
            "scheme-http",
            "a request's scheme is http, as the caller's Envoy sees it",
            "match.scheme",
            {"prefix": "/", "scheme": "http"},
            self.one("/", "green"),
        )
        yield self.row(
            "scheme-https",
            "a request whose scheme is http does not match https",
            "match.scheme",
            {"prefix": "/", "scheme": "https"},
            self.one("/", "blue"),
        )

    def queries(self) -> Iterator[Row]:
        yield self.row(
            "query-exact",
            "a query parameter must have exactly that value",
            ("match.queryParameters[].name", "match.queryParameters[].match.exact"),
            {"prefix": "/", "queryParameters": [{"name": "q", "match": {"exact": "1"}}]},
            *(self.one(path, "green") for path in ("/?q=1", "/?a=2&q=1")),
            *(self.one(path, "blue") for path in ("/", "/?q=2", "/?q=11", "/?p=1")),
        )
        yield self.row(
            "query-present",
            "a query parameter without a match must be present",
            "match.queryParameters[].name",
            {"prefix": "/", "queryParameters": [{"name": "q"}]},
            *(self.one(path, "green") for path in ("/?q=1", "/?q", "/?q=")),
            *(self.one(path, "blue") for path in ("/", "/?p=q")),
        )

    def every_condition(self) -> Row:
        return self.row(
            "every-condition",
            "all conditions of a match must be met",
            (
                "match.headers[].name",
                "match.queryParameters[].name",
                "match.method",
                "match.prefix",
            ),
            {
                "prefix": "/a",
                "method": "PUT",
                "headers": [{"name": "x-1"}, {"name": "x-2"}],
                "queryParameters": [{"name": "q"}],
            },
            self.one("/a?q", "green", method="PUT", headers={"x-1": "a", "x-2": "b"}),
            self.one("/a?q", "blue", method="PUT", headers={"x-1": "a"}),
            self.one("/a?q", "blue", headers={"x-1": "a", "x-2": "b"}),
            self.one("/a", "blue", method="PUT", headers={"x-1": "a", "x-2": "b"}),
            self.one("/b?q", "blue", method="PUT", headers={"x-1": "a", "x-2": "b"}),
        )


def _ports(protocol: Protocol) -> Row:
    """Routes that match the port of a request."""
    member = MEMBERS[protocol]
    second = [listener(protocol), listener(protocol, SECOND[protocol])]
    own = second[0]["portMapping"]["port"]
    wide = {"listeners": second}
    by_port = {
        "first": route("blue", {"prefix": "/", "port": own}, member),
        "second": route("green", {"prefix": "/", "port": SECOND[protocol]}, member),
    }
    at = f"route.{member}"
    nodes = {name: node(name, listener(protocol)) for name in ("blue", "green")}
    return Row(
        f"{protocol}-match-port",
        "a route that names one of the router's ports gets the requests to that port",
        (f"{at}.match.port",),
        (
            call("/", "blue", protocol=protocol, host=f"shop.local:{own}"),
            call("/", "green", protocol=protocol, host=f"shop.local:{SECOND[protocol]}"),
        ),
        router=wide,
        routes=by_port,
        nodes=nodes,
    )


def _order(protocol: Protocol) -> Iterator[Row]:
    member = MEMBERS[protocol]
    at = f"route.{member}"

    def one(path: str, answers: str) -> Call:
        return call(path, answers, protocol=protocol)

    yield Row(
        f"{protocol}-priority",
        "the route with the lowest priority number is tried first, one without a number last",
        ("route.priority", f"{at}.match.prefix"),
        (one("/a", "blue"), one("/a/b", "blue"), one("/c", "green")),
        routes={
            "long": route("green", {"prefix": "/a/b"}, member, priority=5),
            "short": route("blue", {"prefix": "/a"}, member, priority=0),
            "none": route("green", {"prefix": "/"}, member),
        },
    )
    yield Row(
        f"{protocol}-longest-prefix",
        "without priorities the longest prefix is tried first",
        (f"{at}.match.prefix",),
        (one("/a/b/c", "green"), one("/a/x", "blue")),
        routes={
            "a-short": route("blue", {"prefix": "/a"}, member),
            "b-long": route("green", {"prefix": "/a/b"}, member),
        },
    )


def _targets(protocol: Protocol) -> Iterator[Row]:
    """Where a request goes that matches, or that does not."""
    member = MEMBERS[protocol]
    at = f"route.{member}"
    yield Row(
        f"{protocol}-no-route",
        "a request that matches no route is answered 404",
        (f"{at}.match.prefix",),
        (call("/b", protocol=protocol, status=404, tries=0), call("/a", "blue", protocol=protocol)),
        routes={"only": route("blue", {"prefix": "/a"}, member)},
    )
    yield Row(
        f"{protocol}-weights",
        "requests are distributed by weight; a target with weight 0 gets none",
        (f"{at}.action.weightedTargets[].weight", f"{at}.action.weightedTargets[].virtualNode"),
        (
            call("/some", protocol=protocol, times=40, spread=frozenset({"blue", "green"})),
            call("/none", "green", protocol=protocol, times=10),
        ),
        routes={
            "some": route(to("blue", "green"), {"prefix": "/some"}, member),
            "none": route(to(blue=0, green=1), {"prefix": "/none"}, member),
        },
    )


ROWS: tuple[Row, ...] = (
    *(row for protocol in HTTP for row in _Http(protocol).rows()),
    *(row for protocol in (*HTTP, "grpc") for row in _headers(protocol)),
)
