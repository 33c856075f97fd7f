"""A drained task loses no request; one that is killed without draining does, and it shows."""

from __future__ import annotations

import os
import signal
from functools import partial
from pathlib import Path

from tests.support import waiting
from tests.support.planes.control_plane import ControlPlane, control_plane
from tests.support.planes.sample import Sample
from tests.support.programs.traffic import traffic

until = partial(waiting.until, seconds=40)


def test_a_replaced_task_loses_nothing_and_a_killed_one_does(tmp_path: Path) -> None:
    sample = Sample(tmp_path)
    with control_plane(tmp_path, sample.config) as plane:
        sample.apply(plane)
        with traffic((sample.url, 300.0)) as load:
            before = _task(plane)
            plane.client("ecs").update_service(
                cluster="sample", service="web-blue", forceNewDeployment=True
            )
            until(lambda: _task(plane) not in (before, ""))
            load.watch(0.5)
            assert not load.failures

            os.kill(_application(plane, _task(plane)), signal.SIGKILL)
            until(lambda: bool(load.failures))
            assert load.stop().failures


def _task(plane: ControlPlane) -> str:
    """The only task of the service; empty while there is none or more than one."""
    arns = plane.client("ecs").list_tasks(cluster="sample", serviceName="web-blue")["taskArns"]
    return str(arns[0]).rpartition("/")[2] if len(arns) == 1 else ""


def _application(plane: ControlPlane, task: str) -> int:
    """The process of a task's application."""
    return int((plane.directory / "data" / "tasks" / task / "app" / "pid").read_text().split()[0])
