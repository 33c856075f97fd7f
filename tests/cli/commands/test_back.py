"""rollback, abort and resume: what they request, print and exit with."""

from __future__ import annotations

from tests.cli.command_line import DEPLOYMENT, follow, teal
from tests.cli.teal_api import TealApi

SERVES = "x/web:1 on blue serves all requests"
BACK = {**DEPLOYMENT, "status": "ROLLBACK_SUCCESSFUL", "reason": "aborted by me", "serves": SERVES}


def test_rollback_and_abort_of_a_running_deployment_succeed_when_it_is_rolled_back(
    api: TealApi,
) -> None:
    follow(api, {**BACK, "endedBy": "me"})
    for command in ("rollback", "abort"):
        done = teal(command, "web", endpoint=api.endpoint)
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[-1] == f"web: {SERVES}"
        assert "web: ABORTED  " in done.stdout


def test_rollback_after_a_success_succeeds_when_that_is_deployed(api: TealApi) -> None:
    follow(api, {**DEPLOYMENT, "kind": "ROLLBACK"})
    done = teal("rollback", "web", "--gradual", endpoint=api.endpoint)
    assert done.returncode == 0, done.stderr
    assert api.requests("Rollback") == [{"service": "web", "gradual": True}]


def test_rollback_of_what_is_back_already_says_so(api: TealApi) -> None:
    answer = {"deployment": DEPLOYMENT, "message": "web is already back"}
    api.operations["Rollback"] = lambda _: answer
    done = teal("rollback", "web", endpoint=api.endpoint)
    assert (done.returncode, done.stdout) == (0, "web is already back\n")


def test_giving_up_is_success_when_the_deployment_has_stopped(api: TealApi) -> None:
    follow(api, {**DEPLOYMENT, "status": "STOPPED", "serves": "x/web:1 on blue serves 90 %"})
    done = teal("abort", "web", "--give-up", endpoint=api.endpoint)
    assert done.returncode == 0, done.stderr
    assert api.requests("Abort") == [{"service": "web", "giveUp": True}]


def test_a_held_deployment_ends_following_with_3_and_all_ways_out(api: TealApi) -> None:
    ways = "your decision: `teal resume web --take-over`, `teal abort web --give-up`"
    follow(api, {**DEPLOYMENT, "status": "IN_PROGRESS", "state": "HELD", "waitingFor": ways})
    done = teal("deploy", "web", "--image", "x/web:2", endpoint=api.endpoint)
    assert done.returncode == 3
    assert done.stderr == f"teal: web: deployment d1 is held and waits for {ways}\n"
    done = teal("resume", "web", "--take-over", endpoint=api.endpoint)
    assert done.returncode == 3
    assert api.requests("Resume") == [{"service": "web", "takeOver": True}]
