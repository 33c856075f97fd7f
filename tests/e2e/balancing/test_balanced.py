"""ECS services behind load balancers of this machine, with real requests."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.drills import sizes
from tests.support.planes.balanced import CLUSTER, Balanced, balanced, get
from tests.support.planes.elb import health
from tests.support.programs.load import Load
from tests.support.waiting import until


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Balanced]:
    with balanced(tmp_path_factory.mktemp("balanced")) as made:
        yield made


@sizes("requests", short=1_500, long=5_000)
def test_a_rolling_replacement_loses_no_request(world: Balanced, requests: int) -> None:
    name = f"rolling-{requests}"
    group = world.group(name)
    place = world.front(name, group)
    assert get(place)[0] == 503
    world.create(name, world.define(name, "team/web:1"), group, desiredCount=2)
    world.steady(name, 2)
    assert {state for state, _ in health(world.elb, group).values()} == {"healthy"}
    described = world.describe(name)
    assert described["loadBalancers"] == [
        {"targetGroupArn": group, "containerName": "app", "containerPort": 8080}
    ]
    second = world.define(name, "team/web:2")

    async def replace() -> Load:
        async with Load(*place, concurrency=8, rate=400) as load:
            await load.answered(300)
            await asyncio.to_thread(
                world.ecs.update_service,
                cluster=CLUSTER,
                service=name,
                taskDefinition=second,
            )
            await asyncio.to_thread(world.steady, name, 2)
            await load.answered(max(300, requests - load.report.total))
        return load

    report = asyncio.run(replace()).report
    assert report.failures == []
    assert report.total >= requests
    assert set(report.bodies) == {b"1", b"2"}
    assert get(place) == (200, "2")
    events = world.events(name)
    prefix = f"(service {name})"
    assert events.count(f"{prefix} registered 1 targets in (target-group {group})") == 4
    assert events.count(f"{prefix} deregistered 1 targets in (target-group {group})") == 2


def test_draining_waits_for_a_slow_request(world: Balanced) -> None:
    group = world.group("slow")
    place = world.front("slow", group)
    world.create("slow", world.define("slow", "team/web:1"), group)
    world.steady("slow")
    answers: list[tuple[int, str]] = []
    asking = threading.Thread(target=lambda: answers.append(get(place, "/slow")))
    asking.start()
    (target,) = health(world.elb, group)
    time.sleep(0.3)  # the request takes a second
    world.ecs.update_service(cluster=CLUSTER, service="slow", desiredCount=0)
    until(lambda: health(world.elb, group).get(target, ("gone", None))[0] != "healthy")
    asking.join()
    assert answers == [(200, "1")]
    until(lambda: health(world.elb, group) == {})
    assert get(place)[0] == 503


@pytest.mark.scenario
def test_a_task_with_an_unhealthy_target_is_replaced(world: Balanced) -> None:
    group = world.group("sick", Matcher={"HttpCode": "201"})
    world.front("sick", group)
    world.create("sick", world.define("sick", "team/web:1"), group)
    unhealthy = f"(service sick) (port 8080) is unhealthy in (target-group {group})"
    until(lambda: any(text.startswith(unhealthy) for text in world.events("sick")))
    stopped: list[Any] = []

    def found() -> bool:
        arns = world.ecs.list_tasks(cluster=CLUSTER, serviceName="sick", desiredStatus="STOPPED")[
            "taskArns"
        ]
        stopped.extend(
            world.ecs.describe_tasks(cluster=CLUSTER, tasks=arns)["tasks"] if arns else []
        )
        return bool(stopped)

    until(found)
    assert stopped[0]["stoppedReason"] == f"Task failed ELB health checks in (target-group {group})"
    world.ecs.delete_service(cluster=CLUSTER, service="sick", force=True)


def test_a_service_in_two_groups_of_two_kinds(world: Balanced) -> None:
    http, flows = world.group("both-http"), world.group("both-tcp", Protocol="TCP")
    front = world.front("both-http", http)
    through = world.front("both-tcp", flows, Type="network", Protocol="TCP")
    world.create("both", world.define("both", "team/web:1"), http, flows)
    world.steady("both")
    assert get(front) == get(through) == (200, "1")
    assert health(world.elb, http).keys() == health(world.elb, flows).keys()


@pytest.mark.drill
def test_a_replacement_goes_on_after_a_kill(world: Balanced) -> None:
    group = world.group("killed")
    place = world.front("killed", group)
    world.create("killed", world.define("killed", "team/web:1"), group, desiredCount=2)
    world.steady("killed", 2)
    second = world.define("killed", "team/web:2")

    async def replace() -> Load:
        async with Load(*place, concurrency=4, rate=200) as load:
            await load.answered(200)
            await asyncio.to_thread(
                world.ecs.update_service, cluster=CLUSTER, service="killed", taskDefinition=second
            )
            await asyncio.to_thread(until, lambda: len(health(world.elb, group)) > 2)
            world.plane.kill9()
            await load.answered(200)
            await asyncio.to_thread(world.plane.start)
            await asyncio.to_thread(world.steady, "killed", 2)
            await load.answered(200)
        return load

    report = asyncio.run(replace()).report
    assert report.failures == []
    assert set(report.bodies) == {b"1", b"2"}
    assert get(place) == (200, "2")
    assert {state for state, _ in health(world.elb, group).values()} == {"healthy"}
