"""Two services in a row are deployed together under load: both succeed, through a ``kill -9``; and
a bad second one takes the first one back with it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.machine import REPOSITORY, free_port
from tests.support.planes.control_plane import ControlPlane, control_plane
from tests.support.planes.sample import api
from tests.support.programs.traffic import traffic
from tests.support.waiting import until

APP = str(REPOSITORY / "tests" / "support" / "applications" / "passing.py")
BEHIND = "http://cart.shop.local:8080/"


def config(port: int) -> str:
    """``web``, which calls ``cart``. Their new sides are green and blue."""
    images = {f"cart:{n}": [sys.executable, APP, str(n)] for n in (1, 2, 3)}
    images |= {f"web:{n}": [sys.executable, APP, str(n), BEHIND] for n in (1, 2, "bad")}
    lines = "\n".join(f"{json.dumps(k)} = {json.dumps(v)}" for k, v in images.items())
    strategy = 'step_time = "500ms"\nbake_time = "300ms"\npreview = { allow = ["edge"] }'
    return f"""
[mesh]
name = "shop"
[images]
{lines}
[groups.shop]
services = ["web", "cart"]
[services.web]
port = 8080
image = "web:1"
health_path = "/health"
backends = ["cart"]
depends_on = ["cart"]
[services.web.strategy]
steps = [20, 100]
{strategy}
[services.web.gates]
min_requests = 10
[services.cart]
port = 8080
image = "cart:1"
health_path = "/health"
sides = ["green", "blue"]
[services.cart.strategy]
{strategy}
[services.cart.gates]
min_requests = 10
[gateways.edge]
port = {port}
routes = {{ "/" = "web" }}
"""


def latest(plane: ControlPlane) -> Any:
    return api(plane).get_group_deployment("shop")


def states(plane: ControlPlane) -> dict[str, str]:
    return {m["service"]: m["deployment"]["state"] for m in latest(plane)["members"]}


def finished(plane: ControlPlane) -> Any:
    until(lambda: "finishedAt" in latest(plane), lambda: latest(plane), 60)
    return latest(plane)


@pytest.mark.scenario
@pytest.mark.timeout(180)
def test_a_good_group_succeeds_through_a_kill_and_a_bad_member_takes_all_back(
    tmp_path: Path,
) -> None:
    port = free_port()
    file = tmp_path / "teal.toml"
    file.write_text(config(port))
    url = f"http://127.0.0.1:{port}/"

    def get(**headers: str) -> str:
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        return str(httpx.get(url, headers=named, timeout=20).json()["version"])

    with control_plane(tmp_path, file) as plane:
        plane.teal("apply", "--config", str(file))
        with traffic((url, 60.0)) as load:
            plane.teal("deploy", "--group", "shop", "web=web:2", "cart=cart:2", "--no-follow")
            plane.teal("pause", "--group", "shop")
            until(lambda: set(states(plane).values()) == {"VERIFYING"}, lambda: states(plane))
            for value in ("shop", "green", "blue", "web=green,cart=blue"):
                until(lambda v=value: get(x_teal_preview=v) == "2,2", lambda: latest(plane))
            assert get() == "1,1"
            held = plane.teal("approve", "--group", "shop", check=False)
            assert held.returncode == 1
            assert "no deployment of group shop needs approval" in held.stderr, held.stderr
            plane.teal("resume", "--group", "shop", "--no-follow")
            until(lambda: states(plane)["cart"] in ("MEASURING", "BAKING"), lambda: states(plane))
            plane.kill9()
            plane.start()
            good = finished(plane)
            assert (good["state"], good["number"]) == ("SUCCEEDED", 1), good
            assert get() == "2,2"
            assert not load.failures
            bad = plane.teal("deploy", "--group", "shop", "web=web:bad", "cart=cart:3", check=False)
            assert bad.returncode == 1, bad.stdout + bad.stderr
            assert "ROLLBACK_SUCCESSFUL: web: " in bad.stderr
            assert get() == "2,2"
            tally = load.stop()
        assert set(tally.failures) <= {"status 500"}, tally.failures
        assert [g["status"] for g in api(plane).list_group_deployments("shop")] == [
            "ROLLBACK_SUCCESSFUL",
            "SUCCESSFUL",
        ]
        shown = plane.teal("explain", "--group", "shop").stdout
        assert "was rolled back" in shown, shown
