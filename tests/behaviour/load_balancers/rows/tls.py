"""HTTPS listeners."""

from __future__ import annotations

from typing import Any

from tests.behaviour.load_balancers.rows.conditions import BLUE
from tests.behaviour.load_balancers.table import CERTIFICATES, Call, Row

BOTH = list(CERTIFICATES.values())
H2 = ("h2", "http/1.1")


def _row(name: str, says: str, proves: str, *calls: tuple[Any, Any], **listener: Any) -> Row:
    """``calls`` are (members of Tls, expected members)."""
    made = tuple(Call(expect, port=443, tls=tls) for tls, expect in calls)
    attributes = listener.pop("attributes", {})
    spec = {"Port": 443, "Protocol": "HTTPS", "Certificates": BOTH, **listener}
    return Row(name, says, (proves,), made, listeners=(spec,), attributes=attributes)


def _policy(name: str, says: str, policy: str, highest: str, **expect: Any) -> Row:
    tls = {"highest": highest}
    return _row(name, says, "SslPolicy", (tls, expect), SslPolicy=policy)


ROWS = (
    _row(
        "tls-certificates",
        "the certificate is the one whose name the client asks for, else the default one",
        "Certificates",
        ({"name": "a.test"}, {**BLUE, "certificate": "a.test"}),
        ({"name": "b.test"}, {**BLUE, "certificate": "b.test"}),
        ({"name": "c.test"}, {**BLUE, "certificate": "a.test"}),
    ),
    _row(
        "tls-http1",
        "HTTP/2 can be switched off",
        "routing.http2.enabled",
        ({"alpn": H2}, {**BLUE, "alpn": "http/1.1"}),
        attributes={"routing.http2.enabled": "false"},
    ),
    _row(
        "tls-http1-client",
        "a client that speaks HTTP/1.1 alone is served",
        "routing.http2.enabled",
        ({"alpn": ("http/1.1",)}, {**BLUE, "alpn": "http/1.1"}),
        ({}, {**BLUE, "alpn": None}),
    ),
    _policy(
        "tls-policy-13",
        "TLS13-1-3 refuses TLS 1.2",
        "ELBSecurityPolicy-TLS13-1-3-2021-06",
        "TLSv1_2",
        status="refused",
    ),
    _policy(
        "tls-policy-12",
        "TLS13-1-2 accepts TLS 1.2",
        "ELBSecurityPolicy-TLS13-1-2-2021-06",
        "TLSv1_2",
        status=200,
        version="TLSv1.2",
    ),
    _policy(
        "tls-policy-2016",
        "ELBSecurityPolicy-2016-08 has no TLS 1.3",
        "ELBSecurityPolicy-2016-08",
        "TLSv1_3",
        status=200,
        version="TLSv1.2",
    ),
    _policy(
        "tls-policy-11",
        "TLS-1-1 accepts TLS 1.1",
        "ELBSecurityPolicy-TLS-1-1-2017-01",
        "TLSv1_1",
        status=200,
        version="TLSv1.1",
    ),
)
