"""Headers that a load balancer adds to requests and answers, changes or drops."""

from __future__ import annotations

from typing import Any

from tests.behaviour.load_balancers.rows.conditions import BLUE
from tests.behaviour.load_balancers.table import CERTIFICATES, Call, Row

SECURE = ({"Port": 443, "Protocol": "HTTPS", "Certificates": [CERTIFICATES["a"]]},)
ADDRESS = r"\d+\.\d+\.\d+\.\d+"
MODE = "routing.http.xff_header_processing.mode"
OLD = {"x-forwarded-for": "10.1.1.1"}
ID = r"1-[0-9a-f]{8}-[0-9a-f]{24}"
TRACE = "x-amzn-trace-id"


def _row(name: str, says: str, proves: str, call: dict[str, Any], **more: Any) -> Row:
    return Row(name, says, (proves,), (Call(BLUE, **call),), **more)


def _traced(name: str, says: str, given: str, seen: str) -> Row:
    return _row(name, says, "X-Amzn-Trace-Id", {"headers": {TRACE: given}, "seen": {TRACE: seen}})


def _host(name: str, says: str, port: int, given: str, seen: str, preserve: bool = False) -> Row:
    attribute = "routing.http.preserve_host_header.enabled"
    return _row(
        name,
        says,
        attribute,
        {"port": port, "host": given, "seen": {"host": seen}},
        listeners=({"Port": port},),
        attributes={attribute: "true"} if preserve else {},
    )


ROWS = (
    _row(
        "forwarded-for",
        "the client's address is added to X-Forwarded-For",
        MODE,
        {"headers": OLD, "seen": {"x-forwarded-for": rf"10\.1\.1\.1, {ADDRESS}"}},
    ),
    _row(
        "forwarded-for-new",
        "without one from the client, X-Forwarded-For has its address alone",
        MODE,
        {"seen": {"x-forwarded-for": ADDRESS}},
    ),
    _row(
        "forwarded-for-preserve",
        "preserve passes X-Forwarded-For on as it is",
        MODE,
        {"headers": OLD, "seen": {"x-forwarded-for": r"10\.1\.1\.1"}},
        attributes={MODE: "preserve"},
    ),
    _row(
        "forwarded-for-remove",
        "remove takes X-Forwarded-For out",
        MODE,
        {"headers": OLD, "seen": {"x-forwarded-for": None}},
        attributes={MODE: "remove"},
    ),
    _row(
        "forwarded-for-port",
        "with the client's port, X-Forwarded-For has address:port",
        "routing.http.xff_client_port.enabled",
        {"headers": OLD, "seen": {"x-forwarded-for": rf"10\.1\.1\.1, {ADDRESS}:\d+"}},
        attributes={"routing.http.xff_client_port.enabled": "true"},
    ),
    _row(
        "forwarded-proto",
        "X-Forwarded-Proto and -Port are the listener's, whatever the client sent",
        "X-Forwarded-Proto",
        {
            "headers": {"x-forwarded-proto": "https", "x-forwarded-port": "1"},
            "seen": {"x-forwarded-proto": "http", "x-forwarded-port": "80"},
        },
    ),
    _row(
        "forwarded-proto-https",
        "at an HTTPS listener they are https and its port",
        "X-Forwarded-Proto",
        {"port": 443, "tls": {}, "seen": {"x-forwarded-proto": "https", "x-forwarded-port": "443"}},
        listeners=SECURE,
    ),
    _row(
        "trace-id",
        "a request without X-Amzn-Trace-Id gets one",
        "X-Amzn-Trace-Id",
        {"seen": {TRACE: f"Root={ID}"}},
    ),
    _traced(
        "trace-id-root",
        "a request that has a Root gets a Self before it",
        "Root=1-67891233-abcdef012345678912345678;k=v",
        f"Self={ID};Root=1-67891233-abcdef012345678912345678;k=v",
    ),
    _traced(
        "trace-id-own",
        "other fields are kept behind a new Root",
        "CalledFrom=app",
        f"Root={ID};CalledFrom=app",
    ),
    _host(
        "host-other-port",
        "a Host without port gets that of a listener at another port than 80",
        8090,
        "shop.test",
        r"shop\.test:8090",
    ),
    _host("host-default-port", "at port 80, Host loses `:80`", 80, "shop.test:80", r"shop\.test"),
    _host(
        "host-preserve",
        "with preserve_host_header, Host stays as the client sent it",
        8090,
        "shop.test",
        r"shop\.test",
        preserve=True,
    ),
    _row(
        "headers-invalid-kept",
        "header fields with unusual names are passed on by default",
        "routing.http.drop_invalid_header_fields.enabled",
        {
            "headers": {"x_a": "1", "x.b": "2", "x-c": "3"},
            "seen": {"x_a": "1", "x.b": "2", "x-c": "3"},
        },
    ),
    _row(
        "headers-invalid-dropped",
        "drop_invalid_header_fields drops names with other than letters, digits and hyphens",
        "routing.http.drop_invalid_header_fields.enabled",
        {
            "headers": {"x_a": "1", "x.b": "2", "x-c": "3"},
            "seen": {"x_a": None, "x.b": None, "x-c": "3"},
        },
        attributes={"routing.http.drop_invalid_header_fields.enabled": "true"},
    ),
    _row(
        "headers-tls",
        "targets are told the version and the cipher of TLS",
        "routing.http.x_amzn_tls_version_and_cipher_suite.enabled",
        {
            "port": 443,
            "tls": {},
            "seen": {"x-amzn-tls-version": r"TLSv1\.[23]", "x-amzn-tls-cipher-suite": r"[\w-]+"},
        },
        attributes={"routing.http.x_amzn_tls_version_and_cipher_suite.enabled": "true"},
        listeners=({**SECURE[0], "SslPolicy": "ELBSecurityPolicy-TLS13-1-2-2021-06"},),
    ),
    _row(
        "headers-none-of-envoy",
        "neither side sees a header of Envoy; the target's Server is passed on",
        "Server",
        {
            "seen": {
                "x-envoy-external-address": None,
                "x-envoy-internal": None,
                "x-envoy-expected-rq-timeout-ms": None,
                "x-request-id": None,
            },
            "answer": {"x-envoy-upstream-service-time": None, "server": "target.*"},
        },
    ),
    _row(
        "headers-request-id",
        "the client's own X-Request-Id is passed on",
        "Server",
        {"headers": {"x-request-id": "mine"}, "seen": {"x-request-id": "mine"}},
    ),
    _row(
        "headers-response",
        "a listener may add headers to answers, and take Server out",
        "routing.http.response",
        {"answer": {"strict-transport-security": "max-age=5", "server": None}},
        listeners=(
            {
                "Attributes": {
                    "routing.http.response.strict_transport_security.header_value": "max-age=5",
                    "routing.http.response.server.enabled": "false",
                }
            },
        ),
    ),
)
