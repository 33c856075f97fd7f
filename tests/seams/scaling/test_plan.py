"""The decider of automatic scaling: examples from AWS's documentation, and what always holds."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.model.clock import Moment
from tealmesh.model.scaling.bodies import CooldownBody, ScalingPolicyBody, TargetTeal
from tealmesh.seams.scaling.plan import (
    Decision,
    Invocation,
    Situation,
    Tracked,
    decide,
    stepped,
)
from tests.seams.scaling.policies import stepping, tracking

NOW = Moment("boot", 1000.0, 0.0)
FRESH: TargetTeal = {"tags": {}, "bounded": True, "activities": 0}
SITUATION = Situation(desired=4, least=1, most=10)


def high(policy: ScalingPolicyBody, value: float, threshold: float = 50) -> Invocation:
    return Invocation(policy, "high", "ALARM", value, threshold, low=False)


def low(policy: ScalingPolicyBody, value: float, threshold: float = 45) -> Invocation:
    return Invocation(policy, "low", "ALARM", value, threshold, low=True)


def decided(
    *invocations: Invocation,
    situation: Situation = SITUATION,
    teal: TargetTeal = FRESH,
    now: Moment = NOW,
    tracked: tuple[Tracked, ...] = (),
) -> Decision | None:
    return decide(situation, invocations, tracked, teal, now)


def count(*invocations: Invocation, **more: object) -> int | None:
    decision = decided(*invocations, **more)  # type: ignore[arg-type]
    return decision.count if decision else None


def cooling(direction: str, base: int, *, boot: str = "boot", at: float = 990.0) -> TargetTeal:
    cooldown: CooldownBody = {"boot": boot, "at": at, "seconds": 60, "base": base}
    if direction == "out":
        return {**FRESH, "scaledOut": cooldown}
    return {**FRESH, "scaledIn": cooldown}


def test_capacity_follows_the_ratio_of_metric_and_target() -> None:
    assert count(high(tracking(50), 75)) == 6
    assert count(high(tracking(50), 51)) == 5  # rounded up
    assert count(high(tracking(50), 900)) == 10  # the most
    assert count(low(tracking(50), 20)) == 2  # 1.6, rounded up
    assert count(low(tracking(50), 0)) == 1  # the least


@pytest.mark.parametrize(
    ("breach", "expected"), [(0, 10), (9, 10), (10, 11), (19.9, 11), (20, 13), (500, 13)]
)
def test_steps_have_their_lower_bound_above_a_threshold(breach: float, expected: int) -> None:
    """The example of AWS's page on step scaling."""
    steps = stepping("PercentChangeInCapacity", (0, 10, 0), (10, 20, 10), (20, None, 30))
    configuration = steps["StepScalingPolicyConfiguration"]
    assert stepped(configuration, 10, breach, low=False) == expected


@pytest.mark.parametrize(("breach", "expected"), [(0, 10), (-10, 9), (-9, 10), (-20, 7)])
def test_steps_have_their_upper_bound_below_a_threshold(breach: float, expected: int) -> None:
    steps = stepping("PercentChangeInCapacity", (-10, 0, 0), (-20, -10, -10), (None, -20, -30))
    configuration = steps["StepScalingPolicyConfiguration"]
    assert stepped(configuration, 10, breach, low=True) == expected


def test_percentages_are_whole_tasks() -> None:
    """https://docs.aws.amazon.com/autoscaling/application/userguide/step-scaling-policy-overview.html"""

    def changed(percent: int, base: int, least: int = 0) -> int:
        steps = stepping("PercentChangeInCapacity", (0, None, percent), least=least)
        return stepped(steps["StepScalingPolicyConfiguration"], base, 1, low=False)

    assert changed(25, 10) == 12
    assert changed(5, 10) == 11
    assert changed(-5, 10) == 9
    assert changed(-67, 10) == 4
    assert changed(25, 4, least=2) == 6
    assert changed(-100, 3) == 0


def test_a_cooldown_lets_only_a_larger_change_pass() -> None:
    """10 tasks, 2 added: within the cooldown a step of 4 adds 2 more."""
    small, large = (
        stepping("ChangeInCapacity", (0, None, 2)),
        stepping("ChangeInCapacity", (0, None, 4)),
    )
    situation = Situation(desired=12, least=1, most=20)
    waiting = cooling("out", base=10)
    assert decided(high(small, 90), situation=situation, teal=waiting) is None
    assert count(high(large, 90), situation=situation, teal=waiting) == 14
    later = Moment("boot", 1050.0, 0.0)
    assert count(high(small, 90), situation=situation, teal=waiting, now=later) == 14


def test_scaling_in_waits_for_its_cooldown_and_scaling_out_does_not() -> None:
    waiting = cooling("in", base=6)
    assert decided(low(tracking(50), 10), teal=waiting) is None
    assert count(high(tracking(50), 75), teal=waiting) == 6


def test_a_cooldown_of_another_boot_begins_anew() -> None:
    waiting = cooling("in", base=6, boot="earlier", at=1e9)
    assert decided(low(tracking(50), 10), teal=waiting, now=Moment("boot", 59, 0.0)) is None
    assert count(low(tracking(50), 10), teal=waiting, now=Moment("boot", 60, 0.0)) == 1


def test_the_largest_capacity_wins() -> None:
    cpu, memory = tracking(50, "cpu"), tracking(50, "memory")
    assert count(high(cpu, 60), high(memory, 90)) == 8
    # One wants more and one less: more.
    assert count(low(cpu, 10), high(memory, 90)) == 8
    assert count(low(cpu, 10), low(memory, 20)) == 2


def test_all_tracking_policies_must_be_ready_to_scale_in() -> None:
    cpu, memory = tracking(50, "cpu"), tracking(50, "memory")
    ready = (Tracked(cpu, ready=True), Tracked(memory, ready=False))
    assert decided(low(cpu, 10), tracked=ready) is None
    disabled = tracking(50, "memory", DisableScaleIn=True)
    ready = (Tracked(cpu, ready=True), Tracked(disabled, ready=False))
    assert count(low(cpu, 10), tracked=ready) == 1


def test_scaling_in_is_held_during_a_deployment_and_scaling_out_is_not() -> None:
    held = replace(SITUATION, held=True)
    decision = decided(low(tracking(50), 10), situation=held)
    assert decision is not None
    assert decision.count is None
    assert decision.reason == {
        "Code": "TargetServicePutResourceAsUnscalable",
        "CurrentCapacity": 4,
    }
    assert count(high(tracking(50), 75), situation=held) == 6


def test_it_is_said_when_a_bound_is_reached() -> None:
    full = decided(high(tracking(50), 75), situation=Situation(desired=4, least=1, most=4))
    assert full is not None
    assert full.reason == {"Code": "AlreadyAtMaxCapacity", "MaxCapacity": 4, "CurrentCapacity": 4}
    empty = decided(low(tracking(50), 5), situation=Situation(desired=2, least=2, most=4))
    assert empty is not None
    assert empty.reason == {"Code": "AlreadyAtMinCapacity", "MinCapacity": 2, "CurrentCapacity": 2}


POLICIES = st.one_of(
    st.builds(
        tracking,
        st.floats(1, 100),
        DisableScaleIn=st.booleans(),
        ScaleOutCooldown=st.integers(0, 100),
    ),
    st.builds(
        stepping,
        st.sampled_from(["ChangeInCapacity", "PercentChangeInCapacity", "ExactCapacity"]),
        st.tuples(st.just(0.0), st.none(), st.integers(0, 20)),
        st.tuples(st.none(), st.just(0.0), st.integers(-20, 0)),
    ),
)


@st.composite
def invocations(draw: st.DrawFn) -> Invocation:
    policy = draw(POLICIES)
    value, threshold = draw(st.floats(0, 1000)), draw(st.floats(0, 100))
    if policy["PolicyType"] == "TargetTrackingScaling":
        target = policy["TargetTrackingScalingPolicyConfiguration"]["TargetValue"]
        is_low = draw(st.booleans())
        threshold = target * 0.9 if is_low else target
        value = draw(st.floats(0, threshold)) if is_low else threshold + draw(st.floats(0.01, 900))
    else:
        is_low = value < threshold
    return Invocation(policy, "alarm", "ALARM", value, threshold, low=is_low)


@st.composite
def situations(draw: st.DrawFn) -> Situation:
    least = draw(st.integers(0, 20))
    most = least + draw(st.integers(0, 20))
    flags = [draw(st.booleans()) for _ in range(3)]
    return Situation(draw(st.integers(0, 50)), least, most, *flags)


TEALS = st.one_of(
    st.just(FRESH),
    st.builds(cooling, st.sampled_from(["in", "out"]), base=st.integers(0, 50)),
)


@given(situations(), st.lists(invocations(), max_size=4), TEALS)
def test_what_always_holds(
    situation: Situation, invoked: list[Invocation], teal: TargetTeal
) -> None:
    tracked = [
        Tracked(one.policy, one.low)
        for one in invoked
        if one.policy["PolicyType"] == "TargetTrackingScaling"
    ]
    decision = decide(situation, invoked, tracked, teal, NOW)
    if not invoked:
        assert decision is None
    if decision is None:
        return
    # A change, or a reason for none.
    assert (decision.count is None) == (decision.reason is not None)
    if decision.count is None:
        return
    assert situation.least <= decision.count <= situation.most
    assert decision.count != situation.desired
    assert decision.cooldown is not None
    if decision.count > situation.desired:
        assert not situation.out_suspended
    else:
        assert not situation.in_suspended
        assert not situation.held
        assert "scaledIn" not in teal
        causes = [one for one in invoked if f"policy {one.policy['PolicyName']}" in decision.cause]
        assert causes


@given(st.integers(1, 50), st.floats(1, 100), st.floats(0, 1000))
def test_after_a_change_the_metric_is_expected_at_the_target(
    desired: int, target: float, value: float
) -> None:
    """As many tasks share the same load: no more than the target each, and one less would not."""
    situation = Situation(desired, least=0, most=1_000_000)
    invocation = (high if value > target else low)(tracking(target), value, target)
    found = count(invocation, situation=situation)
    if found is None:
        return
    load = desired * value
    assert load <= (found + 1e-6) * target
    assert found == 0 or load > (found - 1 - 1e-6) * target
