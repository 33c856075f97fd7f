"""deploy, approve, rollback and weights: what they request, print and exit with."""

from __future__ import annotations

import pytest

from tests.cli.command_line import DEPLOYMENT, assert_one_line, follow, teal
from tests.cli.teal_api import TealApi


def test_deploy_follows_to_the_end(api: TealApi) -> None:
    follow(api, DEPLOYMENT)
    done = teal(
        "deploy", "web", "--image", "x/web:2", "--strategy", "canary", "--steps", "10,100",
        endpoint=api.endpoint,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (request,) = api.requests("Deploy")
    token = request.pop("clientToken")
    assert 1 <= len(token) <= 64
    assert request == {
        "service": "web",
        "image": "x/web:2",
        "strategy": "canary",
        "steps": [10, 100],
    }
    assert [body["after"] for body in api.requests("ListJournal")] == [0, 1, 2]
    lines = done.stdout.splitlines()
    assert lines[0].split()[1:] == ["CREATED", "it", "is", "CREATED"]
    assert "10.12 %" in done.stdout
    assert "success-rate: PASS 3 of 1234" in done.stdout
    assert lines[-1].startswith("web: SUCCESSFUL")


def test_deploy_that_is_rolled_back_fails_with_the_reason(api: TealApi) -> None:
    follow(api, {**DEPLOYMENT, "status": "ROLLBACK_SUCCESSFUL", "reason": "20 % errors"})
    done = teal("deploy", "web", "--image", "x/web:2", endpoint=api.endpoint)
    assert_one_line(done, "teal: web: deployment d1: ROLLBACK_SUCCESSFUL: 20 % errors")


def test_deploy_of_a_tag_uses_the_current_image(api: TealApi) -> None:
    follow(api, DEPLOYMENT)
    done = teal("deploy", "web", "--image", ":0.2", "--no-follow", endpoint=api.endpoint)
    assert done.returncode == 0, done.stderr
    assert api.requests("Deploy")[0]["image"] == "registry:5000/x/web:0.2"
    assert api.requests("ListJournal") == []
    assert "IN_PROGRESS" in done.stdout


def test_deploy_by_equal_steps(api: TealApi) -> None:
    follow(api, DEPLOYMENT)
    asked = ("deploy", "web", "x/web:2", "--strategy", "linear", "--step", "20", "--no-follow")
    assert teal(*asked, endpoint=api.endpoint).returncode == 0
    (request,) = api.requests("Deploy")
    assert (request["strategy"], request["step"]) == ("linear", 20)


@pytest.mark.parametrize(
    "alone",
    [
        ("--steps", "10,100"),
        ("--strategy", "linear"),
        ("--step", "20"),
        ("--replace",),
        ("--image", "x/web:2"),
    ],
)
def test_what_is_for_one_service_is_refused_for_a_group(
    api: TealApi, alone: tuple[str, ...]
) -> None:
    done = teal("deploy", "--group", "shop", "web=x/web:2", *alone, endpoint=api.endpoint)
    assert done.returncode == 2
    assert "--group: give SERVICE=IMAGE for each service, and no --image, --strategy" in done.stderr
    assert alone[0] in done.stderr
    assert not api.requests("DeployGroup")


def test_a_group_needs_a_service_for_each_image(api: TealApi) -> None:
    for words in ((), ("x/web:2",), ("web=",)):
        done = teal("deploy", "--group", "shop", *words, endpoint=api.endpoint)
        assert done.returncode == 2
        assert "SERVICE=IMAGE" in done.stderr
    assert not api.requests("DeployGroup")


def test_rollback_of_a_running_deployment_succeeds_when_it_is_rolled_back(api: TealApi) -> None:
    follow(api, {**DEPLOYMENT, "status": "ROLLBACK_SUCCESSFUL", "reason": "asked for"})
    done = teal("rollback", "web", endpoint=api.endpoint)
    assert done.returncode == 0, done.stderr


def test_approve(api: TealApi) -> None:
    follow(api, DEPLOYMENT)
    assert teal("approve", "web", "--no-follow", endpoint=api.endpoint).returncode == 0
    assert api.requests("Approve") == [{"service": "web"}]


@pytest.mark.parametrize("steps", ["", "a", "0,100", "50,10,100", "10"])
def test_invalid_steps(api: TealApi, steps: str) -> None:
    done = teal("deploy", "web", "--image", "x", "--steps", steps, endpoint=api.endpoint)
    assert done.returncode == 2
    assert "must be rising percentages from 1 that end with 100" in done.stderr


def test_weights(api: TealApi) -> None:
    api.operations["SetWeights"] = lambda body: {"revision": 9, "weights": body["weights"]}
    convergence = {
        "mesh": "shop",
        "revision": 9,
        "converged": True,
        "expected": 4,
        "acknowledged": 4,
    }
    api.operations["GetConvergence"] = lambda _: convergence
    done = teal("weights", "web", "green=0", "blue=1", endpoint=api.endpoint)
    assert done.stdout == "web: blue=1, green=0 at revision 9, acknowledged by 4 of 4 Envoys\n"
    assert api.requests("SetWeights") == [{"service": "web", "weights": {"blue": 1, "green": 0}}]
    assert api.requests("GetConvergence") == [{"mesh": "shop", "revision": 9, "waitSeconds": 15}]
    convergence |= {"converged": False, "acknowledged": 3}
    convergence["rejected"] = [{"envoy": "e1", "message": "no such cluster"}]
    done = teal("weights", "web", "blue=1", endpoint=api.endpoint)
    assert_one_line(done, "but only 3 of 4 Envoys have acknowledged it; e1: no such cluster")


@pytest.mark.parametrize("weight", ["blue", "blue=", "=1", "blue=-1", "blue=101", "blue=x"])
def test_invalid_weights(api: TealApi, weight: str) -> None:
    done = teal("weights", "web", "--", weight, endpoint=api.endpoint)
    assert done.returncode == 2
    assert "must be SIDE=WEIGHT with a weight from 0 to 100" in done.stderr
    assert api.calls == []


def test_what_is_given_twice_is_not_guessed(api: TealApi) -> None:
    done = teal("weights", "web", "blue=1", "green=0", "blue=2", endpoint=api.endpoint)
    assert done.returncode == 2
    assert "weight of blue is given twice, 1 and 2" in done.stderr
    group = ("deploy", "--group", "shop", "web=a:1", "web=a:2")
    assert "image of web is given twice, a:1 and a:2" in teal(*group, endpoint=api.endpoint).stderr
    imported = teal("import", "x", "--parameter", "A=1", "--parameter", "A=2")
    assert "--parameter of A is given twice, 1 and 2" in imported.stderr
    assert api.calls == []
