"""Conditions of rules. The rule under test leads to ``green``, everything else to ``blue``."""

from __future__ import annotations

from typing import Any

from tests.behaviour.load_balancers.table import Call, Row, forward, rule

GREEN = {"status": 200, "node": "green"}
BLUE = {"status": 200, "node": "blue"}


def host(*values: str) -> dict[str, Any]:
    return {"Field": "host-header", "HostHeaderConfig": {"Values": list(values)}}


def path(*values: str) -> dict[str, Any]:
    return {"Field": "path-pattern", "PathPatternConfig": {"Values": list(values)}}


def header(name: str, *values: str) -> dict[str, Any]:
    config = {"HttpHeaderName": name, "Values": list(values)}
    return {"Field": "http-header", "HttpHeaderConfig": config}


def method(*values: str) -> dict[str, Any]:
    return {"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": list(values)}}


def query(*pairs: tuple[str, str]) -> dict[str, Any]:
    values = [{"Key": key, "Value": value} if key else {"Value": value} for key, value in pairs]
    return {"Field": "query-string", "QueryStringConfig": {"Values": values}}


def source(*values: str) -> dict[str, Any]:
    return {"Field": "source-ip", "SourceIpConfig": {"Values": list(values)}}


def _row(name: str, says: str, proves: str, conditions: Any, *calls: tuple[Any, Any]) -> Row:
    """``calls`` are (members of Call, whether the rule matches)."""
    made = tuple(Call(GREEN if green else BLUE, **more) for more, green in calls)
    rules = (rule(*conditions),)
    return Row(name, says, (proves,), made, rules=rules)


def _hosts(*pairs: tuple[str, bool]) -> list[Any]:
    return [({"host": text}, green) for text, green in pairs]


def _paths(*pairs: tuple[str, bool]) -> list[Any]:
    return [({"path": text}, green) for text, green in pairs]


ROWS = (
    _row(
        "host-exact",
        "the host must be one of the values, without regard to case; its port does not count",
        "host-header",
        [host("a.test", "B.test")],
        *_hosts(("a.test", True), ("A.TEST:8080", True), ("b.test", True), ("xa.test", False)),
    ),
    _row(
        "host-wildcards",
        "`*` in a host is any number of characters, dots too; `?` exactly one",
        "host-header",
        [host("*.a.test", "web?.test")],
        *_hosts(("x.y.a.test", True), ("a.test", False), ("web1.test", True), ("web.test", False)),
    ),
    _row(
        "path-exact",
        "a path is compared as a whole, with regard to case and without the query string",
        "path-pattern",
        [path("/img", "/Img2")],
        *_paths(("/img", True), ("/img?x=1", True), ("/IMG", False), ("/img/", False)),
        *_paths(("/Img2", True)),
    ),
    _row(
        "path-wildcards",
        "`*` in a path is any number of characters, slashes too; `?` exactly one",
        "path-pattern",
        [path("/img/*/pics", "/v?/x")],
        *_paths(("/img/a/b/pics", True), ("/img/pics", False), ("/v1/x", True), ("/v/x", False)),
    ),
    _row(
        "path-special",
        "all other characters of a path stand for themselves",
        "path-pattern",
        [path("/a.b+c$(x)")],
        *_paths(("/a.b+c$(x)", True), ("/aXb+c$(x)", False)),
    ),
    Row(
        "path-older-values",
        "a condition may have its values in `Values`, as older callers send them",
        ("path-pattern",),
        (Call(GREEN, path="/old/1"), Call(BLUE, path="/new")),
        rules=(rule({"Field": "path-pattern", "Values": ["/old/*"]}),),
    ),
    _row(
        "header-value",
        "a header must have one of the values, without regard to case, with wildcards",
        "http-header",
        [header("X-Client", "mobile*", "t?blet")],
        ({"headers": {"x-client": "Mobile/7"}}, True),
        ({"headers": {"X-CLIENT": "TABLET"}}, True),
        ({"headers": {"x-client": "a mobile"}}, False),
        ({}, False),
    ),
    _row(
        "header-list",
        "of several values in one header, each is compared",
        "http-header",
        [header("x-roles", "admin", "??")],
        ({"headers": {"x-roles": "user, admin"}}, True),
        ({"headers": {"x-roles": "user,admin,x"}}, True),
        ({"headers": {"x-roles": "user, administrator"}}, False),
        ({"headers": {"x-roles": "user, a"}}, False),
    ),
    _row(
        "method",
        "the method must be one of the values, with regard to case; it may be a custom one",
        "http-request-method",
        [method("POST", "PURGE", "MINE")],
        ({"method": "POST"}, True),
        ({"method": "PURGE"}, True),
        ({"method": "GET"}, False),
        ({"method": "post"}, False),
        ({"method": "MINE"}, True),
    ),
    _row(
        "query-pair",
        "the query string must have one of the pairs, without regard to case",
        "query-string",
        [query(("version", "v1"), ("beta", "yes"))],
        ({"path": "/?version=v1"}, True),
        ({"path": "/?x=1&VERSION=V1&y=2"}, True),
        ({"path": "/?beta=yes"}, True),
        ({"path": "/?version=v11"}, False),
        ({"path": "/?xversion=v1"}, False),
        ({"path": "/version=v1"}, False),
    ),
    _row(
        "query-value",
        "a value without a key matches a parameter of any name",
        "query-string",
        [query(("", "*example*"))],
        ({"path": "/?a=1&b=an-example-2"}, True),
        ({"path": "/?example=1"}, False),
        ({"path": "/example"}, False),
    ),
    _row(
        "query-wildcards",
        "wildcards work in keys and values, and end where the parameter does",
        "query-string",
        [query(("v*n", "?x"))],
        ({"path": "/?version=1x"}, True),
        ({"path": "/?vn=1x&z"}, True),
        ({"path": "/?vn=1&x=1x"}, False),
    ),
    _row(
        "source-ip",
        "the connection must come from one of the networks, whatever X-Forwarded-For says",
        "source-ip",
        [source("$HERE/32", "10.0.0.0/8")],
        ({"source": "here"}, True),
        ({"source": "there"}, False),
        ({"source": "there", "headers": {"x-forwarded-for": "10.1.2.3"}}, False),
    ),
    _row(
        "conditions-and",
        "all conditions of a rule must hold",
        "Conditions",
        [host("a.test"), path("/x*"), header("x-a", "1"), header("x-b", "2"), method("GET")],
        ({"host": "a.test", "path": "/x", "headers": {"x-a": "1", "x-b": "2"}}, True),
        ({"host": "a.test", "path": "/x", "headers": {"x-a": "1"}}, False),
        ({"host": "b.test", "path": "/x", "headers": {"x-a": "1", "x-b": "2"}}, False),
        ({"host": "a.test", "path": "/y", "headers": {"x-a": "1", "x-b": "2"}}, False),
    ),
    Row(
        "priority",
        "of several rules that match, the one with the lowest priority counts",
        ("Priority",),
        (Call(GREEN, path="/a/b"), Call(BLUE, path="/a")),
        rules=(rule(path("/a/*")), rule(path("/a*"), then=forward("blue"))),
    ),
    Row(
        "default-action",
        "a request that no rule matches goes by the default actions",
        ("DefaultActions",),
        (Call(BLUE, path="/none"), Call(GREEN, path="/some")),
        rules=(rule(path("/some")),),
    ),
    Row(
        "many-values",
        "a condition may have five values of 128 characters, with wildcards",
        ("path-pattern",),
        (Call(GREEN, path="/" + "4" * 100), Call(BLUE, path="/" + "7" * 100)),
        rules=(rule(path(*(f"/{n}" + f"*{n}?" * 40 for n in range(5)))),),
    ),
)
