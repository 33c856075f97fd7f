"""What a deployment does in each state, why, and what comes next, in words. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tealmesh.model.rollout import Deployment, State
from tealmesh.model.spans import span
from tealmesh.rollout.gates.assess import counted
from tealmesh.rollout.machine import limits
from tealmesh.rollout.machine.transitions import (
    BACKWARD,
    FINAL,
    gets_all,
    midway,
    next_step,
    ways_out,
)
from tealmesh.rollout.machine.wording import shown

Words = Callable[[Deployment], str]


def doing(d: Deployment) -> str:
    """What the deployment does, completing "the deployment …"."""
    words = _DOING[d.state](d)
    return f"is paused by {d.paused_by} while it {words}" if d.paused_at else words


def why(d: Deployment) -> str:
    """Why it does that, completing "because …". An unusual reason goes before the usual one."""
    if d.state in FINAL | BACKWARD | {State.HELD}:
        return _WHY[d.state](d)
    if d.note:
        return d.note
    usual = _WHY[d.state](d)
    waiting = d.waiting_for or d.last_window
    if d.state is State.AWAITING_APPROVAL:
        # What is waited for is the state itself; a warning may follow.
        _, mark, warning = d.waiting_for.partition("; ")
        return f"{usual}{mark}{warning}"
    return f"{usual}; it waits for {waiting}" if waiting else usual


def following(d: Deployment) -> str:
    """What comes next, completing "next: …"."""
    if d.paused_at:
        return f"`teal resume {d.service}` goes on, `teal abort {d.service}` goes back"
    coming = _NEXT[d.state](d)
    if d.promoted:
        skips = "all steps" if d.promoted == "FULL" else "the rest of the step"
        return f"{coming} (promoted by {d.promoted_by}: it skips {skips}, unless a gate fails)"
    return coming


def latest(d: Deployment, now: float) -> str:
    """Until when, and what happens then. ``now``: epoch seconds, as the deployment's dates."""
    if d.finished:
        return "it is over"
    if d.paused_at:
        return "its time limits stand still"
    left, limit = seconds_left(d, now), d.time_limit or limits.shown(d)
    if left is not None:
        named = f" ({limit})" if limit else ""
        return f"within {span(left)} at the latest, or {_otherwise(d)}{named}"
    if limit:
        return f"within the {limit} at the latest, or {_otherwise(d)}"
    return "without a time limit, as it waits for you"


def seconds_left(d: Deployment, now: float) -> float | None:
    """How long the present phase may still take; None without a limit."""
    if d.seconds_left is None or d.finished or d.paused_at:
        return None
    return max(0.0, d.seconds_left - max(0.0, now - d.updated_at))


def step_name(d: Deployment, index: int) -> str:
    """``step 2 of 3 (50 % to green)``."""
    steps = d.strategy.steps
    if not 0 <= index < len(steps):
        return f"step {index + 1}"
    return f"step {index + 1} of {len(steps)} ({steps[index]} % to {d.new_side})"


def _otherwise(d: Deployment) -> str:
    """What happens when the time limit of the phase is exceeded."""
    match d.state:
        case State.CLEANING_UP:
            return f"it succeeds with {d.old_side} left running"
        case State.CLEANING_BACK:
            return f"it ends with {d.new_side} left running"
        case State.ROLLING_BACK:
            return "it is held for your decision"
        case State.CONVERGING_BACK:
            return "it ends with both sides left running"
    return "it rolls back"


def _started(d: Deployment) -> str:
    who = d.actor or "somebody"
    if d.kind == "ROLLBACK":
        return f"{who} asked to go back to {d.new_image}"
    return f"{who} asked for {d.new_image} in place of {d.old_image or 'nothing'}"


def _tasks(d: Deployment) -> str:
    return counted(d.desired_count, "task")


def _first_step(d: Deployment) -> str:
    return f"{d.new_side} gets {d.strategy.steps[0]} % of the requests"


def _after_verifying(d: Deployment) -> str:
    if d.gates.approval and not d.approved:
        return f"it waits for `teal approve {d.service}`"
    return _first_step(d)


def _approval_wanted(d: Deployment) -> str:
    if midway(d):
        return f"{step_name(d, next_step(d))} needs it; {step_name(d, d.step)} is judged on"
    return f"its gates ask for approval, and the callers' Envoys find {d.new_side} healthy"


def _after_approval(d: Deployment) -> str:
    ways = f"`teal approve {d.service}` checks {d.new_side} again and goes on"
    if midway(d):
        weight = d.strategy.steps[next_step(d)]
        ways = f"`teal approve {d.service}` gives {d.new_side} {weight} % of the requests"
    return f"{ways}, `teal abort {d.service}` ends it"


def _copied(d: Deployment) -> str:
    percent = d.strategy.mirror.percent if d.strategy.mirror else 0
    return f"{percent:g} % of the requests"


def _copies_next(d: Deployment) -> str:
    due = d.strategy.mirror and State.MIRRORING not in d.beside
    return f"copies of {_copied(d)} go to {d.new_side}" if due else ""


def _cohort_next(d: Deployment) -> str:
    due = d.strategy.type == "ab" and State.COHORT not in d.beside
    return f"{_of_cohort(d)} go to {d.new_side}" if due else ""


def _of_cohort(d: Deployment) -> str:
    return f"requests with {d.strategy.match}" if d.strategy.match else "the cohort's requests"


def _after_converging(d: Deployment) -> str:
    if not d.gated:
        return f"{d.old_side} is stopped, as nothing is measured on the way back"
    return f"{span(d.step_time)} of measurement at least"


def _after_measuring(d: Deployment) -> str:
    if d.needs_approval(d.step + 1):
        return f"it waits for `teal approve {d.service}`"
    if d.step + 1 < len(d.strategy.steps):
        return f"{d.new_side} gets {d.strategy.steps[d.step + 1]} % of the requests"
    return f"{d.old_side} must be silent for {span(d.strategy.bake_time)}, then it is stopped"


def _before_shifting(d: Deployment) -> str:
    if not d.gated:
        return f"{d.new_side} is healthy, and a way back waits for nothing else"
    if d.evidence:
        return f"every gate of {step_name(d, d.evidence[-1].step)} passed"
    return f"the callers' Envoys find {d.new_side} healthy"


def _weights_back(d: Deployment) -> str:
    side = d.old_side if gets_all(d, d.old_side) else d.new_side
    return f"gives {side} all the weight"


def _after_going_back(d: Deployment) -> str:
    if gets_all(d, d.old_side):
        return f"{d.new_side} is stopped"
    return "it ends, and nothing is stopped"


def _reason(d: Deployment) -> str:
    if d.reason.startswith(("aborted by", "given up by")):
        return f"it was {d.reason}"
    return d.reason or "it was asked to"


def _success(d: Deployment) -> str:
    if d.reason:
        return d.reason
    if not d.gated:
        return f"{d.new_side} was healthy and every Envoy acknowledged its weight"
    return f"every gate passed and {d.old_side} fell silent"


def _after_success(d: Deployment) -> str:
    before = d.old_image or "the version before"
    if not d.kept_for:
        return f"nothing; `teal rollback {d.service}` goes back to {before}"
    return (
        f"{d.old_side} is stopped {span(d.kept_for)} after success; until then "
        f"`teal rollback {d.service}` goes back to {before} by one change of weights"
    )


def _held_in(d: Deployment) -> str:
    return f" (it was {d.held_in})" if d.held_in else ""


_DOING: Mapping[State, Words] = {
    State.CREATED: lambda d: f"prepares {d.new_side} for {d.new_image}",
    State.SCALING_UP: lambda d: f"starts {_tasks(d)} of {d.new_side} with {d.new_image}",
    State.ADDING_TARGET: lambda d: f"adds {d.new_side} to the route, with weight 0",
    State.CONVERGING_TARGET: lambda d: f"waits until every Envoy knows {d.new_side}, with weight 0",
    State.VERIFYING: lambda d: (
        f"lets the callers' Envoys check the health of {d.new_side}, which has no weight yet"
    ),
    State.MIRRORING: lambda d: (
        f"sends {d.new_side} copies of {_copied(d)}, whose answers nobody sees"
    ),
    State.COHORT: lambda d: f"sends {_of_cohort(d)} to {d.new_side}",
    State.AWAITING_APPROVAL: lambda d: "waits for your approval",
    State.HELD: lambda d: f"is held{_held_in(d)} and does nothing",
    State.SHIFTING: lambda d: f"sets the weights of {step_name(d, d.step)}",
    State.CONVERGING: lambda d: (
        f"waits until every Envoy uses the weights of {step_name(d, d.step)}"
    ),
    State.MEASURING: lambda d: f"measures {step_name(d, d.step)}",
    State.BAKING: lambda d: (
        f"waits until {d.old_side} gets no requests any more; {d.new_side} gets all"
    ),
    State.CLEANING_UP: lambda d: f"stops {d.old_side}",
    State.SUCCEEDED: lambda d: "succeeded",
    State.ROLLING_BACK: lambda d: f"rolls back: it {_weights_back(d)}",
    State.CONVERGING_BACK: lambda d: (
        f"rolls back: it waits until every Envoy uses the weights {shown(d.weights)}"
    ),
    State.CLEANING_BACK: lambda d: f"rolls back: it stops {d.new_side}",
    State.ROLLED_BACK: lambda d: "was rolled back",
    State.ROLLBACK_FAILED: lambda d: "could not be rolled back: neither side can serve",
    State.STOPPED: lambda d: "ended with everything left as it was",
}
"""What is done in each state."""

_WHY: Mapping[State, Words] = {
    State.CREATED: _started,
    State.SCALING_UP: lambda d: (
        f"{d.new_side} must be healthy before anyone is sent to it ({d.old_side} has {_tasks(d)})"
    ),
    State.ADDING_TARGET: lambda d: (
        f"{_tasks(d)} of {d.new_side} are healthy"
        if d.desired_count != 1
        else f"the task of {d.new_side} is healthy"
    ),
    State.CONVERGING_TARGET: lambda d: (
        f"no request may be routed to {d.new_side} by an Envoy that does not know it"
    ),
    State.VERIFYING: lambda d: f"every Envoy knows {d.new_side}",
    State.MIRRORING: lambda d: f"the callers' Envoys find {d.new_side} healthy",
    State.COHORT: lambda d: f"the callers' Envoys find {d.new_side} healthy",
    State.AWAITING_APPROVAL: _approval_wanted,
    State.HELD: lambda d: d.note or "somebody else changed what it works on",
    State.SHIFTING: _before_shifting,
    State.CONVERGING: lambda d: f"the route has them ({shown(d.weights)})",
    State.MEASURING: lambda d: f"every Envoy uses its weights ({shown(d.weights)})",
    State.BAKING: lambda d: f"every gate of {step_name(d, d.step)} passed",
    State.CLEANING_UP: lambda d: (
        f"{d.old_side} gets no requests any more"
        if d.gated
        else f"every Envoy sends all requests to {d.new_side}"
    ),
    State.SUCCEEDED: _success,
    State.ROLLING_BACK: _reason,
    State.CONVERGING_BACK: _reason,
    State.CLEANING_BACK: _reason,
    State.ROLLED_BACK: _reason,
    State.ROLLBACK_FAILED: _reason,
    State.STOPPED: _reason,
}
"""Why, in each state."""

_NEXT: Mapping[State, Words] = {
    State.CREATED: lambda d: f"{_tasks(d)} of {d.new_side} are started",
    State.SCALING_UP: lambda d: f"{d.new_side} is added to the route, with weight 0",
    State.ADDING_TARGET: lambda d: "every Envoy acknowledges it",
    State.CONVERGING_TARGET: lambda d: (
        f"the callers' Envoys check {d.new_side}" if d.gated else f"{d.new_side} gets its weight"
    ),
    State.VERIFYING: lambda d: _copies_next(d) or _cohort_next(d) or _after_verifying(d),
    State.MIRRORING: lambda d: _cohort_next(d) or _after_verifying(d),
    State.COHORT: _after_verifying,
    State.AWAITING_APPROVAL: _after_approval,
    State.HELD: lambda d: ", ".join(ways_out(d)),
    State.SHIFTING: lambda d: "every Envoy acknowledges the weights",
    State.CONVERGING: _after_converging,
    State.MEASURING: _after_measuring,
    State.BAKING: lambda d: f"{d.old_side} is stopped",
    State.CLEANING_UP: lambda d: "it has succeeded",
    State.SUCCEEDED: _after_success,
    State.ROLLING_BACK: lambda d: "every Envoy acknowledges the weights",
    State.CONVERGING_BACK: _after_going_back,
    State.CLEANING_BACK: lambda d: "it has been rolled back",
    State.ROLLED_BACK: lambda d: f"nothing; `teal deploy {d.service}` deploys another version",
    State.ROLLBACK_FAILED: lambda d: (
        f"nothing by itself; `teal deploy {d.service}` of a version that works gives it the weight"
    ),
    State.STOPPED: lambda d: (
        f"nothing; `teal status` shows the weights, `teal weights {d.service}` sets them"
    ),
}
"""What comes after each state."""
