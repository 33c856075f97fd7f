"""Bounds and alarms, acted upon in the store: what a deployment holds back comes after it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tealmesh.model.clock import random_id, system_clock
from tealmesh.seams.scaling.looks import Look
from tealmesh.seams.scaling.plan import Invocation, Tracked
from tealmesh.seams.scaling.worker import Scaling
from tealmesh.store import Store, Transaction, tables
from tests.seams.scaling.policies import tracking

ARN = "arn:aws:ecs:us-east-1:1:service/c/web"


class World:
    """A store with a scalable service, and alarms that the test sets."""

    def __init__(self, path: Path) -> None:
        self.store = Store.open(path / "state.db")
        self.held = False
        self.looked: list[Look] = []
        publisher: Any = None
        self.scaling = Scaling(
            self.store,
            publisher,
            self,  # type: ignore[arg-type]
            lambda reader, cluster, service: self.held,
            system_clock,
            random_id,
        )

    async def look(self) -> list[Look]:
        return self.looked

    async def put(self, desired: int, least: int, most: int, *, bounded: bool) -> None:
        service: Any = {
            "serviceArn": ARN,
            "serviceName": "web",
            "clusterArn": "arn:aws:ecs:us-east-1:1:cluster/c",
            "status": "ACTIVE",
            "desiredCount": desired,
            "runningCount": desired,
            "deployments": [{"id": "1", "status": "PRIMARY", "desiredCount": desired}],
        }
        target: Any = {
            "ServiceNamespace": "ecs",
            "ResourceId": "service/c/web",
            "ScalableDimension": "ecs:service:DesiredCount",
            "MinCapacity": least,
            "MaxCapacity": most,
            "SuspendedState": {
                "DynamicScalingInSuspended": False,
                "DynamicScalingOutSuspended": False,
                "ScheduledScalingSuspended": False,
            },
            "teal": {"tags": {}, "bounded": bounded, "activities": 0},
        }

        def change(tx: Transaction) -> None:
            tx.put(tables.ECS_SERVICES, "c", "web", body=service)
            tx.put(tables.SCALABLE_TARGETS, "c", "web", body=target)

        await self.store.write("test", "Put", change)

    def desired(self) -> int:
        document = self.store.view.get(tables.ECS_SERVICES, "c", "web")
        assert document is not None
        assert document.body["deployments"][0]["desiredCount"] == document.body["desiredCount"]
        return document.body["desiredCount"]

    def activities(self) -> list[tuple[str, str]]:
        listed = self.store.view.list(tables.SCALING_ACTIVITIES, "c", "web")
        return [(one.body["StatusCode"], one.body["Cause"]) for one in listed]

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            async for _ in self.store.watch():
                if true():
                    return

    async def touch(self) -> None:
        """Commit a change, so that workers look."""
        await self.store.write(
            "test", "Touch", lambda tx: tx.put(tables.FAMILIES, "f", body=FAMILY)
        )


FAMILY: Any = {"family": "f"}


def low(value: float) -> list[Look]:
    policy = tracking(50)
    invocation = Invocation(policy, "low", "ALARM", value, 45, low=True)
    return [Look("c", "web", [invocation], [Tracked(policy, ready=True)])]


def test_a_lower_bound_acts_at_once_and_an_upper_one_after_the_deployment(tmp_path: Path) -> None:
    async def work() -> None:
        world = World(tmp_path)
        world.held = True
        keeping = asyncio.create_task(world.scaling.keep_bounds())
        await world.put(1, least=2, most=4, bounded=False)
        await world.until(lambda: world.desired() == 2)
        assert world.activities()[-1][1] == "minimum capacity was set to 2"

        await world.put(9, least=2, most=4, bounded=False)
        (target,) = world.store.view.list(tables.SCALABLE_TARGETS)
        await world.scaling._bound(target.body)
        assert world.desired() == 9
        world.held = False
        await world.touch()
        await world.until(lambda: world.desired() == 4)
        assert world.activities()[-1][1] == "maximum capacity was set to 4"
        keeping.cancel()
        world.store.close()

    asyncio.run(work())


def test_an_alarm_scales_in_when_the_deployment_has_ended(tmp_path: Path) -> None:
    async def work() -> None:
        world = World(tmp_path)
        await world.put(4, least=1, most=4, bounded=True)
        world.looked, world.held = low(10), True
        for _ in range(3):
            await world.scaling.look()
        assert world.desired() == 4
        # Said once, though it was tried three times.
        assert [status for status, _ in world.activities()] == ["Failed"]

        world.held = False
        await world.scaling.look()
        assert world.desired() == 1
        assert world.activities()[-1] == (
            "InProgress",
            "monitor alarm low in state ALARM triggered policy track",
        )
        events = world.store.view.get(tables.ECS_SERVICES, "c", "web")
        assert events is not None
        assert "automatic scaling set the desired count to 1" in events.body["events"][0]["message"]
        world.store.close()

    asyncio.run(work())


def test_an_activity_ends_when_as_many_tasks_run(tmp_path: Path) -> None:
    async def work() -> None:
        world = World(tmp_path)
        await world.put(4, least=1, most=4, bounded=True)
        world.looked = low(20)
        await world.scaling.look()
        assert [status for status, _ in world.activities()] == ["InProgress"]

        def runs(tx: Transaction) -> None:
            service = tx.get(tables.ECS_SERVICES, "c", "web")
            assert service is not None
            tx.replace(service, {**service.body, "runningCount": service.body["desiredCount"]})

        keeping = asyncio.create_task(world.scaling.keep_bounds())
        await world.store.write("engine", "Runs", runs)
        await world.until(lambda: world.activities()[0][0] == "Successful")
        keeping.cancel()
        world.store.close()

    asyncio.run(work())
