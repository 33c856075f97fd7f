"""What is measured: the utilization of services, and the requests of load balancers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from tealmesh.model.arn import Arn
from tealmesh.model.clock import Steady, steady_clock
from tealmesh.model.ecs.bodies import TaskBody
from tealmesh.model.ecs.names import cluster_of
from tealmesh.seams.scaling.publisher import Datum
from tealmesh.seams.scaling.usage import Measured, TaskUsage, utilization
from tealmesh.store import Store, tables

ECS, ALB = "AWS/ECS", "AWS/ApplicationELB"

Measure = Callable[[TaskBody], TaskUsage | None]
"""What a task uses now; None if that is not known. May block."""


class Utilization:
    """CPU and memory of services."""

    def __init__(self, store: Store, measure: Measure) -> None:
        self._store = store
        self._measure = measure
        self._before: Measured = {}
        self._at = Steady(0.0)

    async def begin(self) -> None:
        """Measure what the first look is compared with."""
        self._before, self._at = await asyncio.to_thread(self._measured, self._tasks())

    async def look(self) -> list[Datum]:
        """What the services used since the last look."""
        tasks = self._tasks()
        now, at = await asyncio.to_thread(self._measured, tasks)
        found = utilization(tasks, self._before, now, at - self._at)
        self._before, self._at = now, at
        regions = {cluster_of(task): Arn.parse(task["taskArn"]).region for task in tasks}
        return [
            Datum(
                regions[cluster],
                (ECS, name, (("ClusterName", cluster), ("ServiceName", service))),
                "Percent",
                tuple(values),
            )
            for (cluster, service, name), values in found.items()
        ]

    def _tasks(self) -> list[TaskBody]:
        tasks = (document.body for document in self._store.view.list(tables.TASKS))
        return [task for task in tasks if task["lastStatus"] == "RUNNING"]

    def _measured(self, tasks: list[TaskBody]) -> tuple[Measured, Steady]:
        at = steady_clock()
        used = {task["taskArn"]: self._measure(task) for task in tasks}
        return {arn: one for arn, one in used.items() if one is not None}, at


@dataclass(frozen=True)
class Served:
    """What a target of a load balancer has got."""

    requests: int
    """Since its load balancer knows it."""
    healthy: bool


Requests = Callable[[], Awaitable[Mapping[tuple[str, str], Mapping[str, Served]]]]
"""By the ARNs of the load balancer and of the target group: by target, what it has got."""


class Traffic:
    """Requests of application load balancers, in all and for each target."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests
        self._before: Mapping[tuple[str, str], Mapping[str, Served]] = {}

    async def begin(self) -> None:
        """Measure what the first look is compared with."""
        self._before = await self._requests()

    async def look(self) -> list[Datum]:
        """The requests since the last look."""
        before, now = self._before, await self._requests()
        self._before = now
        data: list[Datum] = []
        for (balancer, group), targets in now.items():
            earlier = before.get((balancer, group), {})
            count = sum(_since(earlier.get(name), one) for name, one in targets.items())
            healthy = sum(one.healthy for one in targets.values())
            region = Arn.parse(group).region
            of_group = ("TargetGroup", Arn.parse(group).resource)
            of_balancer = (
                "LoadBalancer",
                Arn.parse(balancer).resource.removeprefix("loadbalancer/"),
            )
            both = (of_balancer, of_group)
            data.append(Datum(region, (ALB, "RequestCount", both), "Count", (float(count),)))
            if healthy:
                share = (count / healthy,)
                for dimensions in (both, (of_group,)):
                    of = (ALB, "RequestCountPerTarget", dimensions)
                    data.append(Datum(region, of, "None", share))
        return data


def _since(before: Served | None, now: Served) -> int:
    """Requests since then; a load balancer's Envoy that was started again counts from zero."""
    if before is None or before.requests > now.requests:
        return now.requests
    return now.requests - before.requests
