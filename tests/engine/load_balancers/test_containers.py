"""A load balancer in front of an ECS service whose tasks are containers."""

from __future__ import annotations

import json
import time
from pathlib import Path

import httpx
import pytest

from tests.support.planes.control_plane import ControlPlane
from tests.support.planes.ecs import NETWORK
from tests.support.planes.elb import (
    forward,
    health,
    listener,
    load_balancer,
    network,
    target_group,
)
from tests.support.programs.podman import needs_engine, podman

pytestmark = [needs_engine, pytest.mark.timeout(300)]

IMAGE = "localhost/team/balanced:1"
TIMEOUT_SECONDS = 90


def healthy_targets(plane: ControlPlane, group: str) -> list[str]:
    """Wait for the group's targets to be healthy; return them."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while True:
        targets = health(plane.client("elbv2"), group)
        if targets and {state for state, _ in targets.values()} == {"healthy"}:
            return list(targets)
        assert time.monotonic() < deadline, f"{targets}\n{plane.log()[-3000:]}"
        time.sleep(0.2)


def test_its_targets_may_be_containers(tmp_path: Path) -> None:
    (tmp_path / "podman").mkdir()
    with podman(tmp_path / "podman") as engine:
        engine.make_app(IMAGE, VERSION="7")
        plane = ControlPlane(tmp_path)
        try:
            plane.start(DOCKER_HOST=engine.url)
            target = balanced_service(plane)
            assert not target.startswith("127.")
            (shown,) = json.loads(plane.teal("status", "--json").stdout)["loadBalancers"]
            url = f"http://{shown['address']}:{shown['listeners'][0]['localPort']}/"
            assert httpx.get(url, timeout=10, trust_env=False).text.strip() == "VERSION 7"
        finally:
            plane.down()


def balanced_service(plane: ControlPlane) -> str:
    """Create an ECS service behind a load balancer; return its only target once it is healthy."""
    elb, ecs, net = plane.client("elbv2"), plane.client("ecs"), network(plane)
    group = target_group(elb, net, "boxes", Port=8080, HealthCheckIntervalSeconds=5)
    listener(elb, load_balancer(elb, net, "boxes"), 8080, forward(group))
    ecs.create_cluster(clusterName="boxes")
    container = {"name": "app", "image": IMAGE, "portMappings": [{"containerPort": 8080}]}
    ecs.register_task_definition(
        family="boxes", requiresCompatibilities=["FARGATE"], networkMode="awsvpc",
        cpu="256", memory="512", containerDefinitions=[container],
    )  # fmt: skip
    ecs.create_service(
        cluster="boxes", serviceName="boxes", taskDefinition="boxes", desiredCount=1,
        launchType="FARGATE", networkConfiguration=NETWORK,
        loadBalancers=[{"targetGroupArn": group, "containerName": "app", "containerPort": 8080}],
    )  # fmt: skip
    (target,) = healthy_targets(plane, group)
    return target
