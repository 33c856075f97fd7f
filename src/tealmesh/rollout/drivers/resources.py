"""The AWS resources that make up a service or a gateway of teal.toml. Pure.

A service is two virtual nodes ``NAME-SIDE`` behind one virtual router with one route, which is
updated in place and never replaced; a side's tasks are the ECS service ``NAME-SIDE``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic

from tealmesh.model.appmesh import S
from tealmesh.model.ecs.replacing import NEVER, REPLACE_AFTER
from tealmesh.rollout.system import ROUTE

if TYPE_CHECKING:
    from types_boto3_appmesh.type_defs import (
        DurationTypeDef,
        HttpRouteOutputTypeDef,
        HttpTimeoutTypeDef,
        ListenerOutputTypeDef,
        ListenerTimeoutTypeDef,
        PortMappingTypeDef,
        WeightedTargetTypeDef,
    )
    from types_boto3_ecs.type_defs import (
        AwsVpcConfigurationTypeDef,
        CreateServiceRequestTypeDef,
        KeyValuePairTypeDef,
        LogConfigurationOutputTypeDef,
        RegisterTaskDefinitionRequestTypeDef,
    )

    from tealmesh.model.appmesh import (
        MeshSpec,
        RouteSpec,
        VirtualNodeSpec,
        VirtualRouterSpec,
        VirtualServiceSpec,
    )
    from tealmesh.model.config.nouns import Protocol, ServiceConfig
    from tealmesh.model.ecs.bodies import ContainerDefinition
    from tealmesh.rollout.system import GatewaySystem, ServiceSystem

ENVOY_IMAGE = "public.ecr.aws/appmesh/aws-appmesh-envoy:v1.29.12.1-prod"
_ENVOY_UID = 1337
"""Envoy's user: its own traffic is not redirected to it."""
_STOP_TIMEOUT_SECONDS = 10
_IGNORED_IPS = "169.254.170.2,169.254.169.254"
"""The endpoints of ECS's task metadata and credentials and of EC2's metadata: applications reach
them directly."""


@dataclass(frozen=True)
class MeshObject(Generic[S]):
    """One App Mesh resource as it should be."""

    noun: str
    """As in boto3's method names: ``virtual_node``."""
    names: Mapping[str, str]
    """The members that identify the resource in every operation."""
    spec: S


def mesh(name: str) -> MeshObject[MeshSpec]:
    """The mesh, whose Envoys reach only what it describes."""
    return MeshObject("mesh", {"meshName": name}, {"egressFilter": {"type": "DROP_ALL"}})


def virtual_node(service: ServiceSystem, side: str) -> MeshObject[VirtualNodeSpec]:
    """A side's virtual node. Both sides share one Cloud Map service; a node finds its instances
    there by the name of the side's ECS service.
    """
    config = service.config
    node = service.node(side)
    listener: ListenerOutputTypeDef = {
        "portMapping": {"port": config.port, "protocol": config.protocol},
        "healthCheck": {
            "protocol": config.protocol,
            "port": config.port,
            "healthyThreshold": 2,
            "unhealthyThreshold": 2,
            "timeoutMillis": 2000,
            "intervalMillis": 5000,
        },
    }
    if config.protocol in ("http", "http2"):
        listener["healthCheck"]["path"] = config.health_path
    if timeout := _timeout(config):
        listener["timeout"] = _of_listener(config.protocol, timeout)
    spec: VirtualNodeSpec = {
        "listeners": [listener],
        "backends": [{"virtualService": {"virtualServiceName": b}} for b in config.backends],
        "serviceDiscovery": {
            "awsCloudMap": {
                "namespaceName": service.namespace,
                "serviceName": config.name,
                "attributes": [{"key": "ECS_SERVICE_NAME", "value": node}],
            }
        },
    }
    return MeshObject("virtual_node", {"meshName": service.mesh, "virtualNodeName": node}, spec)


def virtual_router(service: ServiceSystem) -> MeshObject[VirtualRouterSpec]:
    """The service's one router."""
    names = {"meshName": service.mesh, "virtualRouterName": service.name}
    config = service.config
    listener: PortMappingTypeDef = {"port": config.port, "protocol": config.protocol}
    spec: VirtualRouterSpec = {"listeners": [{"portMapping": listener}]}
    return MeshObject("virtual_router", names, spec)


def route(service: ServiceSystem, weights: Mapping[str, int]) -> MeshObject[RouteSpec]:
    """The service's one route, with a target for each side of ``weights``."""
    names = {
        "meshName": service.mesh,
        "virtualRouterName": service.name,
        "routeName": ROUTE,
    }
    targets: list[WeightedTargetTypeDef] = [
        {"virtualNode": service.node(side), "weight": weight}
        for side, weight in sorted(weights.items())
    ]
    return MeshObject("route", names, _route_spec(service.config, targets))


def _route_spec(config: ServiceConfig, targets: list[WeightedTargetTypeDef]) -> RouteSpec:
    timeout = _timeout(config)
    match config.protocol:
        case "tcp":
            tcp: RouteSpec = {"tcpRoute": {"action": {"weightedTargets": targets}}}
            if "idle" in timeout:
                tcp["tcpRoute"]["timeout"] = {"idle": timeout["idle"]}
            return tcp
        case "grpc":
            grpc: RouteSpec = {"grpcRoute": {"match": {}, "action": {"weightedTargets": targets}}}
            if timeout:
                grpc["grpcRoute"]["timeout"] = timeout
            return grpc
    http: HttpRouteOutputTypeDef = {
        "match": {"prefix": "/"},
        "action": {"weightedTargets": targets},
    }
    if timeout:
        http["timeout"] = timeout
    return {"http2Route": http} if config.protocol == "http2" else {"httpRoute": http}


def _of_listener(protocol: Protocol, timeout: HttpTimeoutTypeDef) -> ListenerTimeoutTypeDef:
    match protocol:
        case "tcp":
            return {"tcp": {"idle": timeout["idle"]}} if "idle" in timeout else {}
        case "grpc":
            return {"grpc": timeout}
        case "http2":
            return {"http2": timeout}
    return {"http": timeout}


def _timeout(config: ServiceConfig) -> HttpTimeoutTypeDef:
    """The timeouts that are not App Mesh's own. Both the route and the listener that it leads to
    need them: the shorter one ends a request.
    """
    timeout: HttpTimeoutTypeDef = {}
    if config.request_timeout is not None:
        timeout["perRequest"] = _duration(config.request_timeout)
    if config.idle_timeout is not None:
        timeout["idle"] = _duration(config.idle_timeout)
    return timeout


def _duration(seconds: float) -> DurationTypeDef:
    if seconds == int(seconds):
        return {"unit": "s", "value": int(seconds)}
    # 0 would mean that there is no limit.
    return {"unit": "ms", "value": max(1, round(seconds * 1000))}


def virtual_service(service: ServiceSystem) -> MeshObject[VirtualServiceSpec]:
    """The hostname by which callers reach the service."""
    names = {"meshName": service.mesh, "virtualServiceName": service.config.hostname}
    spec: VirtualServiceSpec = {
        "provider": {"virtualRouter": {"virtualRouterName": service.name}},
    }
    return MeshObject("virtual_service", names, spec)


def task_definition(
    service: ServiceSystem, side: str, image: str, region: str, xds: str = ""
) -> RegisterTaskDefinitionRequestTypeDef:
    """RegisterTaskDefinition's request for a side: the application and its Envoy. ``xds``:
    HOST:PORT where Envoys find us, if whoever starts them does not know it.
    """
    config = service.config
    node = service.node(side)
    application: ContainerDefinition = {
        "name": "app",
        "image": image,
        "essential": True,
        "portMappings": [{"containerPort": config.port, "protocol": "tcp"}],
        "environment": _environment({**config.environment, "PORT": str(config.port)}),
        "stopTimeout": _STOP_TIMEOUT_SECONDS,
        "logConfiguration": _logs(service.mesh, node, region),
    }
    envoy = _envoy(f"mesh/{service.mesh}/virtualNode/{node}", service.mesh, node, region, xds)
    envoy["environment"] += _times({"TEAL_DRAIN_TIME": config.drain_time})
    return {
        "family": node,
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "cpu": str(config.cpu),
        "memory": str(config.memory),
        "containerDefinitions": [application, envoy],
        "proxyConfiguration": {
            "type": "APPMESH",
            "containerName": "envoy",
            "properties": [
                {"name": "AppPorts", "value": str(config.port)},
                {"name": "EgressIgnoredIPs", "value": _IGNORED_IPS},
                {"name": "IgnoredUID", "value": str(_ENVOY_UID)},
                {"name": "ProxyEgressPort", "value": "15001"},
                {"name": "ProxyIngressPort", "value": "15000"},
            ],
        },
    }


def gateway_task_definition(
    gateway: GatewaySystem, region: str, xds: str = ""
) -> RegisterTaskDefinitionRequestTypeDef:
    """RegisterTaskDefinition's request for a gateway: an Envoy alone. ``xds`` as above."""
    resource = f"mesh/{gateway.mesh}/virtualGateway/{gateway.name}"
    envoy = _envoy(resource, gateway.mesh, gateway.name, region, xds)
    config = gateway.config
    times = {
        "TEAL_REQUEST_TIMEOUT": config.request_timeout,
        "TEAL_IDLE_TIMEOUT": config.idle_timeout,
        "TEAL_DRAIN_TIME": config.drain_time,
    }
    envoy["environment"] += _environment({"TEAL_PUBLISH_ADDRESS": config.address})
    envoy["environment"] += _times(times)
    envoy["portMappings"] = [{"containerPort": gateway.config.port, "protocol": "tcp"}]
    return {
        "family": gateway.name,
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "cpu": "256",
        "memory": "512",
        "containerDefinitions": [envoy],
    }


def ecs_service(
    cluster: str,
    name: str,
    definition: str,
    desired: int,
    registry: str | None,
    network: AwsVpcConfigurationTypeDef,
    tags: Mapping[str, str],
) -> CreateServiceRequestTypeDef:
    """CreateService's request.

    ``definition``: ARN of the task definition; ``registry``: ARN of the Cloud Map service, None
    for none.
    """
    request: CreateServiceRequestTypeDef = {
        "cluster": cluster,
        "serviceName": name,
        "taskDefinition": definition,
        "desiredCount": desired,
        "launchType": "FARGATE",
        "deploymentConfiguration": {
            "deploymentCircuitBreaker": {"enable": True, "rollback": False},
            "minimumHealthyPercent": 100,
            "maximumPercent": 200,
        },
        "networkConfiguration": {"awsvpcConfiguration": network},
    }
    if tags:
        request["tags"] = [{"key": key, "value": value} for key, value in tags.items()]
    if registry:
        request["serviceRegistries"] = [{"registryArn": registry}]
    return request


def service_tags(service: ServiceSystem) -> dict[str, str]:
    """The tags of a side's ECS service: what teal.toml says of its tasks and ECS has no member
    for.
    """
    after = service.config.replace_after
    return {} if after is None else {REPLACE_AFTER: f"{after:.10g}s" if after else NEVER}


def covers(actual: object, wanted: object) -> bool:
    """Whether ``actual`` has everything in ``wanted``; AWS adds defaults to what it was sent."""
    if isinstance(wanted, Mapping):
        return isinstance(actual, Mapping) and all(
            name in actual and covers(actual[name], value) for name, value in wanted.items()
        )
    if isinstance(wanted, list):
        return (
            isinstance(actual, list)
            and len(actual) == len(wanted)
            and all(covers(a, w) for a, w in zip(actual, wanted, strict=True))
        )
    return actual == wanted


def _envoy(resource: str, mesh_name: str, node: str, region: str, xds: str) -> ContainerDefinition:
    variables = {"APPMESH_RESOURCE_ARN": resource}
    if xds:
        variables["APPMESH_XDS_ENDPOINT"] = xds
    return {
        "name": "envoy",
        "image": ENVOY_IMAGE,
        "essential": True,
        "user": str(_ENVOY_UID),
        "environment": _environment(variables),
        "stopTimeout": _STOP_TIMEOUT_SECONDS,
        "logConfiguration": _logs(mesh_name, node, region),
    }


def _environment(values: Mapping[str, str]) -> list[KeyValuePairTypeDef]:
    return [{"name": name, "value": value} for name, value in sorted(values.items())]


def _times(values: Mapping[str, float | None]) -> list[KeyValuePairTypeDef]:
    """Variables for those times, in seconds, that are set."""
    return _environment({name: f"{time:.10g}" for name, time in values.items() if time is not None})


def _logs(mesh_name: str, node: str, region: str) -> LogConfigurationOutputTypeDef:
    return {
        "logDriver": "awslogs",
        "options": {
            "awslogs-group": f"/teal/{mesh_name}",
            "awslogs-region": region,
            "awslogs-stream-prefix": node,
        },
    }
