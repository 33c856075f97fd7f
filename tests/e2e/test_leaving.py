"""A task with Envoy's agent and the container that is stopped first leaves as ECS stops it: nobody
tells the control plane but the task itself, and no request is lost.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.boxes import Boxes
from tests.e2e.test_containers import containers
from tests.support.planes.control_plane import ControlPlane
from tests.support.programs.images import envoy_image
from tests.support.programs.load import Load
from tests.support.programs.podman import Podman, needs_engine, podman
from tests.support.waiting import until

pytestmark = [needs_engine, pytest.mark.drill, pytest.mark.timeout(900)]

AGENT = "localhost/tealmesh-envoy:test"
RATE = 150.0


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Podman]:
    (tmp_path / "podman").mkdir()
    with podman(tmp_path / "podman") as running:
        yield running


def with_agent(definition: Mapping[str, Any]) -> dict[str, Any]:
    """The task definition with our image as its Envoy, and what is stopped first."""
    named = ("family", "networkMode", "cpu", "memory", "taskRoleArn", "proxyConfiguration")
    made = {name: definition[name] for name in named if name in definition}
    parts = [dict(one) for one in definition["containerDefinitions"]]
    envoy = next(one for one in parts if "envoy" in one["image"])
    application = next(one for one in parts if one is not envoy)
    envoy["image"] = AGENT
    drain = {
        "name": "drain",
        "image": AGENT,
        "command": ["drain"],
        "essential": True,
        "user": envoy.get("user", "1337"),
        "dependsOn": [{"containerName": application["name"], "condition": "START"}],
        "stopTimeout": 60,
    }
    return {**made, "containerDefinitions": [*parts, drain]}


def test_a_task_that_is_stopped_from_outside_loses_no_request(
    engine: Podman, tmp_path: Path
) -> None:
    boxes = Boxes(tmp_path)
    boxes.make_images(engine)
    envoy_image(engine, tmp_path, AGENT)
    plane = ControlPlane(tmp_path)
    load = Load("127.0.0.1", boxes.port, host="boxes", concurrency=6, rate=RATE, timeout=20)

    def tasks() -> list[str]:
        found = plane.client("ecs").list_tasks(cluster="boxes", serviceName="web-blue")
        return [str(one).rpartition("/")[2] for one in found["taskArns"]]

    def to_agents() -> None:
        """Tasks with the agent take the place of the others."""
        ecs = plane.client("ecs")
        (service,) = ecs.describe_services(cluster="boxes", services=["web-blue"])["services"]
        found = ecs.describe_task_definition(taskDefinition=service["taskDefinition"])
        new = ecs.register_task_definition(**with_agent(found["taskDefinition"]))
        arn = new["taskDefinition"]["taskDefinitionArn"]
        ecs.update_service(cluster="boxes", service="web-blue", taskDefinition=arn)
        waiter, steady = ecs.get_waiter("services_stable"), {"Delay": 1, "MaxAttempts": 240}
        waiter.wait(cluster="boxes", services=["web-blue"], WaiterConfig=steady)

    def stopped() -> str:
        """Stop the first container of a task; return the task once another has replaced it."""
        task = tasks()[0]
        names = list(containers(engine).values())
        assert sum(name.endswith("-drain") for name in names) == 2
        engine.run("stop", "--time", "60", next(n for n in names if n.endswith(f"{task}-drain")))
        until(lambda: task not in tasks() and len(tasks()) == 2, plane.log, seconds=180)
        return task

    async def work() -> str:
        async with load:
            await load.answered(100)
            await asyncio.to_thread(to_agents)
            await load.answered(200)
            assert load.report.failures == []
            task = await asyncio.to_thread(stopped)
            await load.answered(300)
        return task

    try:
        plane.start(DOCKER_HOST=engine.url)
        boxes.apply(plane)
        task = asyncio.run(work())
        assert load.report.failures == []
        assert load.report.statuses.keys() == {200}
        waiter, often = plane.client("ecs").get_waiter("tasks_stopped"), {"Delay": 1}
        waiter.wait(cluster="boxes", tasks=[task], WaiterConfig=often)
        (shown,) = plane.client("ecs").describe_tasks(cluster="boxes", tasks=[task])["tasks"]
        codes = {one["name"]: one.get("exitCode") for one in shown["containers"]}
        assert codes["drain"] == 0, (codes, said(tmp_path, task))
        outcome = json.loads(said(tmp_path, task).rpartition("drain: ")[2])
        assert (outcome["drained"], outcome["announced"], outcome["inFlight"]) == (True, True, 0)
    finally:
        if plane.process is not None and plane.process.poll() is None:
            plane.down()


def said(directory: Path, task: str) -> str:
    """The log of the task's drain container."""
    path = directory / "data" / "tasks" / task / "drain" / "log"
    return path.read_text() if path.exists() else "no log"
