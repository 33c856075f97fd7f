"""The mesh, virtual services and virtual routers.

https://docs.aws.amazon.com/app-mesh/latest/userguide/virtual_services.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.behaviour.table import (
    MEMBERS,
    PROTOCOLS,
    SECOND,
    Row,
    call,
    listener,
    path_of,
    route,
)


def _egress_filter() -> Iterator[Row]:
    at = "mesh.egressFilter.type"
    outside = {"host": f"outside.test:{SECOND['http']}"}
    for kind in ("ALLOW_ALL", "DROP_ALL", None):
        allowed = kind == "ALLOW_ALL"
        name = (kind or "default").lower().replace("_", "-")
        answer = call("/", "green", **outside) if allowed else call("/", status=404, **outside)
        yield Row(
            f"mesh-egress-{name}",
            "requests to hosts that are no backends leave the mesh"
            if allowed
            else "requests to hosts that are no backends get 404"
            + ("" if kind else ", by default"),
            (at,) if kind else (),
            (answer, call("/", "blue")),
            mesh={"egressFilter": {"type": kind}} if kind else {},
        )


def _providers() -> Iterator[Row]:
    yield Row(
        "node-backends",
        "a node reaches only the virtual services that it names as backends",
        ("virtualNode.backends[].virtualService.virtualServiceName",),
        (call("/", "blue"), call("/", host="other.local", status=404)),
        services={"other.local": {"provider": {"virtualNode": {"virtualNodeName": "green"}}}},
        web={"backends": [{"virtualService": {"virtualServiceName": "shop.local"}}]},
    )
    by_node = {"provider": {"virtualNode": {"virtualNodeName": "green"}}}
    yield Row(
        "service-by-node",
        "requests to a virtual service provided by a node go to that node",
        ("virtualService.provider.virtualNode.virtualNodeName",),
        (call("/", "green", host="other.local"),),
        services={"other.local": by_node},
    )
    by_router = {"provider": {"virtualRouter": {"virtualRouterName": "shop"}}}
    yield Row(
        "service-by-router",
        "requests to a virtual service provided by a router follow its routes",
        ("virtualService.provider.virtualRouter.virtualRouterName",),
        (call("/", "blue", host="other.local"), call("/", "blue", host="SHOP.local")),
        services={"other.local": by_router},
    )
    yield Row(
        "service-without-provider",
        "requests to a virtual service without a provider get 404",
        (),
        (call("/", host="other.local", status=404),),
        services={"other.local": {}},
    )


def _router_listeners() -> Iterator[Row]:
    second = listener("http", SECOND["http"])
    yield Row(
        "router-listeners",
        "a virtual service has the ports of its router",
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
            (call(path_of(protocol), "blue", protocol=protocol, **more),),
            router={"listeners": [listener(protocol)]},
            routes={"all": route("blue", None, MEMBERS[protocol])},
        )


ROWS: tuple[Row, ...] = (*_egress_filter(), *_providers(), *_router_listeners())
