"""From ECS's answers to the documents that the store keeps of ECS. Pure.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Types.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from tealmesh.envoy.bootstrap.bootstrap import RESOURCE_VARIABLES
from tealmesh.model.arn import last_part
from tealmesh.model.mesh import Kind

if TYPE_CHECKING:
    from tealmesh.model.ecs.bodies import (
        ServiceBody,
        TaskBody,
        TaskDefinitionBody,
        TaskEnvoy,
        TaskTeal,
    )

MOST_EVENTS = 10
"""Of a service, the newest: ECS shows a hundred, and the rest explain nothing any more."""

PHASES = {
    "PROVISIONING": "PREPARE",
    "PENDING": "START",
    "ACTIVATING": "AWAIT_READY",
    "RUNNING": "RUN",
    "DEACTIVATING": "DRAIN",
    "STOPPING": "HALT",
    "DEPROVISIONING": "HALT",
    "STOPPED": "STOPPED",
    "DELETED": "STOPPED",
}
"""`engine.state.Phase`, by ECS's ``lastStatus``
(https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html)."""

Answer = Mapping[str, Any]
"""A structure of an answer of boto3, whose types have datetimes where documents have seconds."""


def service(answer: Answer, registries: Mapping[str, tuple[str, str]]) -> ServiceBody:
    """A service of DescribeServices. ``registries``: namespace and name of Cloud Map services, by
    ARN.
    """
    body = cast("ServiceBody", plain(answer))
    body["events"] = body.get("events", [])[:MOST_EVENTS]
    named = [
        registries.get(one.get("registryArn", "")) for one in answer.get("serviceRegistries", ())
    ]
    body["teal"] = {"registries": [list(one) for one in named if one is not None]}
    return body


def definition(answer: Answer, tags: list[Any]) -> TaskDefinitionBody:
    """A revision of DescribeTaskDefinition."""
    return cast("TaskDefinitionBody", {**plain(answer), "tags": tags})


def task(answer: Answer, of: Answer | None) -> TaskBody:
    """A task of DescribeTasks, and ``of`` which revision it is; None if that has been deleted."""
    body = cast("TaskBody", plain(answer))
    if body["lastStatus"] == "DELETED":
        body["lastStatus"] = "STOPPED"
    overrides = answer.get("overrides", {})
    addresses = list(_addresses(answer))
    own: TaskTeal = {
        "phase": PHASES.get(body["lastStatus"], "PREPARE"),
        "envoy": envoy(of, overrides) if of is not None else None,
        "role": overrides.get("taskRoleArn") or (of or {}).get("taskRoleArn", ""),
    }
    if addresses:
        own["address"] = addresses[0]
    body["teal"] = own
    return body


def envoy(definition: Answer, overrides: Answer) -> TaskEnvoy | None:
    """The node or gateway that the first container stands for which says so; None if none does.
    https://docs.aws.amazon.com/app-mesh/latest/userguide/envoy-config.html
    """
    given = {
        one["name"]: one.get("environment", ()) for one in overrides.get("containerOverrides", ())
    }
    for container in definition.get("containerDefinitions", ()):
        pairs = [*container.get("environment", ()), *given.get(container["name"], ())]
        variables = {pair["name"]: pair["value"] for pair in pairs}
        named = next((variables[name] for name in RESOURCE_VARIABLES if variables.get(name)), "")
        parts = named.rpartition(":")[2].split("/")
        known = len(parts) == 4 and parts[0] == "mesh" and all(parts)
        if known and parts[2] in (Kind.VIRTUAL_NODE, Kind.VIRTUAL_GATEWAY):
            # A shared mesh is written MESH@OWNER.
            return {"mesh": parts[1].partition("@")[0], "kind": parts[2], "name": parts[3]}
    return None


def definition_key(arn: str) -> tuple[str, str]:
    """Family and revision in the ARN of a task definition."""
    family, _, revision = last_part(arn).partition(":")
    return family, revision


def plain(value: Answer) -> dict[str, Any]:
    """An answer as documents are: times in seconds since the epoch."""
    return {name: _plain(one) for name, one in value.items()}


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, Mapping):
        return plain(value)
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return value


def _addresses(task: Answer) -> Iterator[str]:
    for attachment in task.get("attachments", ()):
        for detail in attachment.get("details", ()):
            if detail.get("name") in ("privateIPv4Address", "privateIPv6Address"):
                yield detail["value"]
