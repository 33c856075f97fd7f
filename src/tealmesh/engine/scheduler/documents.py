"""Between documents and plans: read services and tasks, and write what a plan decides. Pure but
for the transaction that is handed in.

Members are ECS's own (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Task.html,
.../API_Service.html); what is ours stands under ``teal``.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from tealmesh.engine.scheduler.plan import Deployment, Phase, Service, TaskState
from tealmesh.model.clock import NewId
from tealmesh.model.ecs import task as ecs
from tealmesh.model.ecs.names import cluster_of, family_and_revision, service_of, task_id
from tealmesh.store import tables
from tealmesh.store.store import Transaction, View

Body = dict[str, Any]

EVENTS_KEPT = 100
"""ECS shows the last 100 events of a service."""


def service_state(body: Mapping[str, Any]) -> Service:
    """What the service's document wants."""
    configuration = body.get("deploymentConfiguration") or {}
    breaker = configuration.get("deploymentCircuitBreaker") or {}
    since = body.get("teal", {}).get("since", {})
    return Service(
        desired_count=body.get("desiredCount", 0),
        deployments=tuple(
            Deployment(
                id=d["id"],
                task_definition=d["taskDefinition"],
                primary=d["status"] == "PRIMARY",
                rollout=d.get("rolloutState", "IN_PROGRESS"),
                since=since.get(d["id"], 0.0),
            )
            for d in body["deployments"]
        ),
        active=body["status"] == "ACTIVE",
        retired=body["status"] == "INACTIVE",
        minimum_healthy_percent=configuration.get("minimumHealthyPercent", 100),
        maximum_percent=configuration.get("maximumPercent", 200),
        circuit_breaker=breaker.get("enable", False),
        rollback=breaker.get("rollback", False),
    )


def task_state(body: Mapping[str, Any], trusted: bool = False) -> TaskState:
    """How far the task of this document is. ``trusted``: its health does not count yet."""
    return TaskState(
        id=task_id(body),
        deployment=body.get("startedBy", ""),
        phase=_phase(body, trusted),
        created_at=body.get("createdAt", 0.0),
        failed=body.get("teal", {}).get("failed", False),
        stopped_at=body.get("stoppedAt") or body.get("stoppingAt", 0.0),
    )


def in_grace(service: Mapping[str, Any], task: Mapping[str, Any], now: float) -> float:
    """Seconds for which the health of this task does not count yet, by the service's
    ``healthCheckGracePeriodSeconds``; 0 when it does.
    """
    grace = float(service.get("healthCheckGracePeriodSeconds") or 0)
    return max(0.0, float(task.get("startedAt", now)) + grace - now)


def _phase(body: Mapping[str, Any], trusted: bool) -> Phase:
    if body["lastStatus"] == "STOPPED":
        return Phase.STOPPED
    if body["desiredStatus"] == "STOPPED":
        return Phase.STOPPING
    if body["lastStatus"] != "RUNNING":
        return Phase.STARTING
    unhealthy = body.get("healthStatus") == "UNHEALTHY" and not trusted
    return Phase.UNHEALTHY if unhealthy else Phase.READY


def service_tasks(view: View | Transaction, cluster: str, service: str) -> list[Mapping[str, Any]]:
    """The documents of the service's tasks."""
    found = view.list(tables.TASKS, cluster)
    return [document.body for document in found if service_of(document.body) == service]


def definition(view: View | Transaction, arn: str) -> Mapping[str, Any] | None:
    """The task definition of an ARN ending in ``task-definition/FAMILY:REVISION``."""
    family, revision = family_and_revision(arn)
    document = view.get(tables.TASK_DEFINITIONS, family, revision.zfill(6))
    return document.body if document is not None else None


def new_task(
    view: View | Transaction, service: Mapping[str, Any], deployment: str, identity: str, now: float
) -> Body:
    """The document of a task that the service ``service`` wants started."""
    chosen = next(d for d in service["deployments"] if d["id"] == deployment)
    cluster = service["clusterArn"]
    head, _, name = cluster.partition(":cluster/")
    defined = definition(view, chosen["taskDefinition"])
    return ecs.new_task(
        ecs.TaskRequest(
            arn=f"{head}:task/{name}/{identity}",
            cluster_arn=cluster,
            definition_arn=chosen["taskDefinition"],
            definition=defined,
            group=f"service:{service['serviceName']}",
            now=now,
            placed=_placed(view, service, chosen),
            network=chosen.get("networkConfiguration"),
            started_by=deployment,
            tags=_tags(service, defined),
            execute_command=service.get("enableExecuteCommand", False),
        )
    )


def _placed(
    view: View | Transaction, service: Mapping[str, Any], deployment: Mapping[str, Any]
) -> Body:
    strategy = deployment.get("capacityProviderStrategy")
    placed: Body = {"launchType": deployment.get("launchType", "FARGATE")}
    if strategy:
        present = service_tasks(view, cluster_of(service), service["serviceName"])
        counts = Counter(
            t.get("capacityProviderName", "") for t in present if t["desiredStatus"] != "STOPPED"
        )
        placed["capacityProviderName"] = ecs.pick_provider(strategy, counts)
    kept = {m: deployment[m] for m in ("platformVersion", "platformFamily") if m in deployment}
    return placed | kept


def _tags(service: Mapping[str, Any], defined: Mapping[str, Any] | None) -> ecs.Tags:
    source = {"SERVICE": service, "TASK_DEFINITION": defined}.get(service.get("propagateTags", ""))
    tags = list((source or {}).get("tags", []))
    if service.get("enableECSManagedTags"):
        tags += ecs.managed_tags(cluster_of(service), service["serviceName"])
    return tags


def request_stop(task: Body, code: str, reason: str, now: float) -> None:
    """Ask for the task to be stopped; the first reason stands."""
    if task["desiredStatus"] == "STOPPED":
        return
    task["desiredStatus"] = "STOPPED"
    task.setdefault("stopCode", code)
    task["stoppedReason"] = reason
    task["stoppingAt"] = now


def add_event(service: Body, identity: str, now: float, message: str) -> None:
    """Tell the service's users; newest first, as DescribeServices shows them."""
    text = f"(service {service['serviceName']}) {message}"
    event = {"id": identity, "createdAt": now, "message": text}
    service["events"] = [event, *service.get("events", [])][:EVENTS_KEPT]


def tell_service(
    tx: Transaction, task: Mapping[str, Any], new_id: NewId, now: float, message: str
) -> None:
    """Add an event to the service of a task, where it has one."""
    cluster, name = cluster_of(task), service_of(task)
    document = tx.get(tables.ECS_SERVICES, cluster, name) if name else None
    if document is not None:
        body = copy.deepcopy(dict(document.body))
        add_event(body, new_id(), now, message)
        tx.put(tables.ECS_SERVICES, cluster, name, body=body)


def count(service: Body, tasks: Sequence[Mapping[str, Any]]) -> None:
    """Bring the counts that the API shows up to date."""
    running, pending = 0, 0
    for deployment in service["deployments"]:
        own = [t for t in tasks if t.get("startedBy") == deployment["id"]]
        live = [t for t in own if t["lastStatus"] not in ("STOPPED", "STOPPING")]
        ready = sum(t["lastStatus"] in ("RUNNING", "DEACTIVATING") for t in live)
        deployment["runningCount"] = ready
        deployment["pendingCount"] = len(live) - ready
        deployment["failedTasks"] = sum(bool(t.get("teal", {}).get("failed")) for t in own)
        primary = deployment["status"] == "PRIMARY"
        deployment["desiredCount"] = service["desiredCount"] if primary else len(live)
        running += ready
        pending += len(live) - ready
    service["runningCount"], service["pendingCount"] = running, pending
