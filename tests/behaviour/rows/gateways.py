"""Virtual gateways: ports, connection pools, health checks and access logs.

https://docs.aws.amazon.com/app-mesh/latest/userguide/virtual_gateways.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.behaviour.rows.gateway_routes import OWN, SERVICES
from tests.behaviour.table import (
    MEMBERS,
    PORTS,
    REQUESTS,
    SECOND,
    Row,
    call,
    gateway_route,
    listener,
    path_of,
    route,
)

GATEWAY = "virtualGateway.listeners[]"


def _ports() -> Iterator[Row]:
    """Gateways with two listeners, and targets with two ports."""
    for protocol in REQUESTS:
        member = MEMBERS[protocol]
        base: dict[str, Any] = {} if protocol == "grpc" else {"prefix": "/"}
        both = [listener(protocol), listener(protocol, SECOND[protocol])]
        at_first = {"via": "gateway", "protocol": protocol, "host": OWN}
        calls = [call(path_of(protocol), "blue", **at_first)]
        if protocol != "http2":
            calls.append(call(path_of(protocol), "green", port=SECOND[protocol], **at_first))
        yield Row(
            f"gateway-{protocol}-ports",
            "a gateway route gets the requests to its listener's port",
            (f"gatewayRoute.{member}.match.port", f"{GATEWAY}.portMapping.port"),
            tuple(calls),
            gateway={"listeners": both},
            gateway_routes={
                "first": gateway_route({**base, "port": PORTS[protocol]}, member),
                "second": gateway_route(
                    {**base, "port": SECOND[protocol]}, member, service="other.local"
                ),
            },
            services=SERVICES,
        )

        yield Row(
            f"gateway-{protocol}-target-port",
            "the port of a target is that of the virtual service",
            (f"gatewayRoute.{member}.action.target.port",),
            (call(path_of(protocol), "green", **at_first),),
            router={"listeners": both},
            routes={
                "first": route("blue", {**base, "port": PORTS[protocol]}, member),
                "second": route("green", {**base, "port": SECOND[protocol]}, member),
            },
            gateway_routes={"only": gateway_route(base, member, target_port=SECOND[protocol])},
        )


def _gateways() -> Iterator[Row]:
    for protocol in REQUESTS:
        member = MEMBERS[protocol]
        base: dict[str, Any] = {} if protocol == "grpc" else {"prefix": "/"}
        routes = {"only": gateway_route(base, member)}
        yield Row(
            f"gateway-{protocol}-listener",
            f"a gateway listens for {protocol}",
            (f"{GATEWAY}.portMapping.protocol", f"{GATEWAY}.portMapping.port"),
            (call(path_of(protocol), "blue", via="gateway", protocol=protocol, host=OWN),),
            gateway={"listeners": [listener(protocol)]},
            gateway_routes=routes,
        )
        http = {"maxConnections": 1, "maxPendingRequests": 1}
        pool = http if protocol == "http" else {"maxRequests": 2}
        counts = {"OK": 2, "UNAVAILABLE": 2} if protocol == "grpc" else {200: 2, 503: 2}
        slow = {"x-delay": "0.5"}
        yield Row(
            f"gateway-{protocol}-pool",
            "requests to each of a gateway's targets are limited; the rest get 503",
            tuple(f"{GATEWAY}.connectionPool.{protocol}.{path}" for path in pool),
            (
                call(path_of(protocol), "blue", via="gateway", protocol=protocol, host=OWN),
                call(
                    path_of(protocol),
                    via="gateway",
                    protocol=protocol,
                    host=OWN,
                    headers=slow,
                    together=4,
                    counts=counts,
                ),
            ),
            gateway={"listeners": [listener(protocol, connectionPool={protocol: pool})]},
            gateway_routes=routes,
        )


def _health() -> Iterator[Row]:
    """A gateway checks its own listener, and answers health checks itself."""
    check = {
        "path": "/alive",
        "port": PORTS["http"],
        "healthyThreshold": 3,
        "unhealthyThreshold": 7,
        "intervalMillis": 6500,
        "timeoutMillis": 2500,
    }
    checker = {"user-agent": "Envoy/HC"}
    content = {
        "healthy_threshold": 3,
        "unhealthy_threshold": 7,
        "interval": "6.500s",
        "timeout": "2.500s",
    }
    for protocol in ("http", "http2"):
        yield Row(
            f"gateway-health-{protocol}",
            "a gateway checks its own listener through a cluster that leads back to it (`..._self_"
            "redirect_...`); it answers health checks of Envoys at that path and routes all else",
            tuple(f"{GATEWAY}.healthCheck.{member}" for member in (*check, "protocol")),
            (
                call("/alive", via="gateway", host=OWN, headers=checker, expect={"node": None}),
                call("/alive", "blue", via="gateway", host=OWN),
                call("/", "blue", via="gateway", host=OWN, headers=checker),
            ),
            gateway={"listeners": [listener(healthCheck={**check, "protocol": protocol})]},
            gateway_routes={"only": gateway_route({"prefix": "/"})},
            holds=(("edge", f"cds_ingress_m_edge_self_redirect_http_{PORTS['http']}", content),),
        )


def _logs() -> Iterator[Row]:
    at = "virtualGateway.logging.accessLog.file"
    text = {"text": "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %RESPONSE_CODE%\n"}
    pairs = [{"key": "code", "value": "%RESPONSE_CODE%"}]
    cases: list[tuple[str, Any, tuple[str, ...], str, str]] = [
        ("text", {"text": text["text"]}, ("path", "format.text"), "gateway.txt", "GET /seen 200"),
        (
            "json",
            {"json": pairs},
            ("format.json[].key", "format.json[].value"),
            "gateway-log.json",
            r'\{"code":200\}',
        ),
    ]
    for name, form, paths, file, line in cases:
        logging = {"accessLog": {"file": {"path": f"$DIR/{file}", "format": form}}}
        yield Row(
            f"gateway-log-{name}",
            f"a gateway's access log follows its {name} format",
            tuple(f"{at}.{path}" for path in paths),
            (call("/seen", "blue", via="gateway", host=OWN),),
            gateway={"listeners": [listener()], "logging": logging},
            gateway_routes={"only": gateway_route({"prefix": "/"})},
            logs={file: line},
        )


ROWS: tuple[Row, ...] = (*_ports(), *_gateways(), *_health(), *_logs())
