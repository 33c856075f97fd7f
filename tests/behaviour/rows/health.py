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
    Call,
    Row,
    Spec,
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


ONE_BAD = {"x-only": "green", "x-status": "500"}
ALL_BAD = {"x-status": "500"}


def _outlier(name: str, says: str, paths: tuple[str, ...], spec: Spec, *calls: Call) -> Row:
    """Node blue with two instances, ejected after 3 errors unless ``spec`` changes that."""
    detection = {
        "baseEjectionDuration": seconds(30),
        "interval": seconds(1),
        "maxEjectionPercent": 100,
        "maxServerErrors": 3,
        **spec,
    }
    return Row(
        f"outlier-{name}",
        says,
        tuple(f"{AT}.outlierDetection.{path}" for path in paths),
        calls,
        nodes={"blue": node("blue", listener(outlierDetection=detection))},
        instances={"blue": ("blue", "green")},
        routes={"all": route("blue", None, retryPolicy=NO_RETRY)},
    )


def _ejections() -> Iterator[Row]:
    yield _outlier(
        "max-server-errors",
        "an instance that answers that many 5xx in a row gets no requests for a while",
        ("maxServerErrors",),
        {},
        call(headers=ONE_BAD, times=6, counts={200: 3, 500: 3}),
        call("/", "blue", headers=ONE_BAD, times=6, status=200, until=2),
    )
    yield _outlier(
        "base-ejection",
        "an ejected instance returns after that time",
        ("baseEjectionDuration.value", "baseEjectionDuration.unit", "interval.value"),
        {"baseEjectionDuration": ms(200), "interval": ms(100)},
        call(headers=ONE_BAD, times=6, counts={200: 3, 500: 3}),
        call(times=4, spread=frozenset({"blue", "green"}), until=5),
    )
    yield _outlier(
        "interval",
        "ejected instances return only at the end of an interval",
        ("interval.value", "interval.unit"),
        {"baseEjectionDuration": ms(1), "interval": seconds(60)},
        call(headers=ONE_BAD, times=6, counts={200: 3, 500: 3}),
        call("/", "blue", times=6, until=2),
    )


def _ejection_limits() -> Iterator[Row]:
    yield _outlier(
        "percent-100",
        "all instances may be ejected, and then requests get 503",
        ("maxEjectionPercent",),
        {},
        call(headers=ALL_BAD, times=6, counts={500: 6}),
        call("/", status=503, tries=0, until=2),
    )
    yield _outlier(
        "percent-0",
        "one instance is ejected whatever the percentage, but no more",
        ("maxEjectionPercent",),
        {"maxEjectionPercent": 0},
        call(headers=ALL_BAD, times=6, counts={500: 6}),
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


def _health(
    name: str,
    says: str,
    paths: tuple[str, ...],
    check: Spec,
    *calls: Call,
    instances: tuple[str, ...] = ("blue", "sick"),
) -> Row:
    """Node blue, checked by its callers, with one healthy and one sick instance."""
    protocol = calls[0].protocol
    return Row(
        f"health-{name}",
        says,
        tuple(f"{AT}.healthCheck.{path}" for path in paths),
        calls,
        nodes={"blue": node("blue", listener(protocol, healthCheck=check))},
        instances={"blue": instances},
        routes={"all": route("blue", None, MEMBERS[protocol])},
    )


def _protocols() -> Iterator[Row]:
    for protocol in PROTOCOLS:
        more: dict[str, Any] = {"closed": False} if protocol == "tcp" else {}
        yield _health(
            f"{protocol}",
            f"callers check each instance by {protocol}; one that fails gets no requests",
            ("protocol",),
            _check(protocol),
            call(path_of(protocol), "blue", protocol=protocol, times=6, **more),
            instances=("blue", "dead" if protocol == "tcp" else "sick"),
        )


def _requests() -> Iterator[Row]:
    """What a health check asks for."""
    yield _health(
        "path",
        "health checks request that path",
        ("path",),
        _check("http", path="/check/other"),
        call(times=6, spread=frozenset({"blue", "sick"}), status=200),
    )
    yield _health(
        "port",
        "health checks go to that port, the listener's",
        ("port",),
        _check("http", port=PORTS["http"]),
        call("/", "blue", times=6),
    )


def _timeouts() -> Iterator[Row]:
    yield _health(
        "timeout",
        "a check without an answer in time fails",
        ("timeoutMillis",),
        _check("http", path="/check/slow"),
        call("/", "blue", times=6, until=6),
    )
    yield _health(
        "timeout-patient",
        "a check may last as long as its timeout",
        ("timeoutMillis",),
        _check("http", path="/check/slow", timeoutMillis=6000),
        call(times=6, spread=frozenset({"blue", "sick"}), status=200, until=6),
    )


def _thresholds() -> Iterator[Row]:
    yield _health(
        "moody",
        "an instance is unhealthy after unhealthyThreshold failed checks in a row, not after one;"
        " checks are intervalMillis apart",
        ("unhealthyThreshold", "intervalMillis"),
        _check("http"),
        call("/", "moody", times=3, checks=("moody HTTP/1.1 /check", 2)),
        instances=("moody",),
    )
    made = _health(
        "thresholds",
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


ROWS: tuple[Row, ...] = (
    *_ejections(),
    *_ejection_limits(),
    *_protocols(),
    *_requests(),
    *_timeouts(),
    *_thresholds(),
)
