"""What no transition may break, whatever has led to it. Pure."""

from __future__ import annotations

from tealmesh.model.errors import InvariantError
from tealmesh.model.rollout import Deployment, State
from tealmesh.rollout.effects import SetWeights, StopSide
from tealmesh.rollout.machine.orders import next_effect
from tealmesh.rollout.machine.transitions import BACKWARD, FINAL, gets_all


def check(before: Deployment, after: Deployment) -> None:
    """Raise InvariantError, which names the invariant, when a transition breaks one.

    - Weights total more than zero, and only the two sides have any.
    - The new side gets weight only after it was seen with a healthy task.
    - A side is stopped only when the live route gives it no weight and every Envoy has acknowledged
      that.
    - A deployment that rolls back never goes forward again, and steps never go back, unless a
      person decided so while it was held.
    - A side that has been given up to clean-up gets weight again only if it has a healthy task.
    - A side is kept only without weight, as every Envoy has acknowledged.
    - The journal has no gap.
    """
    ordered = after.weights
    _require(not ordered or sum(ordered.values()) > 0, after, "weights total zero")
    _require(set(ordered) <= {after.old_side, after.new_side}, after, "weight for a third side")
    effect = next_effect(after)
    if isinstance(effect, SetWeights) and before.weights != after.weights:
        gains = effect.weights.get(after.new_side, 0) > after.seen.get(after.new_side, 0)
        dead = after.healthy.get(after.new_side) == 0
        _require(not (gains and dead), after, "weight for a new side without a healthy task")
    if isinstance(effect, StopSide):
        _require(ordered.get(effect.side, 0) == 0, after, "stopping a side with weight")
        _require(not after.seen.get(effect.side), after, "stopping a side that the route uses")
        _require(
            bool(ordered) and after.acknowledged == ordered,
            after,
            "stopping a side before every Envoy has acknowledged its zero weight",
        )
    if after.kept_for:
        _require(gets_all(after, after.new_side), after, "keeping a side that has weight")
        _require(after.acknowledged == ordered, after, "keeping a side that Envoys send to")
    decided = before.state is State.HELD
    if before.state in BACKWARD or before.held_in in {state.value for state in BACKWARD}:
        back = after.state in BACKWARD | FINAL | {State.HELD}
        _require(back and after.state is not State.SUCCEEDED, after, "forward after a rollback")
    if before.state is State.CLEANING_UP and after.state in BACKWARD:
        healthy = after.healthy.get(after.old_side, 0) > 0
        _require(healthy, after, "rolling back to a side without a healthy task after clean-up")
    _require(decided or after.step >= before.step, after, "going back a step")
    _require(before.sequence <= after.sequence <= before.sequence + 1, after, "a journal gap")


def _require(holds: bool, d: Deployment, what: str) -> None:
    if not holds:
        raise InvariantError(f"deployment {d.id} of {d.service} in {d.state}: {what}")
