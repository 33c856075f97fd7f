"""Tasks as ECS shows them, for whoever makes one: RunTask and the service scheduler. Pure.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Task.html
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tealmesh.model.arn import last_part

Body = dict[str, Any]
Tags = list[dict[str, str]]

FARGATE_STORAGE = 20
"""GiB of ephemeral storage of a Fargate task, as ECS shows it; this machine's disk is shared."""


@dataclass(frozen=True)
class TaskRequest:
    """What a new task is made from.

    ``placed``: ``launchType``, ``capacityProviderName``, ``platformVersion``, ``platformFamily``,
    as far as they apply. ``network``: the ``networkConfiguration``. ``definition`` is None when
    it has been deleted since: the task then fails to start and says so.
    """

    arn: str
    cluster_arn: str
    definition_arn: str
    definition: Mapping[str, Any] | None
    group: str
    now: float
    placed: Mapping[str, Any]
    network: Mapping[str, Any] | None = None
    started_by: str = ""
    overrides: Mapping[str, Any] = field(default_factory=dict)
    tags: Tags = field(default_factory=list)
    execute_command: bool = False


def new_task(asked: TaskRequest) -> Body:
    """The document of a task that is to be started."""
    definition = asked.definition or {"containerDefinitions": []}
    overrides = {"inferenceAcceleratorOverrides": [], "containerOverrides": [], **asked.overrides}
    sizes = {m: str(overrides.get(m) or definition[m]) for m in _SIZES if definition.get(m)}
    storage = definition.get("ephemeralStorage") or {"sizeInGiB": FARGATE_STORAGE}
    on_fargate = asked.placed.get("launchType") == "FARGATE"
    return {
        "taskArn": asked.arn,
        "clusterArn": asked.cluster_arn,
        "taskDefinitionArn": asked.definition_arn,
        "group": asked.group,
        **({"startedBy": asked.started_by} if asked.started_by else {}),
        **asked.placed,
        **sizes,
        **({"ephemeralStorage": dict(storage)} if on_fargate else {}),
        "enableExecuteCommand": asked.execute_command,
        "lastStatus": "PROVISIONING",
        "desiredStatus": "RUNNING",
        "healthStatus": "UNKNOWN",
        "connectivity": "CONNECTED",
        "connectivityAt": asked.now,
        "createdAt": asked.now,
        "version": 1,
        "attachments": _attachments(asked),
        "attributes": [{"name": "ecs.cpu-architecture", "value": _architecture(definition)}],
        "containers": [_container(asked.arn, c) for c in definition["containerDefinitions"]],
        "inferenceAccelerators": [],
        "overrides": overrides,
        "tags": asked.tags,
        "teal": {},
    }


_SIZES = ("cpu", "memory")


def _architecture(definition: Mapping[str, Any]) -> str:
    wanted = (definition.get("runtimePlatform") or {}).get("cpuArchitecture", "X86_64")
    return str(wanted).lower()


def _container(arn: str, definition: Mapping[str, Any]) -> Body:
    body = {
        "containerArn": f"{arn.replace(':task/', ':container/')}/{definition['name']}",
        "taskArn": arn,
        "name": definition["name"],
        "image": definition["image"],
        "lastStatus": "PENDING",
        "healthStatus": "UNKNOWN",
        "networkInterfaces": [],
        "cpu": str(definition.get("cpu", 0)),
    }
    sizes = {m: str(definition[m]) for m in ("memory", "memoryReservation") if m in definition}
    return body | sizes


def _attachments(asked: TaskRequest) -> list[Body]:
    awsvpc = (asked.network or {}).get("awsvpcConfiguration")
    if not awsvpc:
        return []
    subnets = awsvpc.get("subnets") or []
    identity = last_part(asked.arn)
    # Tasks go round the subnets, by their ids as there is no better order.
    chosen = subnets[int(_digest(identity, 8), 16) % len(subnets)] if subnets else ""
    return [
        {
            "id": interface_id(identity),
            "type": "ElasticNetworkInterface",
            "status": "PRECREATED",
            "details": [{"name": "subnetId", "value": chosen}],
        }
    ]


def interface_id(task_id: str) -> str:
    """The id of a task's attachment, a UUID as ECS has it: always the same for a task."""
    text = _digest(task_id, 32)
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def interface(task_id: str, address: str) -> dict[str, str]:
    """What ECS tells of a task's network interface. It has none of its own here: id and MAC
    address are made from the task's id, and only the private address can be talked to.
    """
    digest = _digest(task_id, 40)
    mac = ":".join(("02", *(digest[i : i + 2] for i in range(0, 10, 2))))
    return {
        "networkInterfaceId": f"eni-{digest[10:27]}",
        "macAddress": mac,
        "privateDnsName": f"ip-{address.replace('.', '-')}.ec2.internal",
        "privateIPv4Address": address,
    }


def _digest(text: str, length: int) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def pick_provider(strategy: Sequence[Mapping[str, Any]], counts: Mapping[str, int]) -> str:
    """The capacity provider of the next task: first those that have fewer tasks than their
    ``base``, then the one furthest below its share by ``weight``. ``counts``: tasks by provider.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/cluster-capacity-providers.html
    """
    for item in strategy:
        if counts.get(item["capacityProvider"], 0) < item.get("base", 0):
            return str(item["capacityProvider"])
    weighted = [item for item in strategy if item.get("weight")] or list(strategy)

    def load(item: Mapping[str, Any]) -> float:
        beyond = counts.get(item["capacityProvider"], 0) - item.get("base", 0)
        return float((beyond + 1) / (item.get("weight") or 1))

    return str(min(weighted, key=load)["capacityProvider"])


def managed_tags(cluster: str, service: str = "") -> Tags:
    """The tags that ``enableECSManagedTags`` asks for
    (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-using-tags.html).
    """
    tags = [{"key": "aws:ecs:clusterName", "value": cluster}]
    return [*tags, {"key": "aws:ecs:serviceName", "value": service}] if service else tags
