"""What the task metadata endpoint answers about a task, its containers and their usage. Pure.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4-response.html
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NotRequired, TypedDict

from tealmesh.engine.state import TaskState
from tealmesh.model.ecs.names import family_and_revision, service_of

if TYPE_CHECKING:
    from tealmesh.engine.runtimes.base import Usage
    from tealmesh.model.ecs.bodies import ContainerBody, ContainerDefinition, TaskBody


class Limits(TypedDict, total=False):
    """Limits of a task or a container."""

    CPU: float
    """vCPUs for a task, CPU units for a container: so does ECS."""
    Memory: int
    """MiB."""


class Network(TypedDict):
    """A container's network, which is its task's."""

    NetworkMode: str
    IPv4Addresses: list[str]
    AttachmentIndex: int
    MACAddress: str
    PrivateDNSName: str


class Health(TypedDict):
    """The outcome of a container's health checks."""

    status: str


class ContainerMetadata(TypedDict):
    """A container."""

    DockerId: str
    Name: str
    DockerName: str
    Image: str
    ImageID: str
    Labels: dict[str, str]
    DesiredStatus: str
    KnownStatus: str
    Limits: Limits
    CreatedAt: str
    StartedAt: NotRequired[str]
    ExitCode: NotRequired[int]
    Health: NotRequired[Health]
    Type: str
    ContainerARN: str
    LogDriver: NotRequired[str]
    LogOptions: NotRequired[dict[str, str]]
    Networks: list[Network]


class TaskMetadata(TypedDict):
    """A task."""

    Cluster: str
    TaskARN: str
    Family: str
    Revision: str
    ServiceName: NotRequired[str]
    DesiredStatus: str
    KnownStatus: str
    AvailabilityZone: str
    LaunchType: str
    Limits: NotRequired[Limits]
    PullStartedAt: str
    PullStoppedAt: str
    Containers: list[ContainerMetadata]
    TaskTags: NotRequired[dict[str, str]]


class Processes(TypedDict):
    """``pids_stats`` of a container."""

    current: int


class CpuUsage(TypedDict):
    """``cpu_usage`` of a container."""

    total_usage: int
    """Nanoseconds."""


class Cpu(TypedDict):
    """``cpu_stats`` of a container."""

    cpu_usage: CpuUsage
    online_cpus: int


class Memory(TypedDict):
    """``memory_stats`` of a container."""

    usage: int
    """Bytes."""


class Stats(TypedDict):
    """A container's usage in the form of Docker's statistics, as far as it is known
    (https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerStats).
    """

    read: str
    name: str
    id: str
    num_procs: int
    pids_stats: Processes
    cpu_stats: Cpu
    memory_stats: Memory


def container_metadata(task: TaskBody, index: int) -> ContainerMetadata:
    """Describe the task's container number ``index``."""
    container = task["containers"][index]
    definition = _definition(task, container["name"])
    answer: ContainerMetadata = {
        "DockerId": container.get("runtimeId", ""),
        "Name": container["name"],
        "DockerName": container["name"],
        "Image": container["image"],
        "ImageID": "",
        "Labels": _labels(task, container, definition),
        "DesiredStatus": task["desiredStatus"],
        "KnownStatus": container["lastStatus"],
        "Limits": {"CPU": int(container.get("cpu", 0))},
        "CreatedAt": timestamp(task["createdAt"]),
        "Type": "NORMAL",
        "ContainerARN": container["containerArn"],
        "Networks": [_network(task)],
    }
    if "memory" in container:
        answer["Limits"]["Memory"] = int(container["memory"])
    if "startedAt" in task:
        answer["StartedAt"] = timestamp(task["startedAt"])
    if "exitCode" in container:
        answer["ExitCode"] = container["exitCode"]
    if definition and definition.get("healthCheck"):
        answer["Health"] = {"status": container.get("healthStatus", "UNKNOWN")}
    logs = definition.get("logConfiguration") if definition else None
    if logs:
        answer["LogDriver"] = logs["logDriver"]
        answer["LogOptions"] = logs.get("options") or {}
    return answer


def _definition(task: TaskBody, container: str) -> ContainerDefinition | None:
    definitions = TaskState.of(task).definition.get("containerDefinitions", [])
    return next((d for d in definitions if d["name"] == container), None)


def _labels(
    task: TaskBody, container: ContainerBody, definition: ContainerDefinition | None
) -> dict[str, str]:
    family, revision = family_and_revision(task["taskDefinitionArn"])
    return {
        "com.amazonaws.ecs.cluster": task["clusterArn"],
        "com.amazonaws.ecs.container-name": container["name"],
        "com.amazonaws.ecs.task-arn": task["taskArn"],
        "com.amazonaws.ecs.task-definition-family": family,
        "com.amazonaws.ecs.task-definition-version": revision,
        **((definition.get("dockerLabels") if definition else None) or {}),
    }


def task_metadata(task: TaskBody) -> TaskMetadata:
    """Describe the task and all its containers."""
    family, revision = family_and_revision(task["taskDefinitionArn"])
    answer: TaskMetadata = {
        "Cluster": task["clusterArn"],
        "TaskARN": task["taskArn"],
        "Family": family,
        "Revision": revision,
        "DesiredStatus": task["desiredStatus"],
        "KnownStatus": task["lastStatus"],
        "AvailabilityZone": task.get("availabilityZone", ""),
        "LaunchType": task.get("launchType", ""),
        "PullStartedAt": timestamp(task["createdAt"]),
        "PullStoppedAt": timestamp(task["createdAt"]),
        "Containers": [container_metadata(task, i) for i in range(len(task["containers"]))],
    }
    limits: Limits = {}
    if "cpu" in task:
        limits["CPU"] = int(task["cpu"]) / 1024
    if "memory" in task:
        limits["Memory"] = int(task["memory"])
    if limits:
        answer["Limits"] = limits
    if service_of(task):
        answer["ServiceName"] = service_of(task)
    return answer


def task_metadata_with_tags(task: TaskBody) -> TaskMetadata:
    """`task_metadata`, with the task's tags."""
    return {
        **task_metadata(task),
        "TaskTags": {tag["key"]: tag["value"] for tag in task.get("tags", [])},
    }


def stats(container: ContainerBody, used: Usage, now: float) -> Stats:
    """Describe a container's usage."""
    return {
        "read": timestamp(now),
        "name": container["name"],
        "id": container["runtimeId"],
        "num_procs": used.processes,
        "pids_stats": {"current": used.processes},
        "cpu_stats": {
            "cpu_usage": {"total_usage": used.cpu_nanoseconds},
            "online_cpus": used.cpus,
        },
        "memory_stats": {"usage": used.memory_bytes},
    }


def _network(task: TaskBody) -> Network:
    interfaces = task.get("attachments", [])[:1]
    details = {d["name"]: d["value"] for one in interfaces for d in one.get("details", [])}
    return {
        "NetworkMode": "awsvpc",
        "IPv4Addresses": [details.get("privateIPv4Address", "")],
        "AttachmentIndex": 0,
        "MACAddress": details.get("macAddress", ""),
        "PrivateDNSName": details.get("privateDnsName", ""),
    }


def timestamp(seconds: float) -> str:
    """Epoch seconds in the endpoint's form: ISO 8601, UTC, ending with Z."""
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
