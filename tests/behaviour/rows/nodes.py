"""Virtual nodes: listeners, timeouts, connection pools and access logs.

https://docs.aws.amazon.com/app-mesh/latest/userguide/virtual_nodes.html
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from tests.behaviour.table import (
    ALL_LISTENERS,
    PROTOCOLS,
    SECOND,
    Row,
    call,
    listener,
    ms,
    node,
    path_of,
    seconds,
)

AT = "virtualNode.listeners[]"


def _inside(protocol: Any, delay: float = 0, **expected: Any) -> Any:
    """A call to the application behind the node's own Envoy."""
    headers = {"x-delay": str(delay)} if delay else {}
    if protocol == "tcp":
        expected.setdefault("closed", False)
    return call(path_of(protocol), via="node", protocol=protocol, headers=headers, **expected)


def _node_with(protocol: str, **more: Any) -> dict[str, Any]:
    """The node under test, with one listener of that protocol."""
    return node("app", listener(protocol, **more))


def _listeners() -> Iterator[Row]:
    yield Row(
        "node-listeners",
        "a node may listen with every protocol at once; each leads to its port of the application",
        (f"{AT}.portMapping.port", f"{AT}.portMapping.protocol"),
        tuple(_inside(protocol, node="app") for protocol in PROTOCOLS),
        app=node("app", *ALL_LISTENERS, listener("http", SECOND["http"])),
    )
    yield Row(
        "node-http2-arrives",
        "an http2 listener speaks HTTP/2 to the application, an http listener HTTP/1.1",
        (f"{AT}.portMapping.protocol",),
        (
            call(via="node", protocol="http2", node="app", expect={"protocol": "HTTP/2"}),
            call(via="node", node="app", expect={"protocol": "HTTP/1.1"}),
        ),
        app=node("app"),
    )


def _timeouts(protocol: str) -> Iterator[Row]:
    at = f"{AT}.timeout.{protocol}"
    failed: dict[str, Any] = {"code": "UNAVAILABLE"} if protocol == "grpc" else {"status": 504}
    if protocol == "tcp":
        failed = {"closed": True}
    for which in ("idle",) if protocol == "tcp" else ("perRequest", "idle"):
        other: dict[str, Any] = {} if which == "perRequest" else {"perRequest": ms(0)}
        other = {} if protocol == "tcp" else other
        cases: list[tuple[str, str, Any, tuple[Any, ...]]] = [
            ("", "fails after that time", ms(200), (_inside(protocol, 0.6, **failed),)),
            (
                "-seconds",
                "may take that long: the unit is respected",
                seconds(4),
                (_inside(protocol, 0.3),),
            ),
            ("-0", "0: has no limit", ms(0), (_inside(protocol, 0.3),)),
        ]
        what = "a request to the application" if which == "perRequest" else "one without any data"
        for name, says, limit, calls in cases:
            yield Row(
                f"node-{protocol}-{which}-timeout{name}",
                f"{which}: {what} {says}",
                (f"{at}.{which}.value", f"{at}.{which}.unit"),
                (*calls, _inside(protocol)),
                app=_node_with(protocol, timeout={protocol: {**other, which: limit}}),
            )


def _pools() -> Iterator[Row]:
    slow = 0.5
    http = {"maxConnections": 1, "maxPendingRequests": 1}
    at = f"{AT}.connectionPool"
    yield Row(
        "node-http-pool",
        "connections to the application and waiting requests are limited; the rest get 503",
        (f"{at}.http.maxConnections", f"{at}.http.maxPendingRequests"),
        (_inside("http"), _inside("http", slow, together=4, counts={200: 2, 503: 2})),
        app=_node_with("http", connectionPool={"http": http}),
    )
    yield Row(
        "node-http-pool-wide",
        "with more connections, more requests are served at once",
        (f"{at}.http.maxConnections",),
        (_inside("http", slow, together=4, counts={200: 4}),),
        app=_node_with("http", connectionPool={"http": {"maxConnections": 4}}),
    )
    for protocol, good, bad in (("http2", 200, 503), ("grpc", "OK", "UNAVAILABLE")):
        yield Row(
            f"node-{protocol}-pool",
            f"concurrent requests are limited; the rest get {bad}",
            (f"{at}.{protocol}.maxRequests",),
            (_inside(protocol, slow, together=4, counts={good: 3, bad: 1}),),
            app=_node_with(protocol, connectionPool={protocol: {"maxRequests": 3}}),
        )
    yield Row(
        "node-tcp-pool",
        "connections are limited; the rest are closed",
        (f"{at}.tcp.maxConnections",),
        (replace(_inside("tcp", slow, together=3, counts={False: 1, True: 2}), expect={}),),
        app=_node_with("tcp", connectionPool={"tcp": {"maxConnections": 1}}),
    )


def _logs() -> Iterator[Row]:
    at = "virtualNode.logging.accessLog.file"
    text = {"text": "%REQ(:METHOD)% %REQ(:PATH)% %RESPONSE_CODE%\n"}
    pairs = [{"key": "path", "value": "%REQ(:PATH)%"}, {"key": "code", "value": "%RESPONSE_CODE%"}]

    def row(name: str, says: str, paths: tuple[str, ...], file: Any, log: str, line: str) -> Row:
        proves = tuple(f"{at}.{path}" for path in paths)
        calls = (call("/seen", via="node", node="app"),)
        logging = {"logging": {"accessLog": {"file": file}}}
        return Row(name, says, proves, calls, app=node("app", **logging), logs={log: line})

    yield row(
        "log-text",
        "each line of the access log follows the text format",
        ("path", "format.text"),
        {"path": "$DIR/text.log", "format": text},
        "text.log",
        "GET /seen 200",
    )
    yield row(
        "log-json",
        "each line of the access log is a JSON object with the format's keys",
        ("format.json[].key", "format.json[].value"),
        {"path": "$DIR/json.log", "format": {"json": pairs}},
        "json.log",
        r'\{"code":200,"path":"/seen"\}|\{"path":"/seen","code":200\}',
    )
    yield row(
        "log-stdout",
        "/dev/stdout is Envoy's standard output; without a format Envoy's default is used",
        ("path",),
        {"path": "/dev/stdout"},
        "stdout of app",
        r'\[.*\] "GET /seen HTTP/1.1" 200 .*',
    )


ROWS: tuple[Row, ...] = (
    *_listeners(),
    *(row for protocol in PROTOCOLS for row in _timeouts(protocol)),
    *_pools(),
    *_logs(),
)
