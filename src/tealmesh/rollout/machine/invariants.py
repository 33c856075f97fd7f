"""What no transition may break, whatever has led to it. Pure."""

from __future__ import annotations

from tealmesh.model.errors import InvariantError
from tealmesh.model.rollout import Deployment, State
from tealmesh.rollout.effects import SetWeights, StopSide
from tealmesh.rollout.machine.orders import next_effect
from tealmesh.rollout.machine.transitions import BACKWARD


def check(before: Deployment, after: Deployment) -> None:
    """Raise InvariantError, which names the invariant, when a transition breaks one.

    - Weights total more than zero, and only the two sides have any.
    - The new side gets weight only after it was seen with a healthy task.
    - A side is stopped only when its weight is zero and every Envoy has acknowledged that.
    - A deployment that rolls back never goes forward again, and steps never go back.
    - The journal has no gap.
    """
    ordered = after.weights
    _require(not ordered or sum(ordered.values()) > 0, after, "weights total zero")
    _require(set(ordered) <= {after.old_side, after.new_side}, after, "weight for a third side")
    effect = next_effect(after)
    if isinstance(effect, SetWeights):
        unweighted = effect.weights.get(after.new_side, 0) == 0
        healthy = after.healthy.get(after.new_side, 0) > 0
        _require(unweighted or healthy, after, "weight for a new side without a healthy task")
    if isinstance(effect, StopSide):
        _require(ordered.get(effect.side, 0) == 0, after, "stopping a side with weight")
        _require(
            bool(ordered) and after.acknowledged == ordered,
            after,
            "stopping a side before every Envoy has acknowledged its zero weight",
        )
    if before.state in BACKWARD:
        back = after.state in BACKWARD | {State.ROLLED_BACK, State.ROLLBACK_FAILED}
        _require(back, after, "going forward after a rollback")
    if before.state is State.CLEANING_UP:
        forward = after.state in {State.CLEANING_UP, State.SUCCEEDED}
        _require(forward, after, "rolling back after clean-up has begun")
    _require(after.step >= before.step, after, "going back a step")
    _require(before.sequence <= after.sequence <= before.sequence + 1, after, "a journal gap")


def _require(holds: bool, d: Deployment, what: str) -> None:
    if not holds:
        raise InvariantError(f"deployment {d.id} of {d.service} in {d.state}: {what}")
