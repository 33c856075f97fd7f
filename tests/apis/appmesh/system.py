"""A small mesh of one of each over the App Mesh API, and what tests of that API ask for."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

NODE: dict[str, Any] = {
    "listeners": [{"portMapping": {"port": 8080, "protocol": "http"}}],
    "serviceDiscovery": {"dns": {"hostname": "app.local"}},
}
ROUTER: dict[str, Any] = {"listeners": [{"portMapping": {"port": 80, "protocol": "http"}}]}
GATEWAY: dict[str, Any] = {"listeners": [{"portMapping": {"port": 9080, "protocol": "http"}}]}


def route(*targets: tuple[str, int]) -> dict[str, Any]:
    weighted = [{"virtualNode": node, "weight": weight} for node, weight in targets]
    return {"httpRoute": {"match": {"prefix": "/"}, "action": {"weightedTargets": weighted}}}


def gateway_route(service: str) -> dict[str, Any]:
    target = {"virtualService": {"virtualServiceName": service}}
    return {"httpRoute": {"match": {"prefix": "/"}, "action": {"target": target}}}


def provided_by(kind: str, name: str) -> dict[str, Any]:
    return {"provider": {kind: {f"{kind}Name": name}}}


NAMES = {
    "mesh": {"meshName": "m"},
    "virtual_node": {"meshName": "m", "virtualNodeName": "n"},
    "virtual_router": {"meshName": "m", "virtualRouterName": "r"},
    "virtual_service": {"meshName": "m", "virtualServiceName": "s"},
    "route": {"meshName": "m", "virtualRouterName": "r", "routeName": "x"},
    "virtual_gateway": {"meshName": "m", "virtualGatewayName": "g"},
    "gateway_route": {"meshName": "m", "virtualGatewayName": "g", "gatewayRouteName": "y"},
}
SPECS: dict[str, dict[str, Any]] = {
    "mesh": {"egressFilter": {"type": "ALLOW_ALL"}},
    "virtual_node": NODE,
    "virtual_router": ROUTER,
    "virtual_service": provided_by("virtualNode", "n"),
    "route": route(("n", 7)),
    "virtual_gateway": GATEWAY,
    "gateway_route": gateway_route("s"),
}
PAYLOADS = {
    "mesh": "mesh",
    "virtual_node": "virtualNode",
    "virtual_router": "virtualRouter",
    "virtual_service": "virtualService",
    "route": "route",
    "virtual_gateway": "virtualGateway",
    "gateway_route": "gatewayRoute",
}
DELETION = (
    "gateway_route", "virtual_gateway", "virtual_service", "route", "virtual_router",
    "virtual_node", "mesh",
)  # fmt: skip


def refused(code: str, call: Any, **request: Any) -> str:
    """The message with which ``call`` is refused as ``code``."""
    with pytest.raises(ClientError) as caught:
        call(**request)
    error = caught.value.response["Error"]
    assert error["Code"] == code, error
    return str(error["Message"])
