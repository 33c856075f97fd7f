"""Where a deployment stands, what it waits for and until when, and what is next, in words. Pure."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tealmesh.model.rollout import states

if TYPE_CHECKING:
    from tealmesh.model import wire

BEFORE_STEPS = frozenset(
    {
        "CREATED", "SCALING_UP", "ADDING_TARGET", "CONVERGING_TARGET", "VERIFYING",
        "MIRRORING", "COHORT", "AWAITING_APPROVAL",
    }
)  # fmt: skip
STEP_STATES = frozenset({"SHIFTING", "CONVERGING", "MEASURING"})
"""States of the rollout machine before the first step, and those within a step."""


def where(deployment: wire.Deployment) -> str:
    """``step 2 of 3 (50 %): MEASURING``; without the step before the first and after the last."""
    state = deployment.get("state") or deployment["phase"]
    steps, step = deployment.get("steps") or [], deployment.get("step", 0)
    if state not in STEP_STATES or not 0 <= step < len(steps):
        return state
    return f"step {step + 1} of {len(steps)} ({steps[step]} %): {state}"


def waiting(
    deployment: wire.Deployment, now: float | None = None, *, with_gates: bool = True
) -> list[str]:
    """What a deployment waits for and until when, what comes next, and the way out where it waits
    for a person. ``now``: seconds since the epoch, by default the present. Without ``with_gates``
    nothing that gates of the present step say.
    """
    name, lines = deployment["service"], list(steered(deployment))
    if deployment.get("waitingFor"):
        awaited = f"waiting for {deployment['waitingFor']}"
        if with_gates or not by_gates(awaited, deployment):
            lines.append(awaited)
    if deployment.get("lastWindow"):
        count = deployment.get("windows", 1)
        times = "once" if count == 1 else f"{count} times"
        lines.append(f"not enough so far, {times}: {deployment['lastWindow']}")
    lines += (f"beside the weights: {words}" for words in deployment.get("beside", ()))
    lines += outlook(deployment, now)
    if deployment.get("state") == "AWAITING_APPROVAL":
        lines.append(f"`teal approve {name}` continues it, `teal abort {name}` ends it")
    return lines


def outlook(deployment: wire.Deployment, now: float | None = None) -> Iterator[str]:
    """Until when the present phase may take and what happens then, and what comes next."""
    if deployment["status"] != "IN_PROGRESS":
        return
    if "secondsLeft" in deployment and "pausedBy" not in deployment:
        since = deployment.get("updatedAt", deployment["createdAt"])
        passed = max(0.0, (time.time() if now is None else now) - since)
        left = minutes(max(0.0, deployment["secondsLeft"] - passed))
        limit = f" ({deployment['timeLimit']})" if deployment.get("timeLimit") else ""
        yield f"{_at_the_latest(deployment)} in {left} at the latest{limit}"
    if coming := following(deployment):
        yield f"next: {coming}"


def steered(deployment: wire.Deployment) -> Iterator[str]:
    """What people have decided about it."""
    name = deployment["service"]
    if deployment.get("pausedBy"):
        yield (
            f"paused by {deployment['pausedBy']}, time limits stand still: `teal resume {name}` "
            f"goes on, `teal abort {name}` goes back"
        )
    if deployment.get("promotedBy"):
        yield f"promoted by {deployment['promotedBy']}: goes on unless a gate fails"


def following(deployment: wire.Deployment) -> str:
    """What a deployment does when what it waits for has come; empty if that is its end."""
    steps, step = deployment.get("steps") or [], deployment.get("step", 0)
    state, side = deployment.get("state", ""), deployment.get("newSide", "the new side")
    midway = state == "AWAITING_APPROVAL" and deployment["phase"] == "PRODUCTION_TRAFFIC_SHIFT"
    if state in STEP_STATES or midway:
        step += 1
        if step >= len(steps):
            return f"{deployment.get('oldSide', 'the old side')} gets no requests and is stopped"
    elif state not in BEFORE_STEPS:
        return ""
    return f"{steps[step]} % of the requests to {side}" if step < len(steps) else ""


def outcome(one: wire.Deployment | wire.GroupDeployment) -> str:
    """How a deployment stands, in one word: its status, or ABORTED."""
    return states.outcome(one["status"], one.get("endedBy", ""))


def afterwards(deployment: wire.Deployment) -> str:
    """What serves after a deployment that did not succeed, and what to do; empty for others."""
    name, serves = deployment["service"], deployment.get("serves")
    match deployment["status"]:
        case "ROLLBACK_SUCCESSFUL":
            way = f"`teal explain {name}` says what was measured"
        case "ROLLBACK_FAILED":
            way = f"`teal deploy {name}` of a version that works gives it the weight"
        case "STOPPED":
            way = f"`teal weights {name}` sets the weights"
        case _:
            return ""
    return f"{serves}; {way}" if serves else way


def by_gates(line: str, deployment: wire.Deployment) -> bool:
    """Whether a line of `waiting` says no more than the gates of the present step."""
    evidence = deployment.get("evidence", [])
    verdicts = evidence[-1].get("verdicts", []) if evidence else []
    rest = line.removeprefix("waiting for ")
    for verdict in verdicts:
        rest = rest.replace(f"{verdict['gate']}: {verdict['detail']}", "")
    return not rest.strip("; ")


def _at_the_latest(deployment: wire.Deployment) -> str:
    return (
        "leaves the old side running" if deployment.get("state") == "CLEANING_UP" else "rolls back"
    )


def minutes(seconds: float) -> str:
    """``4:10``."""
    whole = int(seconds)
    return f"{whole // 60}:{whole % 60:02}"
