"""What teal.toml describes, as the AWS resources that make it up. Pure.

A service is two virtual nodes ``NAME-SIDE`` behind one virtual router with one route, which is
updated in place and never replaced; a side's tasks are the ECS service ``NAME-SIDE``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from tealmesh.model.config.nouns import Gates, GatewayConfig, ServiceConfig, Strategy, TealConfig

ENVOY_IMAGE = "public.ecr.aws/appmesh/aws-appmesh-envoy:v1.29.12.1-prod"
ROUTE = "route"
_IGNORED_UID = 1337
_STOP_TIMEOUT = 10
# ECS's task metadata and credentials endpoint and EC2's: the application reaches them itself.
_IGNORED_IPS = "169.254.170.2,169.254.169.254"


@dataclass(frozen=True)
class ServiceSystem:
    """A service of teal.toml in its place, as the store keeps it (collection ``teal.system``)."""

    mesh: str
    cluster: str
    namespace: str
    config: ServiceConfig

    @property
    def name(self) -> str:
        return self.config.name

    def node(self, side: str) -> str:
        """The virtual node of a side, and the ECS service and task family of that name."""
        return f"{self.config.name}-{side}"

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> ServiceSystem:
        names = {f.name for f in fields(ServiceConfig)}
        config = {name: value for name, value in body["config"].items() if name in names}
        strategy = {**config["strategy"], "steps": tuple(config["strategy"]["steps"])}
        config["strategy"] = Strategy(**strategy)
        config["gates"] = Gates(**config["gates"])
        config["backends"] = tuple(config["backends"])
        first, second = config["sides"]
        config["sides"] = (first, second)
        return cls(body["mesh"], body["cluster"], body["namespace"], ServiceConfig(**config))


@dataclass(frozen=True)
class GatewaySystem:
    """A gateway of teal.toml in its place, as the store keeps it (``teal.gateway``)."""

    mesh: str
    cluster: str
    config: GatewayConfig

    @property
    def name(self) -> str:
        return self.config.name

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> GatewaySystem:
        return cls(body["mesh"], body["cluster"], GatewayConfig(**body["config"]))


def services(config: TealConfig) -> list[ServiceSystem]:
    """The services of a teal.toml, in its order."""
    return [
        ServiceSystem(config.mesh, config.cluster, config.namespace, service)
        for service in config.services.values()
    ]


def gateways(config: TealConfig) -> list[GatewaySystem]:
    return [
        GatewaySystem(config.mesh, config.cluster, gateway) for gateway in config.gateways.values()
    ]


@dataclass(frozen=True)
class MeshObject:
    """One App Mesh resource: ``noun`` as in boto3's method names (``virtual_node``), ``names``
    the members that identify it in every operation.
    """

    noun: str
    names: Mapping[str, str]
    spec: Mapping[str, Any]


def mesh(name: str) -> MeshObject:
    return MeshObject("mesh", {"meshName": name}, {"egressFilter": {"type": "DROP_ALL"}})


def virtual_node(service: ServiceSystem, side: str) -> MeshObject:
    """A side's virtual node: found in Cloud Map by the ECS service of the side, so that both
    sides share one Cloud Map service.
    """
    config = service.config
    node = service.node(side)
    spec = {
        "listeners": [
            {
                "portMapping": {"port": config.port, "protocol": "http"},
                "healthCheck": {
                    "protocol": "http",
                    "path": config.health_path,
                    "port": config.port,
                    "healthyThreshold": 2,
                    "unhealthyThreshold": 2,
                    "timeoutMillis": 2000,
                    "intervalMillis": 5000,
                },
            }
        ],
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


def virtual_router(service: ServiceSystem) -> MeshObject:
    names = {"meshName": service.mesh, "virtualRouterName": service.name}
    mapping = {"port": service.config.port, "protocol": "http"}
    return MeshObject("virtual_router", names, {"listeners": [{"portMapping": mapping}]})


def route(service: ServiceSystem, weights: Mapping[str, int]) -> MeshObject:
    """The one route, with a target for each side of ``weights``."""
    names = {
        "meshName": service.mesh,
        "virtualRouterName": service.name,
        "routeName": ROUTE,
    }
    targets = [
        {"virtualNode": service.node(side), "weight": weight}
        for side, weight in sorted(weights.items())
    ]
    spec = {
        "httpRoute": {
            "match": {"prefix": "/"},
            "action": {"weightedTargets": targets},
        }
    }
    return MeshObject("route", names, spec)


def route_weights(service: ServiceSystem, spec: Mapping[str, Any]) -> dict[str, int]:
    """The weights in a route's specification, by side; targets of other nodes are passed over."""
    sides = {service.node(side): side for side in service.config.sides}
    targets = spec.get("httpRoute", {}).get("action", {}).get("weightedTargets", [])
    return {
        sides[target["virtualNode"]]: target["weight"]
        for target in targets
        if target["virtualNode"] in sides
    }


def virtual_service(service: ServiceSystem) -> MeshObject:
    names = {"meshName": service.mesh, "virtualServiceName": service.config.hostname}
    provider = {"virtualRouter": {"virtualRouterName": service.name}}
    return MeshObject("virtual_service", names, {"provider": provider})


def virtual_gateway(gateway: GatewaySystem) -> MeshObject:
    names = {"meshName": gateway.mesh, "virtualGatewayName": gateway.name}
    mapping = {"port": gateway.config.port, "protocol": "http"}
    return MeshObject("virtual_gateway", names, {"listeners": [{"portMapping": mapping}]})


def gateway_routes(gateway: GatewaySystem, hostnames: Mapping[str, str]) -> list[MeshObject]:
    """One gateway route for each path prefix, named after it so that it is updated in place when
    it goes to another service; ``hostnames`` are those of the services by name.
    """
    return [
        _gateway_route(gateway, prefix, hostnames[service])
        for prefix, service in gateway.config.routes.items()
    ]


def _gateway_route(gateway: GatewaySystem, prefix: str, hostname: str) -> MeshObject:
    escaped = "".join(c if c.isalnum() or c == "-" else f"_{ord(c):02x}" for c in prefix[1:])
    names = {
        "meshName": gateway.mesh,
        "virtualGatewayName": gateway.name,
        "gatewayRouteName": f"prefix-{escaped}",
    }
    target = {"virtualService": {"virtualServiceName": hostname}}
    spec = {"httpRoute": {"match": {"prefix": prefix}, "action": {"target": target}}}
    return MeshObject("gateway_route", names, spec)


def task_definition(service: ServiceSystem, side: str, image: str, region: str) -> dict[str, Any]:
    """RegisterTaskDefinition's request for a side: the application and its Envoy."""
    config = service.config
    node = service.node(side)
    application = {
        "name": "app",
        "image": image,
        "essential": True,
        "portMappings": [{"containerPort": config.port, "protocol": "tcp"}],
        "environment": _environment({**config.environment, "PORT": str(config.port)}),
        "stopTimeout": _STOP_TIMEOUT,
        "logConfiguration": _logs(service.mesh, node, region),
    }
    envoy = _envoy(f"mesh/{service.mesh}/virtualNode/{node}", service.mesh, node, region)
    return {
        "family": node,
        **_FARGATE,
        "cpu": str(config.cpu),
        "memory": str(config.memory),
        "containerDefinitions": [application, envoy],
        "proxyConfiguration": {
            "type": "APPMESH",
            "containerName": "envoy",
            "properties": [
                {"name": "AppPorts", "value": str(config.port)},
                {"name": "EgressIgnoredIPs", "value": _IGNORED_IPS},
                {"name": "IgnoredUID", "value": str(_IGNORED_UID)},
                {"name": "ProxyEgressPort", "value": "15001"},
                {"name": "ProxyIngressPort", "value": "15000"},
            ],
        },
    }


def gateway_task_definition(gateway: GatewaySystem, region: str) -> dict[str, Any]:
    """RegisterTaskDefinition's request for a gateway: an Envoy alone."""
    resource = f"mesh/{gateway.mesh}/virtualGateway/{gateway.name}"
    envoy = _envoy(resource, gateway.mesh, gateway.name, region)
    envoy["environment"] += _environment({"TEAL_PUBLISH_ADDRESS": gateway.config.address})
    envoy["portMappings"] = [{"containerPort": gateway.config.port, "protocol": "tcp"}]
    return {
        "family": gateway.name,
        **_FARGATE,
        "cpu": "256",
        "memory": "512",
        "containerDefinitions": [envoy],
    }


_FARGATE = {"networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"]}


def ecs_service(
    cluster: str, name: str, definition: str, desired: int, registry: str | None
) -> dict[str, Any]:
    """CreateService's request. ``definition`` and ``registry`` are ARNs, the latter of the Cloud
    Map service, None for none.
    """
    request: dict[str, Any] = {
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
    }
    if registry:
        request["serviceRegistries"] = [{"registryArn": registry}]
    return request


def log_group(mesh_name: str) -> str:
    return f"/teal/{mesh_name}"


def covers(actual: object, wanted: object) -> bool:
    """Whether ``actual`` has all of ``wanted``; AWS adds defaults to what it was sent."""
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


def _envoy(resource: str, mesh_name: str, node: str, region: str) -> dict[str, Any]:
    return {
        "name": "envoy",
        "image": ENVOY_IMAGE,
        "essential": True,
        "user": str(_IGNORED_UID),
        "environment": _environment({"APPMESH_RESOURCE_ARN": resource}),
        "stopTimeout": _STOP_TIMEOUT,
        "logConfiguration": _logs(mesh_name, node, region),
    }


def _environment(values: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in sorted(values.items())]


def _logs(mesh_name: str, node: str, region: str) -> dict[str, Any]:
    options = {
        "awslogs-group": log_group(mesh_name),
        "awslogs-region": region,
        "awslogs-stream-prefix": node,
    }
    return {"logDriver": "awslogs", "options": options}
