"""A gateway route to what speaks TCP alone answers 404 to everything: that is said."""

from __future__ import annotations

from typing import Any

import pytest

from tealmesh.apis.appmesh.unreachable import unreachable_targets
from tealmesh.store import Transaction, View, tables

ROUTE: dict[str, Any] = {"action": {"weightedTargets": [{"virtualNode": "n", "weight": 1}]}}
HTTP, TCP = {"port": 80, "protocol": "http"}, {"port": 9, "protocol": "tcp"}


def found(listeners: list[Any], routes: list[str], port: int | None = None) -> list[Any]:
    """What is said of a gateway route to a node with these listeners, or to its router."""
    tx = Transaction(View(0, {}))

    def put(collection: Any, *names: str, **spec: Any) -> None:
        parent = names[0] if len(names) > 1 else ""
        body: Any = {"meshName": "m", "name": names[-1], "parent": parent, "spec": spec}
        tx.put(collection, "m", *names, body=body)

    put(tables.VIRTUAL_NODES, "n", listeners=[{"portMapping": one} for one in listeners])
    for kind in routes:
        put(tables.ROUTES, "r", kind, **{kind: ROUTE})
    provider: Any = {"virtualRouter": {"virtualRouterName": "r"}}
    if not routes:
        provider = {"virtualNode": {"virtualNodeName": "n"}}
    put(tables.VIRTUAL_SERVICES, "s", provider=provider)
    target: Any = {"virtualService": {"virtualServiceName": "s"}}
    if port:
        target["port"] = port
    put(tables.GATEWAY_ROUTES, "g", "all", httpRoute={"action": {"target": target}})
    return list(unreachable_targets(tx))


@pytest.mark.parametrize(
    ("listeners", "routes", "port", "said"),
    [
        ([TCP], [], None, True),
        ([TCP, HTTP], [], 9, True),
        ([TCP, HTTP], [], 80, False),
        ([TCP], ["tcpRoute"], None, True),
        ([TCP, HTTP], ["tcpRoute", "httpRoute"], None, False),
        ([HTTP], ["httpRoute"], None, False),
        ([], [], None, False),
    ],
)
def test_what_no_request_reaches_is_named(
    listeners: list[Any], routes: list[str], port: int | None, said: bool
) -> None:
    reasons = found(listeners, routes, port)
    assert bool(reasons) == said
    for one in reasons:
        assert one["resource"] == "mesh/m/virtualGateway/g/gatewayRoute/all"
        assert one["member"] == "httpRoute"
        assert "virtual service s speaks TCP alone" in one["reason"]
        assert "answered 404" in one["reason"]
