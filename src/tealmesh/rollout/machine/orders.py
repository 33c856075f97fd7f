"""The one effect of each state. Pure."""

from __future__ import annotations

from tealmesh.model.rollout import Deployment, State
from tealmesh.rollout.effects import (
    AwaitConverged,
    Effect,
    EnsureSide,
    Observe,
    SetWeights,
    StopSide,
)


def next_effect(d: Deployment) -> Effect | None:
    """The effect to perform in the deployment's state; None once it has finished."""
    match d.state:
        case State.CREATED:
            return EnsureSide(d.new_side, d.new_image)
        case State.ADDING_TARGET | State.SHIFTING | State.ROLLING_BACK:
            return SetWeights(d.weights)
        case State.CONVERGING_TARGET | State.CONVERGING | State.CONVERGING_BACK:
            return AwaitConverged(d.revision)
        case State.CLEANING_UP:
            return StopSide(d.old_side)
        case State.CLEANING_BACK:
            return StopSide(d.new_side)
        case State.SUCCEEDED | State.ROLLED_BACK | State.ROLLBACK_FAILED:
            return None
        case _:
            return Observe(d.since)
