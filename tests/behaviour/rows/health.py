"""Which instances of a node get requests: outlier detection and health checks.

https://docs.aws.amazon.com/app-mesh/latest/APIReference/API_OutlierDetection.html
https://docs.aws.amazon.com/app-mesh/latest/APIReference/API_HealthCheckPolicy.html
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from tests.behaviour.table import (
    MEMBERS,
    PORTS,
    PROTOCOLS,
    Row,
    call,
    listener,
    ms,
    node,
    path_of,
    route,
    seconds,
)

AT = "virtualNode.listeners[]"
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
        "an ejected instance returns after that time",
        ("baseEjectionDuration.value", "baseEjectionDuration.unit", "interval.value"),
        {"baseEjectionDuration": ms(200), "interval": ms(100)},
        call(headers=bad, times=6, counts={200: 3, 500: 3}),
        call(times=4, spread=frozenset({"blue", "green"}), until=5),
    )
    yield row(
        "outlier-interval",
        "ejected instances return only at the end of an interval",
        ("interval.value", "interval.unit"),
        {"baseEjectionDuration": ms(1), "interval": seconds(60)},
        call(headers=bad, times=6, counts={200: 3, 500: 3}),
        call("/", "blue", times=6, until=2),
    )
    yield row(
        "outlier-percent-100",
        "all instances may be ejected, and then requests get 503",
        ("maxEjectionPercent",),
        {},
        call(headers=all_bad, times=6, counts={500: 6}),
        call("/", status=503, tries=0, until=2),
    )
    yield row(
        "outlier-percent-0",
        "one instance is ejected whatever the percentage, but no more",
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
            f"callers check each instance by {protocol}; one that fails gets no requests",
            ("protocol",),
            _check(protocol),
            call(path_of(protocol), "blue", protocol=protocol, times=6, **more),
        )
    yield row(
        "health-path",
        "health checks request that path",
        ("path",),
        _check("http", path="/check/other"),
        call(times=6, spread=frozenset({"blue", "sick"}), status=200),
    )
    yield row(
        "health-port",
        "health checks go to that port, the listener's",
        ("port",),
        _check("http", port=PORTS["http"]),
        call("/", "blue", times=6),
    )
    yield row(
        "health-timeout",
        "a check without an answer in time fails",
        ("timeoutMillis",),
        _check("http", path="/check/slow"),
        call("/", "blue", times=6, until=6),
    )
    yield row(
        "health-timeout-patient",
        "a check may last as long as its timeout",
        ("timeoutMillis",),
        _check("http", path="/check/slow", timeoutMillis=6000),
        call(times=6, spread=frozenset({"blue", "sick"}), status=200, until=6),
    )
    yield row(
        "health-moody",
        "an instance is unhealthy after unhealthyThreshold failed checks in a row, not after one;"
        " checks are intervalMillis apart",
        ("unhealthyThreshold", "intervalMillis"),
        _check("http"),
        call("/", "moody", times=3, checks=("moody HTTP/1.1 /check", 2)),
    )
    made = row(
        "health-thresholds",
        "Envoy's configuration has the thresholds, the interval and the timeout",
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


ROWS: tuple[Row, ...] = (*_outliers(), *_health())
