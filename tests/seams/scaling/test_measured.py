"""What is published: utilization of services, and requests of load balancers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from tealmesh.model.ecs.bodies import TaskBody
from tealmesh.seams.scaling.sources import Served, Traffic
from tealmesh.seams.scaling.usage import CPU, MEMORY, TaskUsage, utilization

ARN = "arn:aws:ecs:us-east-1:1:{}/c/{}"
BALANCER = "arn:aws:elasticloadbalancing:us-east-1:1:loadbalancer/app/web/0a"
GROUP = "arn:aws:elasticloadbalancing:us-east-1:1:targetgroup/web/0b"
SECOND = 10**9


def task(name: str, service: str = "web", **members: object) -> TaskBody:
    body: TaskBody = {
        "taskArn": ARN.format("task", name),
        "clusterArn": "arn:aws:ecs:us-east-1:1:cluster/c",
        "taskDefinitionArn": "",
        "lastStatus": "RUNNING",
        "desiredStatus": "RUNNING",
        "group": f"service:{service}",
        "cpu": "256",
        "memory": "512",
    }
    return {**body, **members}  # type: ignore[typeddict-item]


def used(**tasks: tuple[float, float]) -> Mapping[str, TaskUsage]:
    """Seconds of CPU and MiB, by the task's name."""
    return {
        ARN.format("task", name): TaskUsage(int(cpu * SECOND), int(memory * 2**20))
        for name, (cpu, memory) in tasks.items()
    }


def test_utilization_is_of_what_is_reserved() -> None:
    before, now = used(a=(1, 64), b=(5, 64)), used(a=(4, 128), b=(5, 256), new=(9, 512))
    tasks = [task("a"), task("b"), task("new"), task("other", service="api")]
    found = utilization(tasks, before, now, seconds=60)
    # 3 s of CPU in a minute is 5 % of a processor, and 20 % of a quarter of one.
    assert found["c", "web", CPU] == pytest.approx([20, 0])
    assert found["c", "web", MEMORY] == pytest.approx([25, 50, 100])
    assert not [key for key in found if key[1] == "api"]


def test_what_reserves_nothing_has_no_utilization() -> None:
    containers = [{"cpu": "0"}, {"cpu": "128", "memoryReservation": "64"}]
    bare = task("a", cpu="", memory="", containers=containers[:1])
    assert utilization([bare], used(a=(0, 1)), used(a=(1, 1)), 60) == {}
    by_container = task("a", cpu="", memory="", containers=containers)
    found = utilization([by_container], used(a=(0, 16)), used(a=(7.5, 32)), 60)
    assert found["c", "web", CPU] == pytest.approx([100])
    assert found["c", "web", MEMORY] == pytest.approx([50])


def test_requests_are_counted_for_each_healthy_target() -> None:
    looks = iter(
        [
            {"a": Served(100, healthy=True)},
            {"a": Served(160, healthy=True), "b": Served(30, healthy=True)},
            # The first was replaced; the Envoy of the second counts from zero again.
            {"b": Served(10, healthy=True), "c": Served(0, healthy=False)},
        ]
    )

    async def requests() -> Mapping[tuple[str, str], Mapping[str, Served]]:
        return {(BALANCER, GROUP): next(looks)}

    async def counted() -> list[dict[str, float]]:
        traffic = Traffic(requests)
        await traffic.begin()
        return [
            {
                f"{datum.series[1]} {len(datum.series[2])}": datum.values[0]
                for datum in await traffic.look()
            }
            for _ in range(2)
        ]

    assert asyncio.run(counted()) == [
        {"RequestCount 2": 90, "RequestCountPerTarget 2": 45, "RequestCountPerTarget 1": 45},
        {"RequestCount 2": 10, "RequestCountPerTarget 2": 10, "RequestCountPerTarget 1": 10},
    ]
