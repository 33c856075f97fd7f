"""Tasks behind load balancers, with real processes; what the load balancers see is given."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tealmesh.store import tables
from tealmesh.store.store import Store
from tealmesh.store.views import Transaction
from tests.support.planes.engine import (
    Documents,
    definition,
    deployment,
    engine_context,
    running,
    service,
    web,
)

ELB = "arn:aws:elasticloadbalancing:us-east-1:123456789012"
GROUP = f"{ELB}:targetgroup/web/1"
BALANCER = f"{ELB}:loadbalancer/app/front/1"
BALANCED = {
    "loadBalancers": [{"targetGroupArn": GROUP, "containerName": "app", "containerPort": 8080}]
}
UNHEALTHY = ("unhealthy", "Target.FailedHealthChecks", "Health checks failed")


class Balancers:
    """Load balancers whose opinion of the targets the test decides."""

    def __init__(self) -> None:
        self.states: dict[str, tuple[str, str, str]] = {}
        self.state_of_others = ("healthy", "", "")
        self.active: defaultdict[str, int] = defaultdict(int)

    async def health(self, target_group: str) -> Mapping[str, tuple[str, str, str]]:
        assert target_group == GROUP
        known = defaultdict(lambda: self.state_of_others, self.states)
        return _Every(known)

    async def in_flight(self, target_group: str) -> Mapping[str, int]:
        return self.active


class _Every(dict[str, tuple[str, str, str]]):
    """As if every target had been asked for."""

    def __init__(self, known: defaultdict[str, tuple[str, str, str]]) -> None:
        super().__init__(known)
        self._known = known

    def get(self, key: str, default: Any = None) -> Any:
        return self._known[key]


def group(**members: Any) -> dict[str, Any]:
    return {
        "TargetGroupArn": GROUP,
        "TargetGroupName": "web",
        "TargetType": "ip",
        "Port": 80,
        "HealthCheckIntervalSeconds": 0,
        "UnhealthyThresholdCount": 2,
        "HealthyThresholdCount": 2,
        "Attributes": {"deregistration_delay.timeout_seconds": "60"},
        "LoadBalancerArns": [BALANCER],
        **members,
    }


class World:
    """A store with a target group, an engine that runs, and what its load balancers see."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.documents = Documents(store)
        self.balancers = Balancers()

    def targets(self) -> dict[str, bool]:
        """Whether each target drains, by address and port."""
        bodies = [d.body for d in self.store.view.list(tables.TARGETS)]
        return {f"{b['Id']}:{b['Port']}": b["draining"] for b in bodies}

    def statuses(self) -> list[str]:
        return sorted(task["lastStatus"] for task in self.documents.tasks())

    async def until(self, condition: Callable[[], bool]) -> None:
        await self.documents.until(lambda _: condition())


@contextlib.asynccontextmanager
async def world(directory: Path, **members: Any) -> AsyncIterator[World]:
    store = Store.open(directory / "state.db")
    made = World(store)
    balancer: Any = {"LoadBalancerArn": BALANCER, "LoadBalancerName": "front"}
    body: Any = group(**members)

    def put(tx: Transaction) -> None:
        tx.put(tables.TARGET_GROUPS, GROUP, body=body)
        tx.put(tables.LOAD_BALANCERS, BALANCER, body=balancer)

    await store.write("test", "Groups", put)
    await made.documents.images(web="", other="version=2")
    await made.documents.define(definition("web", 1, web()))
    await made.documents.define(definition("web", 2, web("team/other:1")))
    context = engine_context(
        directory,
        store,
        target_health=made.balancers.health,
        in_flight=made.balancers.in_flight,
    )
    async with running(context):
        yield made
    store.close()


def arn(revision: int) -> str:
    return str(definition("web", revision)["taskDefinitionArn"])


def test_a_task_runs_only_once_its_target_is_healthy(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as w:
            w.balancers.state_of_others = ("initial", "Elb.InitialHealthChecking", "")
            await w.documents.put_service(service("web", arn(1), 1, **BALANCED))
            await w.until(lambda: bool(w.targets()))
            (task,) = w.documents.tasks()
            assert w.targets() == {f"{task['teal']['address']}:8080": False}
            assert task["lastStatus"] == "ACTIVATING"
            assert w.documents.service("web")["runningCount"] == 0

            w.balancers.state_of_others = ("healthy", "", "")
            await w.documents.steady("web")
            assert w.statuses() == ["RUNNING"]
            events = w.documents.events("web")
            assert f"(service web) registered 1 targets in (target-group {GROUP})" in events

    asyncio.run(scenario())


def test_an_old_task_stays_until_the_new_target_is_healthy(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as w:
            await w.documents.put_service(service("web", arn(1), 1, **BALANCED))
            await w.documents.steady("web")
            (old,) = w.documents.tasks("RUNNING")
            (key,) = w.targets()
            w.balancers.states[key] = ("healthy", "", "")
            w.balancers.state_of_others = ("initial", "", "")

            def deploy(body: dict[str, Any]) -> None:
                former = {**body["deployments"][0], "status": "ACTIVE"}
                body["taskDefinition"] = arn(2)
                body["deployments"] = [deployment("ecs-svc/2", arn(2), 1), former]

            await w.documents.update_service("web", deploy)
            await w.until(lambda: len(w.targets()) == 2)
            assert w.targets() == dict.fromkeys(w.targets(), False)
            assert w.statuses() == ["ACTIVATING", "RUNNING"]

            w.balancers.state_of_others = ("healthy", "", "")
            await w.documents.steady("web")
            (new,) = w.documents.tasks("RUNNING")
            assert new["taskArn"] != old["taskArn"]
            assert list(w.targets()) == [f"{new['teal']['address']}:8080"]

    asyncio.run(scenario())


def test_a_task_stops_when_nothing_is_in_flight(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as w:
            await w.documents.put_service(service("web", arn(1), 1, **BALANCED))
            await w.documents.steady("web")
            (key,) = w.targets()
            w.balancers.active[key] = 1
            await w.documents.update_service("web", lambda body: body.update(desiredCount=0))
            await w.until(lambda: w.targets() == {key: True})
            for _ in range(10):
                await asyncio.sleep(0.05)
                assert w.statuses() == ["DEACTIVATING"]

            w.balancers.active[key] = 0
            await w.until(lambda: w.statuses() == ["STOPPED"])
            assert w.targets() == {}
            events = w.documents.events("web")
            assert f"(service web) deregistered 1 targets in (target-group {GROUP})" in events
            assert "(service web) has begun draining connections on 1 tasks." in events

    asyncio.run(scenario())


def test_a_task_stops_at_the_end_of_the_deregistration_delay(tmp_path: Path) -> None:
    async def scenario() -> None:
        delay = {"deregistration_delay.timeout_seconds": "1"}
        async with world(tmp_path, Attributes=delay) as w:
            await w.documents.put_service(service("web", arn(1), 1, **BALANCED))
            await w.documents.steady("web")
            (key,) = w.targets()
            w.balancers.active[key] = 1
            await w.documents.update_service("web", lambda body: body.update(desiredCount=0))
            await w.until(lambda: w.statuses() == ["STOPPED"])

    asyncio.run(scenario())


@pytest.mark.parametrize("was_healthy", [True, False])
def test_an_unhealthy_target_is_replaced(tmp_path: Path, was_healthy: bool) -> None:
    async def scenario() -> None:
        async with world(tmp_path) as w:
            if not was_healthy:
                w.balancers.state_of_others = ("initial", "", "")
            await w.documents.put_service(service("web", arn(1), 1, **BALANCED))
            await w.until(lambda: len(w.targets()) == 1)
            if was_healthy:
                await w.documents.steady("web")
            (key,) = w.targets()
            w.balancers.states[key] = UNHEALTHY
            w.balancers.state_of_others = ("healthy", "", "")
            await w.until(lambda: w.statuses() == ["RUNNING", "STOPPED"])

            (stopped,) = w.documents.tasks("STOPPED")
            assert stopped["stopCode"] == "ServiceSchedulerInitiated"
            assert (
                stopped["stoppedReason"]
                == f"Task failed ELB health checks in (target-group {GROUP})"
            )
            assert (
                f"(service web) (port 8080) is unhealthy in (target-group {GROUP}) due to "
                f"(reason Health checks failed)." in w.documents.events("web")
            )
            assert w.documents.service("web")["deployments"][0]["failedTasks"] == 1

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "patience",
    [
        ({"healthCheckGracePeriodSeconds": 600}, {}),
        ({}, {"HealthCheckIntervalSeconds": 300}),
    ],
)
def test_failed_checks_do_not_count_at_first(
    tmp_path: Path, patience: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    async def scenario() -> None:
        members, of_group = patience
        async with world(tmp_path, **of_group) as w:
            w.balancers.state_of_others = UNHEALTHY
            await w.documents.put_service(service("web", arn(1), 1, **BALANCED, **members))
            await w.until(lambda: len(w.targets()) == 1)
            for _ in range(10):
                await asyncio.sleep(0.05)
                assert w.statuses() == ["ACTIVATING"]
            w.balancers.state_of_others = ("healthy", "", "")
            await w.documents.steady("web")

    asyncio.run(scenario())


def test_a_group_without_a_load_balancer_is_not_waited_for(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path, LoadBalancerArns=[]) as w:
            w.balancers.state_of_others = ("unused", "Target.NotInUse", "")
            await w.documents.put_service(service("web", arn(1), 1, **BALANCED))
            await w.documents.steady("web")
            await w.documents.update_service("web", lambda body: body.update(desiredCount=0))
            await w.until(lambda: w.statuses() == ["STOPPED"])
            assert w.targets() == {}

    asyncio.run(scenario())
