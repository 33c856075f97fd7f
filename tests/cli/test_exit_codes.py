"""0 done, 1 failed or rolled back, 2 wrong usage, 3 held; and stages that are waited for."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.cli.following.ending import AFTER, APPROVAL, STAGES, reached
from tealmesh.model.rollout import PHASES, Phase, State
from tests.cli.command_line import DEPLOYMENT, follow, teal
from tests.cli.teal_api import TealApi

PAUSED = {"status": "IN_PROGRESS", "state": "MEASURING", "pausedBy": "ada"}
HELD = {"status": "IN_PROGRESS", "state": "HELD", "waitingFor": "your decision"}
FAILED = {"status": "ROLLBACK_FAILED", "reason": "nothing serves"}
BACK = {"status": "ROLLBACK_SUCCESSFUL", "reason": "20 % errors"}


@pytest.mark.parametrize(
    ("arguments", "final", "code"),
    [
        ("deploy web x/web:2", {}, 0),
        ("deploy web x/web:2", BACK, 1),
        ("deploy web x/web:2", FAILED, 1),
        ("deploy web x/web:2", {"status": "STOPPED"}, 1),
        ("deploy web x/web:2", HELD, 3),
        ("approve web", PAUSED, 3),
        ("deploy web x/web:2 --json", HELD, 3),
        ("deploy web x/web:2 --json", BACK, 1),
        ("deploy web x/web:2 --wait-until BAKE_TIME", BACK, 1),
        ("deploy web x/web:2 --wait-until bake_time", HELD, 3),
        ("rollback web", BACK, 0),
        ("rollback web", FAILED, 1),
        ("abort web", BACK, 0),
        ("abort web --give-up", {"status": "STOPPED"}, 0),
        ("approve web", HELD, 3),
        ("deploy web", {}, 2),
        ("deploy web x/web:2 --wait-until LUNCH", {}, 2),
        ("deploy web x/web:2 --wait-until SCALE_UP --no-follow", {}, 2),
        ("nonsense", {}, 2),
    ],
)
def test_exit_codes(api: TealApi, arguments: str, final: dict[str, Any], code: int) -> None:
    follow(api, {**DEPLOYMENT, **final})
    done = teal(*arguments.split(), endpoint=api.endpoint)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert bool(done.stderr) == (code != 0 or "--json" in arguments)


def test_following_ends_when_the_stage_begins(api: TealApi) -> None:
    follow(api, DEPLOYMENT)
    running = api.operations["Deploy"]({})
    api.operations["GetDeployment"] = lambda _: running
    done = teal("deploy", "web", "x/web:2", "--wait-until", "scale_up", endpoint=api.endpoint)
    assert done.returncode == 0, done.stderr
    last = done.stdout.splitlines()[-1]
    assert last.startswith("web: deployment d1 has reached SCALE_UP and goes on")


def test_the_stages_are_those_of_deployments() -> None:
    assert list(STAGES) == [phase.value for phase in Phase]
    assert State(APPROVAL) in PHASES


def entry(state: State, status: str = "IN_PROGRESS") -> Any:
    return {"transition": state.value, "phase": PHASES[state].value, "status": status}


@given(st.lists(st.sampled_from(list(State))), st.sampled_from(STAGES))
def test_a_stage_is_reached_by_going_forward_alone(states: list[State], stage: str) -> None:
    back = [entry(state, "ROLLBACK_IN_PROGRESS") for state in states]
    assert not reached(stage, back)
    assert not reached(stage, [entry(State.HELD)])
    forward = [entry(state) for state in states if state is not State.HELD]
    at = [STAGES.index(one["phase"]) for one in forward]
    assert reached(stage, forward) == (max(at, default=-1) >= STAGES.index(stage))


def test_the_end_of_a_stage_is_the_beginning_of_the_next() -> None:
    assert not reached("POST_SCALE_UP", [entry(State.SCALING_UP)])
    assert reached("POST_SCALE_UP", [entry(State.SCALING_UP), entry(State.ADDING_TARGET)])
    assert reached("POST_PRODUCTION_TRAFFIC_SHIFT", [entry(State.BAKING)])
    assert set(AFTER.values()) <= set(STAGES)


def test_waiting_for_approval_can_be_waited_for() -> None:
    assert not reached(APPROVAL, [entry(State.VERIFYING)])
    assert reached(APPROVAL, [entry(State.VERIFYING), entry(State.AWAITING_APPROVAL)])
