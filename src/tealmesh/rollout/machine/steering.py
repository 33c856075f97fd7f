"""Faster, slower, or another version instead: what people ask of a deployment that runs. Pure.

A person may skip waits and what has no verdict yet, never a verdict that fails. A pause keeps the
weight: the deployment looks on, its time limits stand still, and a side that dies loses its weight.
"""

from __future__ import annotations

from tealmesh.model.rollout import Deployment, State
from tealmesh.model.said import say
from tealmesh.rollout.effects import Paused, Promoted, Replaced, Unpaused, shares
from tealmesh.rollout.machine.frozen import replace
from tealmesh.rollout.machine.limits import clock
from tealmesh.rollout.machine.transitions import (
    BACKWARD,
    can_abort,
    enter,
    midway,
    roll_back,
    rolled_back,
    serving,
)

_STEP_RUNS = {
    State.MIRRORING,
    State.COHORT,
    State.SHIFTING,
    State.CONVERGING,
    State.MEASURING,
    State.BAKING,
}


def promotable(d: Deployment, full: bool) -> str:
    """Why the deployment cannot be promoted, with what can be done instead; empty if it can."""
    service = d.service
    if d.state is State.HELD:
        return say("is held: decide about that first")
    if d.state is State.AWAITING_APPROVAL:
        return say("waits for approval: `teal approve {service}` lets it go on", service=service)
    if not can_abort(d):
        return say("has all the weight where it will stay: there is nothing to skip")
    if not d.gated:
        return say("goes back without gates: there is nothing to skip")
    if full or d.state in _STEP_RUNS:
        return ""
    return say(
        "has given {new_side} no weight yet: there is no step to skip, and `teal "
        "promote {service} --full` gives it all as soon as it is healthy",
        new_side=d.new_side,
        service=service,
    )


def promoted(d: Deployment, event: Promoted, now: float) -> Deployment:
    """The next look goes on, unless a gate fails; a pause ends with it."""
    if promotable(d, event.full):
        return d
    d = _going_on(d, now)
    return replace(
        d,
        promoted="FULL" if event.full else "STEP",
        promoted_by=event.by,
        sequence=d.sequence + 1,
        updated_at=now,
    )


def pausable(d: Deployment) -> str:
    """Why the deployment cannot be paused; empty if it can."""
    if d.state is State.HELD:
        return say("is held, and does nothing until you decide")
    if not can_abort(d):
        return say("has all the weight where it will stay: there is nothing to pause")
    return say("is paused by {paused_by} already", paused_by=d.paused_by) if d.paused_at else ""


def paused(d: Deployment, event: Paused, now: float) -> Deployment:
    if pausable(d):
        return d
    return replace(d, paused_at=now, paused_by=event.by, sequence=d.sequence + 1, updated_at=now)


def unpaused(d: Deployment, event: Unpaused, now: float) -> Deployment:
    if not d.paused_at:
        return d
    d = _going_on(d, now)
    note = say("{by} ended the pause", by=event.by)
    return replace(d, note=note, sequence=d.sequence + 1, updated_at=now)


def _going_on(d: Deployment, now: float) -> Deployment:
    """Without a pause: the time limit counts on from where it stood still."""
    if not d.paused_at:
        return d
    return replace(d, phase_at=d.phase_at + now - clock(d, now), paused_at=0.0, paused_by="")


def replaced(d: Deployment, event: Replaced, now: float) -> Deployment:
    """Another version is deployed instead. What has given no weight ends at once. A version that
    has not passed all gates gives its weight back first; asked again while its tasks stop, it ends,
    as the next deployment needs their place. One that has passed all gates stays.
    """
    by = say("replaced by {by} with {image}", by=event.by, image=event.image)
    if d.state in (State.CLEANING_UP, State.CLEANING_BACK) and not serving(d):
        return enter(
            d,
            State.ROLLBACK_FAILED,
            now,
            reason=say("{reason}; {by}", reason=d.reason, by=by) if d.reason else by,
        )
    if d.state is State.CLEANING_UP:
        return enter(d, State.SUCCEEDED, now, reason=say("{by} while the old side stopped", by=by))
    if d.state is State.CLEANING_BACK:
        return rolled_back(
            d, now, d.reason if by in d.reason else say("{reason}; {by}", reason=d.reason, by=by)
        )
    if d.state in BACKWARD:
        return d
    weightless = not any(shares(w).get(d.new_side) for w in (d.seen, d.weights))
    if weightless and not midway(d):
        return enter(d, State.STOPPED, now, reason=by)
    return roll_back(d, now, by)
