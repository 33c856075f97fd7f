"""One event at a time: `step(deployment, event, now) -> deployment`. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tealmesh.model.errors import InvariantError
from tealmesh.model.rollout import Deployment, State
from tealmesh.rollout.effects import (
    AbortAsked,
    Approved,
    ConvergenceSeen,
    EffectFailed,
    Event,
    NotReady,
    Observed,
    Resumed,
    SideEnsured,
    SideStopped,
    WeightRefused,
    WeightsSet,
)
from tealmesh.rollout.machine import judging, preparing, weighing
from tealmesh.rollout.machine.invariants import check
from tealmesh.rollout.machine.transitions import can_abort, enter, resume, roll_back, wait


def step(d: Deployment, event: Event, now: float) -> Deployment:
    """The deployment after ``event``; a finished one stays as it is.

    Raises InvariantError when the event does not belong to the state or the transition would
    break an invariant (see `check`).
    """
    if d.finished:
        return d
    after = _react(d, event, now)
    check(d, after)
    return after


def _react(d: Deployment, event: Event, now: float) -> Deployment:
    match event:
        case Resumed():
            return resume(d, now)
        case AbortAsked(by=by):
            return roll_back(d, now, f"rollback requested by {by}") if can_abort(d) else d
        case Approved():
            if d.state is State.AWAITING_APPROVAL:
                # Tasks may have changed while the deployment waited for a person: verify again.
                return enter(d, State.VERIFYING, now, approved=True, since=now)
            return replace(d, approved=True, updated_at=now, sequence=d.sequence + 1)
        case NotReady(waiting_for=waiting_for):
            return wait(d, now, waiting_for)
        case EffectFailed(message=message, retryable=retryable):
            if retryable or not can_abort(d):
                return wait(d, now, f"a retry: {message}")
            return roll_back(d, now, message)
    accepted, handler = _HANDLERS[d.state]
    if not isinstance(event, accepted):
        raise InvariantError(f"{type(event).__name__} does not belong to state {d.state}")
    return handler(d, event, now)


_SET = (WeightsSet, WeightRefused)
# `_react` checks an event's class before it calls the handler; the handlers' own types are narrower
# than one table can say.
_Handler = Callable[[Deployment, Any, float], Deployment]
_HANDLERS: dict[State, tuple[type | tuple[type, ...], _Handler]] = {
    State.CREATED: (SideEnsured, preparing.created),
    State.SCALING_UP: (Observed, preparing.scaling_up),
    State.ADDING_TARGET: (_SET, weighing.weights_set),
    State.CONVERGING_TARGET: (ConvergenceSeen, weighing.converging),
    State.VERIFYING: (Observed, preparing.verifying),
    State.AWAITING_APPROVAL: (Observed, preparing.awaiting_approval),
    State.SHIFTING: (_SET, weighing.weights_set),
    State.CONVERGING: (ConvergenceSeen, weighing.converging),
    State.MEASURING: (Observed, judging.measuring),
    State.BAKING: (Observed, judging.baking),
    State.CLEANING_UP: (SideStopped, weighing.cleaning),
    State.ROLLING_BACK: (_SET, weighing.weights_set),
    State.CONVERGING_BACK: (ConvergenceSeen, weighing.converging),
    State.CLEANING_BACK: (SideStopped, weighing.cleaning),
}
