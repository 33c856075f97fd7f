"""promote, pause, retry, lock and unlock: what they request, print and exit with."""

from __future__ import annotations

from tests.cli.command_line import DEPLOYMENT, STATUS, assert_one_line, follow, teal
from tests.cli.teal_api import Refused, TealApi

LOCK = {"by": "ada", "since": 1000.0, "reason": "the sale"}


def test_promote_is_followed_to_the_end(api: TealApi) -> None:
    follow(api, DEPLOYMENT)
    done = teal("promote", "web", "--full", endpoint=api.endpoint)
    assert done.returncode == 0, done.stderr
    assert api.requests("Promote") == [{"service": "web", "full": True}]
    assert done.stdout.splitlines()[-1].startswith("web: SUCCESSFUL")


def test_a_pause_is_said_and_not_followed(api: TealApi) -> None:
    follow(api, {**DEPLOYMENT, "state": "MEASURING"})
    done = teal("pause", "web", endpoint=api.endpoint)
    assert done.returncode == 0, done.stderr
    assert done.stdout == (
        "web: paused in MEASURING; the weights of blue and green stay: `teal resume web` goes on, "
        "`teal abort web` goes back\n"
    )
    assert api.requests("ListJournal") == []


def test_retry_gets_a_token_and_fails_as_a_deployment_does(api: TealApi) -> None:
    follow(api, {**DEPLOYMENT, "status": "ROLLBACK_SUCCESSFUL", "reason": "20 % errors"})
    done = teal("retry", "web", endpoint=api.endpoint)
    assert_one_line(done, "ROLLBACK_SUCCESSFUL: 20 % errors")
    (request,) = api.requests("Retry")
    assert len(request["clientToken"]) == 32


def test_lock_and_unlock(api: TealApi) -> None:
    for operation in ("Lock", "Unlock"):
        api.operations[operation] = lambda _: {"lock": LOCK}
    done = teal("lock", "web", "--reason", "the sale", "--for", "2h", endpoint=api.endpoint)
    assert api.requests("Lock") == [{"service": "web", "reason": "the sale", "seconds": 7200.0}]
    assert done.stdout.startswith("web: locked by ada since ")
    assert done.stdout.endswith(": the sale; `teal unlock web` ends that\n")
    done = teal("unlock", "web", endpoint=api.endpoint)
    assert done.stdout.startswith("web: unlocked; it was locked by ada since ")
    assert teal("lock", "web", "--for", "soon", endpoint=api.endpoint).returncode == 2


def test_what_is_locked_refuses(api: TealApi) -> None:
    def refuse(_: object) -> dict[str, object]:
        raise Refused("ConflictException", "web is locked by ada: the sale")

    api.operations["Deploy"] = refuse
    done = teal("deploy", "web", "x/web:2", endpoint=api.endpoint)
    assert_one_line(done, "teal: web is locked by ada: the sale")


def test_a_revision_of_the_history_and_a_deployment_in_place_of_another(api: TealApi) -> None:
    follow(api, {**DEPLOYMENT, "kind": "ROLLBACK"})
    assert teal("rollback", "web", "3", endpoint=api.endpoint).returncode == 0
    assert api.requests("Rollback") == [{"service": "web", "revision": 3}]
    assert teal("rollback", "web", "last", endpoint=api.endpoint).returncode == 2
    follow(api, DEPLOYMENT)
    assert teal("deploy", "web", "x/web:2", "--replace", endpoint=api.endpoint).returncode == 0
    assert api.requests("Deploy")[0]["replace"] is True


def test_status_tells_locks_kept_sides_and_what_people_have_decided(api: TealApi) -> None:
    kept = {"side": "blue", "image": "x/web:1", "until": 9000.0, "deploymentId": "d1"}
    running = {
        **DEPLOYMENT, "status": "IN_PROGRESS", "state": "MEASURING", "secondsLeft": 60.0,
        "pausedBy": "ada", "promotedBy": "bob",
    }  # fmt: skip
    web = {**STATUS["services"][0], "deployment": running, "lock": LOCK, "kept": kept}  # type: ignore[index]
    api.operations["GetStatus"] = lambda _: {**STATUS, "services": [web]}
    shown = teal("status", endpoint=api.endpoint).stdout
    assert "web is locked by ada since " in shown
    assert "x/web:1 on blue is kept running until " in shown
    assert "paused by ada, time limits stand still: `teal resume web` goes on" in shown
    assert "promoted by bob: goes on unless a gate fails" in shown
    assert "at the latest" not in shown
