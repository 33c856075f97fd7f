"""A plan tells the truth: the machine itself, driven at steady traffic, takes the planned time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tealmesh.model.config.strategies import Gates, StepSettings, Strategy
from tealmesh.model.rollout import Deployment, State
from tealmesh.model.rollout.plan import PlannedStage
from tealmesh.model.traffic.parts import Part
from tealmesh.rollout.planning.past import past
from tealmesh.rollout.planning.present import present
from tealmesh.rollout.planning.stages import stages
from tests.rollout.machine.walking import created
from tests.rollout.planning.steady import Given, Steady
from tests.support.drills import sizes

WITHIN = 1.5
"""What is planned and what it takes are at most so many times as long as one another."""
POST = (Part(method="POST"),)
FEW = 3
LOOKS = 2.0
"""Seconds that do not count: windows of comparison end once a second at most."""


def deployment(strategy: Strategy, gates: Gates) -> Deployment:
    return replace(created(), strategy=strategy, gates=gates)


def told(d: Deployment, service: Given) -> tuple[tuple[PlannedStage, ...], Steady]:
    """The plan of a second deployment, and the service before it."""
    first = Steady(replace(service, rate=1000.0))
    quick = Strategy("canary", (50, 100), step_time=2.0, bake_time=1.0)
    anything = Gates(watch=d.gates.watch, min_requests=20, success_rate=0.0, breaker=1.0)
    ended = first.run(deployment(quick, anything))
    assert ended.state is State.SUCCEEDED, ended.reason
    before = past([first.entries], [first.windows])
    world = Steady(service)
    world.pass_time(60.0)
    seen = present(world.traffic(1, world.now - 30), (), before)
    return stages(d, seen, before), world


def check(d: Deployment, service: Given) -> None:
    plan, world = told(d, service)
    unknown = [stage for stage in plan if stage.expected is None]
    late = [stage for stage in plan if "longer than the step may take" in stage.expected_by]
    ended = world.run(d)
    took = world.now - ended.created_at
    if unknown:
        assert ended.state is State.ROLLED_BACK, [stage.expected_by for stage in unknown]
        return
    planned = sum(stage.expected or 0.0 for stage in plan)
    if late:
        # Near its limit, it may be in time.
        near = any((stage.expected or 0.0) < WITHIN * (stage.longest or 0.0) for stage in late)
        assert near or ended.state is State.ROLLED_BACK
        return
    tight = any((s.expected or 0.0) * WITHIN + LOOKS > (s.longest or 0.0) for s in plan if s.weight)
    if tight and ended.state is State.ROLLED_BACK:
        return
    assert ended.state is State.SUCCEEDED, ended.reason
    assert took < WITHIN * planned + LOOKS, shown(took, plan)
    failures = sum(window.new.failures for window in world.windows if window.compared)
    if not service.base or failures >= FEW:
        # Without one where one or two were expected, a verdict comes sooner.
        assert planned < WITHIN * took + LOOKS, shown(took, plan)


def shown(took: float, plan: tuple[PlannedStage, ...]) -> str:
    stages = (f"{stage.title}: {stage.expected} ({stage.expected_by})" for stage in plan)
    return f"took {took:.1f} s: {'; '.join(stages)}"


steps = st.lists(st.sampled_from([1, 5, 10, 25, 40, 50, 75]), unique=True, max_size=3).map(
    lambda found: (*sorted(found), 100)
)
strategies = st.builds(
    Strategy,
    st.just("canary"),
    steps,
    step_time=st.sampled_from([1.0, 4.0, 10.0, 45.0]),
    bake_time=st.sampled_from([1.0, 10.0]),
    step_timeout=st.sampled_from([20.0, 90.0]),
    warm_up=st.sampled_from([0.0, 0.0, 7.0]),
    step_settings=st.sampled_from([(), (StepSettings(time=8.0, min_requests=40),)]),
)
gates = st.builds(
    Gates,
    min_requests=st.sampled_from([0, 20, 100]),
    watch=st.sampled_from([(), (Part(method="POST"),), (Part(method="POST"), Part(prefix="/x"))]),
    compare=st.sampled_from([True, True, False]),
    beta=st.sampled_from([0.05, 0.2]),
)
services = st.builds(
    Given,
    rate=st.sampled_from([0.5, 3.0, 20.0, 120.0, 900.0]),
    base=st.sampled_from([0.0, 0.0, 0.002, 0.2]),
    parts=st.fixed_dictionaries(
        {"POST": st.sampled_from([0.005, 0.05, 0.25]), "/x": st.sampled_from([0.1, 1.0])}
    ),
    start=st.sampled_from([0.5, 6.0]),
    converge=st.sampled_from([0.1, 1.5]),
    drain=st.sampled_from([0.5, 5.0]),
)


@sizes("examples", short=8, long=400)
def test_a_good_version_takes_the_planned_time(examples: int) -> None:
    @settings(max_examples=examples, deadline=None)
    @given(strategies, gates, services)
    def each(strategy: Strategy, gates: Gates, service: Given) -> None:
        # Without a number of requests to wait for, what fails often may be seen too seldom to fail.
        assume(gates.min_requests or service.base < 1 - gates.success_rate)
        check(deployment(strategy, gates), service)

    each()


@pytest.mark.parametrize(
    ("strategy", "gates", "service"),
    [
        pytest.param({"warm_up": 9.0}, {}, {"rate": 120.0}, id="a warm-up"),
        pytest.param({}, {}, {"rate": 30.0}, id="a verdict"),
        pytest.param({}, {"watch": POST}, {"parts": {"POST": 0.05}}, id="a verdict on a part"),
        pytest.param({}, {"watch": POST}, {"parts": {"POST": 0.005}}, id="a rare part"),
        pytest.param({}, {"watch": POST}, {"parts": {"POST": 0.02}}, id="too rare to be in time"),
        pytest.param({"steps": (100,)}, {}, {"rate": 4.0}, id="little traffic"),
        pytest.param({}, {}, {"base": 0.02}, id="the present one misses its objective"),
        pytest.param({"step_time": 40.0}, {}, {"rate": 300.0, "base": 0.004}, id="errors of both"),
    ],
)
def test_what_a_plan_has_to_know(
    strategy: dict[str, Any], gates: dict[str, Any], service: dict[str, Any]
) -> None:
    canary = Strategy("canary", (25, 50, 100), step_time=4.0, bake_time=2.0, step_timeout=120.0)
    d = deployment(replace(canary, **strategy), Gates(**gates))
    check(d, Given(**{"rate": 120.0, **service}))
