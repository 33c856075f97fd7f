"""What people ask for while a deployment runs. Pure."""

from __future__ import annotations

from tealmesh.model.rollout import Deployment, State
from tealmesh.model.said import say
from tealmesh.rollout.effects import Approved
from tealmesh.rollout.gates import evidence
from tealmesh.rollout.machine.frozen import replace
from tealmesh.rollout.machine.transitions import (
    BACKWARD,
    can_abort,
    enter,
    midway,
    next_step,
    roll_back,
)


def approved(d: Deployment, event: Approved, now: float) -> Deployment:
    note = say("approved by {by}", by=event.by) if event.by else ""
    if d.state is not State.AWAITING_APPROVAL:
        step = awaited(d) or 0
        return replace(d, approved_step=step, note=note, updated_at=now, sequence=d.sequence + 1)
    step = next_step(d)
    if midway(d):
        # It was measured on meanwhile: what is to be said against it is known.
        return enter(d, State.MEASURING, now, approved_step=step, note=note)
    # Tasks may have changed while the deployment waited for a person: verify again.
    return enter(d, State.VERIFYING, now, approved_step=step, since=now, note=note)


def awaited(d: Deployment) -> int | None:
    """The first step to come that a person has to approve; None if there is none."""
    begun = d.step if midway(d) else -1
    steps = range(len(d.strategy.steps))
    return next((i for i in steps if (i > begun or i == 0) and d.needs_approval(i)), None)


def aborted(d: Deployment, by: str, now: float) -> Deployment:
    return (
        roll_back(replace(d, ended_by=by), now, say("aborted by {by}", by=by))
        if can_abort(d)
        else d
    )


def taken_over(d: Deployment, by: str, now: float) -> Deployment:
    """Go on from what is live: back if the deployment was going back, else forward from the first
    step that gives the new side more than it has. Both sides are looked at again from the start.
    """
    if d.state is not State.HELD:
        return d
    if d.held_in in {state.value for state in BACKWARD}:
        return roll_back(replace(d, live=d.seen, left_apart=d.apart), now, d.reason)
    return enter(
        evidence.closed(d, now),
        State.CREATED,
        now,
        live=d.seen,
        left_apart=d.apart,
        weights={},
        acknowledged={},
        step=0,
        scaled=0,
        desired_count=d.new_desired or d.desired_count,
        note=say("{by} took over", by=by),
    )


def given_up(d: Deployment, by: str, now: float) -> Deployment:
    why = say("given up by {by}", by=by)
    return enter(evidence.closed(d, now), State.STOPPED, now, reason=why, ended_by=by)


def superseded(d: Deployment, by: str, now: float) -> Deployment:
    if d.state is not State.CLEANING_UP:
        return d
    return enter(
        d, State.SUCCEEDED, now, reason=say("{by} went back while the old side stopped", by=by)
    )
