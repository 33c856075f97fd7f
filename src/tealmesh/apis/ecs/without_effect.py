"""Finds the members without effect that are used: what `teal doctor` names. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tealmesh.apis.ecs.members import MEMBERS, names
from tealmesh.apis.ecs.refused import CONTAINER_MEMBERS
from tealmesh.model import wire
from tealmesh.model.arn import last_part
from tealmesh.model.ecs.bodies import TaskBody, TaskDefinitionBody
from tealmesh.model.ecs.clusters import ClusterBody
from tealmesh.store import Reader, tables

_PROCESS_ONLY = [name for name, (fate, _) in CONTAINER_MEMBERS.items() if fate == "no effect"]
"""Members of containers that only the process runtime ignores."""


def without_effect(reader: Reader) -> list[wire.MemberWithoutEffect]:
    """Every member without effect that a cluster, an active service, a task that runs, or a task
    definition of those two uses. One that is empty or off is not used.
    """
    return [
        {"resource": resource, "member": member, "reason": reason}
        for resource, member, reason in sorted(set(_found(reader)))
    ]


def _found(reader: Reader) -> Iterator[tuple[str, str, str]]:
    for cluster in reader.list(tables.CLUSTERS):
        if cluster.body["status"] == "ACTIVE":
            yield from _of("CreateCluster", cluster.body["clusterArn"], _cluster(cluster.body))
    definitions: set[str] = set()
    for service in reader.list(tables.ECS_SERVICES):
        body = service.body
        if body["status"] != "ACTIVE":
            continue
        definitions.add(body["taskDefinition"])
        yield from _of("CreateService", body["serviceArn"], body)
        alarms = body.get("deploymentConfiguration", {}).get("alarms")
        if alarms and alarms["enable"]:
            reason = MEMBERS["DeploymentConfiguration"]["alarms"][1]
            yield _short(body["serviceArn"]), "deploymentConfiguration.alarms", reason
    for task in reader.list(tables.TASKS):
        if task.body["lastStatus"] != "STOPPED":
            definitions.add(task.body["taskDefinitionArn"])
            yield from _task(task.body)
    for document in reader.list(tables.TASK_DEFINITIONS):
        if document.body["taskDefinitionArn"] in definitions:
            yield from _definition(document.body)


def _of(
    structure: str, arn: str, body: Mapping[str, object], members: Sequence[str] = ()
) -> Iterator[tuple[str, str, str]]:
    for member in members or names(structure, "no effect"):
        if body.get(member):
            yield _short(arn), member, MEMBERS[structure][member][1]


def _cluster(body: ClusterBody) -> Mapping[str, object]:
    """The cluster without settings that are off."""
    return {**body, "settings": [s for s in body["settings"] if s["value"] != "disabled"]}


def _task(body: TaskBody) -> Iterator[tuple[str, str, str]]:
    if not body.get("group", "").startswith("service:"):
        yield from _of("RunTask", body["taskArn"], body)
    teal = body.get("teal", {})
    for member in teal.get("withoutEffect", ()):
        yield _short(body["taskArn"]), member, MEMBERS["RunTask"][member][1]
    if teal.get("pid"):
        return  # It has a network of its own: a task in containers, where these take effect.
    for container in teal.get("definition", {}).get("containerDefinitions", ()):
        sent: Mapping[str, object] = {**container}
        where = f"{last_part(body['taskDefinitionArn'])} {container['name']}"
        for member in _PROCESS_ONLY:
            if sent.get(member):
                yield f"container {where}", member, CONTAINER_MEMBERS[member][1]


def _definition(body: TaskDefinitionBody) -> Iterator[tuple[str, str, str]]:
    yield from _of("RegisterTaskDefinition", body["taskDefinitionArn"], body)


def _short(arn: str) -> str:
    """``service/shop/web`` of its ARN."""
    return arn.split(":", 5)[5]
