"""A control plane whose ECS services are behind load balancers, for tests with real requests."""

from __future__ import annotations

import contextlib
import json
import socket
import sqlite3
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tealmesh.store import key
from tests.support.planes.control_plane import ControlPlane, control_plane
from tests.support.planes.ecs import NETWORK
from tests.support.planes.elb import (
    Network,
    forward,
    listener,
    load_balancer,
    network,
    target_group,
)
from tests.support.planes.engine import WEB
from tests.support.waiting import until

CLUSTER = "balanced"
QUICK = {
    "HealthCheckIntervalSeconds": 5,
    "HealthCheckTimeoutSeconds": 2,
    "HealthyThresholdCount": 2,
    "UnhealthyThresholdCount": 2,
}


class Balanced:
    """A control plane with a cluster, and services behind load balancers."""

    def __init__(self, plane: ControlPlane) -> None:
        self.plane = plane
        self.ecs, self.elb = plane.client("ecs"), plane.client("elbv2")
        self.network: Network = network(plane)
        self.ecs.create_cluster(clusterName=CLUSTER)

    def define(self, family: str, image: str, *others: dict[str, Any]) -> str:
        """A definition of a container ``app`` on port 8080, and others; returns its ARN."""
        answer = self.ecs.register_task_definition(
            family=family,
            requiresCompatibilities=["FARGATE"],
            networkMode="awsvpc",
            cpu="256",
            memory="512",
            containerDefinitions=[
                {"name": "app", "image": image, "portMappings": [{"containerPort": 8080}]},
                *others,
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


def get(place: tuple[str, int], path: str = "/") -> tuple[int, str]:
    request = urllib.request.Request(f"http://{place[0]}:{place[1]}{path}")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@contextmanager
def balanced(directory: Path, options: Sequence[str] = ()) -> Iterator[Balanced]:
    """A control plane that runs the small web application as team/web:1 and team/web:2."""
    commands = {
        f"team/web:{version}": [sys.executable, str(WEB), f"version={version}"]
        for version in (1, 2)
    }
    lines = [f"{json.dumps(name)} = {json.dumps(command)}" for name, command in commands.items()]
    config = directory / "teal.toml"
    config.write_text("\n".join(["[images]", *lines, ""]))
    with control_plane(directory, config, options) as plane:
        yield Balanced(plane)
