"""Reads ``[gateways]``: which services each gateway leads to, and the protocol that they speak."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import replace

from tealmesh.model.config.common import DEFAULT_TIMES, LABEL, LABEL_ALLOWED, PATH, read_port
from tealmesh.model.config.nouns import GatewayConfig, GatewayProtocol, ServiceConfig
from tealmesh.model.config.table import Table

_GATEWAY_KEYS = (
    "port", "routes", "address", "desired_count",
    "request_timeout", "idle_timeout", "drain_time",
)  # fmt: skip
_GRPC_PREFIX = re.compile(r"/(?:[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*/?)?")
"""gRPC's paths are /PACKAGE.SERVICE/METHOD, and gateway routes match whole services:
https://docs.aws.amazon.com/app-mesh/latest/APIReference/API_GrpcGatewayRouteMatch.html"""


def read_gateways(
    gateways: Table, services: Mapping[str, ServiceConfig]
) -> dict[str, GatewayConfig]:
    """All gateways. Their routes lead to services, and they have names and listeners of their own.
    Raises ConfigError.
    """
    nodes = {f"{s.name}-{side}" for s in services.values() for side in s.sides}
    listeners: dict[tuple[str, int], str] = {}
    read = {}
    for name in gateways.data:
        gateway = read_gateway(gateways, name)
        table = gateways.table(name)
        if name in services or name in nodes:
            gateways.fail(name, "named differently from every service and its sides")
        listener = (gateway.address, gateway.port)
        if listener in listeners:
            table.fail("port", f"another port: gateways.{listeners[listener]} uses it")
        listeners[listener] = name
        read[name] = replace(gateway, protocol=_protocol(table.table("routes"), gateway, services))
        _check_limits(table, gateway, services)
    return read


def read_gateway(gateways: Table, name: str) -> GatewayConfig:
    """``[gateways.NAME]``; its services are not looked up yet."""
    if not LABEL.fullmatch(name):
        gateways.fail(name, f"named in {LABEL_ALLOWED}")
    table = gateways.table(name, _GATEWAY_KEYS)
    routes = table.table("routes")
    if not routes.data:
        table.fail("routes", 'at least one route, such as { "/" = "web" }')
    for prefix in routes.data:
        if not PATH.fullmatch(prefix):
            routes.fail(prefix, "under a path prefix that begins with /")
    return GatewayConfig(
        name=name,
        port=read_port(table),
        routes={
            prefix: routes.text(prefix, None, "the name of a service") for prefix in routes.data
        },
        address=table.text(
            "address", GatewayConfig.address, "a loopback address such as 127.0.0.1", _is_loopback
        ),
        desired_count=table.integer("desired_count", 1, 1, 1),
        request_timeout=table.seconds_or_none("request_timeout"),
        idle_timeout=table.seconds_or_none("idle_timeout"),
        drain_time=table.seconds_or_none("drain_time"),
    )


def _is_loopback(text: str) -> bool:
    try:
        return ipaddress.IPv4Address(text).is_loopback
    except ValueError:
        return False


def _protocol(
    routes: Table, gateway: GatewayConfig, services: Mapping[str, ServiceConfig]
) -> GatewayProtocol:
    """What all services behind a gateway speak, and so the gateway itself."""
    found: dict[GatewayProtocol, str] = {}
    for prefix, name in gateway.routes.items():
        if name not in services:
            known = ", ".join(sorted(services)) or "there are none"
            routes.fail(prefix, f"the name of a service ({known})")
        spoken = services[name].protocol
        if spoken == "tcp":
            routes.fail(
                prefix,
                f"a service that speaks http, http2 or grpc: services.{name} speaks tcp, so call "
                "it from another service of the mesh",
            )
        if spoken == "grpc" and not _GRPC_PREFIX.fullmatch(prefix):
            routes.fail(prefix, 'under "/" or under a service of gRPC, such as "/shop.Orders"')
        found.setdefault(spoken, name)
        for other, first in found.items():
            if other != spoken:
                routes.fail(
                    prefix,
                    f"a service that speaks {other} as services.{first} does: services.{name} "
                    f"speaks {spoken}, so give it a gateway of its own",
                )
    return next(iter(found))


def _check_limits(
    table: Table, gateway: GatewayConfig, services: Mapping[str, ServiceConfig]
) -> None:
    """A service's own time ends a request however long the gateway would wait."""
    for key, default in DEFAULT_TIMES.items():
        limit = getattr(gateway, key)
        for name in sorted(set(gateway.routes.values())):
            own = getattr(services[name], key)
            least = default if own is None else own
            if limit is not None and least and (limit > least or not limit):
                table.fail(
                    key,
                    f"at most that of the services behind it: services.{name}.{key} is {least:g} "
                    "s, so raise it too, or leave this one out",
                )
