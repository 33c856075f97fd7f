"""What a deployment that takes the place of a running one begins with: `--replace`. Pure."""

from __future__ import annotations

from tealmesh.model.rollout import Deployment, Phase, State
from tealmesh.model.rollout.plan import PlannedStage
from tealmesh.model.spans import span
from tealmesh.rollout.effects import shares
from tealmesh.rollout.machine.transitions import midway
from tealmesh.rollout.planning.past import Past

BACK_SECONDS = 1.0
"""What giving back the weight takes on one machine where no deployment has shown it."""


def serves_then(running: Deployment) -> str:
    """The side that serves when a running deployment has made way."""
    return running.new_side if running.state is State.CLEANING_UP else running.old_side


def stage(running: Deployment, past: Past) -> PlannedStage:
    """The end of a running deployment."""
    what = f"end deployment {running.number}, of {running.new_image} to {running.new_side}"
    if running.state is State.CLEANING_UP:
        return PlannedStage(
            Phase.PRE_SCALE_UP,
            f"{what}: it has passed all gates, and {running.new_side} keeps all the weight",
            waits_for=("nothing",),
            expected=0.0,
            longest=0.0,
            otherwise=f"{running.old_side} stops later",
        )
    weight = any(shares(w).get(running.new_side) for w in (running.seen, running.weights))
    if not weight and not midway(running):
        return PlannedStage(
            Phase.PRE_SCALE_UP,
            f"{what}, which has given no weight",
            waits_for=("nothing",),
            expected=0.0,
            longest=0.0,
            otherwise="nothing has to be given back",
        )
    known = past.together(State.ROLLING_BACK, State.CONVERGING_BACK)
    limit = running.strategy.rollback_timeout
    return PlannedStage(
        Phase.PRE_SCALE_UP,
        f"{what}: {running.old_side} gets all the weight again",
        0,
        ("every Envoy acknowledges it",),
        BACK_SECONDS if known is None else known,
        "a guess: no deployment has gone back" if known is None else "as in the last deployments",
        limit,
        f"the new deployment is refused, after at most {span(limit)}",
    )
