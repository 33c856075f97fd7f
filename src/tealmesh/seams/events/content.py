"""What EventBridge is told of ECS, from the documents of the store. Pure.

A task, a deployment or the events of a service have a *mark*, which changes when there is something
to tell. Whoever tells keeps the mark.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_cwe_events.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from tealmesh.model.arn import Arn
from tealmesh.model.ecs.bodies import DeploymentBody, ServiceBody, TaskBody
from tealmesh.store import Reader, tables

_ROLLOUTS = {
    "IN_PROGRESS": ("INFO", "SERVICE_DEPLOYMENT_IN_PROGRESS"),
    "COMPLETED": ("INFO", "SERVICE_DEPLOYMENT_COMPLETED"),
    "FAILED": ("ERROR", "SERVICE_DEPLOYMENT_FAILED"),
}

_ACTIONS = (
    ("has reached a steady state.", "INFO", "SERVICE_STEADY_STATE"),
    ("is unable to consistently start tasks", "WARN", "SERVICE_TASK_START_IMPAIRED"),
    ("was unable to place a task", "ERROR", "SERVICE_TASK_PLACEMENT_FAILURE"),
)
"""Texts of service events that are service actions, with the type and the name of those:
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_service_events.html
"""

_UNTOLD = ("teal", "tags")


@dataclass(frozen=True)
class Event:
    """One event."""

    kind: str
    """Its ``detail-type``."""
    resource: str
    """An ARN."""
    detail: Mapping[str, object]

    def entry(self) -> dict[str, object]:
        """As PutEvents takes it."""
        return {
            "Source": "aws.ecs",
            "DetailType": self.kind,
            "Resources": [self.resource],
            "Detail": json.dumps(self.detail),
        }


@dataclass(frozen=True)
class Subject:
    """Something of which there are events."""

    key: tuple[str, ...]
    region: str
    mark: str
    events: tuple[Event, ...]
    """To tell if the mark is another one than before."""


def subjects(reader: Reader, marks: Mapping[tuple[str, ...], str]) -> Iterator[Subject]:
    """Everything that has events. ``marks``: those that were told last."""
    for document in reader.list(tables.TASKS):
        yield _task(document.body, marks)
    for service in reader.list(tables.ECS_SERVICES):
        for deployment in service.body["deployments"]:
            yield _deployment(service.body, deployment)
        yield _service(service.body, marks)


def _task(task: TaskBody, marks: Mapping[tuple[str, ...], str]) -> Subject:
    containers = " ".join(f"{c['name']}:{c.get('lastStatus')}" for c in task.get("containers", []))
    health = task.get("healthStatus", "")
    mark = f"{task['lastStatus']} {task['desiredStatus']} {health} {containers}"
    key, region = ("task", task["taskArn"]), _region(task["taskArn"])
    if marks.get(key) == mark:
        return Subject(key, region, mark, ())
    detail = {
        name: _iso(value) if name.endswith("At") and isinstance(value, float | int) else value
        for name, value in task.items()
        if name not in _UNTOLD
    }
    detail["updatedAt"] = _iso(max(_times(task), default=0.0))
    event = Event("ECS Task State Change", task["taskArn"], detail)
    return Subject(key, region, mark, (event,))


def _times(task: TaskBody) -> Iterator[float]:
    for name, value in task.items():
        if name.endswith("At") and isinstance(value, float | int):
            yield float(value)


def _deployment(service: ServiceBody, deployment: DeploymentBody) -> Subject:
    state = deployment.get("rolloutState", "")
    kind, name = _ROLLOUTS.get(state, ("INFO", ""))
    detail = {
        "eventType": kind,
        "eventName": name,
        "deploymentId": deployment["id"],
        "updatedAt": _iso(deployment.get("updatedAt", 0.0)),
        "reason": deployment.get("rolloutStateReason", ""),
    }
    arn = service["serviceArn"]
    events = (Event("ECS Deployment State Change", arn, detail),) if name else ()
    return Subject(("deployment", arn, deployment["id"]), _region(arn), state, events)


def _service(service: ServiceBody, marks: Mapping[tuple[str, ...], str]) -> Subject:
    """The service's events since the one that was told last, the oldest first."""
    arn = service["serviceArn"]
    key, listed = ("service", arn), service.get("events", [])
    ids = [event["id"] for event in listed]
    last = marks.get(key, "")
    fresh = listed[: ids.index(last)] if last in ids else listed
    events = tuple(
        Event(
            "ECS Service Action",
            arn,
            {
                "eventType": kind,
                "eventName": name,
                "clusterArn": service["clusterArn"],
                "createdAt": _iso(event["createdAt"]),
            },
        )
        for event in reversed(fresh)
        for text, kind, name in _ACTIONS
        if text in event["message"]
    )
    return Subject(key, _region(arn), ids[0] if ids else "", events)


def _region(arn: str) -> str:
    return Arn.parse(arn).region


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"
