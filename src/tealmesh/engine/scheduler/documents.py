"""Between the stored documents and the scheduler's nouns: reads services and tasks for `plan`, and
changes documents as ECS shows such changes. No effects but those on the transaction passed in.

Members are ECS's own (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Task.html,
.../API_Service.html).
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tealmesh.engine.scheduler.plan import Condition, Deployment, ObservedTask, Service
from tealmesh.engine.state import TaskState
from tealmesh.model.clock import Moment, MomentBody, NewId, Wall
from tealmesh.model.ecs import task as ecs
from tealmesh.model.ecs.bodies import Placement
from tealmesh.model.ecs.deployments import primary_since
from tealmesh.model.ecs.events import add_event
from tealmesh.model.ecs.members import narrowed
from tealmesh.model.ecs.moments import moment_of, note_moment
from tealmesh.model.ecs.names import (
    cluster_of,
    family_and_revision,
    revision_key,
    service_of,
    task_id,
)
from tealmesh.model.ecs.replacing import replace_after
from tealmesh.model.health import Unusable
from tealmesh.store import tables
from tealmesh.store.views import Transaction, View

if TYPE_CHECKING:
    from tealmesh.model.ecs.bodies import (
        DeploymentBody,
        ServiceBody,
        Tag,
        TaskBody,
        TaskDefinitionBody,
    )


def planned_service(body: ServiceBody, now: Moment) -> Service:
    """The service as its document wants it."""
    configuration = body.get("deploymentConfiguration") or {}
    breaker = configuration.get("deploymentCircuitBreaker")
    return Service(
        desired_count=body["desiredCount"],
        deployments=tuple(
            Deployment(
                id=d["id"],
                task_definition=d["taskDefinition"],
                primary=d["status"] == "PRIMARY",
                rollout=d.get("rolloutState", "IN_PROGRESS"),
                since=_placed(primary_since(body, d["id"]), now),
            )
            for d in body["deployments"]
        ),
        active=body["status"] == "ACTIVE",
        retired=body["status"] == "INACTIVE",
        minimum_healthy_percent=configuration.get("minimumHealthyPercent", 100),
        maximum_percent=configuration.get("maximumPercent", 200),
        circuit_breaker=breaker is not None and breaker["enable"],
        rollback=breaker is not None and breaker["rollback"],
        replace_after=replace_after(body.get("tags", [])),
    )


def observed_task(
    service: ServiceBody, body: TaskBody, now: Moment, unusable: Unusable | None = None
) -> ObservedTask:
    """The task as its document shows it. Failed health checks do not count in the grace period."""
    in_grace = grace_left(service, body, now) > 0
    return ObservedTask(
        id=task_id(body),
        deployment=body.get("startedBy", ""),
        condition=_condition(body, in_grace),
        unusable=None if in_grace else unusable,
        created_at=body.get("createdAt", 0.0),
        failed=TaskState.of(body).failed,
        stopped_at=_stopped_at(body, now),
    )


_BEFORE = 0.001
"""Seconds by which what ended before the machine was started anew is earlier than all after."""


def _stopped_at(body: TaskBody, now: Moment) -> float:
    """When it ended or was asked to stop, in seconds since the boot; 0 if neither."""
    if body["desiredStatus"] != "STOPPED":
        return 0.0
    noted = moment_of(body, "stopped") or moment_of(body, "stopping")
    return _placed(noted, now) if noted and noted["boot"] == now.boot else now.began - _BEFORE


def _placed(moment: MomentBody | None, now: Moment) -> float:
    return 0.0 if moment is None else now.placed(moment)


def grace_left(service: ServiceBody, task: TaskBody, now: Moment) -> float:
    """Seconds that are left of the service's ``healthCheckGracePeriodSeconds`` for this task."""
    grace = float(service.get("healthCheckGracePeriodSeconds") or 0)
    if "startedAt" not in task:
        return grace
    return now.left(moment_of(task, "started"), grace)


def _condition(body: TaskBody, in_grace: bool) -> Condition:
    if body["lastStatus"] == "STOPPED":
        return Condition.STOPPED
    if body["desiredStatus"] == "STOPPED":
        return Condition.STOPPING
    if body["lastStatus"] != "RUNNING":
        return Condition.STARTING
    unhealthy = body.get("healthStatus") == "UNHEALTHY" and not in_grace
    return Condition.UNHEALTHY if unhealthy else Condition.READY


def service_tasks(view: View | Transaction, cluster: str, service: str) -> list[TaskBody]:
    """The documents of the service's tasks."""
    bodies = [document.body for document in view.list(tables.TASKS, cluster)]
    return [body for body in bodies if service_of(body) == service]


def definition(view: View | Transaction, arn: str) -> TaskDefinitionBody | None:
    """The task definition of an ARN ending in ``task-definition/FAMILY:REVISION``; None if it has
    been deleted.
    """
    family, revision = family_and_revision(arn)
    document = view.get(tables.TASK_DEFINITIONS, family, revision_key(revision))
    return document.body if document is not None else None


def new_task(
    view: View | Transaction, service: ServiceBody, deployment: str, identity: str, now: float
) -> TaskBody:
    """The document of a new task for one of the service's deployments."""
    chosen = next(d for d in service["deployments"] if d["id"] == deployment)
    cluster = service["clusterArn"]
    prefix, _, name = cluster.partition(":cluster/")
    defined = definition(view, chosen["taskDefinition"])
    return ecs.new_task(
        ecs.TaskRequest(
            arn=f"{prefix}:task/{name}/{identity}",
            cluster_arn=cluster,
            definition_arn=chosen["taskDefinition"],
            definition=defined,
            group=f"service:{service['serviceName']}",
            now=now,
            placed=_placement(view, service, chosen),
            network=chosen.get("networkConfiguration"),
            started_by=deployment,
            tags=_tags(service, defined),
            execute_command=service.get("enableExecuteCommand", False),
        )
    )


def _placement(
    view: View | Transaction, service: ServiceBody, deployment: DeploymentBody
) -> Placement:
    placement = narrowed(Placement, deployment)
    placement.setdefault("launchType", "FARGATE")
    strategy = deployment.get("capacityProviderStrategy")
    if strategy:
        present = service_tasks(view, cluster_of(service), service["serviceName"])
        counts = Counter(
            t.get("capacityProviderName", "") for t in present if t["desiredStatus"] != "STOPPED"
        )
        placement["capacityProviderName"] = ecs.pick_provider(strategy, counts)
    return placement


def _tags(service: ServiceBody, defined: TaskDefinitionBody | None) -> list[Tag]:
    tags: list[Tag] = []
    match service.get("propagateTags"):
        case "SERVICE":
            tags = list(service.get("tags", []))
        case "TASK_DEFINITION" if defined is not None:
            tags = list(defined.get("tags", []))
    if service.get("enableECSManagedTags"):
        tags += ecs.managed_tags(cluster_of(service), service["serviceName"])
    return tags


def request_stop(task: TaskBody, code: str, reason: str, now: Wall, moment: MomentBody) -> None:
    """Ask for the task to be stopped. If that was asked before, the first reason stays."""
    if task["desiredStatus"] == "STOPPED":
        return
    task["desiredStatus"] = "STOPPED"
    task.setdefault("stopCode", code)
    task["stoppedReason"] = reason
    task["stoppingAt"] = now
    note_moment(task, "stopping", moment)


def tell_service(tx: Transaction, task: TaskBody, new_id: NewId, now: float, message: str) -> None:
    """Add an event to the task's service; standalone tasks have none to tell."""
    cluster, name = cluster_of(task), service_of(task)
    document = tx.get(tables.ECS_SERVICES, cluster, name) if name else None
    if document is not None:
        body = copy.deepcopy(document.body)
        add_event(body, new_id(), now, message)
        tx.put(tables.ECS_SERVICES, cluster, name, body=body)


def note_steady(service: ServiceBody, steady: bool) -> bool:
    """Record whether the service is steady; return whether it has just become so."""
    teal = service.setdefault("teal", {})
    before = teal.get("steady", False)
    teal["steady"] = steady
    return steady and not before


def update_counts(service: ServiceBody, tasks: Sequence[TaskBody]) -> None:
    """Count the service's tasks, for each deployment and in all."""
    running, pending = 0, 0
    for deployment in service["deployments"]:
        own = [t for t in tasks if t.get("startedBy") == deployment["id"]]
        live = [t for t in own if t["lastStatus"] not in ("STOPPED", "STOPPING")]
        ready = sum(t["lastStatus"] in ("RUNNING", "DEACTIVATING") for t in live)
        deployment["runningCount"] = ready
        deployment["pendingCount"] = len(live) - ready
        deployment["failedTasks"] = sum(TaskState.of(t).failed for t in own)
        primary = deployment["status"] == "PRIMARY"
        deployment["desiredCount"] = service["desiredCount"] if primary else len(live)
        running += ready
        pending += len(live) - ready
    service["runningCount"], service["pendingCount"] = running, pending
