"""No weight beyond healthy capacity: the share that the new side's tasks can carry. Pure.

The new side needs ``desired_count`` tasks for all requests, so each healthy one carries an equal
part of them. If tasks of it die or fall ill, its weight goes down to what the others carry, and up
again when they are back; the old side has the rest. Where the old side has too few tasks for that
rest too, both carry in proportion to theirs. A side that loses its tasks again and again is rolled
back. Going back waits for one healthy task and no more.
"""

from __future__ import annotations

import math

from tealmesh.model.rollout import Deployment, State
from tealmesh.model.said import counted, say
from tealmesh.rollout.effects import shares
from tealmesh.rollout.machine.frozen import replace
from tealmesh.rollout.machine.transitions import (
    FULL_WEIGHT,
    reweigh,
    roll_back,
    shift,
    stay,
)

MOST_REDUCTIONS = 3
"""A deployment whose new side has lost capacity more often is rolled back."""

_STATES = {
    State.SHIFTING,
    State.CONVERGING,
    State.MEASURING,
    State.AWAITING_APPROVAL,
    State.BAKING,
}
"""The states in which the new side has, or gets, weight on the way forward."""


def carries(d: Deployment) -> float:
    """The share of all requests that the new side's healthy tasks can carry, 0 to 1."""
    healthy, old = d.healthy.get(d.new_side, 0), d.healthy.get(d.old_side, 0)
    if not healthy:
        return 0.0
    return min(1.0, max(healthy / max(1, d.desired_count), healthy / (healthy + old)))


def beyond(d: Deployment) -> str:
    """What has to be before the new side may get the weight that is ordered, completing "waiting
    for …"; empty if it can carry that.
    """
    share = shares(d.weights).get(d.new_side, 0.0)
    healthy = d.healthy.get(d.new_side, 0)
    if not d.gated or share <= carries(d) + _ROUNDING:
        return ""
    least = math.ceil(share * d.desired_count - _ROUNDING)
    return say(
        "{least} of {new_side} for {share} of the requests "
        "({healthy} of {desired_count} can carry {carries})",
        least=counted(least, "healthy task"),
        new_side=d.new_side,
        share=f"{share:.0%}",
        healthy=healthy,
        desired_count=d.desired_count,
        carries=f"{carries(d):.0%}",
    )


def fitted(d: Deployment, now: float) -> Deployment:
    """The deployment with other weights ordered if the new side cannot carry what it has, or can
    carry what its step gives it again; else as it is.
    """
    if not d.gated or d.state not in _STATES or not d.healthy.get(d.new_side):
        return d
    able, ordered = carries(d), shares(d.weights).get(d.new_side, 0.0)
    has = ordered if d.state is not State.SHIFTING else shares(d.seen).get(d.new_side, 0.0)
    if min(has, ordered) > able + _ROUNDING:
        return _less(d, now, able)
    back = d.state is State.MEASURING and reduced(d)
    return raised(d, now) if back and able + _ROUNDING >= _step_share(d) else d


def reduced(d: Deployment) -> bool:
    """Whether the new side has less weight than its step gives it."""
    return shares(d.weights).get(d.new_side, 0.0) < _step_share(d) - _ROUNDING


def raised(d: Deployment, now: float) -> Deployment:
    """The weight of the step again, unless a person has paused the deployment."""
    if stayed := stay(d, now):
        return stayed
    return shift(
        d, now, d.step, note=say("{new_side} can carry its weight again", new_side=d.new_side)
    )


def _step_share(d: Deployment) -> float:
    return d.strategy.steps[d.step] / FULL_WEIGHT


def _less(d: Deployment, now: float, able: float) -> Deployment:
    healthy = say(
        "{new_side} has {healthy} of {desired_count} healthy tasks",
        new_side=d.new_side,
        healthy=d.healthy[d.new_side],
        desired_count=d.desired_count,
    )
    if d.reductions >= MOST_REDUCTIONS:
        again = say(
            "{healthy}: it has lost tasks {reductions} times while it had weight",
            healthy=healthy,
            reductions=d.reductions + 1,
        )
        return roll_back(d, now, again)
    weight = max(1, math.floor(able * FULL_WEIGHT + _ROUNDING))
    note = say(
        "{healthy}, which can carry {able} of the requests: its weight goes down to that",
        healthy=healthy,
        able=f"{able:.0%}",
    )
    d = replace(d, reductions=d.reductions + 1)
    return reweigh(d, State.SHIFTING, now, new_weight=weight, note=note)


_ROUNDING = 1e-9
