"""What Envoys and tasks do to a mesh: one stands still, and others are stopped."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.drills.conftest import Drills
from tests.drills.stage import Drill
from tests.support.meshes.article import NETWORK
from tests.support.planes.sample import api
from tests.support.programs.postgres import Server
from tests.support.waiting import until

SILENT = "silent"


def _stable(drill: Drill, service: str) -> None:
    drill.article.ecs.get_waiter("services_stable").wait(
        cluster=drill.article.cluster,
        services=[service],
        WaiterConfig={"Delay": 1, "MaxAttempts": 120},
    )


def _tasks(drill: Drill, service: str) -> list[str]:
    """The ids of a service's tasks that are to run."""
    listed = drill.article.ecs.list_tasks(cluster=drill.article.cluster, serviceName=service)
    return [arn.rpartition("/")[2] for arn in listed["taskArns"]]


def _silent(drill: Drill) -> int:
    """Have an Envoy that may call the service, and calls nobody; its process."""
    article, resource = drill.article, drill.article.caller(SILENT)
    gateway = article.ecs.describe_task_definition(taskDefinition="edge")["taskDefinition"]
    (envoy,) = gateway["containerDefinitions"]
    envoy["environment"] = [
        {**one, "value": resource} if one["name"] == "APPMESH_RESOURCE_ARN" else one
        for one in envoy["environment"]
        if one["name"] != "TEAL_PUBLISH_ADDRESS"
    ]
    article.ecs.register_task_definition(
        family=SILENT,
        requiresCompatibilities=["FARGATE"],
        networkMode="awsvpc",
        cpu="256",
        memory="512",
        containerDefinitions=[envoy],
    )
    article.ecs.create_service(
        cluster=article.cluster,
        serviceName=SILENT,
        taskDefinition=SILENT,
        desiredCount=1,
        launchType="FARGATE",
        networkConfiguration=NETWORK,
    )
    _stable(drill, SILENT)
    (task,) = _tasks(drill, SILENT)
    return _envoy_of(task)


def _envoy_of(task: str) -> int:
    """The process of a task's Envoy."""
    for place in Path("/proc").glob("[0-9]*"):
        try:
            words = (place / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if words[0].endswith(b"envoy") and any(task.encode() in word for word in words):
            return int(place.name)
    raise AssertionError(f"no Envoy of task {task} runs")


@pytest.mark.drill
@pytest.mark.timeout(900)
def test_an_envoy_stands_still(drills: Drills, server: Server) -> None:
    with drills.play("envoy-silent", databases=[server.url] * 2) as drill:
        process = _silent(drill)
        (task,) = _tasks(drill, SILENT)
        shown, asked = f"task {task[:8]}", drill.planes[0]
        drill.deploy()
        with drill.fault():
            os.kill(process, signal.SIGSTOP)
            try:
                drill.reaches("CONVERGING_TARGET")

                def waits() -> str:
                    return str(api(asked).get_deployment("sample").get("waitingFor", ""))

                # One that was asked before it stood still may be waited for at the next change.
                until(lambda: shown in waits() or SILENT in waits(), waits, 120)
                drill.note(f"the deployment: {waits().replace(shown, 'task TASK')}")
                until(lambda: SILENT in asked.teal("envoys").stdout)
            finally:
                os.kill(process, signal.SIGCONT)
        drill.finished()


@pytest.mark.drill
@pytest.mark.timeout(900)
def test_tasks_are_stopped(drills: Drills, server: Server) -> None:
    with drills.play("tasks-stopped", databases=[server.url] * 2) as drill:
        article, service = drill.article, drill.article.ecs_service("blue")
        article.ecs.update_service(cluster=article.cluster, service=service, desiredCount=2)
        _stable(drill, service)
        for task in _tasks(drill, service):
            with drill.fault():
                article.ecs.stop_task(cluster=article.cluster, task=task)
                until(lambda gone=task: gone not in _tasks(drill, service))
                _stable(drill, service)
