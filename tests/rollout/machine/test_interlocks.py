"""What must be before the new side gets weight, and before the old one is stopped."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from tealmesh.model.rollout import Deployment, SideTasks, State, Traffic
from tealmesh.rollout import machine
from tealmesh.rollout.effects import (
    ConvergenceSeen,
    Looked,
    Observed,
    Promoted,
    SetWeights,
    StopSide,
)
from tealmesh.rollout.machine.capacity import MOST_REDUCTIONS, carries
from tests.rollout.outside import STRATEGY, World, begun, every_moment, image, to_pause, turn
from tests.support.drills import examples

NEEDED = 4
FORWARD = {State.SHIFTING, State.CONVERGING, State.MEASURING, State.BAKING}


@dataclass
class Ill(World):
    """A world in which some tasks of a side are not healthy."""

    healthy: dict[str, int] = field(default_factory=dict)

    def observe(self, side: str) -> SideTasks:
        seen = super().observe(side)
        able = min(seen.healthy, self.healthy.get(side, seen.healthy))
        return replace(seen, healthy=able, image=image(side) if seen.desired else "")

    def serves(self, side: str) -> bool:
        return super().serves(side) and self.healthy.get(side, 1) > 0


def first() -> Deployment:
    strategy = replace(STRATEGY, steps=(10, 50, 100))
    return replace(begun(), strategy=strategy, desired_count=NEEDED, old_desired=NEEDED)


def world() -> Ill:
    made = Ill()
    made.tasks["blue"].desired = NEEDED
    return made


def at(share: int) -> tuple[Deployment, Ill]:
    """While the new side is measured at this share of the requests."""
    d, ill = first(), world()
    while not (d.state is State.MEASURING and d.weights["green"] == share):
        d = turn(d, ill)
        ill.now += 0.5
    return d, ill


@pytest.mark.parametrize(("healthy", "weight"), [(4, 50), (3, 50), (2, 50), (1, 25)], ids=str)
def test_no_weight_beyond_healthy_capacity(healthy: int, weight: int) -> None:
    d, ill = at(50)
    ill.healthy["green"] = healthy
    for _ in range(3):
        d = to_pause(d, ill)
    assert ill.weights["green"] == weight
    assert d.state is State.MEASURING  # It goes on only with all tasks.
    if weight == 25:
        evidence = d.evidence[-1]
        assert evidence.weights == {"blue": 75, "green": 25}
    del ill.healthy["green"]
    while not d.finished:
        d = to_pause(d, ill)
    assert (d.state, ill.weights["green"]) == (State.SUCCEEDED, 100)
    assert not ill.wrongs


def test_the_next_step_waits_for_the_tasks_that_carry_it() -> None:
    d, ill = at(10)
    while d.state is State.MEASURING:
        d = turn(d, ill)
        ill.now += 0.5
    assert d.state is State.SHIFTING
    ill.healthy["green"] = 1
    d = to_pause(d, ill)
    assert d.state is State.SHIFTING
    assert d.waiting_for == (
        "2 healthy tasks of green for 50% of the requests (1 of 4 can carry 25%)"
    )
    assert ill.weights["green"] == 10
    ill.healthy["green"] = 2
    assert to_pause(d, ill).weights == {"blue": 50, "green": 50}
    assert ill.weights["green"] == 50


def test_where_both_sides_lack_tasks_each_carries_its_part() -> None:
    d, ill = at(100)
    ill.healthy |= {"green": 2, "blue": 1}
    d = to_pause(d, ill)
    assert ill.weights == {"blue": 34, "green": 66}
    ill.healthy["blue"] = 0
    d = to_pause(d, ill)
    assert ill.weights["green"] == 100
    assert d.state in FORWARD


@pytest.mark.parametrize("bakes", [False, True], ids=["measured", "baking"])
@pytest.mark.parametrize("full", [False, True], ids=["a step", "all"])
def test_a_promotion_skips_no_task_that_the_last_step_lacks(full: bool, bakes: bool) -> None:
    """Half its tasks have died at the last step, so the old side has half of the weight again."""
    d, ill = at(100)
    while bakes and d.state is not State.BAKING:
        d = turn(d, ill)
        ill.now += 0.5
    ill.healthy["green"] = 2
    d = to_pause(d, ill)
    assert ill.weights == {"blue": 50, "green": 50}
    d = machine.step(d, Promoted("tester", full=full), ill.now)
    for _ in range(5):
        d = to_pause(d, ill)
    assert ill.weights == {"blue": 50, "green": 50}
    assert (d.finished, ill.tasks["blue"].alive) == (False, True)
    del ill.healthy["green"]
    while not d.finished:
        d = to_pause(d, ill)
    assert (d.state, ill.weights["green"]) == (State.SUCCEEDED, 100)
    assert not ill.wrongs


def test_a_side_that_loses_its_tasks_again_and_again_is_rolled_back() -> None:
    d, ill = at(100)
    for _ in range(MOST_REDUCTIONS + 1):
        ill.healthy["green"] = 1
        d = to_pause(d, ill)
        ill.healthy["green"] = NEEDED
        for _ in range(3):
            d = to_pause(d, ill)
    while not d.finished:
        d = to_pause(d, ill)
    assert d.state is State.ROLLED_BACK
    assert "it has lost tasks 4 times while it had weight" in d.reason


EVENTS = some.lists(
    some.tuples(some.sampled_from(("green", "blue")), some.integers(0, NEEDED)), max_size=25
)


@settings(max_examples=examples(100), deadline=None)
@given(EVENTS)
def test_weight_is_within_healthy_capacity_whenever_the_controller_pauses(
    events: list[tuple[str, int]],
) -> None:
    d, ill = first(), world()
    for side, healthy in events:
        ill.healthy[side] = healthy
        d = to_pause(d, ill)
        assert not ill.wrongs
        share = machine.shares(ill.weights).get("green", 0.0)
        if d.state in FORWARD and d.healthy.get("green"):
            assert share <= carries(d) + 0.01, (d.state, d.healthy, ill.weights)
        if d.finished:
            break
    else:
        ill.healthy.clear()
        while not d.finished:
            d = to_pause(d, ill)
        assert d.state in (State.SUCCEEDED, State.ROLLED_BACK)


def test_no_weight_to_a_node_that_is_empty_or_that_not_every_envoy_knows() -> None:
    moments = [
        (d, w) for d, w in every_moment(begun())
        if d.state in (State.CONVERGING_TARGET, State.VERIFYING, State.SHIFTING)
    ]  # fmt: skip
    assert {d.state for d, _ in moments} >= {State.CONVERGING_TARGET, State.VERIFYING}
    for before, seen_before in moments:
        d, w = copy.deepcopy((before, seen_before))
        if d.state is State.CONVERGING_TARGET:
            after = machine.step(d, ConvergenceSeen(False, w.now, ("task/1",)), w.now)
            assert after.state is d.state
        if d.state is State.VERIFYING:
            # The callers' Envoys count no endpoint, or do not report at all.
            full = SideTasks(2, 2, 2, image="web:2")
            for unseen in (Traffic(reporters=1, members=0, members_healthy=0), Traffic()):
                observed = Observed(full, full, new_traffic=unseen)
                assert machine.step(d, observed, w.now).state is d.state
        w.tasks["green"].alive = False
        looked = machine.step(d, Looked(w.look()), w.now)
        effect = machine.next_effect(looked)
        gains = isinstance(effect, SetWeights) and effect.weights.get("green", 0) > 0
        assert not gains or machine.obstacle(looked), looked


def test_the_old_side_stays_until_every_envoy_has_acknowledged_and_it_is_silent() -> None:
    at_100 = [
        (d, w) for d, w in every_moment(begun())
        if d.weights.get("green") == 100 and d.state in (State.CONVERGING, State.BAKING)
    ]  # fmt: skip
    assert {d.state for d, _ in at_100} == {State.CONVERGING, State.BAKING}
    for before, seen_before in at_100:
        d, w = copy.deepcopy((before, seen_before))
        if d.state is State.CONVERGING:
            late = machine.step(d, ConvergenceSeen(False, w.now, ("task/1",)), w.now)
            assert not isinstance(machine.next_effect(late), StopSide)
            continue
        tasks = SideTasks(2, 2, 2, image="web:2")
        new = Traffic(requests=99, started=99, reporters=1, seen_until=w.now + 99)
        one_more = Traffic(requests=1, started=1, reporters=1, seen_until=w.now + 99)
        unknown = Traffic()
        for old in (one_more, unknown):
            heard = machine.step(d, Observed(tasks, tasks, old, new), w.now + 50)
            assert not isinstance(machine.next_effect(heard), StopSide), old


def test_a_side_to_which_others_lead_goes_on_running() -> None:
    """Somebody named one of two routes; the other one leads to blue, or to green, for good."""
    for side, end in (("blue", "blue still runs"), ("green", "")):
        d, w = begun(), World()
        while not d.finished:
            seen = w.look()
            route = replace(seen.route, elsewhere={side: ("beta",)})
            before = d.sequence
            d = machine.step(d, Looked(replace(seen, route=route)), w.now)
            if d.sequence == before and (effect := machine.next_effect(d)):
                event = w.perform(effect, seen)
                if isinstance(event, Observed):
                    # What beta leads to the sides is counted too.
                    more = replace(event.old_traffic, requests=5000, started=5000)
                    event = replace(event, old_traffic=more) if side == "blue" else event
                d = machine.step(d, event, w.now)
            w.now += 0.5
        assert d.state is State.SUCCEEDED
        assert end in d.reason
        assert ("blue" in w.tasks) == (side == "blue")
        shares = [gate for step in d.evidence for gate in step.verdicts if gate.gate == "share"]
        assert shares
        for gate in shares:
            assert (
                f"not judged, since route beta, which is not shifted, gives {side}" in gate.detail
            )
