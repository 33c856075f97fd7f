"""ECS services behind load balancers of this machine, with real requests."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import sqlite3
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tealmesh.store import key
from tests.support.planes.control_plane import ControlPlane, control_plane
from tests.support.planes.ecs import NETWORK
from tests.support.planes.elb import (
    Network,
    forward,
    health,
    listener,
    load_balancer,
    network,
    target_group,
)
from tests.support.planes.engine import WEB
from tests.support.programs.load import Load

CLUSTER = "balanced"
QUICK = {
    "HealthCheckIntervalSeconds": 5,
    "HealthCheckTimeoutSeconds": 2,
    "HealthyThresholdCount": 2,
    "UnhealthyThresholdCount": 2,
}
REQUESTS = 5_000


class Balanced:
    """A control plane with a cluster, and services behind load balancers."""

    def __init__(self, plane: ControlPlane) -> None:
        self.plane = plane
        self.ecs, self.elb = plane.client("ecs"), plane.client("elbv2")
        self.network: Network = network(plane)
        self.ecs.create_cluster(clusterName=CLUSTER)

    def define(self, family: str, image: str) -> str:
        answer = self.ecs.register_task_definition(
            family=family,
            requiresCompatibilities=["FARGATE"],
            networkMode="awsvpc",
            cpu="256",
            memory="512",
            containerDefinitions=[
                {"name": "app", "image": image, "portMappings": [{"containerPort": 8080}]}
            ],
        )
        return str(answer["taskDefinition"]["taskDefinitionArn"])

    def group(self, name: str, **members: Any) -> str:
        return target_group(self.elb, self.network, name, **{**QUICK, **members})

    def front(self, name: str, group: str, **members: Any) -> tuple[str, int]:
        """A load balancer that forwards port 8080 to the group; returns where it listens here."""
        protocol = members.pop("Protocol", "HTTP")
        arn = load_balancer(self.elb, self.network, name, **members)
        listener(self.elb, arn, 8080, forward(group), Protocol=protocol)
        return self.place(name)

    def place(self, name: str) -> tuple[str, int]:
        """Where a load balancer listens for its port 8080."""
        (described,) = self.elb.describe_load_balancers(Names=[name])["LoadBalancers"]
        arn = described["LoadBalancerArn"]
        until(lambda: "8080" in place_of(self.plane, arn)["ports"], self.plane.log)
        body = place_of(self.plane, arn)
        place = (str(body["address"]), int(body["ports"]["8080"]))
        until(lambda: listens(place), self.plane.log)
        return place

    def create(self, name: str, definition: str, *groups: str, **members: Any) -> None:
        self.ecs.create_service(
            cluster=CLUSTER,
            serviceName=name,
            taskDefinition=definition,
            launchType="FARGATE",
            networkConfiguration=NETWORK,
            loadBalancers=[
                {"targetGroupArn": group, "containerName": "app", "containerPort": 8080}
                for group in groups
            ],
            **{"desiredCount": 1, **members},
        )

    def describe(self, name: str) -> dict[str, Any]:
        answer = self.ecs.describe_services(cluster=CLUSTER, services=[name])
        described: dict[str, Any] = answer["services"][0]
        return described

    def events(self, name: str) -> list[str]:
        return [event["message"] for event in self.describe(name)["events"]]

    def steady(self, name: str, desired: int = 1) -> None:
        def done() -> bool:
            service = self.describe(name)
            return service["runningCount"] == desired and len(service["deployments"]) == 1

        until(done, lambda: str(self.events(name)) + self.plane.log()[-2000:])


def place_of(plane: ControlPlane, arn: str) -> dict[str, Any]:
    """Where a load balancer listens, as it is on disk."""
    with sqlite3.connect(f"file:{plane.directory}/data/state.db?mode=ro", uri=True) as database:
        row = database.execute(
            "select body from documents where collection = 'elb.place' and key = ?", [key(arn)]
        ).fetchone()
    return json.loads(row[0]) if row else {"ports": {}}


def listens(place: tuple[str, int]) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(place, timeout=2):
        return True
    return False


def until(true: Callable[[], bool], why: Callable[[], str] = str, timeout: float = 60) -> None:
    deadline = time.monotonic() + timeout
    while not true():
        assert time.monotonic() < deadline, why()
        time.sleep(0.1)


def get(place: tuple[str, int], path: str = "/") -> tuple[int, str]:
    request = urllib.request.Request(f"http://{place[0]}:{place[1]}{path}")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Balanced]:
    directory = tmp_path_factory.mktemp("balanced")
    commands = {
        "team/web:1": [sys.executable, str(WEB), "version=1"],
        "team/web:2": [sys.executable, str(WEB), "version=2"],
    }
    lines = [f"{json.dumps(name)} = {json.dumps(command)}" for name, command in commands.items()]
    config = directory / "teal.toml"
    config.write_text("\n".join(["[images]", *lines, ""]))
    with control_plane(directory, config) as plane:
        yield Balanced(plane)


def test_a_rolling_replacement_loses_no_request(world: Balanced) -> None:
    group = world.group("rolling")
    place = world.front("rolling", group)
    assert get(place)[0] == 503
    world.create("rolling", world.define("rolling", "team/web:1"), group, desiredCount=2)
    world.steady("rolling", 2)
    assert {state for state, _ in health(world.elb, group).values()} == {"healthy"}
    described = world.describe("rolling")
    assert described["loadBalancers"] == [
        {"targetGroupArn": group, "containerName": "app", "containerPort": 8080}
    ]
    second = world.define("rolling", "team/web:2")

    async def replace() -> Load:
        async with Load(*place, concurrency=8, rate=400) as load:
            await load.answered(1_000)
            await asyncio.to_thread(
                world.ecs.update_service,
                cluster=CLUSTER,
                service="rolling",
                taskDefinition=second,
            )
            await asyncio.to_thread(world.steady, "rolling", 2)
            await load.answered(max(1_000, REQUESTS - load.report.total))
        return load

    report = asyncio.run(replace()).report
    assert report.failures == []
    assert report.total >= REQUESTS
    assert set(report.bodies) == {b"1", b"2"}
    assert get(place) == (200, "2")
    events = world.events("rolling")
    prefix = "(service rolling)"
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
