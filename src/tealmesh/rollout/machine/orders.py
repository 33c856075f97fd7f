"""The one effect of each state, and what has to be before it is performed. Pure."""

from __future__ import annotations

from tealmesh.model.rollout import Deployment, State
from tealmesh.model.said import listed, say
from tealmesh.rollout.effects import (
    AwaitConverged,
    Effect,
    EnsureSide,
    Observe,
    ScaleSide,
    SetWeights,
    StopSide,
    shares,
)
from tealmesh.rollout.machine import capacity, grouped
from tealmesh.rollout.machine.transitions import BACKWARD, FINAL


def next_effect(d: Deployment) -> Effect | None:
    """The effect to perform in the deployment's state; None once it has finished."""
    match d.state:
        case State.CREATED:
            return EnsureSide(d.new_side, d.new_image, d.desired_count)
        case State.ADDING_TARGET | State.SHIFTING | State.ROLLING_BACK:
            return SetWeights(d.weights)
        case State.CONVERGING_TARGET | State.CONVERGING | State.CONVERGING_BACK:
            return AwaitConverged(d.revision)
        case State.CLEANING_UP:
            return StopSide(d.old_side)
        case State.CLEANING_BACK:
            return StopSide(d.new_side)
        case _:
            after = d.comparison.opened_at if d.since else 0.0
            return None if d.state in FINAL else Observe(d.since, after)


def scaling(d: Deployment) -> ScaleSide | None:
    """More tasks for the side that gets the traffic, when the other one was given more; None if it
    has enough.
    """
    if d.state in FINAL or d.state in (State.CREATED, State.HELD):
        return None
    if d.state in BACKWARD:
        wanted = d.new_desired if shares(d.seen).get(d.new_side) else 0
        return ScaleSide(d.old_side, wanted) if 0 < d.old_desired < wanted else None
    return ScaleSide(d.new_side, d.desired_count) if d.scaled < d.desired_count else None


def obstacle(d: Deployment) -> str:
    """What has to happen before the effect may be performed, completing "waiting for …"; empty if
    nothing has to: no side gets more weight without a healthy task, nor the new one more than its
    tasks can carry, and none is stopped unless the other one serves.
    """
    effect = next_effect(d)
    needed: list[str] = []
    if isinstance(effect, SetWeights):
        before = shares(d.seen)
        wanted = shares(effect.weights)
        needed = [side for side, share in wanted.items() if share > before.get(side, 0.0)]
    if isinstance(effect, StopSide):
        started = {d.old_side: d.old_desired, d.new_side: d.new_desired}[effect.side]
        needed = [d.new_side if effect.side == d.old_side else d.old_side] if started else []
    missing = [side for side in needed if not d.healthy.get(side)]
    if missing:
        return say("a healthy task of {missing}", missing=listed(missing, " and "))
    if waits := grouped.waits_to_go_back(d):
        return waits
    return capacity.beyond(d) if d.state is State.SHIFTING and d.new_side in needed else ""
