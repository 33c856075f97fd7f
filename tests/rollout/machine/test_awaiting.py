"""What wakes a deployment before its next regular look."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.model.rollout import State
from tealmesh.rollout import machine
from tealmesh.rollout.machine import Awaited, Heard
from tealmesh.rollout.machine.awaiting import HASTE_SECONDS
from tests.rollout.machine.walking import BAKE_TIME, STEP_TIME, created

MOMENTS = st.floats(0, 1000)


@pytest.mark.parametrize(
    ("state", "awaited"),
    [
        (State.SCALING_UP, Awaited(tasks=True)),
        (State.SHIFTING, Awaited(tasks=True)),
        (State.CLEANING_UP, Awaited(tasks=True)),
        (State.VERIFYING, Awaited(500.0, reports=True, tasks=True)),
        (State.MEASURING, Awaited(500.0 + STEP_TIME, reports=True)),
        (State.BAKING, Awaited(500.0 + BAKE_TIME, reports=True)),
        (State.AWAITING_APPROVAL, Awaited()),
        (State.HELD, Awaited()),
    ],
)
def test_each_state_waits_for_its_own_fact(state: State, awaited: Awaited) -> None:
    assert machine.awaits(replace(created(), state=state, since=500.0)) == awaited


def test_a_warm_up_comes_before_the_step() -> None:
    d = replace(created(), state=State.MEASURING, since=500.0)
    warm = replace(
        d,
        strategy=replace(d.strategy, warm_up=30.0),
        comparison=replace(d.comparison, warm_until=530.0),
    )
    assert machine.awaits(warm).at == 530.0 + STEP_TIME


def test_the_end_of_a_time_and_then_each_round_of_reports_wake() -> None:
    awaited = Awaited(10.0, reports=True)
    early = Heard(looked_at=9.0, reported_until=9.9, tasks=True)
    assert not machine.due(awaited, early, 9.95)
    assert machine.due(awaited, early, 10.0)
    looked = replace(early, looked_at=10.0)
    assert not machine.due(awaited, looked, 10.2)
    assert machine.due(awaited, replace(looked, reported_until=10.1), 10.2)


@given(MOMENTS, MOMENTS, MOMENTS, MOMENTS)
def test_reports_wake_nobody_for_ever(
    at: float, looked_at: float, reported_until: float, now: float
) -> None:
    heard = Heard(looked_at, reported_until, tasks=False)
    if machine.due(Awaited(at, reports=True), heard, now):
        assert now >= at
        assert looked_at < at or now < at + HASTE_SECONDS
    assert not machine.due(Awaited(math.inf, reports=True), heard, now)


@given(MOMENTS, MOMENTS)
def test_other_numbers_of_tasks_wake_those_that_wait_for_tasks(
    looked_at: float, now: float
) -> None:
    heard = Heard(looked_at, 0.0, tasks=True)
    assert machine.due(Awaited(tasks=True), heard, now)
    assert not machine.due(Awaited(), heard, now)
    assert not machine.due(Awaited(tasks=True), replace(heard, tasks=False), now)
