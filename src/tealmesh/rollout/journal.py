"""The journal: one entry, in words, for each transition of a deployment. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from tealmesh.model.rollout import Deployment, JournalEntry, State
from tealmesh.model.said import counted, say
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
            return say("resumed in {state}", state=d.state)
        case "PAUSED":
            return say("paused by {paused_by} in {state}", paused_by=d.paused_by, state=d.state)
        case "GROUP" if d.member:
            return d.note or say(
                "stays at its weight: group {group} waits for {why}",
                group=d.member.group,
                why=d.member.why,
            )
        case "UNPAUSED" | "APPROVED":
            return say("{note}: goes on in {state}", note=d.note, state=d.state) if d.note else ""
        case "PROMOTED":
            what = (
                say("all steps and the bake time")
                if d.promoted == "FULL"
                else say("the rest of the step")
            )
            return say(
                "promoted by {promoted_by}: skips {what}, unless a gate fails",
                promoted_by=d.promoted_by,
                what=what,
            )
    return ""


def _message(d: Deployment) -> str:
    words = (
        say("{words} [{note}]", words=_words(d), note=d.note)
        if d.note and d.state is not State.HELD
        else _words(d)
    )
    if d.state not in FINAL:
        return words
    return say("{serves}: {reason}", serves=d.serves, reason=d.reason) if d.reason else d.serves


def _words(d: Deployment) -> str:
    weights = shown(d.weights)
    match d.state:
        case State.CREATED:
            sides = {"new": _version(d.new_image, d.new_side)}
            sides["old"] = _version(d.old_image, d.old_side)
            if d.kind == "ROLLBACK":
                return say("{new} goes back from {old}", **sides)
            return say("{new} replaces {old}", **sides)
        case State.SCALING_UP:
            return say(
                "starting {tasks} of {new_side}",
                tasks=counted(d.desired_count, "task"),
                new_side=d.new_side,
            )
        case State.ADDING_TARGET | State.SHIFTING:
            return say("weights {weights}", weights=weights)
        case State.CONVERGING_TARGET | State.CONVERGING | State.CONVERGING_BACK:
            return say(
                "weights {weights} stored; waiting for every Envoy to acknowledge them",
                weights=weights,
            )
        case State.VERIFYING:
            return say(
                "callers check the health of {new_side}, which has no weight yet",
                new_side=d.new_side,
            )
        case State.MIRRORING if d.strategy.mirror:
            share = say("{percent} % of the requests", percent=f"{d.strategy.mirror.percent:g}")
            return say(
                "copies of {share} go to {new_side}, whose answers nobody sees",
                share=share,
                new_side=d.new_side,
            )
        case State.COHORT if d.strategy.match:
            return say(
                "requests with {match} go to {new_side}, all others by the weights",
                match=str(d.strategy.match),
                new_side=d.new_side,
            )
        case State.AWAITING_APPROVAL:
            return say("waiting for `teal approve {service}`", service=d.service)
        case State.HELD:
            return say("waiting for {decision}", decision=decision(d))
        case State.MEASURING:
            milliseconds = (d.evidence[-1].propagation or 0.0) * 1000
            return say(
                "every Envoy runs with weights {weights} after {milliseconds} ms",
                weights=weights,
                milliseconds=f"{milliseconds:.0f}",
            )
        case State.BAKING:
            return say(
                "{new_side} has all the weight; {old_side} must receive no more requests",
                new_side=d.new_side,
                old_side=d.old_side,
            )
        case State.ROLLING_BACK:
            return say("weights {weights}: {reason}", weights=weights, reason=d.reason)
        case State.CLEANING_UP:
            return say("{old_side} receives no more requests: stopping it", old_side=d.old_side)
        case State.CLEANING_BACK:
            return say("stopping {new_side}", new_side=d.new_side)
        case _:
            return d.reason


def _version(image: str, side: str) -> str:
    return say("{image} on {side}", image=image, side=side)
