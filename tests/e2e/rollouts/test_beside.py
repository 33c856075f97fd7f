"""Before the first weight and beside it, with real Envoys: preview through two services, copies of
requests, the cohort of an A/B deployment, and users who stay on their side.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.machine import REPOSITORY, free_port
from tests.support.planes.control_plane import ControlPlane, control_plane
from tests.support.planes.sample import api, finished
from tests.support.programs.traffic import traffic
from tests.support.waiting import until

APP = str(REPOSITORY / "tests" / "support" / "applications" / "passing.py")
PREVIEW = 'preview = { allow = ["edge"] }'
COPIES = 'mirror = { percent = 100, time = "500ms" }'


class Chain:
    """``web``, which calls ``api``, behind the gateway ``edge``."""

    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        self.config = directory / "teal.toml"

    def write(self, web: str, api: str = "") -> None:
        """``web``, ``api``: lines of their strategies."""
        behind = "http://api.chain.local:8080/"
        images = {
            f"{name}:{n}": [sys.executable, APP, str(n), *([behind] if name == "web" else [])]
            for name in ("web", "api")
            for n in (1, 2, 3)
        }
        services = "".join(
            f"""
[services.{name}]
port = 8080
image = "{name}:1"
health_path = "/health"
backends = {json.dumps(["api"] if name == "web" else [])}
[services.{name}.strategy]
step_time = "500ms"
bake_time = "300ms"
{lines}
[services.{name}.gates]
min_requests = 10
approval = {json.dumps("steps" not in lines)}
"""
            for name, lines in (("web", web), ("api", api))
        )
        lines = "\n".join(f"{json.dumps(k)} = {json.dumps(v)}" for k, v in images.items())
        gateway = f'[gateways.edge]\nport = {self.port}\nroutes = {{ "/" = "web" }}\n'
        self.config.write_text(f'[mesh]\nname = "chain"\n[images]\n{lines}\n{services}\n{gateway}')

    def get(self, **headers: str) -> str:
        """The versions that answer, of web and of api."""
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = httpx.get(f"http://127.0.0.1:{self.port}/", headers=fields, timeout=20)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["version"])


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[tuple[Chain, ControlPlane]]:
    made = Chain(tmp_path)
    made.write(f"{PREVIEW}\n{COPIES}", f"{PREVIEW}\n{COPIES}")
    with control_plane(tmp_path, made.config) as plane:
        plane.teal("apply", "--config", str(made.config))
        yield made, plane


def deploy(plane: ControlPlane, service: str, version: int) -> None:
    plane.teal("deploy", service, "--image", f"{service}:{version}", "--no-follow")


def awaiting(plane: ControlPlane, service: str) -> Any:
    """The deployment, once it waits for approval."""

    def waits() -> bool:
        deployment = api(plane).get_deployment(service)
        assert not deployment.get("finishedAt"), deployment
        return bool(deployment["state"] == "AWAITING_APPROVAL")

    until(waits, lambda: api(plane).get_deployment(service))
    return api(plane).get_deployment(service)


@pytest.mark.scenario
def test_two_new_versions_in_a_row_are_copied_to_and_previewed_and_nobody_else_sees_them(
    chain: tuple[Chain, ControlPlane],
) -> None:
    system, plane = chain
    with traffic((f"http://127.0.0.1:{system.port}/", 60.0)) as load:
        deploy(plane, "web", 2)
        deploy(plane, "api", 2)
        for service in ("web", "api"):
            deployment = awaiting(plane, service)
            (mirror,) = deployment["besideVerdicts"]
            assert (mirror["gate"], mirror["verdict"]) == ("mirror", "PASS"), mirror
            assert mirror["have"] >= 10
            assert deployment["beside"] == [
                "header x-teal-preview: green reaches green; gateways let it pass: edge"
            ]
        assert system.get(x_teal_preview="green") == "2,2"
        assert system.get(x_teal_preview="web=green") == "2,1"
        assert system.get(x_teal_preview="api=green") == "1,2"
        assert system.get(baggage="a=b,x-teal-preview=green") == "2,2"
        assert system.get(x_teal_preview="blue") == "1,1"
        plane.kill9()
        plane.start()
        assert system.get(x_teal_preview="green") == "2,2"
        seen = load.total
        assert set(seen.versions) == {"1,1"}
        plane.teal("approve", "api")
        assert finished(plane, "api")["status"] == "SUCCESSFUL"
        plane.teal("abort", "web")
        until(lambda: bool(api(plane).get_deployment("web").get("finishedAt")))
        assert "beside" not in api(plane).get_deployment("web")
        assert system.get(x_teal_preview="green") == "1,2"
        total = load.stop()
    assert not total.failures
    assert set(total.versions) == {"1,1", "1,2"}


@pytest.mark.drill
def test_a_cohort_gets_the_new_version_first_and_users_stay_on_their_side(
    chain: tuple[Chain, ControlPlane],
) -> None:
    system, plane = chain
    system.write('match = { header = "x-cohort", value = "beta" }')
    plane.teal("apply", "--config", str(system.config))
    deploy(plane, "web", 2)
    until(lambda: api(plane).get_deployment("web")["state"] == "COHORT")
    until(lambda: system.get(x_cohort="beta") == "2,1")
    for _ in range(20):
        assert system.get(x_cohort="beta") == "2,1"
        assert system.get() == system.get(x_cohort="alpha") == "1,1"
    deployment = awaiting(plane, "web")
    assert "requests with header x-cohort: beta go to green" in deployment["beside"]
    assert deployment["besideVerdicts"][0]["gate"] == "cohort"
    assert system.get(x_teal_preview="green") == "1,1"
    with traffic((f"http://127.0.0.1:{system.port}/", 60.0)) as load:
        plane.teal("approve", "web")
        assert finished(plane)["status"] == "SUCCESSFUL"
        sticky = 'sticky = { cookie = "user" }'
        steps = "steps = [50, { weight = 100, approval = true }]"
        system.write(f"{steps}\n{sticky}")
        plane.teal("apply", "--config", str(system.config))
        deploy(plane, "web", 3)
        awaiting(plane, "web")
        url = f"http://127.0.0.1:{system.port}/"
        sides = set()
        for _ in range(12):
            with httpx.Client() as user:
                first = user.get(url).json()["version"]
                assert {user.get(url).json()["version"] for _ in range(5)} == {first}
                sides.add(first)
        assert sides == {"2,1", "3,1"}
        plane.teal("approve", "web")
        assert finished(plane)["status"] == "SUCCESSFUL"
        assert not load.stop().failures
    assert system.get(x_cohort="beta") == "3,1"
