"""An application that answers its own health path with 500: who says so, and what is done."""

from __future__ import annotations

import json
import sys
import urllib.request
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.support import waiting
from tests.support.machine import REPOSITORY, free_port
from tests.support.planes.control_plane import ControlPlane, control_plane
from tests.support.planes.sample import api

until = partial(waiting.until, seconds=90)

APP = str(REPOSITORY / "tests" / "support" / "applications" / "streams.py")


def _config(directory: Path, port: int, replace_after: str) -> Path:
    config = directory / "teal.toml"
    config.write_text(f"""
mesh.name = "sample"
images."team/streams:*" = {json.dumps([sys.executable, APP])}

[services.web]
port = 8080
image = "team/streams:1"
health_path = "/health"
desired_count = 2
replace_after = {json.dumps(replace_after)}

[gateways.edge]
port = {port}
routes = {{ "/" = "web" }}
""")
    return config


@pytest.mark.scenario
def test_tasks_that_no_caller_can_use_are_seen_everywhere_and_replaced(tmp_path: Path) -> None:
    port = free_port()
    config = _config(tmp_path, port, "never")
    with control_plane(tmp_path, config) as plane:
        plane.teal("apply", "--config", str(config))
        sick = _ask(port, "/sick")
        while _ask(port, "/sick") == sick:
            pass
        before = _tasks(plane)
        until(lambda: _blue(plane)["healthy"] == 0)
        reason = _blue(plane)["reason"]
        assert reason.startswith("no caller has been able to use task ")
        assert reason.endswith("it fails the health check of edge")
        doctor = plane.teal("doctor", check=False)
        assert doctor.returncode == 1
        assert "0 of 2 tasks of blue are healthy: no caller has been able to use" in doctor.stdout
        assert plane.teal("envoys").stdout.count("0 of 1") == 2
        until(lambda: sum("can be used by none of its callers" in e for e in _events(plane)) == 2)
        told = plane.teal("events").stdout
        assert "of web-blue can be used by none of its callers: it fails the health" in told

        # Nothing is replaced as long as the service says never; then both are, one after the other.
        assert _tasks(plane) == before
        _config(tmp_path, port, "1s")
        applied = plane.teal("apply", "--config", str(config)).stdout
        assert "teal:replace-after: never → 1s" in applied
        until(lambda: not before & _tasks(plane) and _blue(plane)["healthy"] == 2)
        replaced = [e for e in _events(plane) if "is replaced: no caller has been able" in e]
        assert len(replaced) == 2
        assert _ask(port, "/")
        # Other control planes of this machine may leave something for doctor to find.
        assert "service web: all tasks are healthy" in plane.teal("doctor", check=False).stdout


def _ask(port: int, path: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=20) as answer:
        return str(answer.read())


def _blue(plane: ControlPlane) -> Any:
    return api(plane).get_status()["services"][0]["sides"][0]


def _tasks(plane: ControlPlane) -> set[str]:
    return set(plane.client("ecs").list_tasks(cluster="sample", serviceName="web-blue")["taskArns"])


def _events(plane: ControlPlane) -> list[str]:
    answer = plane.client("ecs").describe_services(cluster="sample", services=["web-blue"])
    return [event["message"] for event in answer["services"][0]["events"]]
