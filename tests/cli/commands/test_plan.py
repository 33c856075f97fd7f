"""deploy --plan: what it requests, prints and exits with."""

from __future__ import annotations

import json
from typing import Any

from tests.cli.command_line import assert_one_line, teal
from tests.cli.teal_api import TealApi

PLAN: dict[str, Any] = {
    "service": "web", "image": "x/web:2", "oldImage": "x/web:1", "oldSide": "blue",
    "newSide": "green", "starts": True,
    "known": [{"bearing": "ok", "about": "image", "detail": "can be started"}],
    "stages": [
        {"phase": "SCALE_UP", "title": "start 2 tasks of green", "waitsFor": ["all healthy"],
         "longestSeconds": 300.0, "otherwise": "it rolls back"},
        {"phase": "PRODUCTION_TRAFFIC_SHIFT", "title": "step 1 of 1: 100 % to green", "weight": 100,
         "waitsFor": ["10 s have passed"], "expectedSeconds": 11.0, "expectedBy": "step_time",
         "longestSeconds": 310.0, "otherwise": "it rolls back"},
    ],
    "expectedSeconds": 11.0, "uncertain": ["start 2 tasks of green"], "longestSeconds": 610.0,
    "wayBack": "all the weight to blue",
}  # fmt: skip


def test_a_plan_starts_nothing(api: TealApi) -> None:
    api.operations["PlanDeployment"] = lambda _: PLAN
    done = teal("deploy", "--plan", "web", "x/web:2", "--steps", "100", endpoint=api.endpoint)
    assert done.returncode == 0, done.stderr
    assert api.requests("PlanDeployment") == [
        {"service": "web", "image": "x/web:2", "steps": [100]}
    ]
    assert api.requests("Deploy") == []
    lines = done.stdout.splitlines()
    assert lines[0] == "web: x/web:1 → 2 from blue to green"
    assert "    nobody knows how long; after 5 min it rolls back" in lines
    assert "    about 11 s (step_time); after 5 min 10 s it rolls back" in lines
    assert "expected  about 11 s, and: start 2 tasks of green" in lines
    assert lines[-1] == "nothing was changed"


def test_the_plan_of_a_deployment_that_takes_the_place_of_another(api: TealApi) -> None:
    api.operations["PlanDeployment"] = lambda _: PLAN
    done = teal("deploy", "--plan", "web", "x/web:2", "--replace", endpoint=api.endpoint)
    assert done.returncode == 0, done.stderr
    assert api.requests("PlanDeployment") == [
        {"service": "web", "image": "x/web:2", "replace": True}
    ]


def test_a_deployment_that_would_be_refused(api: TealApi) -> None:
    no = {"bearing": "refused", "about": "image", "detail": "there is no such image"}
    api.operations["PlanDeployment"] = lambda _: {**PLAN, "starts": False, "known": [no]}
    done = teal("deploy", "--plan", "web", "--image", "x/web:2", endpoint=api.endpoint)
    assert_one_line(done, "teal: web: it would be refused: there is no such image")
    assert "SCALE_UP" not in done.stdout


def test_one_that_is_needless_is_no_error(api: TealApi) -> None:
    runs = {"bearing": "done", "about": "image", "detail": "web already runs it"}
    api.operations["PlanDeployment"] = lambda _: {**PLAN, "starts": False, "known": [runs]}
    done = teal("deploy", "--plan", "web", "x/web:2", "--json", endpoint=api.endpoint)
    assert done.returncode == 0
    assert json.loads(done.stdout)["starts"] is False


def test_the_image_is_given_once(api: TealApi) -> None:
    for arguments in (("web",), ("web", "x:1", "--image", "x:2")):
        assert teal("deploy", *arguments, endpoint=api.endpoint).returncode == 2
    assert api.calls == []
