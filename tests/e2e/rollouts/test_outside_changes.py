"""What others do while a deployment runs, with real Envoys; and ways out of a dead version."""

from __future__ import annotations

import json
import shlex
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.planes.control_plane import ControlPlane, control_plane
from tests.support.planes.sample import APP, Sample, api, finished, weights
from tests.support.programs.traffic import traffic


def until(plane: ControlPlane, holds: Callable[[Any], object], seconds: float = 60.0) -> Any:
    """The service's deployment, once this holds for it."""
    deadline = time.monotonic() + seconds
    while not holds(deployment := api(plane).get_deployment("web")):
        assert time.monotonic() < deadline, deployment
        time.sleep(0.1)
    return deployment


def route(plane: ControlPlane) -> Any:
    names = {"meshName": "sample", "virtualRouterName": "web", "routeName": "route"}
    return names, plane.client("appmesh").describe_route(**names)["route"]["spec"]


def answers(sample: Sample) -> Any:
    with urllib.request.urlopen(sample.url, timeout=5) as response:
        return json.load(response)


def running(plane: ControlPlane) -> dict[str, int]:
    sides = api(plane).get_status()["services"][0]["sides"]
    return {side["side"]: side["healthy"] for side in sides}


@pytest.mark.drill
def test_weight_given_back_while_baking_without_traffic_stops_nothing(tmp_path: Path) -> None:
    sample = Sample(tmp_path, bake_time="60s")
    with control_plane(tmp_path, sample.config) as plane:
        sample.apply(plane)
        names, spec = route(plane)
        timeout = {"perRequest": {"unit": "s", "value": 60}}
        retry = {"maxRetries": 2, "perRetryTimeout": {"unit": "s", "value": 20}}
        retry["httpRetryEvents"] = ["gateway-error"]
        spec["httpRoute"] |= {"timeout": timeout, "retryPolicy": retry}
        plane.client("appmesh").update_route(**names, spec=spec)
        with traffic((sample.url, 100.0)) as load:
            plane.teal("deploy", "web", "--image", "example/sample:0.0.2", "--no-follow")
            until(plane, lambda d: d["state"] == "BAKING")
            assert not load.stop().failures
        for target in spec["httpRoute"]["action"]["weightedTargets"]:
            target["weight"] = 100 * target["virtualNode"].endswith("blue")
        _, live = route(plane)
        live["httpRoute"]["action"] = spec["httpRoute"]["action"]
        plane.client("appmesh").update_route(**names, spec=live)

        held = until(plane, lambda d: d["state"] == "HELD")
        assert "the weights were changed to blue=100" in held["note"]
        assert "(UpdateRoute)" in held["note"]
        assert "teal abort web --give-up" in held["waitingFor"]
        assert running(plane) == {"blue": 1, "green": 1}
        assert answers(sample)["version"] == "1"
        # The same after a restart.
        plane.kill9()
        plane.start()
        assert api(plane).get_deployment("web")["state"] == "HELD"
        refused = plane.teal("resume", "web", check=False)
        assert "`teal resume web --take-over` goes on from what is live" in refused.stderr
        ended = plane.teal("abort", "web")
        assert "example/sample:0.0.1 on blue serves all requests" in ended.stdout
        assert answers(sample)["version"] == "1"
        _, after = route(plane)
        assert after["httpRoute"]["timeout"] == timeout
        assert after["httpRoute"]["retryPolicy"] == retry


@pytest.mark.drill
def test_a_dead_version_is_replaced_at_once_and_gone_back_from_without_traffic(
    tmp_path: Path,
) -> None:
    broken = tmp_path / "broken"
    command = f"test ! -e {shlex.quote(str(broken))} && exec {sys.executable} {APP} --version 1"
    frail = f'"example/frail:1" = ["sh", "-c", {json.dumps(command)}]'
    sample = Sample(tmp_path, desired_count=2)
    text = sample.text().replace("[images]", f"[images]\n{frail}")
    sample.config.write_text(
        text.replace('image = "example/sample:0.0.1"', 'image = "example/frail:1"')
    )
    with control_plane(tmp_path, sample.config) as plane:
        sample.apply(plane)
        ecs = plane.client("ecs")
        ecs.update_service(cluster="sample", service="web-blue", desiredCount=3)
        assert (
            "desired count of 3, which stays"
            in plane.teal("apply", "--config", str(sample.config)).stdout
        )
        broken.touch()
        for task in ecs.list_tasks(cluster="sample", serviceName="web-blue")["taskArns"]:
            ecs.stop_task(cluster="sample", task=task)
        deadline = time.monotonic() + 30
        while running(plane)["blue"]:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        with traffic((sample.url, 60.0)):
            plane.teal("deploy", "web", "--image", "example/sample:0.0.2")
        done = finished(plane)
        assert done["serves"] == "example/sample:0.0.2 on green serves all requests"
        notes = [entry["message"] for entry in api(plane).list_journal("web", done["deploymentId"])]
        assert any("blue has weight and no healthy task: green gets all" in note for note in notes)
        assert running(plane)["green"] == 3

        broken.unlink()
        back = plane.teal("rollback", "web")  # Nobody calls.
        assert "example/frail:1 on blue serves all requests" in back.stdout
        assert answers(sample)["version"] == "1"
        assert weights(plane) == {"blue": 100, "green": 0}
        again = plane.teal("rollback", "web").stdout
        assert "web is already back: example/frail:1 on blue serves" in again
        assert len(api(plane).list_deployments("web")) == 2
