"""What the journal says of each transition of a deployment. Pure."""

from __future__ import annotations

from tealmesh.model.rollout import Deployment, JournalEntry, State
from tealmesh.rollout.effects import Approved, Event, Resumed


def transition(before: Deployment, event: Event, after: Deployment) -> str:
    if isinstance(event, Resumed):
        return "RESUMED"
    if isinstance(event, Approved) and before.state is after.state:
        return "APPROVED"
    return after.state.value


def entry(d: Deployment, transition: str) -> JournalEntry:
    message = f"taken up again in {d.state}" if transition == "RESUMED" else _message(d)
    return JournalEntry(d.id, d.sequence, d.updated_at, transition, d.phase, d.status, message)


def _message(d: Deployment) -> str:
    """What a person wants to know of a transition."""
    weights = " ".join(f"{side}={weight}" for side, weight in sorted(d.weights.items()))
    match d.state:
        case State.CREATED:
            return f"{d.new_image} on {d.new_side}, in place of {d.old_image} on {d.old_side}"
        case State.SCALING_UP:
            return f"starting {d.desired_count} tasks of {d.new_side}"
        case State.ADDING_TARGET | State.SHIFTING:
            return f"weights {weights}"
        case State.CONVERGING_TARGET | State.CONVERGING | State.CONVERGING_BACK:
            return f"weights {weights} stored, on their way to every Envoy"
        case State.VERIFYING:
            return f"every caller looks at the health of {d.new_side}, which has no weight yet"
        case State.AWAITING_APPROVAL:
            return f"waiting for `teal approve {d.service}`"
        case State.MEASURING:
            taken = d.evidence[-1].propagation or 0.0
            return f"every Envoy has the weights {weights} after {taken * 1000:.0f} ms"
        case State.BAKING:
            return f"{d.new_side} has all weight; {d.old_side} must be silent"
        case State.ROLLING_BACK:
            return f"weights {weights}: {d.reason}"
        case State.CLEANING_UP:
            return f"{d.old_side} is silent: stopping it"
        case State.CLEANING_BACK:
            return f"stopping {d.new_side}"
        case State.SUCCEEDED:
            return d.reason or f"{d.new_image} on {d.new_side} has all requests"
        case _:
            return d.reason
