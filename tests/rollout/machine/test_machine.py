"""The machine, exhaustively: every state that events can lead to, interrupted in each."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.model.errors import InvariantError
from tealmesh.model.rollout import PHASES, Deployment, State, Status, Traffic
from tealmesh.rollout import machine
from tealmesh.rollout.effects import (
    AbortAsked,
    Approved,
    ConvergenceSeen,
    Observed,
    Resumed,
    SetWeights,
    SideStopped,
    StopSide,
    WeightsSet,
)
from tests.rollout.machine.walking import (
    BAKE_TIME,
    BROKEN_TASKS,
    DEAD_TASKS,
    GOOD_TASKS,
    SOME_TASKS,
    STEERED,
    STEP_TIME,
    STEPS,
    TIMEOUT,
    bad,
    created,
    good,
    hear,
    observed,
    to_the_end,
    walked,
)
from tests.support.drills import sizes


@pytest.fixture
def states() -> Sequence[tuple[Deployment, float]]:
    return walked()


def test_every_state_is_reached(states: Sequence[tuple[Deployment, float]]) -> None:
    assert {d.state for d, _ in states} == set(State) == set(PHASES)


@sizes("every", 11, 1)
def test_an_interruption_anywhere_leads_to_the_same_end(
    states: Sequence[tuple[Deployment, float]], every: int
) -> None:
    """In each of the states, or in one of ``every`` so many."""
    for d, now in states[::every]:
        if d.finished:
            continue
        expected = to_the_end(d, now)
        stored = Deployment.from_json(json.loads(json.dumps(d.to_json())))
        assert stored == d
        resumed = machine.step(stored, Resumed(), now + 3600)
        assert machine.next_effect(resumed) == machine.next_effect(d) or d.since
        assert (resumed.held_in, resumed.note) == (d.held_in, d.note)
        end = to_the_end(resumed, now + 3600)
        assert (end.status, end.weights) == (expected.status, expected.weights), d.state


@sizes("every", 9, 1)
def test_all_goes_well_or_all_goes_back(
    states: Sequence[tuple[Deployment, float]], every: int
) -> None:
    """Whatever happened before, in each of the states or in one of ``every`` so many: once all goes
    well, one side has all the weight and the other is gone, unless somebody or something else has
    ended the deployment; and its last words are true.
    """
    for d, now in states[::every]:
        end = to_the_end(d, now)
        assert end.finished_at is not None
        assert end.serves
        if end.status is Status.SUCCESSFUL:
            assert end.weights == {"blue": 0, "green": 100}
            assert end.reason == "" or "still" in end.reason or "went back" in end.reason
        elif end.status is Status.ROLLBACK_SUCCESSFUL:
            assert end.weights == {"blue": 100, "green": 0}
            assert end.reason
        elif end.status is Status.ROLLBACK_FAILED:
            assert "nothing serves" in end.serves, end
        if end.status is not Status.ROLLBACK_FAILED and "nothing serves" in end.serves:
            assert end.state is State.STOPPED or "went back" in end.reason


def test_a_side_is_stopped_only_once_every_envoy_has_acknowledged_so(
    states: Sequence[tuple[Deployment, float]],
) -> None:
    for d, _ in states:
        effect = machine.next_effect(d)
        if isinstance(effect, StopSide):
            assert d.weights[effect.side] == 0
            assert d.acknowledged == d.weights
            assert not d.seen.get(effect.side)
        if isinstance(effect, SetWeights) and not machine.obstacle(d):
            assert sum(effect.weights.values()) > 0
            for side, share in machine.shares(effect.weights).items():
                gains = share > machine.shares(d.seen).get(side, 0)
                assert not gains or d.healthy[side] > 0


def test_each_failure_gives_all_weight_back(states: Sequence[tuple[Deployment, float]]) -> None:
    tried = 0
    for d, now in states:
        if not machine.can_abort(d):
            continue
        after = machine.step(d, AbortAsked("tester"), now)
        only_green = machine.only_new_serves(d)
        back = {"blue": 0, "green": 100} if only_green else {"blue": 100, "green": 0}
        assert machine.next_effect(after) == SetWeights(back)
        assert after.reason.startswith("aborted by tester")
        tried += 1
    assert tried > 20


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        ({"failing": 0.2}, "success-rate"),
        ({"tasks": DEAD_TASKS}, "3 stopped by themselves; last words"),
        ({"tasks": BROKEN_TASKS}, "tasks failed to start; last words"),
    ],
)
def test_a_bad_step_is_rolled_back_at_once(
    states: Sequence[tuple[Deployment, float]], seen: dict[str, object], reason: str
) -> None:
    measuring = [(d, now) for d, now in states if d.state is State.MEASURING]
    assert measuring
    for d, now in measuring:
        after = machine.step(d, observed(d, now=now, **seen), now)  # type: ignore[arg-type]
        assert after.state is State.ROLLING_BACK
        assert reason in after.reason


@pytest.mark.parametrize("seen", [{"silent": True}, {"skew": 0.2}, {"tasks": SOME_TASKS}])
def test_a_gate_that_does_not_pass_is_named_after_the_timeout(seen: dict[str, object]) -> None:
    d, now = created(), 1000.0
    while d.state is not State.MEASURING:
        event, now = good(d, now)
        d = machine.step(d, event, now)
    entered = now
    while d.state is State.MEASURING:
        now += 5
        d = machine.step(d, observed(d, now=now, **seen), now)  # type: ignore[arg-type]
    assert d.state is State.ROLLING_BACK
    assert now - entered > TIMEOUT
    assert "step_timeout of 60 s on top of step_time exceeded" in d.reason
    assert "still waiting for" in d.reason


def test_the_step_time_is_kept() -> None:
    d, now = created(), 1000.0
    while d.state is not State.MEASURING:
        event, now = good(d, now)
        d = machine.step(d, event, now)
    early = machine.step(d, observed(d, now=now), d.since + STEP_TIME - 0.1)
    assert early.state is State.MEASURING
    assert "step time" in early.waiting_for
    late = machine.step(d, observed(d, now=now), d.since + STEP_TIME + 0.1)
    assert late.state is State.SHIFTING


def test_a_blue_request_restarts_the_bake_time() -> None:
    d, now = created(), 1000.0
    while d.state is not State.BAKING:
        event, now = good(d, now)
        d = machine.step(d, event, now)
    heard = Observed(
        GOOD_TASKS,
        GOOD_TASKS,
        Traffic(requests=1, started=1, reporters=4, seen_until=now + 5),
        Traffic(requests=500, started=500, reporters=4, seen_until=now + 5),
    )
    d = machine.step(d, heard, now + 5)
    assert (d.state, d.since) == (State.BAKING, now + 5)
    d = machine.step(d, observed(d, now=now + 5 + BAKE_TIME), now + 6 + BAKE_TIME)
    assert d.state is State.CLEANING_UP


def test_approval_is_not_bounded_by_the_step_timeout() -> None:
    d, now = created(approval=True), 1000.0
    while d.state is not State.AWAITING_APPROVAL:
        event, now = good(d, now)
        d = machine.step(d, event, now)
    d = machine.step(d, observed(d, now=now), now + 100 * TIMEOUT)
    assert d.state is State.AWAITING_APPROVAL
    d = machine.step(d, Approved(), now + 100 * TIMEOUT)
    assert d.state is State.VERIFYING
    d = machine.step(d, observed(d, now=now), now + 100 * TIMEOUT + 1)
    assert d.state is State.SHIFTING


def test_an_event_of_another_state_is_a_bug() -> None:
    with pytest.raises(InvariantError, match="SideStopped does not belong to"):
        machine.step(created(), SideStopped(True), 1001.0)


@given(data=st.data())
def test_no_sequence_of_events_breaks_an_invariant(data: st.DataObject) -> None:
    """`machine.step` checks its invariants itself; here a simulated world checks them too."""
    midway, steps = data.draw(st.booleans()), data.draw(st.sampled_from((STEPS, STEERED)))
    approval, beside = data.draw(st.booleans()), data.draw(st.booleans())
    d, now = created(approval, midway=midway, steps=steps, beside=beside), 1000.0
    route: dict[str, int] = {"blue": 100}
    everywhere = dict(route)
    last_sequence = 0
    for _ in range(60):
        assert d.sequence >= last_sequence
        last_sequence = d.sequence
        if d.finished:
            break
        effect = machine.next_effect(d)
        if isinstance(effect, StopSide):
            assert everywhere.get(effect.side, 0) == route.get(effect.side, 0) == 0
        choices = [good(d, now)] * 3 + list(bad(d, now))
        event, now = data.draw(st.sampled_from(choices))
        if isinstance(event, WeightsSet) and isinstance(effect, SetWeights):
            route = dict(effect.weights)
        if isinstance(event, ConvergenceSeen) and event.converged:
            everywhere = dict(route)
        d = hear(d, event, now)
