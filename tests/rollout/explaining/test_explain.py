"""No state of a deployment without a sentence that says what it does, why, what is next and when
at the latest.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from tealmesh.model.rollout import Deployment, GateResult, State, StepEvidence, Verdict
from tealmesh.rollout.explaining import explain
from tealmesh.rollout.explaining.situation import latest
from tealmesh.rollout.machine import limits
from tealmesh.rollout.machine.limits import LIMITS
from tests.rollout.machine.walking import created, walked

NOW = 1000.0


@pytest.fixture
def states() -> list[Deployment]:
    """Every deployment that the machine can make, with approvals and with what is beside."""
    return [d for d, _ in walked()]


def bare(state: State) -> Deployment:
    """A deployment in ``state`` of which nothing else is known."""
    ended = {State.SUCCEEDED, State.ROLLED_BACK, State.ROLLBACK_FAILED, State.STOPPED}
    return replace(
        created(now=NOW),
        state=state,
        weights={"blue": 100, "green": 0},
        finished_at=NOW if state in ended else None,
        seconds_left=60.0 if state in LIMITS else None,
    )


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("kind", ["DEPLOY", "ROLLBACK"])
def test_every_state_says_what_why_next_and_when(state: State, kind: str) -> None:
    d = replace(bare(state), kind=kind, gated=kind == "DEPLOY")  # type: ignore[arg-type]
    told = explain(d, NOW)
    assert all((told.doing, told.why, told.following, told.latest))
    for part in (told.doing, told.why, told.following, told.latest):
        assert part in told.sentence
    assert told.sentence.startswith("web: the deployment ")
    assert "  " not in told.sentence
    assert "None" not in told.sentence
    assert (told.latest_at is not None) == (state in LIMITS)


def test_every_deployment_that_the_machine_makes_is_explained(states: list[Deployment]) -> None:
    assert {d.state for d in states} == set(State)
    for d in states:
        told = explain(d, d.updated_at)
        assert told.doing
        assert told.why
        assert told.following
        assert ("at the latest" in told.latest) == (limits.of(d) is not None and not d.paused_at)
        assert len(told.steps) == len(d.evidence)
        assert all(step.title and step.measured and step.outcome for step in told.steps)


def test_the_reason_of_a_rollback_is_the_why(states: list[Deployment]) -> None:
    back = [d for d in states if d.state is State.ROLLED_BACK and d.reason]
    assert back
    assert all(d.reason in explain(d, NOW).why for d in back)


def measured(state: State, **members: object) -> Deployment:
    found = GateResult("success-rate", Verdict.NEED_DATA, "44 of 100 requests", 44, 100, "requests")
    step = StepEvidence(
        0, {"blue": 90, "green": 10}, 0.1, NOW, requests=44, failures=1, total_requests=440,
        total_failures=3, share=0.1, verdicts=(found,), finished_at=NOW + 20,
    )  # fmt: skip
    return replace(bare(state), evidence=(step,), weights=step.weights, **members)  # type: ignore[arg-type]


def test_a_step_with_its_numbers() -> None:
    d = measured(State.MEASURING, waiting_for="success-rate: 44 of 100", updated_at=NOW)
    (step,) = explain(d, NOW).steps
    assert step.title == "step 1 of 3 (10 % to green)"
    assert step.measured == (
        "44 requests to green, 10 % where 10 % was set, 1 failed; 396 to blue, 2 failed in 20 s"
    )
    assert step.findings[0].detail == "44 of 100 requests"
    assert step.outcome == "goes on: success-rate: 44 of 100"


def test_how_a_step_went_on() -> None:
    def outcome(d: Deployment) -> str:
        return explain(d, NOW).steps[0].outcome

    assert outcome(measured(State.ROLLING_BACK, reason="20 % failed")) == "went back: 20 % failed"
    assert outcome(measured(State.STOPPED, reason="given up by me")) == "ended: given up by me"
    assert outcome(measured(State.HELD, note="the route was deleted")) == (
        "is held: the route was deleted"
    )
    went_on = measured(State.SHIFTING, step=1)
    assert outcome(went_on) == "went on to step 2 of 3 (50 % to green): every gate passed"
    two = replace(went_on, evidence=(went_on.evidence[0], replace(went_on.evidence[0], step=1)))
    assert outcome(two) == "went on to step 2 of 3 (50 % to green): every gate passed"


def test_the_time_left_runs_down_from_when_it_was_observed() -> None:
    d = replace(
        bare(State.MEASURING), seconds_left=90.0, time_limit="step_timeout of 300 s", updated_at=NOW
    )
    assert latest(d, NOW + 30) == (
        "within 1 min at the latest, or it rolls back (step_timeout of 300 s)"
    )
    assert explain(d, NOW + 30).latest_at == NOW + 90
    assert latest(d, NOW + 500).startswith("within 0 ms at the latest")


@pytest.mark.parametrize("state", sorted(set(LIMITS) - {State.AWAITING_APPROVAL}))
def test_a_pause_and_a_promotion_are_told(state: State) -> None:
    d = replace(bare(state), paused_at=NOW, paused_by="ada")
    told = explain(d, NOW)
    assert told.doing.startswith("is paused by ada while it ")
    assert told.latest == "its time limits stand still"
    assert told.latest_at is None
    assert "`teal resume web` goes on" in told.following
    promoted = explain(replace(bare(state), promoted="STEP", promoted_by="bob"), NOW)
    assert "promoted by bob: it skips the rest of the step" in promoted.following


def test_a_side_that_is_kept_is_the_way_back() -> None:
    told = explain(replace(bare(State.SUCCEEDED), kept_for=7200.0), NOW)
    assert told.following == (
        "blue is stopped 2 h after success; until then `teal rollback web` goes back to web:1 by "
        "one change of weights"
    )
