"""A service that others made, with two routes: they shift as one; what somebody changes holds the
deployment; a version that dies is gone back from.
"""

from __future__ import annotations

import json
import shlex
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tealmesh.aws.clients import client
from tests.e2e.test_adopted import started
from tests.support.planes.control_plane import ControlPlane, control_plane
from tests.support.planes.sample import APP, IMAGES, api, finished
from tests.support.programs.traffic import traffic
from tests.support.waiting import until

RATE = 60.0
FRAIL = "example/sample:frail"


def configured(directory: Path, broken: Path) -> Path:
    """A teal.toml that tells of the service; its second version starts only until ``broken`` is
    there.
    """
    command = f"test ! -e {shlex.quote(str(broken))} && exec {sys.executable} {APP} --version 2"
    images = {**IMAGES, FRAIL: ["sh", "-c", command]}
    config = directory / "teal.toml"
    config.write_text(
        "[images]\n"
        + "\n".join(f"{json.dumps(image)} = {json.dumps(run)}" for image, run in images.items())
        + """
[adopted.sample.strategy]
steps = [10, 50, 100]
step_time = "500ms"
bake_time = "300ms"

[adopted.sample.gates]
min_requests = 20
"""
    )
    return config


def weights(plane: ControlPlane, router: str) -> dict[str, dict[str, int]]:
    """By route."""
    appmesh, found = plane.client("appmesh"), {}
    names: Any = {"meshName": "article", "virtualRouterName": router}
    for one in appmesh.list_routes(**names)["routes"]:
        spec = appmesh.describe_route(**names, routeName=one["routeName"])["route"]["spec"]
        targets = spec["httpRoute"]["action"]["weightedTargets"]
        found[one["routeName"]] = {t["virtualNode"]: t["weight"] for t in targets}
    return found


def shifted(plane: ControlPlane) -> list[str]:
    events = client("tealmesh", plane.endpoint, access_key="test").list_events(limit=1000)["events"]
    return [event["message"] for event in events if event["operation"] == "ShiftWeights"]


@pytest.mark.scenario
@pytest.mark.timeout(180)
def test_two_routes_shift_as_one_hold_as_one_and_go_back_as_one(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    with control_plane(tmp_path, configured(tmp_path, broken)) as plane:
        article, url = started(plane, "blue")
        routed = {"meshName": article.mesh, "virtualRouterName": article.app, "routeName": "api"}
        spec = article.route_spec(blue=7)
        spec |= {"priority": 10}
        spec["httpRoute"]["match"] = {"prefix": "/api"}
        article.appmesh.create_route(**routed, spec=spec)
        shown = plane.teal("adopt", "sample").stdout
        assert "routes, whose weights are shifted together: api, sample" in shown

        with traffic((url, RATE), (f"{url}api/x", RATE)) as load:
            plane.teal("deploy", "sample", "--image", FRAIL, "--no-follow")
            until(lambda: weights(plane, article.app)["api"].get("sample-green") == 10)
            spec["httpRoute"]["action"]["weightedTargets"] = [
                {"virtualNode": "sample-blue", "weight": 1},
                {"virtualNode": "sample-green", "weight": 0},
            ]
            article.appmesh.update_route(**routed, spec=spec)
            until(lambda: api(plane).get_deployment("sample")["state"] == "HELD")
            note = api(plane).get_deployment("sample")["note"]
            assert "the weights of route api were changed to blue=1 green=0 by" in note
            status = api(plane).get_status()["services"][0]
            assert "its routes stand at different weights (api: " in status["problem"]
            plane.teal("resume", "sample", "--take-over", check=False)
            done = finished(plane, "sample")
            assert done["status"] == "SUCCESSFUL", done
            assert set(load.watch(1.0).versions) == {"2"}
            total = load.stop()
        assert not total.failures
        both = {"sample-green": 100}
        assert weights(plane, article.app) == {"api": both, "sample": both}
        written = shifted(plane)
        assert len(written) >= 5
        for message in written:
            assert "route api of router sample" in message or "route sample of router" in message
        # All but the first one after somebody's change write both.
        single = [m for m in written if not ("route api of" in m and "route sample of" in m)]
        assert len(single) <= 1, written

        # The version that serves dies; the one before comes back without any traffic.
        broken.touch()
        for task in article.ecs.list_tasks(
            cluster=article.cluster, serviceName=article.ecs_service("green")
        )["taskArns"]:
            article.ecs.stop_task(cluster=article.cluster, task=task)
        back = plane.teal("rollback", "sample")
        assert "example/sample:0.0.1 on blue serves all requests" in back.stdout
        with urllib.request.urlopen(f"{url}api/x", timeout=5) as response:
            assert json.load(response)["version"] == "1"
        assert {w["sample-blue"] for w in weights(plane, article.app).values()} == {100}
