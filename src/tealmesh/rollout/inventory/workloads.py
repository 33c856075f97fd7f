"""ECS services and tasks, by the virtual node or gateway that they stand for. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from tealmesh.envoy.bootstrap.bootstrap import RESOURCE_VARIABLES
from tealmesh.model.arn import last_part
from tealmesh.model.ecs import reasons
from tealmesh.model.ecs.names import cluster_of, family_and_revision, revision_key, service_of
from tealmesh.model.mesh import Kind
from tealmesh.model.status import Missing
from tealmesh.rollout.ecs_sides import EcsServices, applications_of
from tealmesh.rollout.failed import ON_PURPOSE
from tealmesh.store import View, tables

if TYPE_CHECKING:
    from tealmesh.model.ecs.bodies import DeploymentBody, ServiceBody, TaskBody, TaskDefinitionBody

_MOST_REASON_CHARACTERS = 2000


class Resource(NamedTuple):
    """What an Envoy stands for."""

    mesh: str
    kind: str
    """virtualNode or virtualGateway."""
    name: str

    def __str__(self) -> str:
        return f"mesh/{self.mesh}/{self.kind}/{self.name}"


@dataclass(frozen=True)
class EcsService:
    """An ECS service that has not been deleted, with its tasks."""

    cluster: str
    name: str
    body: ServiceBody
    definition: TaskDefinitionBody | None
    """None if it has been deleted."""
    resource: Resource | None
    """None without an Envoy."""
    tasks: tuple[TaskBody, ...]
    """The oldest first, stopped ones included for as long as ECS shows them."""

    @property
    def label(self) -> str:
        return f"{self.cluster}/{self.name}"

    @property
    def desired(self) -> int:
        return self.body["desiredCount"]

    @property
    def running(self) -> int:
        return sum(task["lastStatus"] == "RUNNING" for task in self.tasks)

    @property
    def healthy(self) -> int:
        """Running tasks that are not UNHEALTHY. They are registered, as a task is before it is
        RUNNING."""
        running = [task for task in self.tasks if task["lastStatus"] == "RUNNING"]
        return sum(task.get("healthStatus") != "UNHEALTHY" for task in running)

    @property
    def pending(self) -> int:
        """Desired tasks that do not run the current task definition yet."""
        return max(0, self.desired - self.primary.get("runningCount", 0)) if self.primary else 0

    @property
    def failed(self) -> int:
        """Tasks of the current deployment that stopped by themselves."""
        return self.primary.get("failedTasks", 0) if self.primary else 0

    @property
    def primary(self) -> DeploymentBody | None:
        """The current deployment."""
        return next((d for d in self.body["deployments"] if d["status"] == "PRIMARY"), None)

    @property
    def image(self) -> str:
        """The application's image; empty where none of the containers is one."""
        return application_image(self.definition)

    def missing(self) -> Missing | None:
        """Why tasks are missing; None if none are."""
        if self.healthy >= self.desired and not self.pending:
            return None
        primary = self.primary
        started_by = primary["id"] if primary else ""
        own = [
            task
            for task in self.tasks
            if task.get("startedBy") == started_by and stopped_by_itself(task)
        ]
        last = max(own, key=lambda task: task.get("stoppedAt", 0.0), default=None)
        reason = last.get("stoppedReason", "")[:_MOST_REASON_CHARACTERS] if last else ""
        gave_up = primary is not None and primary.get("rolloutState") == "FAILED"
        return Missing(reasons.told(reason), gave_up)


class Workloads:
    """The ECS services and standalone tasks of a view."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._sides = EcsServices(view)
        tasks = sorted((d.body for d in view.list(tables.TASKS)), key=lambda t: t["createdAt"])
        grouped: dict[tuple[str, str], list[TaskBody]] = {}
        for task in tasks:
            grouped.setdefault((cluster_of(task), service_of(task)), []).append(task)
        self.by_service = {key: some for key, some in grouped.items() if key[1]}
        """The tasks of each service, by cluster and name, of deleted services too."""
        self.services: dict[tuple[str, str], EcsService] = {}
        """By cluster and name."""
        for document in view.list(tables.ECS_SERVICES):
            if document.body["status"] != "INACTIVE":
                service = self._service(document.body, grouped)
                self.services[service.cluster, service.name] = service
        self.standalone = [
            task for (_, service), some in grouped.items() if not service for task in some
        ]
        """The tasks that belong to no service."""
        self.tasks = tasks

    def of_node(self, mesh: str, node: str) -> list[EcsService]:
        """The services that run the tasks of a virtual node."""
        document = self._view.get(tables.VIRTUAL_NODES, mesh, node)
        if document is None:
            return self._standing_for(Resource(mesh, Kind.VIRTUAL_NODE.value, node))
        found = self._sides.of_node(mesh, node, document.body["spec"])
        return [self.services[name] for name in found if name in self.services]

    def of_gateway(self, mesh: str, gateway: str) -> list[EcsService]:
        """The services that run the tasks of a virtual gateway."""
        return self._standing_for(Resource(mesh, Kind.VIRTUAL_GATEWAY.value, gateway))

    def definition(self, arn: str) -> TaskDefinitionBody | None:
        """The task definition; None if it has been deleted."""
        family, revision = family_and_revision(arn)
        document = self._view.get(tables.TASK_DEFINITIONS, family, revision_key(revision))
        return document.body if document else None

    def _standing_for(self, resource: Resource) -> list[EcsService]:
        return [s for s in self.services.values() if s.resource == resource]

    def _service(
        self, body: ServiceBody, grouped: dict[tuple[str, str], list[TaskBody]]
    ) -> EcsService:
        cluster, name = cluster_of(body), body["serviceName"]
        definition = self.definition(body["taskDefinition"])
        tasks = tuple(grouped.get((cluster, name), ()))
        return EcsService(cluster, name, body, definition, resource_of(definition), tasks)


def stopped_by_itself(task: TaskBody) -> bool:
    """Whether the task has stopped, or is stopping, through nobody's request."""
    return task["desiredStatus"] == "STOPPED" and task.get("stopCode") not in ON_PURPOSE


def application_image(definition: TaskDefinitionBody | None, container: str = "") -> str:
    """The image of ``container``, or else of the first container that is neither Envoy nor a known
    sidecar; empty if there is none.
    """
    if definition is None:
        return ""
    images = {c["name"]: c["image"] for c in definition["containerDefinitions"]}
    names = [container, *applications_of(definition)]
    return next((images[name] for name in names if name in images), "")


def resource_of(definition: TaskDefinitionBody | None) -> Resource | None:
    """What the Envoy of a task definition stands for; None without an Envoy that says so.
    https://docs.aws.amazon.com/app-mesh/latest/userguide/envoy-config.html
    """
    for container in definition["containerDefinitions"] if definition else ():
        variables = {v.get("name"): v.get("value") for v in container.get("environment", [])}
        named = next((value for v in RESOURCE_VARIABLES if (value := variables.get(v))), "")
        parts = named.rpartition(":")[2].split("/")
        if len(parts) == 4 and parts[0] == "mesh":
            # A shared mesh is written MESH@OWNER.
            return Resource(parts[1].partition("@")[0], parts[2], parts[3])
    return None


def resource_of_task(task: TaskBody) -> Resource | None:
    """What the Envoy of a task stands for; None without one, or before the task is prepared."""
    envoy = task.get("teal", {}).get("envoy")
    return Resource(envoy["mesh"], envoy["kind"], envoy["name"]) if envoy else None


def labels(services: Iterable[EcsService]) -> list[str]:
    """CLUSTER/NAME of each."""
    return [service.label for service in services]


def missing_of(services: Sequence[EcsService]) -> Missing | None:
    """Why tasks of any of these are missing; None if none are."""
    return next((why for s in services if (why := s.missing()) is not None), None)


def family_of(task: TaskBody) -> str:
    """FAMILY:REVISION of its task definition."""
    return last_part(task["taskDefinitionArn"])
