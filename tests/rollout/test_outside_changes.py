"""Each state of a deployment, and each thing that somebody else may do meanwhile."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tealmesh.model.rollout import Deployment, State
from tealmesh.rollout import machine
from tealmesh.rollout.effects import (
    AbortAsked,
    Approved,
    Event,
    GivenUp,
    Paused,
    Promoted,
    Replaced,
    Resumed,
    TakenOver,
    Unpaused,
)
from tests.rollout.outside import OUTSIDE, World, begun, every_moment, to_pause, turn
from tests.support.drills import examples

WAITING = {State.HELD, State.AWAITING_APPROVAL}
LONG = 150
"""Looks: longer than every time limit."""

PEOPLE: dict[str, Event] = {
    "abort": AbortAsked("root"),
    "take over": TakenOver("root"),
    "give up": GivenUp("root"),
    "approve": Approved(),
    "restart": Resumed(),
    "promote": Promoted("root"),
    "promote fully": Promoted("root", full=True),
    "pause": Paused("root"),
    "end the pause": Unpaused("root"),
    "replace": Replaced("root", "web:3"),
}


def moments() -> list[tuple[Deployment, World]]:
    """Every moment of a canary, of one that is rolled back, of one that waits for approval, and of
    a rollback; after the transition has been stored and before.
    """
    ways = [
        *every_moment(begun()),
        *every_moment(begun(gated=False)),
        *every_moment(begun(approval=True)),
        *_aborted(),
    ]
    distinct = {(d.state, d.step, d.gated, d.kind, len(d.evidence)): (d, w) for d, w in ways}
    return list(distinct.values())


def _aborted() -> list[tuple[Deployment, World]]:
    measuring = next(pair for pair in every_moment(begun()) if pair[0].state is State.MEASURING)
    d, world = copy.deepcopy(measuring)
    d = machine.step(d, AbortAsked("root"), world.now)
    found = []
    while not d.finished:
        found.append((d, copy.deepcopy(world)))
        d = turn(d, world)
    return found


def check(d: Deployment, world: World, what: object) -> None:
    """What must hold whenever the controller pauses."""
    assert not world.wrongs, (what, world.wrongs)
    if d.state is State.HELD:
        assert "`teal abort web --give-up`" in d.waiting_for, (what, d)
    if d.state in WAITING:
        assert "`teal " in d.waiting_for, (what, d)
    elif not d.finished:
        assert not world.starving(), (what, d, world)
    else:
        told = d.state in (State.STOPPED, State.ROLLBACK_FAILED) or "still" in d.reason
        assert not world.starving() or told, (what, d, world)
        check_last_words(d, world)


def check_last_words(d: Deployment, world: World) -> None:
    """The final word names what serves."""
    for side, share in machine.shares(world.weights if world.route else {}).items():
        if side == "red" or not world.serves(side):
            continue
        amount = "all requests" if share == 1 else f"{share:.0%} of the requests"
        version = "web:1" if side == "blue" else "web:2"
        assert f"{version} on {side} serves {amount}" in d.serves, (d, world)
    if d.state is State.ROLLBACK_FAILED:
        assert not any(w and world.serves(s) for s, w in world.weights.items()), (d, world)


def to_rest(d: Deployment, world: World, what: object) -> Deployment:
    """Until the end, or until the deployment waits for a person."""
    for _ in range(LONG):
        d = to_pause(d, world)
        check(d, world, what)
        if d.finished or d.state in WAITING:
            return d
    raise AssertionError((what, d, world))


MOMENTS = moments()


@pytest.mark.parametrize("outside", OUTSIDE)
def test_whatever_others_do_at_any_moment_no_healthy_side_goes_without_the_weight_of_a_dead_one(
    outside: str,
) -> None:
    reached = set()
    for before, world_before in MOMENTS:
        d, world = copy.deepcopy((before, world_before))
        if d.finished:
            continue
        OUTSIDE[outside](world)
        end = to_rest(d, world, (outside, before.state))
        reached.add(end.state)
    assert reached


def test_every_state_that_is_not_final_is_disturbed() -> None:
    assert {d.state for d, _ in MOMENTS} >= set(State) - machine.FINAL - {State.HELD}


def test_weights_that_others_changed_hold_the_deployment_and_name_who_and_what() -> None:
    held = 0
    for before, world_before in MOMENTS:
        d, world = copy.deepcopy((before, world_before))
        share = machine.shares(world.weights)
        world.weights = {"blue": 50, "green": 50}
        able = world.serves("blue") and world.serves("green")
        if d.finished or not able or machine.shares(world.weights) == share:
            continue
        d = to_pause(d, world)
        assert d.state is State.HELD, before.state
        assert "the weights were changed to blue=50 green=50 by root (UpdateRoute)" in d.note
        assert set(world.tasks) == {"blue", "green"}
        held += 1
        for event, ends in ((TakenOver("root"), None), (AbortAsked("root"), "web:1 on blue")):
            copied, after = copy.deepcopy((d, world))
            end = to_rest(machine.step(copied, event, after.now), after, event)
            assert end.finished or end.state is State.AWAITING_APPROVAL, (before.state, end)
            assert not ends or ends in end.serves
        end = machine.step(d, GivenUp("root"), world.now)
        assert (end.state, end.reason) == (State.STOPPED, "given up by root")
        assert end.serves == "web:1 on blue serves 50% of the requests; " + (
            "web:2 on green serves 50% of the requests"
        )
    assert held > 8


def test_the_same_share_in_other_numbers_is_no_change() -> None:
    for before, world_before in MOMENTS:
        d, world = copy.deepcopy((before, world_before))
        if len(machine.shares(world.weights)) == 1 and not d.finished:
            world.weights = {side: int(bool(w)) for side, w in world.weights.items()}
            assert to_pause(d, world).state is not State.HELD


def test_a_dead_version_is_replaced_by_a_good_one_at_once() -> None:
    d, world = begun(), World()
    world.tasks["blue"].alive = False
    journal = []
    while not d.finished:
        before, d = d, turn(d, world)
        if d.sequence == before.sequence:
            assert not world.starving() or not world.serves("green")
            world.now += 1
        else:
            journal.append((d.state, d.note))
    assert d.state is State.SUCCEEDED
    assert d.serves == "web:2 on green serves all requests"
    notes = [note for state, note in journal if state is State.SHIFTING]
    why = "blue has weight and no healthy task: green gets all the weight at once"
    assert notes == [why]


def test_a_rollback_to_a_dead_version_is_turned_in_favour_of_the_one_that_serves() -> None:
    for before, world_before in MOMENTS:
        d, world = copy.deepcopy((before, world_before))
        if d.finished or d.state is State.AWAITING_APPROVAL or not world.serves("green"):
            continue
        world.tasks.setdefault("blue", type(world.tasks["green"])()).alive = False
        world.failing = 0.5
        end = to_rest(d, world, before.state)
        if end.finished and end.state is not State.SUCCEEDED:
            assert end.state is State.STOPPED, (before.state, end)
            assert end.serves == "web:2 on green serves all requests"
            assert set(world.tasks) >= {"green"}


def test_the_new_side_follows_the_old_one_when_that_is_scaled_up() -> None:
    for before, world_before in MOMENTS:
        d, world = copy.deepcopy((before, world_before))
        forward = not d.finished and d.state not in machine.BACKWARD
        if not forward or "green" not in world.tasks or "blue" not in world.tasks:
            continue
        world.tasks["blue"].desired = 5
        to_rest(d, world, before.state)
        assert "green" not in world.tasks or world.tasks["green"].desired == 5, before.state


def test_tasks_taken_from_the_new_side_hold_the_deployment() -> None:
    verifying = next(pair for pair in MOMENTS if pair[0].state is State.MEASURING)
    d, world = copy.deepcopy(verifying)
    world.tasks["green"].desired = 1
    d = to_pause(d, world)
    assert d.state is State.HELD
    assert "the tasks of green were changed from 2 to 1 by root" in d.note
    d = to_rest(machine.step(d, TakenOver("root"), world.now), world, "taken over")
    assert d.state is State.SUCCEEDED, d
    assert world.tasks["green"].desired == 1


@settings(max_examples=examples(150), deadline=None)
@given(data=st.data())
def test_no_sequence_of_changes_and_decisions_lets_a_healthy_side_starve(
    data: st.DataObject,
) -> None:
    d, world = copy.deepcopy(data.draw(st.sampled_from(MOMENTS)))
    what = []
    for _ in range(data.draw(st.integers(1, 12))):
        name = data.draw(st.sampled_from([*OUTSIDE, *PEOPLE]))
        what.append((name, d.state))
        if name in OUTSIDE:
            OUTSIDE[name](world)
        elif not d.finished:
            d = machine.step(d, PEOPLE[name], world.now)
        for _ in range(data.draw(st.integers(0, 3))):
            if not d.finished:
                d = to_pause(d, world)
                grace = world.now - d.resumed_at < machine.RESUME_SECONDS + 2
                if not (grace and d.resumed_at):
                    check(d, world, what)
