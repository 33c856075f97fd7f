"""The journal: one entry, in words, for each transition of a deployment. Pure."""

from __future__ import annotations

from tealmesh.model.rollout import Deployment, JournalEntry, State
from tealmesh.rollout.effects import Approved, Event, Resumed
from tealmesh.rollout.gates.assess import counted
from tealmesh.rollout.machine import FINAL
from tealmesh.rollout.machine.transitions import decision
from tealmesh.rollout.machine.wording import shown


def transition(before: Deployment, event: Event, after: Deployment) -> str:
    """The name of a transition: the state entered, or ``RESUMED`` or ``APPROVED``."""
    if isinstance(event, Resumed):
        return "RESUMED"
    if isinstance(event, Approved) and before.state is after.state:
        return "APPROVED"
    return after.state.value


def entry(d: Deployment, transition: str) -> JournalEntry:
    """The entry for a deployment that has just made ``transition``."""
    message = f"resumed in {d.state}" if transition == "RESUMED" else _message(d)
    return JournalEntry(d.id, d.sequence, d.updated_at, transition, d.phase, d.status, message)


def _message(d: Deployment) -> str:
    words = f"{_words(d)} [{d.note}]" if d.note and d.state is not State.HELD else _words(d)
    if d.state not in FINAL:
        return words
    return f"{d.serves}: {d.reason}" if d.reason else d.serves


def _words(d: Deployment) -> str:
    weights = shown(d.weights)
    match d.state:
        case State.CREATED:
            back = "goes back from" if d.kind == "ROLLBACK" else "replaces"
            return f"{d.new_image} on {d.new_side} {back} {d.old_image} on {d.old_side}"
        case State.SCALING_UP:
            return f"starting {counted(d.desired_count, 'task')} of {d.new_side}"
        case State.ADDING_TARGET | State.SHIFTING:
            return f"weights {weights}"
        case State.CONVERGING_TARGET | State.CONVERGING | State.CONVERGING_BACK:
            return f"weights {weights} stored; waiting for every Envoy to acknowledge them"
        case State.VERIFYING:
            return f"callers check the health of {d.new_side}, which has no weight yet"
        case State.MIRRORING if d.strategy.mirror:
            share = f"{d.strategy.mirror.percent:g} % of the requests"
            return f"copies of {share} go to {d.new_side}, whose answers nobody sees"
        case State.COHORT if d.strategy.match:
            return f"requests with {d.strategy.match} go to {d.new_side}, all others by the weights"
        case State.AWAITING_APPROVAL:
            return f"waiting for `teal approve {d.service}`"
        case State.HELD:
            return f"waiting for {decision(d)}"
        case State.MEASURING:
            milliseconds = (d.evidence[-1].propagation or 0.0) * 1000
            return f"every Envoy runs with weights {weights} after {milliseconds:.0f} ms"
        case State.BAKING:
            return f"{d.new_side} has all the weight; {d.old_side} must receive no more requests"
        case State.ROLLING_BACK:
            return f"weights {weights}: {d.reason}"
        case State.CLEANING_UP:
            return f"{d.old_side} receives no more requests: stopping it"
        case State.CLEANING_BACK:
            return f"stopping {d.new_side}"
        case _:
            return d.reason
