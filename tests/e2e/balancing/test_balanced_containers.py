"""Tasks in containers call a load balancer by its name, as tasks in a VPC call an internal one."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.boxes import IMAGE
from tests.support.planes.control_plane import ControlPlane
from tests.support.programs.podman import Podman, needs_engine, podman

pytestmark = [needs_engine, pytest.mark.timeout(300)]

_PYTHON = os.path.realpath(sys.executable)
_ASK = (
    "import socket, sys, urllib.request as r; host = sys.argv[1]; "
    "print(socket.gethostbyname(host), r.urlopen(f'http://{host}/', timeout=10).read().decode())"
)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[tuple[Podman, ControlPlane]]:
    (tmp_path / "podman").mkdir()
    with podman(tmp_path / "podman") as engine:
        engine.make_app(f"{IMAGE}:1", VERSION="1")
        plane = ControlPlane(tmp_path)
        try:
            plane.start(DOCKER_HOST=engine.url)
            yield engine, plane
        finally:
            if plane.process is not None and plane.process.poll() is None:
                plane.down()


def test_a_container_reaches_a_load_balancer_by_its_name(
    world: tuple[Podman, ControlPlane],
) -> None:
    engine, plane = world
    container = _container(engine, plane)
    host = _load_balancer(plane)
    address, answer = _until_answered(engine, container, host)
    assert address.startswith("198.19.")
    assert answer == "from the load balancer"

    # Envoy and route outlive the control plane.
    plane.kill9()
    assert engine.run("exec", container, _PYTHON, "-c", _ASK, address).split(maxsplit=1)[1]
    plane.start(DOCKER_HOST=engine.url)
    assert _until_answered(engine, container, host) == (address, answer)


def _container(engine: Podman, plane: ControlPlane) -> str:
    """The name of the application's container of a task without an Envoy."""
    ecs = plane.client("ecs")
    definition: dict[str, Any] = {
        "name": "app",
        "image": f"{IMAGE}:1",
        "portMappings": [{"containerPort": 8080}],
        "environment": [{"name": "PORT", "value": "8080"}],
    }
    ecs.register_task_definition(
        family="plain",
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        cpu="256",
        memory="512",
        containerDefinitions=[definition],
    )
    ecs.create_cluster(clusterName="boxes")
    vpc = {"awsvpcConfiguration": {"subnets": ["subnet-1"]}}
    task = ecs.run_task(
        cluster="boxes", taskDefinition="plain", launchType="FARGATE", networkConfiguration=vpc
    )["tasks"][0]["taskArn"]
    waiter = ecs.get_waiter("tasks_running")
    waiter.wait(cluster="boxes", tasks=[task], WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    names = engine.run("ps", "--format", "{{.Names}}").split()
    return next(name for name in names if name.endswith("app"))


def _load_balancer(plane: ControlPlane) -> str:
    """The DNS name of an application load balancer that answers by itself, on port 80."""
    vpc = plane.client("ec2").describe_subnets()["Subnets"]
    elb = plane.client("elbv2")
    made = elb.create_load_balancer(
        Name="inside", Scheme="internal", Subnets=[subnet["SubnetId"] for subnet in vpc[:2]]
    )["LoadBalancers"][0]
    text = {
        "StatusCode": "200",
        "ContentType": "text/plain",
        "MessageBody": "from the load balancer",
    }
    elb.create_listener(
        LoadBalancerArn=made["LoadBalancerArn"],
        Protocol="HTTP",
        Port=80,
        DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": text}],
    )
    return str(made["DNSName"])


def _until_answered(engine: Podman, container: str, host: str) -> tuple[str, str]:
    """The address of a name inside a container, and the answer there."""
    deadline = time.monotonic() + 30
    while True:
        try:
            said = engine.run("exec", container, _PYTHON, "-c", _ASK, host).strip()
        except Exception:
            # The Envoy is starting: the name has no address, or nothing listens there yet.
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
            continue
        address, _, answer = said.partition(" ")
        return address, answer
