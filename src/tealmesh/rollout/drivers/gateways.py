"""The App Mesh resources that make up a gateway of teal.toml. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tealmesh.rollout.drivers.resources import MeshObject

if TYPE_CHECKING:
    from types_boto3_appmesh.type_defs import (
        GatewayRouteTargetTypeDef,
        GrpcGatewayRouteMatchOutputTypeDef,
        HttpGatewayRouteOutputTypeDef,
    )

    from tealmesh.model.appmesh import GatewayRouteSpec, VirtualGatewaySpec
    from tealmesh.model.config.nouns import GatewayProtocol
    from tealmesh.rollout.system import GatewaySystem


def virtual_gateway(gateway: GatewaySystem) -> MeshObject[VirtualGatewaySpec]:
    """A gateway without its routes."""
    names = {"meshName": gateway.mesh, "virtualGatewayName": gateway.name}
    config = gateway.config
    spec: VirtualGatewaySpec = {
        "listeners": [{"portMapping": {"port": config.port, "protocol": config.protocol}}]
    }
    return MeshObject("virtual_gateway", names, spec)


def gateway_routes(
    gateway: GatewaySystem, hostnames: Mapping[str, str]
) -> list[MeshObject[GatewayRouteSpec]]:
    """One gateway route for each path prefix, named after the prefix so that it is updated in
    place when it leads to another service.

    ``hostnames``: service name -> hostname.
    """
    return [
        MeshObject(
            "gateway_route",
            {
                "meshName": gateway.mesh,
                "virtualGatewayName": gateway.name,
                "gatewayRouteName": _route_name(prefix),
            },
            _route_spec(gateway.config.protocol, prefix, hostnames[service]),
        )
        for prefix, service in gateway.config.routes.items()
    ]


def _route_name(prefix: str) -> str:
    escaped = "".join(c if c.isalnum() or c == "-" else f"_{ord(c):02x}" for c in prefix[1:])
    return f"prefix-{escaped}"


def _route_spec(protocol: GatewayProtocol, prefix: str, hostname: str) -> GatewayRouteSpec:
    """gRPC's paths are /SERVICE/METHOD, and its gateway routes match by the service's name."""
    target: GatewayRouteTargetTypeDef = {"virtualService": {"virtualServiceName": hostname}}
    if protocol == "grpc":
        match: GrpcGatewayRouteMatchOutputTypeDef = {}
        if service := prefix.strip("/"):
            match["serviceName"] = service
        return {"grpcRoute": {"match": match, "action": {"target": target}}}
    route: HttpGatewayRouteOutputTypeDef = {
        "match": {"prefix": prefix},
        "action": {"target": target},
    }
    return {"http2Route": route} if protocol == "http2" else {"httpRoute": route}
