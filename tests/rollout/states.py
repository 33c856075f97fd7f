"""States of App Mesh, ECS and Cloud Map as their APIs store them, written without the APIs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tealmesh.store import Transaction, View, tables

CONTAINERS = ("app", "envoy", "xray")
IMAGES = {
    "app": "example/sample:1",
    "envoy": "public.ecr.aws/appmesh/aws-appmesh-envoy:v1.20.0.1-prod",
    "xray": "amazon/aws-xray-daemon",
}


@dataclass
class State:
    """Adds resources to a state; `Transaction` reads its own writes, so it is read as a view is."""

    view: Transaction = field(default_factory=lambda: Transaction(View(0, {})))
    mesh: str = "m"

    def service(
        self, hostname: str, router: str, *routes: dict[str, int], kind: str = "httpRoute"
    ) -> None:
        """A virtual service, its router, and a route for each mapping of node to weight."""
        provider = {"virtualRouter": {"virtualRouterName": router}}
        self._put(tables.VIRTUAL_SERVICES, hostname, {"provider": provider})
        for number, weights in enumerate(routes):
            targets = [{"virtualNode": node, "weight": w} for node, w in weights.items()]
            spec = {kind: {"action": {"weightedTargets": targets}}}
            self._put(tables.ROUTES, f"r{number}", spec, router)

    def node(self, name: str, place: str = "", ecs_service: str = "", port: int = 8080) -> None:
        """A virtual node. ``place``: NAMESPACE/SERVICE for Cloud Map, a hostname for DNS."""
        namespace, slash, registry = place.partition("/")
        discovery: dict[str, Any] = {"dns": {"hostname": place}}
        if slash:
            attributes = [{"key": "ECS_SERVICE_NAME", "value": ecs_service}] if ecs_service else []
            discovery = {
                "awsCloudMap": {
                    "namespaceName": namespace,
                    "serviceName": registry,
                    "attributes": attributes,
                }
            }
        spec: dict[str, Any] = {
            "listeners": [{"portMapping": {"port": port, "protocol": "http"}}],
            "serviceDiscovery": discovery,
        }
        self._put(tables.VIRTUAL_NODES, name, spec if place else {"listeners": spec["listeners"]})

    def registry(self, place: str) -> str:
        """A Cloud Map service; returns its ARN."""
        namespace, _, name = place.partition("/")
        identity = f"srv-{namespace}-{name}"
        body: Any = {"id": f"ns-{namespace}", "name": namespace}
        self.view.put(tables.NAMESPACES, f"ns-{namespace}", body=body)
        service: Any = {"id": identity, "name": name, "namespaceId": f"ns-{namespace}"}
        self.view.put(tables.SD_SERVICES, identity, body=service)
        return f"arn:aws:servicediscovery:us-east-1:123456789012:service/{identity}"

    def ecs(
        self,
        name: str,
        node: str = "",
        registry: str = "",
        cluster: str = "c",
        containers: tuple[str, ...] = CONTAINERS,
        **members: Any,
    ) -> None:
        """An ECS service; its Envoy stands for ``node``, if that is named."""
        environment = (
            [{"name": "APPMESH_RESOURCE_ARN", "value": f"mesh/{self.mesh}/virtualNode/{node}"}]
            if node
            else []
        )
        definition: Any = {
            "containerDefinitions": [
                {
                    "name": container,
                    "image": IMAGES.get(container, f"example/{container}:1"),
                    "environment": environment if container == "envoy" else [],
                }
                for container in containers
            ]
        }
        self.view.put(tables.TASK_DEFINITIONS, name, "000001", body=definition)
        body: Any = {
            "serviceName": name,
            "serviceArn": f"arn:aws:ecs:us-east-1:123456789012:service/{cluster}/{name}",
            "clusterArn": f"arn:aws:ecs:us-east-1:123456789012:cluster/{cluster}",
            "status": "ACTIVE",
            "taskDefinition": f"arn:aws:ecs:us-east-1:123456789012:task-definition/{name}:1",
            "serviceRegistries": [{"registryArn": registry}] if registry else [],
            **members,
        }
        self.view.put(tables.ECS_SERVICES, cluster, name, body=body)

    def told(self, service: str, **members: Any) -> None:
        body: Any = members
        self.view.put(tables.ADOPTIONS, service, body=body)

    def _put(self, collection: Any, name: str, spec: Any, parent: str = "") -> None:
        body: Any = {"meshName": self.mesh, "name": name, "parent": parent, "spec": spec}
        keys = (self.mesh, parent, name) if parent else (self.mesh, name)
        self.view.put(collection, *keys, body=body)


def article(*sides: str, state: State | None = None) -> State:
    """The users' system, with these sides: Cloud Map and the attribute ECS_SERVICE_NAME."""
    made = state or State()
    registry = made.registry("m.local/sample")
    for side in sides:
        made.node(f"sample-{side}", "m.local/sample", f"m-sample-{side}")
        made.ecs(f"m-sample-{side}", f"sample-{side}", registry)
    made.service("sample.m.local", "sample", {f"sample-{side}": 1 for side in sides})
    return made
