"""Virtual nodes: listeners, timeouts, pools, outlier detection, health checks and logs; the mesh.

https://docs.aws.amazon.com/app-mesh/latest/userguide/virtual_nodes.html
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from tests.behaviour.table import (
    ALL_LISTENERS,
    MEMBERS,
    PORTS,
    SECOND,
    Row,
    call,
    listener,
    ms,
    node,
    route,
    seconds,
)

NODE = "virtualNode"
AT = f"{NODE}.listeners[]"
PROTOCOLS = ("http", "http2", "grpc", "tcp")
REQUESTS = ("http", "http2", "grpc")


def _path(protocol: str) -> str:
    return "/pkg.S/Do" if protocol == "grpc" else "/"


def _inside(protocol: Any, delay: float = 0, **expected: Any) -> Any:
    """A call of the application behind the node's own Envoy."""
    headers = {"x-delay": str(delay)} if delay else {}
    if protocol == "tcp":
        expected.setdefault("closed", False)
    return call(_path(protocol), via="node", protocol=protocol, headers=headers, **expected)


def _node_with(protocol: str, **more: Any) -> dict[str, Any]:
    """The node under test: one listener of that protocol."""
    return node("app", listener(protocol, **more))


def _listeners() -> Iterator[Row]:
    yield Row(
        "node-listeners",
        "one node listens with every protocol at once; each leads to the application's own port",
        (f"{AT}.portMapping.port", f"{AT}.portMapping.protocol"),
        tuple(_inside(protocol, node="app") for protocol in PROTOCOLS),
        app=node("app", *ALL_LISTENERS, listener("http", SECOND["http"])),
    )
    yield Row(
        "node-http2-arrives",
        "behind an http2 listener the application is spoken to in HTTP/2, behind http in HTTP/1.1",
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
            ("", "is given up after that time", ms(200), (_inside(protocol, 0.6, **failed),)),
            (
                "-seconds",
                "may take as long as the unit says",
                seconds(4),
                (_inside(protocol, 0.3),),
            ),
            ("-0", "0: has no limit", ms(0), (_inside(protocol, 0.3),)),
        ]
        what = "a request to the application" if which == "perRequest" else "what does not move"
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
        "as many connections to the application and as many waiting requests; 503 for the rest",
        (f"{at}.http.maxConnections", f"{at}.http.maxPendingRequests"),
        (_inside("http"), _inside("http", slow, together=4, counts={200: 2, 503: 2})),
        app=_node_with("http", connectionPool={"http": http}),
    )
    yield Row(
        "node-http-pool-wide",
        "more connections, more requests at once",
        (f"{at}.http.maxConnections",),
        (_inside("http", slow, together=4, counts={200: 4}),),
        app=_node_with("http", connectionPool={"http": {"maxConnections": 4}}),
    )
    for protocol, good, bad in (("http2", 200, 503), ("grpc", "OK", "UNAVAILABLE")):
        yield Row(
            f"node-{protocol}-pool",
            f"as many requests at once; {bad} for the rest",
            (f"{at}.{protocol}.maxRequests",),
            (_inside(protocol, slow, together=4, counts={good: 3, bad: 1}),),
            app=_node_with(protocol, connectionPool={protocol: {"maxRequests": 3}}),
        )
    yield Row(
        "node-tcp-pool",
        "as many connections; the rest is closed",
        (f"{at}.tcp.maxConnections",),
        (replace(_inside("tcp", slow, together=3, counts={False: 1, True: 2}), expect={}),),
        app=_node_with("tcp", connectionPool={"tcp": {"maxConnections": 1}}),
    )


NO_RETRY = {"maxRetries": 0, "perRetryTimeout": ms(0), "httpRetryEvents": ["server-error"]}


def _outliers() -> Iterator[Row]:
    at = f"{AT}.outlierDetection"
    bad = {"x-only": "green", "x-status": "500"}
    all_bad = {"x-status": "500"}

    def row(name: str, says: str, paths: tuple[str, ...], spec: Any, *calls: Any) -> Row:
        detection = {
            "baseEjectionDuration": seconds(30),
            "interval": seconds(1),
            "maxEjectionPercent": 100,
            "maxServerErrors": 3,
            **spec,
        }
        return Row(
            name,
            says,
            tuple(f"{at}.{path}" for path in paths),
            calls,
            nodes={"blue": node("blue", listener(outlierDetection=detection))},
            instances={"blue": ("blue", "green")},
            routes={"all": route("blue", None, retryPolicy=NO_RETRY)},
        )

    yield row(
        "outlier-max-server-errors",
        "an instance that answers that many 5xx in a row gets no requests for a while",
        ("maxServerErrors",),
        {},
        call(headers=bad, times=6, counts={200: 3, 500: 3}),
        call("/", "blue", headers=bad, times=6, status=200, until=2),
    )
    yield row(
        "outlier-base-ejection",
        "an ejected instance is back after that time",
        ("baseEjectionDuration.value", "baseEjectionDuration.unit", "interval.value"),
        {"baseEjectionDuration": ms(200), "interval": ms(100)},
        call(headers=bad, times=6, counts={200: 3, 500: 3}),
        call(times=4, spread=frozenset({"blue", "green"}), until=5),
    )
    yield row(
        "outlier-interval",
        "whether an instance may be back is looked at every interval",
        ("interval.value", "interval.unit"),
        {"baseEjectionDuration": ms(1), "interval": seconds(60)},
        call(headers=bad, times=6, counts={200: 3, 500: 3}),
        call("/", "blue", times=6, until=2),
    )
    yield row(
        "outlier-percent-100",
        "all instances may be ejected: nobody is left to answer",
        ("maxEjectionPercent",),
        {},
        call(headers=all_bad, times=6, counts={500: 6}),
        call("/", status=503, tries=0, until=2),
    )
    yield row(
        "outlier-percent-0",
        "one instance is ejected whatever the percentage, others are not",
        ("maxEjectionPercent",),
        {"maxEjectionPercent": 0},
        call(headers=all_bad, times=6, counts={500: 6}),
        call("/", times=4, status=200),
    )


def _check(protocol: str, **more: Any) -> dict[str, Any]:
    check = {
        "protocol": protocol,
        "healthyThreshold": 2,
        "unhealthyThreshold": 2,
        "timeoutMillis": 2000,
        "intervalMillis": 5000,
        **more,
    }
    if protocol in ("http", "http2"):
        check.setdefault("path", "/check")
    return check


def _health() -> Iterator[Row]:
    at = f"{AT}.healthCheck"

    def row(name: str, says: str, paths: tuple[str, ...], check: Any, *calls: Any) -> Row:
        spoken = calls[0].protocol
        own = node("blue", listener(spoken, healthCheck=check))
        routes = {"all": route("blue", None, MEMBERS[spoken])}
        proves = tuple(f"{at}.{path}" for path in paths)
        other = "dead" if check["protocol"] == "tcp" else "sick"
        other = "moody" if "moody" in name else other
        where = ("moody",) if other == "moody" else ("blue", other)
        return Row(
            name, says, proves, calls, nodes={"blue": own}, instances={"blue": where}, routes=routes
        )

    for protocol in PROTOCOLS:
        more: dict[str, Any] = {"closed": False} if protocol == "tcp" else {}
        yield row(
            f"health-{protocol}",
            f"callers check each instance by {protocol}; one that fails gets nothing",
            ("protocol",),
            _check(protocol),
            call(_path(protocol), "blue", protocol=protocol, times=6, **more),
        )
    yield row(
        "health-path",
        "the path that is asked for",
        ("path",),
        _check("http", path="/check/other"),
        call(times=6, spread=frozenset({"blue", "sick"}), status=200),
    )
    yield row(
        "health-port",
        "the port that is asked at: the listener's",
        ("port",),
        _check("http", port=PORTS["http"]),
        call("/", "blue", times=6),
    )
    yield row(
        "health-timeout",
        "a check that is not answered in time has failed",
        ("timeoutMillis",),
        _check("http", path="/check/slow"),
        call("/", "blue", times=6, until=6),
    )
    yield row(
        "health-timeout-patient",
        "a check may take as long as its timeout",
        ("timeoutMillis",),
        _check("http", path="/check/slow", timeoutMillis=6000),
        call(times=6, spread=frozenset({"blue", "sick"}), status=200, until=6),
    )
    yield row(
        "health-moody",
        "one failed check does not make an instance unhealthy: unhealthyThreshold in a row do;"
        " the next check comes after intervalMillis",
        ("unhealthyThreshold", "intervalMillis"),
        _check("http"),
        call("/", "moody", times=3, checks=("moody HTTP/1.1 /check", 1)),
    )
    made = row(
        "health-thresholds",
        "Envoy itself says that it runs with the thresholds, the interval and the timeout",
        ("healthyThreshold", "unhealthyThreshold", "intervalMillis", "timeoutMillis"),
        _check(
            "http",
            healthyThreshold=3,
            unhealthyThreshold=7,
            intervalMillis=6500,
            timeoutMillis=2500,
        ),
        call("/", "blue", times=4),
    )
    content = {
        "healthy_threshold": 3,
        "unhealthy_threshold": 7,
        "interval": "6.500s",
        "timeout": "2.500s",
    }
    yield replace(made, holds=(("web", "cds_egress_m_blue_http_8080", content),))


def _logs() -> Iterator[Row]:
    at = f"{NODE}.logging.accessLog.file"
    text = {"text": "%REQ(:METHOD)% %REQ(:PATH)% %RESPONSE_CODE%\n"}
    pairs = [{"key": "path", "value": "%REQ(:PATH)%"}, {"key": "code", "value": "%RESPONSE_CODE%"}]

    def row(name: str, says: str, paths: tuple[str, ...], file: Any, log: str, line: str) -> Row:
        proves = tuple(f"{at}.{path}" for path in paths)
        calls = (call("/seen", via="node", node="app"),)
        logging = {"logging": {"accessLog": {"file": file}}}
        return Row(name, says, proves, calls, app=node("app", **logging), logs={log: line})

    yield row(
        "log-text",
        "a line of the access log is as its text format says",
        ("path", "format.text"),
        {"path": "$DIR/text.log", "format": text},
        "text.log",
        "GET /seen 200",
    )
    yield row(
        "log-json",
        "a line of the access log is a JSON object of the format's keys",
        ("format.json[].key", "format.json[].value"),
        {"path": "$DIR/json.log", "format": {"json": pairs}},
        "json.log",
        r'\{"code":200,"path":"/seen"\}|\{"path":"/seen","code":200\}',
    )
    yield row(
        "log-stdout",
        "/dev/stdout is Envoy's own; without a format a line is as Envoy writes it",
        ("path",),
        {"path": "/dev/stdout"},
        "stdout of app",
        r'\[.*\] "GET /seen HTTP/1.1" 200 .*',
    )


def _mesh() -> Iterator[Row]:
    at = "mesh.egressFilter.type"
    outside = {"host": f"outside.test:{SECOND['http']}"}
    for kind in ("ALLOW_ALL", "DROP_ALL", None):
        allowed = kind == "ALLOW_ALL"
        name = (kind or "default").lower().replace("_", "-")
        answer = call("/", "green", **outside) if allowed else call("/", status=404, **outside)
        yield Row(
            f"mesh-egress-{name}",
            "what is no backend leaves the mesh"
            if allowed
            else "what is no backend is refused (404)" + ("" if kind else ": the default"),
            (at,) if kind else (),
            (answer, call("/", "blue")),
            mesh={"egressFilter": {"type": kind}} if kind else {},
        )
    yield Row(
        "node-backends",
        "a node reaches the virtual services that it names as backends, and no others",
        (f"{NODE}.backends[].virtualService.virtualServiceName",),
        (call("/", "blue"), call("/", host="other.local", status=404)),
        services={"other.local": {"provider": {"virtualNode": {"virtualNodeName": "green"}}}},
        web={"backends": [{"virtualService": {"virtualServiceName": "shop.local"}}]},
    )
    by_node = {"provider": {"virtualNode": {"virtualNodeName": "green"}}}
    yield Row(
        "service-by-node",
        "a virtual service that a node provides goes to that node",
        ("virtualService.provider.virtualNode.virtualNodeName",),
        (call("/", "green", host="other.local"),),
        services={"other.local": by_node},
    )
    by_router = {"provider": {"virtualRouter": {"virtualRouterName": "shop"}}}
    yield Row(
        "service-by-router",
        "a virtual service that a router provides goes where its routes lead",
        ("virtualService.provider.virtualRouter.virtualRouterName",),
        (call("/", "blue", host="other.local"), call("/", "blue", host="SHOP.local")),
        services={"other.local": by_router},
    )
    yield Row(
        "service-without-provider",
        "a virtual service without a provider is answered 404",
        (),
        (call("/", host="other.local", status=404),),
        services={"other.local": {}},
    )
    second = listener("http", SECOND["http"])
    yield Row(
        "router-listeners",
        "a virtual service is reached at its router's ports",
        ("virtualRouter.listeners[].portMapping.port",),
        (
            call("/", "green", host=f"shop.local:{SECOND['http']}"),
            call("/", host="shop.local:7777", status=404),
        ),
        router={"listeners": [second]},
        routes={"all": route("green")},
    )
    for protocol in PROTOCOLS:
        more: dict[str, Any] = {"closed": False} if protocol == "tcp" else {}
        yield Row(
            f"router-{protocol}",
            f"a router's listener of protocol {protocol} has {protocol} routes",
            ("virtualRouter.listeners[].portMapping.protocol",),
            (call(_path(protocol), "blue", protocol=protocol, **more),),
            router={"listeners": [listener(protocol)]},
            routes={"all": route("blue", None, MEMBERS[protocol])},
        )


ROWS: tuple[Row, ...] = (
    *_listeners(),
    *(row for protocol in PROTOCOLS for row in _timeouts(protocol)),
    *_pools(),
    *_outliers(),
    *_health(),
    *_logs(),
    *_mesh(),
)
