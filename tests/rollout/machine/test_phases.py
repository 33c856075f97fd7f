"""Time limits by phase, and windows of measurement whose reason stays visible."""

from __future__ import annotations

from dataclasses import replace

from tealmesh.model.config.strategies import Gates, StepSettings, Strategy
from tealmesh.model.rollout import Deployment, Phase, SideTasks, State, StepEvidence, Traffic
from tealmesh.rollout import machine
from tealmesh.rollout.effects import Approved, NotReady, Observed, Resumed
from tealmesh.rollout.machine import limits
from tealmesh.rollout.machine.limits import LIMITS
from tests.rollout.machine.walking import created

GOOD = SideTasks(desired=3, running=3, healthy=3)
START = 1000.0
PRODUCTION = Phase.PRODUCTION_TRAFFIC_SHIFT


def strategy(**seconds: float) -> Strategy:
    return replace(Strategy("canary", (10, 100), step_time=3.0, bake_time=3.0), **seconds)


def measuring(**seconds: float) -> Deployment:
    """A deployment at its first step since `START`."""
    weights = {"blue": 90, "green": 10}
    return replace(
        created(now=START),
        strategy=strategy(**seconds),
        gates=Gates(compare=False),
        state=State.MEASURING,
        weights=weights,
        acknowledged=weights,
        since=START,
        phase_at=START,
        evidence=(StepEvidence(0, weights, 0.1, START),),
    )


def look(d: Deployment, now: float, old: int, new: int, failures: int = 0) -> Deployment:
    seen = Traffic(reporters=2, seen_until=now)
    before, after = (replace(seen, requests=n, started=n) for n in (old, new))
    seen_both = Observed(GOOD, GOOD, before, replace(after, failures=failures))
    return machine.step(d, seen_both, now)


def test_every_state_that_waits_for_something_else_than_a_person_has_a_limit() -> None:
    final = {State.SUCCEEDED, State.ROLLED_BACK, State.ROLLBACK_FAILED, State.STOPPED}
    without = {state for state in State if state not in LIMITS}
    assert final <= without
    assert limits.of(replace(created(now=START), state=State.HELD)) is None
    known = {*Strategy.__dataclass_fields__, *Gates.__dataclass_fields__}
    assert {limit.setting for limit in LIMITS.values()} <= known


def test_the_wait_for_approval_is_limited_if_that_is_asked_for() -> None:
    d = replace(created(approval=True, now=START), state=State.AWAITING_APPROVAL)
    assert limits.of(d) is None
    d = replace(d, gates=replace(d.gates, approval_timeout=60.0))
    seen = Observed(GOOD, GOOD)
    assert machine.step(d, seen, START + 59.0).seconds_left == 1.0
    late = machine.step(d, seen, START + 61.0)
    assert late.state is State.ROLLING_BACK
    assert late.reason == (
        "approval_timeout of 60 s exceeded while waiting for a person, still waiting for approval "
        "(`teal approve web`)"
    )


def test_a_step_has_a_time_and_gates_of_its_own_and_waits_for_approval_while_it_is_judged() -> None:
    own = (StepSettings(time=9.0, success_rate=0.5), StepSettings(approval=True), StepSettings())
    d = replace(measuring(), gates=Gates())
    d = replace(d, strategy=replace(d.strategy, steps=(10, 50, 100), step_settings=own))
    assert look(d, START + 8.9, old=900, new=100).state is State.MEASURING
    d = look(d, START + 9.1, old=900, new=100)
    assert (d.state, d.step, d.phase) == (State.AWAITING_APPROVAL, 0, PRODUCTION)
    assert d.waiting_for == "approval (`teal approve web`) of the step of 50 %"
    assert machine.awaited(d) == 1
    waits = look(d, START + 100_000.0, old=90_000, new=10_000)
    assert (waits.state, waits.evidence[-1].requests) == (State.AWAITING_APPROVAL, 10_000)
    bad = look(d, START + 20.0, old=900, new=100, failures=90)
    assert (bad.state, bad.reason[:13]) == (State.ROLLING_BACK, "success-rate:")
    d = machine.step(waits, Approved("root"), START + 100_001.0)
    assert (d.state, d.note) == (State.MEASURING, "approved by root")
    assert machine.awaited(d) is None
    d = look(d, START + 100_002.0, old=90_000, new=10_000)
    assert (d.state, d.step) == (State.SHIFTING, 1)


def test_a_slow_start_takes_nothing_from_the_time_of_the_steps() -> None:
    d = replace(created(now=START), strategy=strategy(step_timeout=40.0), state=State.SCALING_UP)
    d = machine.step(d, NotReady("the image to be pulled"), START + 290.0)
    assert d.state is State.SCALING_UP
    assert d.seconds_left == 10.0
    late = machine.step(d, NotReady("the image to be pulled"), START + 301.0)
    assert late.reason == (
        "start_timeout of 300 s exceeded while starting the new side's tasks, still waiting for "
        "the image to be pulled"
    )


def test_a_window_that_was_not_enough_stays_to_be_seen_while_the_next_one_fills() -> None:
    d = look(measuring(), START + 3.0, old=500, new=500)
    assert (d.windows, d.since) == (1, START + 3.0)
    d = look(d, START + 4.0, old=10, new=2)
    assert d.waiting_for == "another window of 3 s"
    assert d.last_window == (
        "share: the new side got 50 % of 1,000 requests, its weight is 10 % ± 3.79 %"
    )
    assert (d.evidence[-1].requests, d.evidence[-1].total_requests) == (500, 1000)
    d = look(d, START + 6.0, old=500, new=500)
    d = look(d, START + 7.0, old=10, new=2)
    assert d.windows == 2
    good = look(d, START + 9.0, old=900, new=100)
    assert good.state is State.SHIFTING
    assert (good.windows, good.last_window) == (0, "")


def test_the_limit_of_a_step_counts_from_its_beginning_however_many_windows_it_has() -> None:
    d, now = measuring(step_timeout=20.0), START
    while d.state is State.MEASURING:
        now += 1.0
        d = look(d, now, old=500, new=500)
    assert START + 23.0 < now <= START + 24.0
    assert d.reason.startswith("step_timeout of 20 s on top of step_time exceeded")
    assert "still waiting for share: the new side got 50 %" in d.reason


def test_a_restart_of_the_control_plane_leaves_the_last_numbers_to_be_seen() -> None:
    d = look(measuring(step_time=30.0), START + 5.0, old=450, new=50)
    d = machine.step(d, Resumed(), START + 6.0)
    d = look(d, START + 8.0, old=0, new=0)
    assert d.evidence[-1].total_requests == 500
    assert "a restart of the control plane" in d.last_window
    assert d.phase_at == START + 6.0


def test_a_request_to_the_old_side_is_told_until_it_has_been_silent_for_the_bake_time() -> None:
    weights = {"blue": 0, "green": 100}
    d = replace(measuring(), state=State.BAKING, weights=weights, acknowledged=weights)
    d = look(d, START + 1.0, old=2, new=100)
    assert d.waiting_for.startswith("silence: 2 requests to the old side")
    d = look(d, START + 2.0, old=0, new=100)
    assert (d.windows, d.last_window) == (
        1,
        "silence: 2 requests to the old side, as 2 Envoys reported",
    )
    assert d.waiting_for.startswith("silence: 0 requests to the old side")
