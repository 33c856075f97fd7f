"""The gateway routes that a gateway of teal.toml has no more."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tealmesh.rollout.drivers.aws import Aws
from tealmesh.rollout.system import GatewaySystem

if TYPE_CHECKING:
    from types_boto3_appmesh.client import AppMeshClient


async def delete_others(aws: Aws, gateway: GatewaySystem, wanted: set[str]) -> list[str]:
    """Delete the routes of prefixes that are no longer described, or they would go on taking
    requests. Returns what was done.
    """
    present = await aws.appmesh(partial(_names, gateway=gateway))
    unwanted = sorted(present - wanted)
    for name in unwanted:
        await aws.appmesh(partial(_delete, gateway=gateway, name=name))
    return [f"deleted gateway route {name}" for name in unwanted]


def _names(client: AppMeshClient, gateway: GatewaySystem) -> set[str]:
    pages = client.get_paginator("list_gateway_routes").paginate(
        meshName=gateway.mesh, virtualGatewayName=gateway.name
    )
    return {route["gatewayRouteName"] for page in pages for route in page["gatewayRoutes"]}


def _delete(client: AppMeshClient, gateway: GatewaySystem, name: str) -> None:
    client.delete_gateway_route(
        meshName=gateway.mesh, virtualGatewayName=gateway.name, gatewayRouteName=name
    )
