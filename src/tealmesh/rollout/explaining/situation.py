"""What a deployment does in each state, why, and what comes next, in words. Pure."""

from __future__ import annotations

from tealmesh.model.rollout import Deployment, State
from tealmesh.model.said import say
from tealmesh.model.spans import span
from tealmesh.rollout.explaining.words import DOING, NEXT, WHY
from tealmesh.rollout.machine import limits
from tealmesh.rollout.machine.transitions import (
    BACKWARD,
    FINAL,
    midway,
    unserved,
)


def doing(d: Deployment) -> str:
    """What the deployment does, completing "the deployment …"."""
    words = DOING[d.state](d)
    return (
        say("is paused by {paused_by} while it {words}", paused_by=d.paused_by, words=words)
        if d.paused_at
        else words
    )


def why(d: Deployment) -> str:
    """Why it does that, completing "because …". An unusual reason goes before the usual one."""
    if d.state in FINAL | BACKWARD | {State.HELD}:
        return WHY[d.state](d)
    if d.note:
        return d.note
    usual = WHY[d.state](d)
    waiting = d.waiting_for or d.last_window
    if d.state is State.AWAITING_APPROVAL:
        # What is waited for is the state itself; a warning may follow.
        return usual if midway(d) else usual + unserved(d)
    return (
        say("{usual}; it waits for {waiting}", usual=usual, waiting=waiting) if waiting else usual
    )


def following(d: Deployment) -> str:
    """What comes next, completing "next: …"."""
    if d.paused_at:
        return say(
            "`teal resume {service}` goes on, `teal abort {service}` goes back", service=d.service
        )
    coming = NEXT[d.state](d)
    if d.promoted:
        skips = say("all steps") if d.promoted == "FULL" else say("the rest of the step")
        return say(
            "{coming} (promoted by {promoted_by}: it skips {skips}, unless a gate fails)",
            coming=coming,
            promoted_by=d.promoted_by,
            skips=skips,
        )
    return coming


def latest(d: Deployment, now: float) -> str:
    """Until when, and what happens then. ``now``: epoch seconds, as the deployment's dates."""
    if d.finished:
        return say("it is over")
    if d.paused_at:
        return say("its time limits stand still")
    left, limit = seconds_left(d, now), d.time_limit or limits.shown(d)
    if left is not None:
        named = say(" ({limit})", limit=limit) if limit else ""
        return say(
            "within {left} at the latest, or {otherwise}{named}",
            left=span(left),
            otherwise=_otherwise(d),
            named=named,
        )
    if limit:
        return say(
            "within the {limit} at the latest, or {otherwise}", limit=limit, otherwise=_otherwise(d)
        )
    return say("without a time limit, as it waits for you")


def seconds_left(d: Deployment, now: float) -> float | None:
    """How long the present phase may still take; None without a limit."""
    if d.seconds_left is None or d.finished or d.paused_at:
        return None
    return max(0.0, d.seconds_left - max(0.0, now - d.updated_at))


def _otherwise(d: Deployment) -> str:
    """What happens when the time limit of the phase is exceeded."""
    match d.state:
        case State.CLEANING_UP:
            return say("it succeeds with {old_side} left running", old_side=d.old_side)
        case State.CLEANING_BACK:
            return say("it ends with {new_side} left running", new_side=d.new_side)
        case State.ROLLING_BACK:
            return say("it is held for your decision")
        case State.CONVERGING_BACK:
            return say("it ends with both sides left running")
    return say("it rolls back")
