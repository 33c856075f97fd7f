"""Every service that can be deployed, and every task, as pages show them. Pure.

Services of teal.toml and those that others made are read from the state in the same way, without a
request: a page may be open all day.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tealmesh.model import wire
from tealmesh.model.ecs import reasons
from tealmesh.model.ecs.names import cluster_of, service_of, task_id
from tealmesh.model.rollout import ABORTED, Deployment, State, Status, outcome
from tealmesh.model.said import listed, say
from tealmesh.rollout import documents
from tealmesh.rollout.adopted import MeshService
from tealmesh.rollout.inventory import rest
from tealmesh.rollout.inventory.mesh import apart_words, explain, route_weights
from tealmesh.rollout.inventory.workloads import (
    EcsService,
    Workloads,
    application_image,
    family_of,
    missing_of,
    resource_of_task,
)
from tealmesh.rollout.system import Service
from tealmesh.store import View, tables

if TYPE_CHECKING:
    from tealmesh.model.ecs.bodies import ContainerBody, TaskBody

COLLECTIONS = (
    tables.SYSTEMS,
    tables.ADOPTED,
    tables.ADOPTIONS,
    tables.VIRTUAL_GATEWAYS,
    tables.VIRTUAL_SERVICES,
    tables.VIRTUAL_ROUTERS,
    tables.ROUTES,
    tables.VIRTUAL_NODES,
    tables.ECS_SERVICES,
    tables.TASKS,
    tables.TASK_DEFINITIONS,
    tables.SD_SERVICES,
    tables.NAMESPACES,
)
"""What the fleet depends on."""

Told = Literal["createdAt", "startedAt", "stoppedAt", "stopCode", "stoppedReason"]
_TOLD: tuple[Told, ...] = ("createdAt", "startedAt", "stoppedAt", "stopCode", "stoppedReason")


@dataclass(frozen=True)
class Member:
    """A service as it stands, apart from its deployments."""

    service: Service
    sides: tuple[wire.SideStatus, ...]
    """Without their traffic."""
    problem: str
    since: float
    """When the ECS service with the most weight was made; 0 if that is not known."""

    @property
    def adopted(self) -> bool:
        return isinstance(self.service, MeshService)


@dataclass(frozen=True)
class Fleet:
    """The services and tasks of a view."""

    members: tuple[Member, ...]
    tasks: Mapping[str, wire.TaskDescription]
    """By id."""
    resources: Mapping[str, str]
    """What the Envoy of each task stands for, by the task's ARN."""
    sides: Mapping[tuple[str, str], tuple[str, str]]
    """The service and the side that a virtual node is, by mesh and node."""
    gateways: tuple[wire.GatewayStatus, ...]
    without_sides: tuple[wire.VirtualServiceStatus, ...]
    """The virtual services that are none of the members', without their traffic."""


def fleet(view: View, unusable: frozenset[str]) -> Fleet:
    """The fleet. ``unusable``: the ids of tasks that no caller can use."""
    workloads = Workloads(view)
    services = documents.every_service(view)
    of_side = {
        service.ecs_service(side): (service.name, side)
        for service in services
        for side in service.sides
        if service.ecs_service(side)[1]
    }
    return Fleet(
        members=tuple(_member(view, workloads, service, unusable) for service in services),
        tasks={task_id(task): _task(workloads, task, of_side) for task in workloads.tasks},
        resources={
            task["taskArn"]: str(found)
            for task in workloads.tasks
            if (found := resource_of_task(task))
        },
        sides={
            (service.mesh, service.node(side)): (service.name, side)
            for service in services
            for side in service.sides
        },
        gateways=tuple(rest.gateways(view, workloads)),
        without_sides=tuple(rest.without_sides(view, workloads, services, unusable)),
    )


def _member(view: View, workloads: Workloads, service: Service, unusable: frozenset[str]) -> Member:
    weights = route_weights(view, service)
    run = {side: workloads.services.get(service.ecs_service(side)) for side in service.sides}
    sides = tuple(
        _side(service, side, weights.get(service.node(side), 0), run[side], unusable)
        for side in service.sides
    )
    leading = max(sides, key=lambda side: side["weight"])
    by = run[leading["side"]]
    problem = service.problem if isinstance(service, MeshService) else ""
    if isinstance(service, MeshService) and not problem:
        problem = apart_words(view, service)
    return Member(service, sides, problem, by.body.get("createdAt", 0.0) if by else 0.0)


def _side(
    service: Service, side: str, weight: int, run_by: EcsService | None, unusable: frozenset[str]
) -> wire.SideStatus:
    answer: wire.SideStatus = {
        "side": side,
        "virtualNode": service.node(side),
        "weight": weight,
        "running": 0,
        "desired": 0,
        "healthy": 0,
    }
    if run_by is None:
        return answer
    lost = sum(task_id(task) in unusable for task in run_by.tasks)
    answer |= {
        "running": run_by.running,
        "desired": run_by.desired,
        "healthy": max(0, run_by.healthy - lost),
        "ecsService": run_by.label,
    }
    if image := application_image(run_by.definition, service.application(side)):
        answer["image"] = image
    if run_by.pending:
        answer["pending"] = run_by.pending
    explain(answer, missing_of([run_by]))
    return answer


def standing(member: Member, latest: Deployment | None, sentence: str) -> tuple[str, str, float]:
    """The state of a service, the same in a sentence, and since when. ``sentence``: that of the
    ``latest`` deployment.
    """
    name = member.service.name
    if latest is not None and not latest.finished:
        return _moving(latest), sentence, latest.created_at
    since = (latest.finished_at if latest else None) or member.since
    short = next((one for one in member.sides if one["weight"] and _short(one)), None)
    if short is not None:
        state = "degraded" if short["healthy"] else "down"
        tasks = say(
            "{side} has {healthy} of {desired} tasks healthy",
            side=short["side"],
            healthy=short["healthy"],
            desired=short["desired"],
        )
        if reason := short.get("reason", "").rstrip("."):
            tasks = say("{tasks}: {reason}", tasks=tasks, reason=reason)
        if state == "down":
            return state, say("{name} is down: {tasks}.", name=name, tasks=tasks), since
        return state, say("{name} is degraded: {tasks}.", name=name, tasks=tasks), since
    serving = [
        say(
            "{image} from {side}",
            image=one.get("image") or say("an unknown image"),
            side=one["side"],
        )
        for one in member.sides
        if one["weight"]
    ]
    serves = say("{name} serves {serving}", name=name, serving=listed(serving, " and "))
    if latest is not None and latest.state is not State.SUCCEEDED and latest.kind == "DEPLOY":
        ended = latest.reason or latest.note or latest.state.value
        said = say(
            "{serves}; the last deployment of {new_image} ended: {ended}",
            serves=serves,
            new_image=latest.new_image,
            ended=ended,
        )
        return _ended(latest), said, since
    if member.problem:
        return (
            "problem",
            say("{name} cannot be deployed: {problem}", name=name, problem=member.problem),
            since,
        )
    if not serving:
        return "idle", say("{name} has no side with weight.", name=name), since
    return "serving", say("{serves}.", serves=serves), since


def _short(side: wire.SideStatus) -> bool:
    return side["healthy"] < side["desired"] or not side["desired"]


def _ended(d: Deployment) -> str:
    """How a deployment ended that did not do what was asked."""
    if outcome(d.status, d.ended_by) == ABORTED:
        return "aborted"
    return "rolled back" if d.state is State.ROLLED_BACK else "failed"


def _moving(d: Deployment) -> str:
    if d.paused_at:
        return "paused"
    if d.state is State.AWAITING_APPROVAL:
        return "awaiting approval"
    if d.state is State.HELD:
        return "held"
    back = d.status is Status.ROLLBACK_IN_PROGRESS or d.kind == "ROLLBACK"
    return "going back" if back else "deploying"


def _task(
    workloads: Workloads, task: TaskBody, of_side: Mapping[tuple[str, str], tuple[str, str]]
) -> wire.TaskDescription:
    cluster, ecs_service = cluster_of(task), service_of(task)
    answer: wire.TaskDescription = {
        "task": task_id(task),
        "taskArn": task["taskArn"],
        "cluster": cluster,
        "taskDefinition": family_of(task),
        "status": task["lastStatus"],
        "desiredStatus": task["desiredStatus"],
        "containers": [_container(one) for one in task.get("containers", [])],
    }
    if ecs_service:
        answer["ecsService"] = f"{cluster}/{ecs_service}"
    if found := of_side.get((cluster, ecs_service)):
        answer["service"], answer["side"] = found
    if resource := resource_of_task(task):
        answer["resource"] = str(resource)
    if image := application_image(workloads.definition(task["taskDefinitionArn"])):
        answer["image"] = image
    if health := task.get("healthStatus"):
        answer["health"] = health
    if address := next(_addresses(task), ""):
        answer["address"] = address
    for member in _TOLD:
        if value := task.get(member):
            answer[member] = value
    if "stoppedReason" in answer:
        answer["stoppedReason"] = reasons.told(answer["stoppedReason"])
    return answer


def _addresses(task: TaskBody) -> Iterator[str]:
    for attachment in task.get("attachments", []):
        for detail in attachment.get("details", []):
            if detail["name"] == "privateIPv4Address":
                yield detail["value"]


def _container(container: ContainerBody) -> wire.ContainerDescription:
    answer: wire.ContainerDescription = {"name": container["name"]}
    if "image" in container:
        answer["image"] = container["image"]
    if "lastStatus" in container:
        answer["status"] = container["lastStatus"]
    if "healthStatus" in container:
        answer["health"] = container["healthStatus"]
    if "exitCode" in container:
        answer["exitCode"] = container["exitCode"]
    if "reason" in container:
        answer["reason"] = reasons.told(container["reason"])
    return answer
