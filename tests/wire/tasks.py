"""ECS tasks of a real control plane: register, run, describe and stop them."""

from __future__ import annotations

import json
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from tests.support.planes.control_plane import ControlPlane
from tests.support.planes.ecs import NETWORK
from tests.support.planes.engine import WEB

CLUSTER = "tasks"
FAST = {"Delay": 1, "MaxAttempts": 60}
"""For boto3's waiters, which poll every 6 or 15 s by default."""


def images(directory: Path) -> Path:
    """A teal.toml with the small web application (team/web, team/crash), and a shell (team/sh) that
    may write to our files.
    """
    commands = {
        "team/web:*": [sys.executable, str(WEB), "version=1"],
        "team/next:*": [sys.executable, str(WEB), "version=2"],
        "team/crash:*": [sys.executable, str(WEB), "crash"],
    }
    shell = '"team/sh:*" = { command = "sh", user = "root" }'
    lines = [f"{json.dumps(name)} = {json.dumps(command)}" for name, command in commands.items()]
    file = directory / "teal.toml"
    file.write_text("\n".join(['[mesh]\nname = "tasks"\n\n[images]', *lines, shell, ""]))
    return file


class Tasks:
    """Runs tasks in a cluster of their own."""

    def __init__(self, plane: ControlPlane) -> None:
        self.ecs = plane.client("ecs")
        self.ecs.create_cluster(clusterName=CLUSTER)
        self._families = 0

    def define(self, *containers: dict[str, Any], family: str = "", role: str = "") -> str:
        """Register a definition for Fargate; return its ARN."""
        if not family:
            self._families += 1
            family = f"family-{self._families}"
        made = self.ecs.register_task_definition(
            family=family,
            requiresCompatibilities=["FARGATE"],
            networkMode="awsvpc",
            cpu="256",
            memory="512",
            containerDefinitions=list(containers),
            **({"taskRoleArn": role} if role else {}),
        )
        return str(made["taskDefinition"]["taskDefinitionArn"])

    def run(self, definition: str, **members: Any) -> str:
        """Request one task; return its ARN."""
        answer = self.ecs.run_task(
            cluster=CLUSTER,
            taskDefinition=definition,
            launchType="FARGATE",
            networkConfiguration=NETWORK,
            **members,
        )
        assert answer["failures"] == []
        return str(answer["tasks"][0]["taskArn"])

    def start(self, *containers: dict[str, Any], role: str = "", wait: bool = True) -> str:
        """Start a task and wait until it is RUNNING; return its ARN."""
        task = self.run(self.define(*containers, role=role))
        if wait:
            self.running(task)
        return task

    def running(self, task: str) -> None:
        self.ecs.get_waiter("tasks_running").wait(cluster=CLUSTER, tasks=[task], WaiterConfig=FAST)

    def stopped(self, task: str) -> dict[str, Any]:
        self.ecs.get_waiter("tasks_stopped").wait(cluster=CLUSTER, tasks=[task], WaiterConfig=FAST)
        return self.describe(task)

    def run_to_end(self, *containers: dict[str, Any]) -> dict[str, Any]:
        """Run a task that ends by itself; return its last description."""
        return self.stopped(self.run(self.define(*containers)))

    def fail(self, *containers: dict[str, Any]) -> dict[str, Any]:
        """Run a task that cannot start; return its last description."""
        task = self.run_to_end(*containers)
        assert "startedAt" not in task
        return task

    def stop(self, task: str) -> dict[str, Any]:
        self.ecs.stop_task(cluster=CLUSTER, task=task)
        return self.stopped(task)

    def describe(self, task: str) -> dict[str, Any]:
        answer = self.ecs.describe_tasks(cluster=CLUSTER, tasks=[task], include=["TAGS"])
        described: dict[str, Any] = answer["tasks"][0]
        return described

    def address(self, task: str) -> str:
        """The address of the task's network interface."""
        details = self.describe(task)["attachments"][0]["details"]
        return next(str(d["value"]) for d in details if d["name"] == "privateIPv4Address")

    def get(self, task: str, path: str) -> str:
        """What the application answers, once it listens: a task runs a little before that."""
        url = f"http://{self.address(task)}:8080{path}"
        deadline = time.monotonic() + 30
        while True:
            try:
                with urllib.request.urlopen(url, timeout=10) as answer:
                    return str(answer.read().decode())
            except urllib.error.HTTPError:
                raise
            except urllib.error.URLError:
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.05)

    def environment(self, task: str) -> dict[str, str]:
        """The environment of the small web application."""
        variables: dict[str, str] = json.loads(self.get(task, "/env"))
        return variables
