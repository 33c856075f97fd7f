"""CPU and memory utilization of services, as ECS publishes it to CloudWatch. Pure.

Of a service: what its running tasks use, in per cent of what their task definition reserves.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service_utilization.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tealmesh.model.ecs.bodies import TaskBody
from tealmesh.model.ecs.names import cluster_of, service_of

CPU, MEMORY = "CPUUtilization", "MemoryUtilization"

_MIB = 1 << 20
_NANOSECONDS_PER_UNIT = 1e9 / 1024
"""CPU time in a second: 1024 CPU units are a virtual CPU."""


@dataclass(frozen=True)
class TaskUsage:
    """What a task's containers use."""

    cpu_nanoseconds: int
    """Since they started."""
    memory_bytes: int


Measured = Mapping[str, TaskUsage]
"""What tasks use, by their ARN."""

Utilization = Mapping[tuple[str, str, str], list[float]]
"""Per cent of each task, by cluster, service and the metric's name."""


def reserved(task: TaskBody) -> tuple[float, float]:
    """CPU units and MiB that a task reserves: its own, else those of its containers; 0 if none."""
    containers = task.get("containers", [])
    cpu = float(task.get("cpu") or 0) or sum(float(c.get("cpu") or 0) for c in containers)
    memory = float(task.get("memory") or 0) or sum(
        float(c.get("memory") or c.get("memoryReservation") or 0) for c in containers
    )
    return cpu, memory


def utilization(
    tasks: Iterable[TaskBody], before: Measured, now: Measured, seconds: float
) -> Utilization:
    """The utilization between two measurements that lie ``seconds`` apart. A task that was not
    measured twice has none yet, and one that reserves nothing never.
    """
    found: dict[tuple[str, str, str], list[float]] = {}
    for task in tasks:
        service, used = service_of(task), now.get(task["taskArn"])
        if not service or used is None or task["lastStatus"] != "RUNNING":
            continue
        cpu, memory = reserved(task)
        key = (cluster_of(task), service)
        earlier = before.get(task["taskArn"])
        if earlier is not None and cpu and seconds > 0:
            # A container that was started again counts from zero.
            spent = max(0, used.cpu_nanoseconds - earlier.cpu_nanoseconds)
            share = 100 * spent / (seconds * cpu * _NANOSECONDS_PER_UNIT)
            found.setdefault((*key, CPU), []).append(share)
        if memory:
            share = 100 * used.memory_bytes / (memory * _MIB)
            found.setdefault((*key, MEMORY), []).append(share)
    return found
