"""The live tree of `teal status -w`, from documents."""

from __future__ import annotations

import copy
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.cli.live.changes import changes, facts
from tealmesh.cli.live.rows import PLAIN
from tealmesh.cli.live.sight import Sight
from tealmesh.cli.live.traffic import Traffic
from tealmesh.cli.live.tree import picture
from tealmesh.model import wire
from tests.cli.command_line import STATUS
from tests.cli.test_status_view import STATUS as EVERYTHING

RUNNING = {
    "deploymentId": "8d3f12ab99", "service": "web", "mesh": "shop", "strategy": "canary",
    "steps": [10, 50, 100], "step": 1, "oldImage": "x/web:1", "newImage": "x/web:2",
    "oldSide": "blue", "newSide": "green", "phase": "PRODUCTION_TRAFFIC_SHIFT",
    "state": "MEASURING", "status": "IN_PROGRESS", "createdAt": 1000.0, "updatedAt": 1030.0,
    "secondsLeft": 300.0, "waitingFor": "share: 40 of 100 requests",
    "evidence": [
        {
            "step": 1, "weights": {"blue": 50, "green": 50}, "requests": 40, "failures": 0,
            "totalRequests": 80,
            "verdicts": [
                {"gate": "tasks", "verdict": "PASS", "detail": "2 of 2 tasks healthy"},
                {"gate": "share", "verdict": "NEED_DATA", "detail": "40 of 100 requests"},
                {"gate": "success-rate", "verdict": "FAIL", "detail": "12 % of 40"},
            ],
        }
    ],
}  # fmt: skip
SIDES = [
    {"side": "blue", "image": "x/web:1", "weight": 50, "share": 0.51, "running": 2, "desired": 2,
     "healthy": 2, "requests": 200, "errors": 0, "p50": 1.0, "p99": 3.1},
    {"side": "green", "image": "x/web:2", "weight": 50, "share": 0.49, "running": 2, "desired": 2,
     "healthy": 2, "requests": 190, "errors": 3, "errorKinds": {"5xx": 3}, "p50": 1.0, "p99": 9.9},
]  # fmt: skip


def task(identity: str, side: str, **members: Any) -> wire.TaskDescription:
    made = {
        "task": identity, "taskArn": f"arn:aws:ecs:us-east-1:1:task/shop/{identity}",
        "cluster": "shop", "service": "web", "side": side, "taskDefinition": "web:1",
        "status": "RUNNING", "desiredStatus": "RUNNING", "containers": [], "usable": True,
        **members,
    }  # fmt: skip
    return cast("wire.TaskDescription", made)


TASKS = [task("aaaa1111bbbb", "blue"), task("cccc2222dddd", "green", status="PENDING")]


def sight(*services: dict[str, Any], at: float = 1040.0, **members: Any) -> Sight:
    status = {**copy.deepcopy(STATUS), "services": list(services), **members}
    return Sight(cast("wire.GetStatusOutput", status), TASKS, {}, at)


def web(**members: Any) -> dict[str, Any]:
    base = {"name": "web", "mesh": "shop", "hostname": "web.shop.local", "port": 80}
    return {**base, "image": "x/web:1", "sides": SIDES, **members}


def shown(seen: Sight, width: int = 80, height: int = 24, lost: str = "") -> str:
    traffic = Traffic(10)
    traffic.add(seen.status["services"])
    lines = picture(seen, traffic, width, height, 1045.0, lost)
    assert len(lines) <= height
    assert all(line.cell_len <= width for line in lines)
    return "\n".join(line.plain.rstrip() for line in lines)


def test_a_deployment_with_everything_in_80_columns() -> None:
    text = shown(sight(web(deployment=RUNNING)))
    for words in (
        "1 service · 1 deploying",
        "● web  web:1 → 2  IN_PROGRESS  for 0:45",
        "├ step 2 of 3 (50 %): MEASURING  canary  8d3f12ab",
        "├ 10 % ✔ ─ 50 % ● ─ 100 % ◌",
        "├ ✔ tasks         2 of 2 tasks healthy",
        "├ ◌ share         40 of 100 requests",
        "├ ✖ success-rate  12 % of 40",
        "rolls back in 4:45 at the latest",
        "├ blue   set 50 %  got 51.0 %",
        "└ green  set 50 %  got 49.0 %",
        "19.0/s  3 errors  p99 9.9 ms",
        "│ └ ✔ aaaa1111  RUNNING",
        "  └ ◌ cccc2222  PENDING",
        "✔ gateway edge",
    ):
        assert words in text, text
    # What a gate says is not said twice.
    assert "waiting for" not in text
    assert "folded" not in text


def test_what_is_less_urgent_is_folded_first() -> None:
    text = shown(sight(web(deployment=RUNNING)), height=12)
    assert "✖ success-rate" in text
    assert "✔ gateway" not in text
    assert "✔ tasks" not in text
    assert text.splitlines()[-1].startswith("folded: 1 gate that passes, ")
    assert text.endswith("1 gateway")


@pytest.mark.parametrize(
    ("members", "mark"),
    [({"pausedBy": "ada"}, "॥ web"), ({"state": "HELD", "note": "someone"}, "॥ web"),
     ({"status": "ROLLBACK_IN_PROGRESS", "state": "ROLLING_BACK"}, "● web"),
     ({"status": "ROLLBACK_SUCCESSFUL", "reason": "it failed"}, "✖ deployed x/web:2"),
     ({"status": "ROLLBACK_SUCCESSFUL", "endedBy": "ada"}, "✖ deployed x/web:2: ABORTED"),
     ({"status": "SUCCESSFUL"}, "✔ deployed x/web:2")],
)  # fmt: skip
def test_how_a_deployment_is_marked(members: dict[str, Any], mark: str) -> None:
    assert mark in shown(sight(web(deployment={**RUNNING, **members})))


def test_what_a_person_has_to_do_is_not_cut_off() -> None:
    why = "the weights were changed to blue=50 green=50 by root (UpdateRoute) (they were 10 and 90)"
    waits = (
        f"your decision, since {why}: `teal resume web --take-over` goes on, `teal abort web` ends"
    )
    held = {**RUNNING, "state": "HELD", "note": why, "waitingFor": waits, "evidence": []}
    for width in (80, 40):
        text = shown(sight(web(deployment=held)), width=width)
        words = " ".join(line.strip("│├└ ") for line in text.splitlines())
        assert waits in words
        assert words.count("they were 10 and 90") == 1


def test_the_age_of_what_is_seen_while_nothing_answers() -> None:
    text = shown(sight(web()), lost="no control plane answers at x")
    assert "what follows is 5 s old: no control plane answers at x" in text
    # What somebody fears at 3 a.m. is that requests fail.
    assert "Envoys go on with what they have" in " ".join(text.split())


def test_a_group_is_above_its_services() -> None:
    seen = sight(web(deployment=RUNNING), {**web(), "name": "alone"})
    group = {
        "groupDeploymentId": "g1", "group": "shop", "status": "IN_PROGRESS", "state": "SHIFTING",
        "sentence": "group shop: web takes weight",
        "members": [{"service": "web", "image": "x/web:2", "after": []}],
    }  # fmt: skip
    groups = {"shop": cast("wire.GroupDeployment", group)}
    text = shown(Sight(seen.status, seen.tasks, groups, seen.at), height=40)
    assert "● group shop: web takes weight\n└ ● web" in text
    assert "\n✔ alone" in text


def test_without_unicode() -> None:
    traffic = Traffic(10)
    seen = sight(web(deployment=RUNNING))
    traffic.add(seen.status["services"])
    lines = picture(seen, traffic, 80, 24, 1045.0, encoding="ascii", marks=PLAIN)
    text = "\n".join(line.plain for line in lines)
    assert text.isascii()
    assert "|-10 % ok - 50 % * - 100 % .." in text


@given(st.integers(1, 200), st.integers(1, 60), st.booleans(), st.booleans())
def test_everything_fits_every_terminal(
    width: int, height: int, all_of_it: bool, lost: bool
) -> None:
    seen = Sight(EVERYTHING, TASKS, {}, 1040.0) if all_of_it else sight(web(deployment=RUNNING))
    shown(seen, width, height, "nothing answers" if lost else "")


def told(before: Sight | None, after: Sight) -> list[str]:
    return list(changes(facts(before) if before else {}, facts(after)))


def test_what_failed_says_why_what_serves_and_what_to_do() -> None:
    over = {
        **RUNNING, "status": "ROLLBACK_SUCCESSFUL", "state": "ROLLED_BACK", "finishedAt": 1040.0,
        "reason": "success-rate: 80 % of 40 requests succeeded",
        "serves": "x/web:1 on blue serves all requests",
    }  # fmt: skip
    text = shown(sight(web(deployment=over)))
    assert "success-rate: 80 % of 40 requests succeeded" in text
    assert "x/web:1 on blue serves all requests; `teal explain web` says" in text


def test_what_goes_back_before_it_had_weight_came_to_no_step() -> None:
    back = {
        **RUNNING, "status": "ROLLBACK_IN_PROGRESS", "state": "CONVERGING_BACK", "evidence": [],
        "step": 0, "reason": "an Envoy rejects its configuration: task 6cb8dbb5: bad regex",
    }  # fmt: skip
    mesh = {"name": "shop", "envoys": 3, "connected": 3, "rejected": 1}
    text = shown(sight(web(deployment=back), meshes=[mesh]))
    assert "10 % ◌ ─ 50 % ◌ ─ 100 % ◌" in text
    assert "mesh shop: 1 Envoy rejects its configuration and keeps what it had" in text


def test_a_line_for_each_change_and_none_for_new_measurements() -> None:
    first = sight(web(deployment=RUNNING))
    lines = told(None, first)
    assert "web: weights blue 50 %, green 50 %" in lines
    assert "web: step 2 gate share: NEED_DATA 40 of 100 requests" in lines
    # Where it stands, until when at the latest, and what is next: in one line.
    assert (
        "web: step 2 of 3 (50 %): MEASURING; rolls back in 4:50 at the latest; "
        "next: 100 % of the requests to green"
    ) in lines
    assert any(line.startswith("web green: requests fail: 3 ") for line in lines)
    assert "task aaaa1111 of web blue: RUNNING" in lines

    later = copy.deepcopy(RUNNING)
    later["waitingFor"] = "share: 80 of 100 requests"
    cast("Any", later)["evidence"][0]["verdicts"][1]["detail"] = "80 of 100 requests"
    sides = copy.deepcopy(SIDES)
    sides[0]["requests"] = 999
    measured = sight(web(deployment=later, sides=sides))
    assert told(first, measured) == []

    cast("Any", later)["evidence"][0]["verdicts"][1]["verdict"] = "PASS"
    sides[1]["errors"] = 0
    passed = sight(web(deployment=later, sides=sides))
    assert told(first, passed) == [
        "web: step 2 gate share: PASS 80 of 100 requests",
        "web green: no more errors",
    ]
    gone = sight(gateways=[])
    assert "gateway edge: gone" in told(first, gone)
    assert all("\n" not in line for line in told(None, Sight(EVERYTHING, [], {}, 0.0)))
