"""A restart of the control plane lengthens no time limit, and takes nothing from a good version."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from tealmesh.model.rollout import Deployment, State
from tealmesh.rollout import machine
from tealmesh.rollout.effects import NotReady, Paused, Resumed
from tealmesh.rollout.machine import limits
from tests.rollout.machine.test_phases import START, look, measuring
from tests.rollout.machine.walking import created

LONG = 100.0


def limited(state: State) -> Deployment:
    """A deployment in ``state`` since `START`, each of whose limits is `LONG`."""
    settings = {limit.setting: LONG for limit in limits.LIMITS.values()}
    approval = settings.pop("approval_timeout")
    d = measuring(**settings)
    gates = replace(d.gates, approval=True, approval_timeout=approval)
    green = 100 if state is State.CLEANING_UP else 0 if state in machine.BACKWARD else 10
    weights = {"blue": 100 - green, "green": green}
    d = replace(d, weights=weights, acknowledged=weights, seen=weights)
    d = replace(d, gates=gates, state=state, since=0.0, evidence=(), scaled=3)
    return replace(d, comparison=replace(d.comparison, undecided=True))


def restarted(d: Deployment, now: float, away: float) -> Deployment:
    """Taken up from the store, by a control plane whose clock shows ``now``."""
    stored = Deployment.from_json(json.loads(json.dumps(d.to_json())))
    return machine.step(stored, Resumed(away), now)


@pytest.mark.parametrize("state", limits.LIMITS)
def test_every_limit_goes_on_after_a_restart(state: State) -> None:
    d = machine.step(limited(state), NotReady("it"), START + 50.0)
    before = limits.left(d, START + 50.0)
    after = restarted(d, 7.0, away=30.0)
    left = limits.left(after, 7.0)
    assert before is not None
    person = state in limits.PERSONS
    assert left == pytest.approx(before - 30.0 if person else before)
    again = restarted(machine.step(after, NotReady("it"), 17.0), 5000.0, away=0.0)
    assert limits.left(again, 5000.0) == pytest.approx(left - 10.0)


@pytest.mark.parametrize("now", [7.0, START + 80.0, 5000.0])
def test_a_warm_up_ends_when_it_would_have_whatever_the_clock_shows(now: float) -> None:
    """The clock of another process may begin anywhere."""
    d = limited(State.MEASURING)
    warming = replace(d.comparison, warm_until=START + 90.0, cold_until=START + 120.0)
    stored = machine.step(replace(d, comparison=warming), NotReady("it"), START + 50.0)
    after = restarted(stored, now, away=30.0).comparison
    assert after.warm_until - now == pytest.approx(10.0)
    assert after.cold_until - now == pytest.approx(40.0)


@pytest.mark.parametrize("state", limits.LIMITS)
def test_work_is_not_ended_before_its_envoys_and_tasks_are_found_again(state: State) -> None:
    d = limited(state)
    total = limits.left(d, START)
    assert total is not None
    d = machine.step(d, NotReady("it"), START + total - 1.0)
    after = restarted(d, START + total, away=1e6)
    wanted = -1e6 + 1.0 if state in limits.PERSONS else limits.RESUME_SECONDS
    assert limits.left(after, START + total) == pytest.approx(wanted)


@pytest.mark.parametrize("away", [(0.0, 0.0), (50.0, 0.0), (0.0, 20.0, 10.0)])
def test_a_restart_does_not_lengthen_the_wait_for_approval(away: Sequence[float]) -> None:
    d, now = limited(State.AWAITING_APPROVAL), START
    for seconds in away:
        d = machine.step(d, NotReady("it"), now + 20.0)
        now += 20.0 + seconds
        d = restarted(d, now, seconds)
    waits = machine.step(d, NotReady("it"), START + LONG - 0.5)
    late = machine.step(waits, NotReady("it"), START + LONG + 0.5)
    assert (waits.state, late.state) == (State.AWAITING_APPROVAL, State.ROLLING_BACK)


def test_a_pause_stands_still_through_a_restart() -> None:
    d = machine.step(limited(State.AWAITING_APPROVAL), Paused("ann"), START + 40.0)
    d = machine.step(d, NotReady("it"), START + 90.0)
    assert limits.left(restarted(d, START + 900.0, away=800.0), START + 900.0) == LONG - 40.0


def test_the_window_that_a_restart_loses_is_not_taken_from_the_limit_of_the_step() -> None:
    d = look(measuring(step_time=60.0, step_timeout=30.0), START + 59.0, old=450, new=50)
    d = restarted(d, START + 61.0, away=2.0)
    assert limits.left(d, START + 61.0) == 90.0
    # The second window of a step that began 20 s late: what the first one took stays counted.
    d = replace(measuring(step_time=60.0, step_timeout=90.0), since=START + 80.0)
    d = look(d, START + 100.0, old=450, new=50)
    d = restarted(d, START + 101.0, away=1.0)
    assert limits.left(d, START + 101.0) == 150.0 - 80.0


def test_what_was_stored_by_an_earlier_version_begins_anew() -> None:
    body = limited(State.AWAITING_APPROVAL).to_json()
    old = {k: v for k, v in body.items() if k not in ("counted", "counted_at")}
    d = machine.step(Deployment.from_json(json.loads(json.dumps(old))), Resumed(), 7.0)
    assert limits.left(d, 7.0) == LONG


def test_what_counts_is_stored_every_few_seconds_where_there_is_a_limit() -> None:
    assert machine.uncounted(limited(State.SCALING_UP), limits.COUNT_SECONDS)
    assert not machine.uncounted(limited(State.AWAITING_APPROVAL), limits.COUNT_SECONDS)
    assert machine.uncounted(limited(State.AWAITING_APPROVAL), limits.COUNT_PERSONS_SECONDS)
    unlimited = replace(created(approval=True, now=START), state=State.AWAITING_APPROVAL)
    assert not machine.uncounted(unlimited, 1e6)
