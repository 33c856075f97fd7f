"""One event at a time: `step(deployment, event, now) -> deployment`. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tealmesh.model.errors import InvariantError
from tealmesh.model.rollout import Deployment, State
from tealmesh.model.said import say
from tealmesh.rollout.effects import (
    AbortAsked,
    Approved,
    ConvergenceSeen,
    EffectFailed,
    Event,
    FinishAllowed,
    GivenUp,
    Granted,
    GroupFailed,
    Looked,
    NotReady,
    Observed,
    Paused,
    Promoted,
    Replaced,
    Resumed,
    SideEnsured,
    SideScaled,
    SideStopped,
    Superseded,
    TakenOver,
    Unpaused,
    WeightsSet,
)
from tealmesh.rollout.machine import (
    deciding,
    grouped,
    judging,
    limits,
    preparing,
    steering,
    weighing,
)
from tealmesh.rollout.machine.frozen import replace
from tealmesh.rollout.machine.invariants import check
from tealmesh.rollout.machine.looking import look
from tealmesh.rollout.machine.transitions import can_abort, hold, resume, roll_back, wait


def step(d: Deployment, event: Event, now: float) -> Deployment:
    """The deployment after ``event``; a finished one stays as it is.

    Raises InvariantError when the event does not belong to the state or the transition would
    break an invariant (see `check`).
    """
    if d.finished:
        return d
    after = _react(d, event, now)
    check(d, after)
    return after if after is d else replace(after, counted=limits.counted(after, now))


def _react(d: Deployment, event: Event, now: float) -> Deployment:
    match event:
        case Looked(seen=seen):
            return look(d, seen, now)
        case SideScaled(side=side, count=count):
            return replace(d, scaled=count) if side == d.new_side else d
        case Resumed(away=away):
            return resume(d, away, now)
        case NotReady(waiting_for=waiting_for):
            return _wait(d, now, waiting_for)
        case EffectFailed(message=message, retryable=retryable):
            return _failed(d, now, message, retryable)
    return _asked(d, event, now)


def _asked(d: Deployment, event: Event, now: float) -> Deployment:
    match event:
        case AbortAsked(by=by):
            return deciding.aborted(d, by, now)
        case TakenOver(by=by):
            return deciding.taken_over(d, by, now)
        case GivenUp(by=by):
            return deciding.given_up(d, by, now)
        case Superseded(by=by):
            return deciding.superseded(d, by, now)
        case Approved():
            return deciding.approved(d, event, now)
        case Promoted():
            return steering.promoted(d, event, now)
        case Paused():
            return steering.paused(d, event, now)
        case Unpaused():
            return steering.unpaused(d, event, now)
        case Replaced():
            return steering.replaced(d, event, now)
        case Granted():
            return grouped.granted(d, event, now)
        case FinishAllowed():
            return grouped.finished(d, now)
        case GroupFailed():
            return grouped.failed(d, event, now)
    accepted, handler = _HANDLERS[d.state]
    if not isinstance(event, accepted):
        raise InvariantError(f"{type(event).__name__} does not belong to state {d.state}")
    if isinstance(event, Observed) and event.frozen and d.state in _WAITS_FOR_WEIGHT:
        d = replace(d, phase_at=now)
    return handler(d, event, now)


def _failed(d: Deployment, now: float, message: str, retryable: bool) -> Deployment:
    """An effect could not be performed. What a way back cannot write, a person has to look at."""
    if not retryable and can_abort(d) and d.state not in limits.PERSONS:
        return roll_back(d, now, message)
    if not retryable and d.state is State.ROLLING_BACK:
        return hold(d, now, say("the route could not be changed: {message}", message=message))
    return _wait(d, now, say("a retry: {message}", message=message))


def _wait(d: Deployment, now: float, waiting_for: str) -> Deployment:
    if d.state is State.HELD:
        return replace(d, updated_at=now)
    return wait(d, now, d.waiting_for if d.state in limits.PERSONS else waiting_for)


def _held(d: Deployment, event: Observed, now: float) -> Deployment:
    return d


_WAITS_FOR_WEIGHT = {State.VERIFYING, State.MIRRORING, State.COHORT, State.MEASURING}
"""The states after which the new side gets more weight. In a freeze their time stands still."""

# `_react` checks an event's class before it calls the handler; the handlers' own types are narrower
# than one table can say.
_Handler = Callable[[Deployment, Any, float], Deployment]
_HANDLERS: dict[State, tuple[type | tuple[type, ...], _Handler]] = {
    State.CREATED: (SideEnsured, preparing.created),
    State.SCALING_UP: (Observed, preparing.scaling_up),
    State.ADDING_TARGET: (WeightsSet, weighing.weights_set),
    State.CONVERGING_TARGET: (ConvergenceSeen, weighing.converging),
    State.VERIFYING: (Observed, preparing.verifying),
    State.MIRRORING: (Observed, preparing.mirroring),
    State.COHORT: (Observed, preparing.cohort),
    State.AWAITING_APPROVAL: (Observed, preparing.awaiting_approval),
    State.HELD: (Observed, _held),
    State.SHIFTING: (WeightsSet, weighing.weights_set),
    State.CONVERGING: (ConvergenceSeen, weighing.converging),
    State.MEASURING: (Observed, judging.measuring),
    State.BAKING: (Observed, judging.baking),
    State.CLEANING_UP: (SideStopped, weighing.cleaning),
    State.ROLLING_BACK: (WeightsSet, weighing.weights_set),
    State.CONVERGING_BACK: (ConvergenceSeen, weighing.converging),
    State.CLEANING_BACK: (SideStopped, weighing.cleaning),
}
