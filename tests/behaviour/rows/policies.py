"""Routes: retries and timeouts.

https://docs.aws.amazon.com/app-mesh/latest/APIReference/API_HttpRetryPolicy.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.behaviour.table import (
    MEMBERS,
    REQUESTS,
    Call,
    Protocol,
    Row,
    call,
    listener,
    ms,
    node,
    path_of,
    route,
    seconds,
)

BOTH = {"blue": ("dead", "blue")}
"""Two instances; nothing listens at one of them."""


def policy(retries: int = 2, limit: Any = None, **events: list[str]) -> dict[str, Any]:
    """A retry policy; ``limit`` is perRetryTimeout, none unless given."""
    return {"maxRetries": retries, "perRetryTimeout": limit or ms(0), **events}


def _events(protocol: Any) -> Iterator[Row]:
    """Which answers are retried, and which are not."""
    member = MEMBERS[protocol]
    path = path_of(protocol)
    cases = [
        ("server-error", ["500", "503", "511"], ["404", "409"]),
        ("gateway-error", ["502", "503", "504"], ["500", "409"]),
        ("client-error", ["409"], ["404", "503"]),
    ]
    # gRPC applications answer with a gRPC status: a plain HTTP/2 one stands in, which does not.
    nodes = {"blue": node("blue", listener("grpc", 8081))} if protocol == "grpc" else {}
    told = "grpc" if protocol == "grpc" else protocol
    for event, again, not_again in cases:

        def status(code: str, **expected: Any) -> Any:
            failing = {"x-status": code, "x-first": "2"}
            if told == "grpc":
                made = call(path, protocol="grpc", headers=failing, counts={}, **expected)
                return _uncounted(made)
            return call(path, protocol=protocol, headers=failing, **expected)

        calls = [status(one, tries=3) for one in again]
        if told == "grpc":
            calls += [status(one, tries=1) for one in not_again]
        else:
            calls += [status(one, status=int(one), tries=1) for one in not_again]
        yield Row(
            f"{protocol}-retry-{event}",
            f"{event}: {', '.join(again)} are retried, {', '.join(not_again)} are not",
            (f"route.{member}.retryPolicy.httpRetryEvents[]",),
            tuple(calls),
            nodes=nodes,
            routes={
                "all": route("blue", None, member, retryPolicy=policy(httpRetryEvents=[event]))
            },
        )


def _uncounted(made: Any) -> Any:
    return type(made)(**{**vars(made), "counts": None})


def _most_retries(protocol: Protocol) -> Iterator[Row]:
    member, grpc = MEMBERS[protocol], protocol == "grpc"
    events = {"grpcRetryEvents": ["unavailable"]} if grpc else {"httpRetryEvents": ["server-error"]}
    fails = {"x-code": "UNAVAILABLE"} if grpc else {"x-status": "500"}
    failed: dict[str, Any] = {"code": "UNAVAILABLE"} if grpc else {"status": 500}

    def one(first: int, **expected: Any) -> Call:
        headers = {**fails, "x-first": str(first)}
        return call(path_of(protocol), protocol=protocol, headers=headers, **expected)

    for retries in (0, 1, 4):
        yield Row(
            f"{protocol}-max-retries-{retries}",
            f"at most {retries} retries; the caller gets the last answer",
            (f"route.{member}.retryPolicy.maxRetries",),
            (one(retries, tries=retries + 1), one(9, tries=retries + 1, **failed)),
            routes={"all": route("blue", None, member, retryPolicy=policy(retries, **events))},
        )


def _tries_with_timeouts(protocol: Protocol) -> Iterator[Row]:
    """The first try takes half a second."""
    member, path = MEMBERS[protocol], path_of(protocol)
    at = f"route.{member}.retryPolicy"
    late = {"x-delay": "0.5", "x-first": "1"}
    limited = {**policy(1, ms(150)), "httpRetryEvents": ["gateway-error"]}
    yield Row(
        f"{protocol}-per-retry-timeout",
        "a try that takes longer than perRetryTimeout is cancelled and retried",
        (f"{at}.perRetryTimeout.value", f"{at}.perRetryTimeout.unit"),
        (call(path, "blue", protocol=protocol, headers=late, tries=2),),
        routes={"all": route("blue", None, member, retryPolicy=limited)},
    )
    patient = {**limited, "perRetryTimeout": seconds(2)}
    yield Row(
        f"{protocol}-per-retry-timeout-seconds",
        "the unit of perRetryTimeout is respected: half a second is within 2 s",
        (f"{at}.perRetryTimeout.unit",),
        (call(path, "blue", protocol=protocol, headers=late, tries=1),),
        routes={"all": route("blue", None, member, retryPolicy=patient)},
    )
    yield Row(
        f"{protocol}-per-retry-timeout-0",
        "perRetryTimeout 0: a try may last as long as the request",
        (f"{at}.perRetryTimeout.value",),
        (call(path, "blue", protocol=protocol, headers=late, tries=1),),
        routes={
            "all": route("blue", None, member, retryPolicy={**limited, "perRetryTimeout": ms(0)})
        },
    )


def _failed_connections(protocol: Protocol) -> Iterator[Row]:
    member, path = MEMBERS[protocol], path_of(protocol)
    at = f"route.{member}.retryPolicy"
    connections = policy(1, tcpRetryEvents=["connection-error"])
    yield Row(
        f"{protocol}-retry-connection-error",
        "connection-error: a failed connection is retried at another instance",
        (f"{at}.tcpRetryEvents[]",),
        (call(path, "blue", protocol=protocol, times=6, tries=1),),
        instances=BOTH,
        routes={"all": route("blue", None, member, retryPolicy=connections)},
    )
    other = policy(1, httpRetryEvents=["client-error"])
    counts = {"OK": 3, "UNAVAILABLE": 3} if protocol == "grpc" else {200: 3, 503: 3}
    yield Row(
        f"{protocol}-no-retry-of-connections",
        "without connection-error a failed connection is not retried",
        (f"{at}.httpRetryEvents[]",),
        (call(path, protocol=protocol, times=6, counts=counts),),
        instances=BOTH,
        routes={"all": route("blue", None, member, retryPolicy=other)},
    )


def _default(protocol: Any) -> Iterator[Row]:
    """https://docs.aws.amazon.com/app-mesh/latest/userguide/envoy-defaults.html"""
    member = MEMBERS[protocol]
    grpc = protocol == "grpc"
    path = path_of(protocol)
    asked, wrong = ("x-code", "INTERNAL") if grpc else ("x-status", "500")
    right = "UNAVAILABLE" if grpc else "503"
    kept: dict[str, Any] = {"code": wrong} if grpc else {"status": 500}
    yield Row(
        f"{protocol}-default-retries",
        f"without a retry policy {right} is retried twice, {wrong} is not",
        (f"route.{member}.action.weightedTargets[].virtualNode",),
        (
            call(path, protocol=protocol, headers={asked: right, "x-first": "2"}, tries=3),
            call(path, protocol=protocol, headers={asked: wrong, "x-first": "2"}, tries=1, **kept),
        ),
        routes={"all": route("blue", None, member)},
    )


def _timeouts(protocol: Any) -> Iterator[Row]:
    member = MEMBERS[protocol]
    at = f"route.{member}.timeout"
    grpc = protocol == "grpc"
    path = path_of(protocol)
    failed: dict[str, Any] = {"code": "UNAVAILABLE"} if grpc else {"status": 504}

    def one(delay: float, **expected: Any) -> Any:
        return call(path, protocol=protocol, headers={"x-delay": str(delay)}, **expected)

    def row(name: str, says: str, paths: tuple[str, ...], timeout: Any, *calls: Any) -> Row:
        proves = tuple(f"{at}.{one}" for one in paths)
        routes = {"all": route("blue", None, member, timeout=timeout)}
        return Row(f"{protocol}-{name}", says, proves, calls, routes=routes)

    for which in ("perRequest", "idle"):
        none = {"perRequest": ms(0)} if which == "idle" else {"idle": ms(0)}
        both = (f"{which}.value", f"{which}.unit")
        says = "a request" if which == "perRequest" else "a request without any data"
        yield row(
            f"{which}-timeout",
            f"{which}: {says} fails after that time (504, gRPC UNAVAILABLE)",
            both,
            {**none, which: ms(200)},
            one(0.7, **failed),
            one(0),
        )
        yield row(
            f"{which}-timeout-seconds",
            f"{which}: the unit is respected",
            (f"{which}.unit",),
            {**none, which: seconds(3)},
            one(0.3),
        )
        made = row(
            f"{which}-timeout-0",
            f"{which} 0: no limit",
            both,
            {**none, which: ms(0)},
            one(0.3),
        )
        shown = {"perRequest": {"timeout": "0s"}, "idle": {"idle_timeout": "0s"}}[which]
        yield type(made)(**{**vars(made), "holds": (("web", "rds_egress_http_15001", shown),)})


def _grpc_events() -> Iterator[Row]:
    events = ("cancelled", "deadline-exceeded", "internal", "resource-exhausted", "unavailable")
    for event in events:
        code = event.upper().replace("-", "_")
        other = "ABORTED"
        yield Row(
            f"grpc-retry-{event}",
            f"{event}: the gRPC status {code} is retried, {other} is not",
            ("route.grpcRoute.retryPolicy.grpcRetryEvents[]",),
            (
                call("/pkg.S/Do", "blue", protocol="grpc", tries=3, headers=_failing(code)),
                call("/pkg.S/Do", protocol="grpc", tries=1, code=other, headers=_failing(other)),
            ),
            routes={
                "all": route("blue", None, "grpcRoute", retryPolicy=policy(grpcRetryEvents=[event]))
            },
        )


def _failing(code: str) -> dict[str, str]:
    return {"x-code": code, "x-first": "2"}


def _refused() -> Row:
    return Row(
        "http2-retry-stream-error",
        "stream-error: a stream that the application refuses is retried",
        ("route.http2Route.retryPolicy.httpRetryEvents[]",),
        (
            call("/", protocol="http2", times=4, status=200),
            call("/client", protocol="http2", counts={503: 2, 200: 2}, times=4),
        ),
        instances={"blue": ("refuser",)},
        routes={
            "all": route(
                "blue", None, "http2Route", retryPolicy=policy(httpRetryEvents=["stream-error"])
            ),
            "client": route(
                "blue",
                {"prefix": "/client"},
                "http2Route",
                retryPolicy=policy(httpRetryEvents=["client-error"]),
            ),
        },
    )


ROWS: tuple[Row, ...] = (
    *(row for protocol in REQUESTS for row in _events(protocol)),
    *(row for protocol in REQUESTS for row in _most_retries(protocol)),
    *(row for protocol in REQUESTS for row in _tries_with_timeouts(protocol)),
    *(row for protocol in REQUESTS for row in _failed_connections(protocol)),
    *(row for protocol in REQUESTS for row in _default(protocol)),
    *(row for protocol in REQUESTS for row in _timeouts(protocol)),
    *_grpc_events(),
    _refused(),
)
