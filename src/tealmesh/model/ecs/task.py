"""Makes the document of a new task, for RunTask and for the service scheduler. Pure.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Task.html
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from tealmesh.model.arn import last_part
from tealmesh.model.ecs.bodies import Placement

if TYPE_CHECKING:
    from types_boto3_ecs.type_defs import (
        CapacityProviderStrategyItemTypeDef,
        NetworkConfigurationOutputTypeDef,
        TaskOverrideOutputTypeDef,
    )

    from tealmesh.model.ecs.bodies import (
        AttachmentBody,
        ContainerBody,
        ContainerDefinition,
        Tag,
        TaskBody,
        TaskDefinitionBody,
        TaskTeal,
    )

FARGATE_STORAGE_GIB = 20
"""Ephemeral storage that ECS shows for a Fargate task; in fact all tasks share the disk here."""


@dataclass(frozen=True)
class TaskRequest:
    """What a new task is made from."""

    arn: str
    cluster_arn: str
    definition_arn: str
    definition: TaskDefinitionBody | None
    """None if it has been deleted: the task is made nonetheless, and fails to start saying so."""
    group: str
    """``service:NAME`` or what RunTask was given."""
    now: float
    """Seconds since the epoch."""
    placed: Placement
    network: NetworkConfigurationOutputTypeDef | None = None
    started_by: str = ""
    """Id of the service's deployment, or what RunTask was given."""
    overrides: TaskOverrideOutputTypeDef | None = None
    tags: list[Tag] = field(default_factory=list)
    execute_command: bool = False


def new_task(asked: TaskRequest) -> TaskBody:
    """The document of a task that is to be started."""
    defined = asked.definition
    overrides: TaskOverrideOutputTypeDef = {
        "inferenceAcceleratorOverrides": [],
        "containerOverrides": [],
        **(asked.overrides or {}),
    }
    containers = defined["containerDefinitions"] if defined else []
    body: TaskBody = {
        "taskArn": asked.arn,
        "clusterArn": asked.cluster_arn,
        "taskDefinitionArn": asked.definition_arn,
        "group": asked.group,
        "enableExecuteCommand": asked.execute_command,
        "lastStatus": "PROVISIONING",
        "desiredStatus": "RUNNING",
        "healthStatus": "UNKNOWN",
        "connectivity": "CONNECTED",
        "connectivityAt": asked.now,
        "createdAt": asked.now,
        "version": 1,
        "attachments": _attachments(asked),
        "attributes": [{"name": "ecs.cpu-architecture", "value": _architecture(defined)}],
        "containers": [_container(asked.arn, definition) for definition in containers],
        "inferenceAccelerators": [],
        "overrides": overrides,
        "tags": asked.tags,
        "teal": _own(asked),
    }
    body = {**body, **asked.placed}
    if asked.started_by:
        body["startedBy"] = asked.started_by
    for size in _SIZES:
        default = defined.get(size) if defined else None
        if default:
            body[size] = str(overrides.get(size) or default)
    if asked.placed.get("launchType") == "FARGATE":
        storage = defined.get("ephemeralStorage") if defined else None
        body["ephemeralStorage"] = {**(storage or {"sizeInGiB": FARGATE_STORAGE_GIB})}
    return body


_SIZES: tuple[Literal["cpu"], Literal["memory"]] = ("cpu", "memory")


def _architecture(definition: TaskDefinitionBody | None) -> str:
    platform = definition.get("runtimePlatform") if definition else None
    return str((platform or {}).get("cpuArchitecture", "X86_64")).lower()


def _container(arn: str, definition: ContainerDefinition) -> ContainerBody:
    body: ContainerBody = {
        "containerArn": f"{arn.replace(':task/', ':container/')}/{definition['name']}",
        "taskArn": arn,
        "name": definition["name"],
        "image": definition["image"],
        "lastStatus": "PENDING",
        "healthStatus": "UNKNOWN",
        "networkInterfaces": [],
        "cpu": str(definition.get("cpu", 0)),
    }
    if "memory" in definition:
        body["memory"] = str(definition["memory"])
    if "memoryReservation" in definition:
        body["memoryReservation"] = str(definition["memoryReservation"])
    return body


def _attachments(asked: TaskRequest) -> list[AttachmentBody]:
    awsvpc = (asked.network or {}).get("awsvpcConfiguration")
    if not awsvpc:
        return []
    subnets = awsvpc.get("subnets") or []
    identity = last_part(asked.arn)
    # Spread over the subnets by a hash of the id, so that no count has to be kept.
    subnet = subnets[int(_hash(identity, 8), 16) % len(subnets)] if subnets else ""
    return [
        {
            "id": interface_id(identity),
            "type": "ElasticNetworkInterface",
            "status": "PRECREATED",
            "details": [{"name": "subnetId", "value": subnet}],
        }
    ]


def _own(asked: TaskRequest) -> TaskTeal:
    """What EC2 shows of the task's network interface, and ECS does not."""
    awsvpc = (asked.network or {}).get("awsvpcConfiguration")
    if not awsvpc:
        return {}
    return {
        "securityGroups": list(awsvpc.get("securityGroups") or []),
        "publicAddress": awsvpc.get("assignPublicIp") == "ENABLED",
    }


def interface_id(task_id: str) -> str:
    """The id of a task's network interface attachment: a UUID, always the same for a task."""
    text = _hash(task_id, 32)
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def interface(task_id: str, address: str) -> dict[str, str]:
    """Details of a task's network interface, by ECS's names. Only the private address is real:
    tasks have no interfaces here, so the id and the MAC address are derived from the task's id.
    """
    text = _hash(task_id, 40)
    mac = ":".join(("02", *(text[i : i + 2] for i in range(0, 10, 2))))
    return {
        "networkInterfaceId": f"eni-{text[10:27]}",
        "macAddress": mac,
        "privateDnsName": f"ip-{address.replace('.', '-')}.ec2.internal",
        "privateIPv4Address": address,
    }


def _hash(text: str, length: int) -> str:
    """The first ``length`` hexadecimal digits of the SHA-256 of ``text``."""
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def pick_provider(
    strategy: Sequence[CapacityProviderStrategyItemTypeDef], counts: Mapping[str, int]
) -> str:
    """The capacity provider of the next task: first any with fewer tasks than its ``base``, then
    the one furthest below its share by ``weight``. ``counts``: present tasks by provider.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/cluster-capacity-providers.html
    """
    for item in strategy:
        if counts.get(item["capacityProvider"], 0) < item.get("base", 0):
            return item["capacityProvider"]
    weighted = [item for item in strategy if item.get("weight")] or list(strategy)

    def load(item: CapacityProviderStrategyItemTypeDef) -> float:
        beyond_base = counts.get(item["capacityProvider"], 0) - item.get("base", 0)
        return (beyond_base + 1) / (item.get("weight") or 1)

    return min(weighted, key=load)["capacityProvider"]


def managed_tags(cluster: str, service: str = "") -> list[Tag]:
    """The tags that ``enableECSManagedTags`` adds to a task
    (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-using-tags.html).
    """
    tags: list[Tag] = [{"key": "aws:ecs:clusterName", "value": cluster}]
    if service:
        tags.append({"key": "aws:ecs:serviceName", "value": service})
    return tags
