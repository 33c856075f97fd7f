"""Which ECS service runs the tasks of a virtual node, and which of its containers the application
is. Pure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from tealmesh.envoy.bootstrap.bootstrap import RESOURCE_VARIABLES
from tealmesh.model.arn import last_part
from tealmesh.model.ecs.names import cluster_of, family_and_revision, revision_key
from tealmesh.store import Reader, tables

if TYPE_CHECKING:
    from tealmesh.model.appmesh import VirtualNodeSpec
    from tealmesh.model.ecs.bodies import ContainerDefinition, ServiceBody, TaskDefinitionBody
    from tealmesh.rollout.adopted import MeshSide

EcsName = tuple[str, str]
"""Cluster and name of an ECS service."""

_SIDECARS = (
    "*aws-appmesh-envoy*",
    "*envoyproxy/envoy*",
    "*tealmesh-envoy*",
    "*xray-daemon*",
    "*aws-for-fluent-bit*",
    "*fluent-bit*",
    "*fluentd*",
    "*cloudwatch-agent*",
    "*aws-otel-collector*",
    "*opentelemetry-collector*",
    "*datadog/agent*",
    "*newrelic*",
    "*aws-appmesh-proxy-route-manager*",
    "*statsd*",
    "*filebeat*",
)


class EcsServices:
    """The ECS services of a state that have not been deleted, by what their tasks are."""

    def __init__(self, view: Reader) -> None:
        self._view = view
        self._services: dict[EcsName, ServiceBody] = {}
        self._by_node: dict[EcsName, list[EcsName]] = defaultdict(list)
        for document in view.list(tables.ECS_SERVICES):
            body = document.body
            if body["status"] == "ACTIVE":
                name = (cluster_of(body), body["serviceName"])
                self._services[name] = body
                node = _node_of(self._definition(body))
                if node:
                    self._by_node[node].append(name)

    def named(self, name: str) -> list[EcsName]:
        """The services of this name, which may have its cluster before it: ``CLUSTER/NAME``."""
        cluster, _, service = name.rpartition("/")
        return [one for one in self._services if one[1] == service and cluster in ("", one[0])]

    def of_node(self, mesh: str, node: str, spec: VirtualNodeSpec) -> list[EcsName]:
        """The services that may run the tasks of a virtual node: by the attribute
        ECS_SERVICE_NAME of its discovery; else by what their Envoys stand for; else those that
        register where the node is discovered.
        """
        envoys = self._by_node.get((mesh, node), [])
        place = _place(spec)
        registered = [name for name in self._services if self.registry(name) == place]
        attribute = ecs_attribute(spec)
        if attribute and (named := self.named(attribute)):
            narrower = [one for one in named if one in envoys or one in registered]
            return narrower or named
        return envoys or [name for name in registered if self._may_be(mesh, node, name)]

    def registry(self, name: EcsName) -> tuple[str, str]:
        """The Cloud Map namespace and service in which a service registers its tasks; both empty if
        it does not.
        """
        body = self._services[name]
        for namespace_name, service_name in body.get("teal", {}).get("registries", []):
            return namespace_name, service_name
        for registry in body.get("serviceRegistries", []):
            service = self._view.get(tables.SD_SERVICES, last_part(registry.get("registryArn", "")))
            if service:
                namespace = self._view.get(tables.NAMESPACES, service.body["namespaceId"])
                if namespace:
                    return namespace.body["name"], service.body["name"]
        return "", ""

    def registers(self, namespace: str, name: str) -> bool:
        """Whether there is such a Cloud Map service."""
        ids = {d.body["id"]: d.body["name"] for d in self._view.list(tables.NAMESPACES)}
        if any(self.registry(one) == (namespace, name) for one in self._services):
            return True
        return any(
            (ids.get(d.body["namespaceId"]), d.body["name"]) == (namespace, name)
            for d in self._view.list(tables.SD_SERVICES)
        )

    def has(self, side: MeshSide) -> bool:
        """Whether there is the side's ECS service."""
        return (side.cluster, side.ecs_service) in self._services

    def container(self, side: MeshSide, told: Sequence[str]) -> tuple[str, str]:
        """The container that runs the application in the task definition of a side that `has` one:
        the first of those that were ``told`` and not empty, else the only one that may be it; empty
        if that is not clear, with what to do.
        """
        definition = self._definition(self._services[side.cluster, side.ecs_service])
        containers = definition["containerDefinitions"] if definition else []
        names = [container["name"] for container in containers]
        wanted = [name for name in told if name]
        if wanted:
            present = next((name for name in wanted if name in names), "")
            there = ", ".join(names)
            missing = f"{side.ecs_service} has no container {wanted[0]} (known: {there})"
            return (present, "") if present else ("", missing)
        applications = applications_of(definition) if definition else []
        if len(applications) == 1:
            return applications[0], ""
        return "", (
            f"the tasks of {side.ecs_service} have {len(applications)} containers that may be the "
            f"application (of: {', '.join(names)}): say which by `teal adopt … --container NAME`"
        )

    def obstacle(self, sides: Sequence[MeshSide]) -> str:
        """Why tasks of these sides cannot be shifted by the route alone; empty if they can."""
        for side in sides:
            service = self._services.get((side.cluster, side.ecs_service))
            balancers = service.get("loadBalancers", []) if service else []
            groups = [balancer.get("targetGroupArn", "") for balancer in balancers]
            if groups:
                named = ", ".join(arn.split("/")[1] if "/" in arn else arn for arn in groups)
                return (
                    f"ECS service {side.ecs_service} is also in the target group of a load "
                    f"balancer ({named}), whose listener would go on sending to it: the weights of "
                    "listeners are not shifted"
                )
        return ""

    def _may_be(self, mesh: str, node: str, name: EcsName) -> bool:
        """Whether the service's Envoy stands for no other virtual node."""
        return _node_of(self._definition(self._services[name])) in (None, (mesh, node))

    def _definition(self, service: ServiceBody) -> TaskDefinitionBody | None:
        family, revision = family_and_revision(service["taskDefinition"])
        document = self._view.get(tables.TASK_DEFINITIONS, family, revision_key(revision))
        return document.body if document else None


def applications_of(definition: TaskDefinitionBody) -> list[str]:
    """The containers that are neither Envoy nor a known sidecar."""
    envoy = definition.get("proxyConfiguration", {}).get("containerName")
    return [
        container["name"]
        for container in definition["containerDefinitions"]
        if container["name"] != envoy and not _is_sidecar(container)
    ]


def _is_sidecar(container: ContainerDefinition) -> bool:
    known = any(fnmatchcase(container["image"], pattern) for pattern in _SIDECARS)
    other = "firelensConfiguration" in container or _drains(container)
    return known or other or bool(_resource(container))


def undrained(view: Reader) -> Iterator[str]:
    """The ECS services, as ``CLUSTER/NAME``, whose tasks are of a virtual node and have nothing
    that has them drained before ECS stops their applications (docs/envoys.md).
    """
    for document in view.list(tables.ECS_SERVICES):
        body = document.body
        if body["status"] != "ACTIVE":
            continue
        family, revision = family_and_revision(body["taskDefinition"])
        definition = view.get(tables.TASK_DEFINITIONS, family, revision_key(revision))
        if definition is None or _node_of(definition.body) is None:
            continue
        if not any(_drains(one) for one in definition.body["containerDefinitions"]):
            yield f"{cluster_of(body)}/{body['serviceName']}"


def _drains(container: ContainerDefinition) -> bool:
    """Whether a container is the one that is stopped first: `teal-envoy drain`."""
    return list(container.get("command") or ()) == ["drain"]


def _resource(container: ContainerDefinition) -> str:
    """The mesh resource that an Envoy container stands for; empty for other containers.
    https://docs.aws.amazon.com/app-mesh/latest/userguide/envoy-config.html
    """
    variables = {pair.get("name"): pair.get("value") for pair in container.get("environment", [])}
    return next((value for v in RESOURCE_VARIABLES if (value := variables.get(v))), "")


def _node_of(definition: TaskDefinitionBody | None) -> tuple[str, str] | None:
    """Mesh and name of the virtual node that a task definition's Envoy stands for."""
    for container in definition["containerDefinitions"] if definition else []:
        parts = _resource(container).rpartition(":")[2].split("/")
        if len(parts) == 4 and parts[0] == "mesh" and parts[2] == "virtualNode":
            return parts[1].partition("@")[0], parts[3]
    return None


def ecs_attribute(spec: VirtualNodeSpec) -> str:
    """The ECS service that a virtual node's discovery names; empty if it names none."""
    discovery = spec.get("serviceDiscovery", {})
    attributes = (
        discovery["awsCloudMap"].get("attributes", []) if "awsCloudMap" in discovery else []
    )
    return next((a["value"] for a in attributes if a["key"] == "ECS_SERVICE_NAME"), "")


def _place(spec: VirtualNodeSpec) -> tuple[str, str] | None:
    """The Cloud Map namespace and service by which a virtual node is discovered."""
    discovery = spec.get("serviceDiscovery", {})
    if "awsCloudMap" in discovery:
        cloud_map = discovery["awsCloudMap"]
        return cloud_map["namespaceName"], cloud_map["serviceName"]
    if "dns" in discovery:
        service, _, namespace = discovery["dns"]["hostname"].partition(".")
        return namespace, service
    return None
