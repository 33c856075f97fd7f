"""The journal: one entry, in words, for each transition of a deployment. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from tealmesh.model.rollout import Deployment, JournalEntry, State
from tealmesh.rollout.effects import (
    Approved,
    Event,
    Granted,
    Paused,
    Promoted,
    Resumed,
    Seen,
    Unpaused,
)
from tealmesh.rollout.gates.assess import counted
from tealmesh.rollout.machine import FINAL
from tealmesh.rollout.machine.transitions import decision
from tealmesh.rollout.machine.wording import shown

_DECISIONS: Mapping[type, str] = {
    Approved: "APPROVED",
    Promoted: "PROMOTED",
    Paused: "PAUSED",
    Unpaused: "UNPAUSED",
    Granted: "GROUP",
}
"""What people, or its group, decide that does not change the state."""


def transition(before: Deployment, event: Event, after: Deployment) -> str:
    """The name of a transition: the state entered, ``RESUMED`` after a restart, or what a person
    has decided, such as ``PAUSED``.
    """
    if isinstance(event, Resumed):
        return "RESUMED"
    for kind, name in _DECISIONS.items():
        if isinstance(event, kind) and before.state is after.state:
            return name
    return after.state.value


def entry(d: Deployment, transition: str, by: str = "") -> JournalEntry:
    """The entry for a deployment that has just made ``transition``, which ``by`` decided."""
    message = _decided(d, transition) or _message(d)
    return JournalEntry(d.id, d.sequence, d.updated_at, transition, d.phase, d.status, message, by)


def decided_by(event: Event) -> str:
    """The principal whose decision an event is; empty for one that was observed."""
    return "" if isinstance(event, Seen) else getattr(event, "by", "")


def _decided(d: Deployment, transition: str) -> str:
    """What a transition means that is no other state; empty for one that is."""
    match transition:
        case "RESUMED":
            return f"resumed in {d.state}"
        case "PAUSED":
            return f"paused by {d.paused_by} in {d.state}"
        case "GROUP" if d.member:
            return d.note or f"stays at its weight: group {d.member.group} waits for {d.member.why}"
        case "UNPAUSED" | "APPROVED":
            return f"{d.note}: goes on in {d.state}" if d.note else ""
        case "PROMOTED":
            what = "all steps and the bake time" if d.promoted == "FULL" else "the rest of the step"
            return f"promoted by {d.promoted_by}: skips {what}, unless a gate fails"
    return ""


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
