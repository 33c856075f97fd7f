"""What others answer, and freezes, in the rollout machine."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tealmesh.model.rollout import Deployment, GateResult, State, Verdict
from tealmesh.rollout import machine
from tealmesh.rollout.effects import Observed
from tests.rollout.machine.walking import TIMEOUT, created, good, observed

OBSERVING = (State.VERIFYING, State.MEASURING, State.BAKING)


def in_state(state: State, approval: bool = False) -> tuple[Deployment, float]:
    d, now = created(approval), 1000.0
    while d.state is not state:
        event, now = good(d, now)
        d = machine.step(d, event, now)
    return d, now


def passing(d: Deployment, now: float) -> tuple[Observed, float]:
    """An observation with which all of our own gates pass."""
    event, at = good(d, now)
    assert isinstance(event, Observed)
    return event, at


def gate(verdict: Verdict) -> GateResult:
    return GateResult("hook smoke", verdict, "says so")


@pytest.mark.parametrize("state", OBSERVING)
def test_a_refusal_of_others_rolls_back_at_once(state: State) -> None:
    d, now = in_state(state)
    event = replace(observed(d, now=now), gates=(gate(Verdict.PASS), gate(Verdict.FAIL)))
    after = machine.step(d, event, now)
    assert (after.state, after.reason) == (State.ROLLING_BACK, "hook smoke: says so")


@pytest.mark.parametrize("verdict", [Verdict.NEED_DATA, Verdict.UNKNOWN])
@pytest.mark.parametrize("state", OBSERVING)
def test_no_verdict_is_waited_for_until_the_time_limit(state: State, verdict: Verdict) -> None:
    d, now = in_state(state)
    event, at = passing(d, now)
    assert machine.step(d, event, at).state is not state
    waiting = machine.step(d, replace(event, gates=(gate(verdict),)), at)
    assert waiting.state is state
    assert waiting.waiting_for == "hook smoke: says so"
    assert machine.step(waiting, replace(event, gates=(gate(Verdict.PASS),)), at).state is not state
    late = at + 2 * TIMEOUT
    ended = machine.step(waiting, replace(event, gates=(gate(verdict),)), late)
    assert ended.state is State.ROLLING_BACK
    assert "still waiting for hook smoke: says so" in ended.reason


def test_verdicts_of_others_are_evidence() -> None:
    d, now = in_state(State.MEASURING)
    event, at = passing(d, now)
    after = machine.step(d, replace(event, gates=(gate(Verdict.NEED_DATA),)), at)
    assert gate(Verdict.NEED_DATA) in after.evidence[-1].verdicts


@pytest.mark.parametrize("state", [State.VERIFYING, State.MEASURING])
def test_in_a_freeze_no_weight_is_given_and_time_stands_still(state: State) -> None:
    d, now = in_state(state)
    event, at = passing(d, now)
    for day in range(5):
        at += 86_400
        d = machine.step(d, replace(event, frozen="a freeze"), at)
        assert (d.state, d.waiting_for) == (state, "a freeze"), day
    assert machine.step(d, event, at + 1).state is State.SHIFTING


def test_a_freeze_does_not_stop_a_way_back_nor_the_last_step_from_baking() -> None:
    d, now = in_state(State.MEASURING)
    bad = replace(observed(d, failing=0.5, now=now), frozen="a freeze")
    assert machine.step(d, bad, now).state is State.ROLLING_BACK
    last = replace(d, step=2, weights={"blue": 0, "green": 100})
    event, at = passing(last, now)
    assert machine.step(last, replace(event, frozen="a freeze"), at).state is State.BAKING


def test_approval_is_asked_for_in_a_freeze() -> None:
    d, now = created(approval=True), 1000.0
    while d.state is not State.VERIFYING:
        event, now = good(d, now)
        d = machine.step(d, event, now)
    seen, at = passing(d, now)
    assert machine.step(d, replace(seen, frozen="x"), at).state is State.AWAITING_APPROVAL
