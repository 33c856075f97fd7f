"""What is said of each state of a deployment: what is done in it, why, and what follows. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tealmesh.model.rollout import Deployment, State
from tealmesh.model.said import counted, listed, say
from tealmesh.model.spans import span
from tealmesh.rollout.machine.transitions import (
    gets_all,
    midway,
    next_step,
    ways_out,
)
from tealmesh.rollout.machine.wording import shown

Words = Callable[[Deployment], str]


def step_name(d: Deployment, index: int) -> str:
    """``step 2 of 3 (50 % to green)``."""
    steps = d.strategy.steps
    if not 0 <= index < len(steps):
        return say("step {step}", step=index + 1)
    return say(
        "step {step} of {steps} ({percent} % to {new_side})",
        step=index + 1,
        steps=len(steps),
        percent=steps[index],
        new_side=d.new_side,
    )


def _started(d: Deployment) -> str:
    who = d.actor or say("somebody")
    if d.kind == "ROLLBACK":
        return say("{who} asked to go back to {new_image}", who=who, new_image=d.new_image)
    if not d.old_image:
        return say("{who} asked for {image} in place of nothing", who=who, image=d.new_image)
    return say(
        "{who} asked for {image} in place of {before}",
        who=who,
        image=d.new_image,
        before=d.old_image,
    )


def _tasks(d: Deployment) -> str:
    return counted(d.desired_count, "task")


def _first_step(d: Deployment) -> str:
    return say(
        "{side} gets {percent} % of the requests", side=d.new_side, percent=d.strategy.steps[0]
    )


def _after_verifying(d: Deployment) -> str:
    if d.gates.approval and not d.approved:
        return say("it waits for `teal approve {service}`", service=d.service)
    return _first_step(d)


def _approval_wanted(d: Deployment) -> str:
    if midway(d):
        return say(
            "{step} needs it; {step2} is judged on",
            step=step_name(d, next_step(d)),
            step2=step_name(d, d.step),
        )
    return say(
        "its gates ask for approval, and the callers' Envoys find {new_side} healthy",
        new_side=d.new_side,
    )


def _after_approval(d: Deployment) -> str:
    ways = say(
        "`teal approve {service}` checks {new_side} again and goes on",
        service=d.service,
        new_side=d.new_side,
    )
    if midway(d):
        weight = d.strategy.steps[next_step(d)]
        ways = say(
            "`teal approve {service}` gives {new_side} {weight} % of the requests",
            service=d.service,
            new_side=d.new_side,
            weight=weight,
        )
    return say("{ways}, `teal abort {service}` ends it", ways=ways, service=d.service)


def _copied(d: Deployment) -> str:
    percent = d.strategy.mirror.percent if d.strategy.mirror else 0
    return say("{percent} % of the requests", percent=f"{percent:g}")


def _copies_next(d: Deployment) -> str:
    due = d.strategy.mirror and State.MIRRORING not in d.beside
    return (
        say("copies of {copied} go to {new_side}", copied=_copied(d), new_side=d.new_side)
        if due
        else ""
    )


def _cohort_next(d: Deployment) -> str:
    due = d.strategy.type == "ab" and State.COHORT not in d.beside
    return (
        say("{of_cohort} go to {new_side}", of_cohort=_of_cohort(d), new_side=d.new_side)
        if due
        else ""
    )


def _of_cohort(d: Deployment) -> str:
    return (
        say("requests with {match}", match=str(d.strategy.match))
        if d.strategy.match
        else say("the cohort's requests")
    )


def _after_converging(d: Deployment) -> str:
    if not d.gated:
        return say(
            "{old_side} is stopped, as nothing is measured on the way back", old_side=d.old_side
        )
    return say("{step_time} of measurement at least", step_time=span(d.step_time))


def _after_measuring(d: Deployment) -> str:
    if d.needs_approval(d.step + 1):
        return say("it waits for `teal approve {service}`", service=d.service)
    if d.step + 1 < len(d.strategy.steps):
        return say(
            "{side} gets {percent} % of the requests",
            side=d.new_side,
            percent=d.strategy.steps[d.step + 1],
        )
    return say(
        "{old_side} must be silent for {bake_time}, then it is stopped",
        old_side=d.old_side,
        bake_time=span(d.strategy.bake_time),
    )


def _before_shifting(d: Deployment) -> str:
    if not d.gated:
        return say(
            "{new_side} is healthy, and a way back waits for nothing else", new_side=d.new_side
        )
    if d.evidence:
        return say("every gate of {step} passed", step=step_name(d, d.evidence[-1].step))
    return say("the callers' Envoys find {new_side} healthy", new_side=d.new_side)


def _weights_back(d: Deployment) -> str:
    side = d.old_side if gets_all(d, d.old_side) else d.new_side
    return say("gives {side} all the weight", side=side)


def _after_going_back(d: Deployment) -> str:
    if gets_all(d, d.old_side):
        return say("{new_side} is stopped", new_side=d.new_side)
    return say("it ends, and nothing is stopped")


def _reason(d: Deployment) -> str:
    if d.reason.startswith(("aborted by", "given up by")):
        return say("it was {reason}", reason=d.reason)
    return d.reason or say("it was asked to")


def _success(d: Deployment) -> str:
    if d.reason:
        return d.reason
    if not d.gated:
        return say(
            "{new_side} was healthy and every Envoy acknowledged its weight", new_side=d.new_side
        )
    return say("every gate passed and {old_side} fell silent", old_side=d.old_side)


def _after_success(d: Deployment) -> str:
    before = d.old_image or say("the version before")
    if not d.kept_for:
        return say(
            "nothing; `teal rollback {service}` goes back to {before}",
            service=d.service,
            before=before,
        )
    return say(
        "{old_side} is stopped {kept_for} after success; until then `teal rollback "
        "{service}` goes back to {before} by one change of weights",
        old_side=d.old_side,
        kept_for=span(d.kept_for),
        service=d.service,
        before=before,
    )


def _held_in(d: Deployment) -> str:
    return say(" (it was {held_in})", held_in=d.held_in) if d.held_in else ""


DOING: Mapping[State, Words] = {
    State.CREATED: lambda d: say(
        "prepares {new_side} for {new_image}", new_side=d.new_side, new_image=d.new_image
    ),
    State.SCALING_UP: lambda d: say(
        "starts {tasks} of {new_side} with {new_image}",
        tasks=_tasks(d),
        new_side=d.new_side,
        new_image=d.new_image,
    ),
    State.ADDING_TARGET: lambda d: say(
        "adds {new_side} to the route, with weight 0", new_side=d.new_side
    ),
    State.CONVERGING_TARGET: lambda d: say(
        "waits until every Envoy knows {new_side}, with weight 0", new_side=d.new_side
    ),
    State.VERIFYING: lambda d: say(
        "lets the callers' Envoys check the health of {new_side}, which has no weight yet",
        new_side=d.new_side,
    ),
    State.MIRRORING: lambda d: say(
        "sends {new_side} copies of {copied}, whose answers nobody sees",
        new_side=d.new_side,
        copied=_copied(d),
    ),
    State.COHORT: lambda d: say(
        "sends {of_cohort} to {new_side}", of_cohort=_of_cohort(d), new_side=d.new_side
    ),
    State.AWAITING_APPROVAL: lambda d: say("waits for your approval"),
    State.HELD: lambda d: say("is held{held_in} and does nothing", held_in=_held_in(d)),
    State.SHIFTING: lambda d: say("sets the weights of {step}", step=step_name(d, d.step)),
    State.CONVERGING: lambda d: say(
        "waits until every Envoy uses the weights of {step}", step=step_name(d, d.step)
    ),
    State.MEASURING: lambda d: say("measures {step}", step=step_name(d, d.step)),
    State.BAKING: lambda d: say(
        "waits until {old_side} gets no requests any more; {new_side} gets all",
        old_side=d.old_side,
        new_side=d.new_side,
    ),
    State.CLEANING_UP: lambda d: say("stops {old_side}", old_side=d.old_side),
    State.SUCCEEDED: lambda d: say("succeeded"),
    State.ROLLING_BACK: lambda d: say(
        "rolls back: it {weights_back}", weights_back=_weights_back(d)
    ),
    State.CONVERGING_BACK: lambda d: say(
        "rolls back: it waits until every Envoy uses the weights {weights}",
        weights=shown(d.weights),
    ),
    State.CLEANING_BACK: lambda d: say("rolls back: it stops {new_side}", new_side=d.new_side),
    State.ROLLED_BACK: lambda d: say("was rolled back"),
    State.ROLLBACK_FAILED: lambda d: say("could not be rolled back: neither side can serve"),
    State.STOPPED: lambda d: say("ended with everything left as it was"),
}
"""What is done in each state."""


WHY: Mapping[State, Words] = {
    State.CREATED: _started,
    State.SCALING_UP: lambda d: say(
        "{new_side} must be healthy before anyone is sent to it ({old_side} has {tasks})",
        new_side=d.new_side,
        old_side=d.old_side,
        tasks=_tasks(d),
    ),
    State.ADDING_TARGET: lambda d: (
        say("{tasks} of {new_side} are healthy", tasks=_tasks(d), new_side=d.new_side)
        if d.desired_count != 1
        else say("the task of {new_side} is healthy", new_side=d.new_side)
    ),
    State.CONVERGING_TARGET: lambda d: say(
        "no request may be routed to {new_side} by an Envoy that does not know it",
        new_side=d.new_side,
    ),
    State.VERIFYING: lambda d: say("every Envoy knows {new_side}", new_side=d.new_side),
    State.MIRRORING: lambda d: say(
        "the callers' Envoys find {new_side} healthy", new_side=d.new_side
    ),
    State.COHORT: lambda d: say("the callers' Envoys find {new_side} healthy", new_side=d.new_side),
    State.AWAITING_APPROVAL: _approval_wanted,
    State.HELD: lambda d: d.note or say("somebody else changed what it works on"),
    State.SHIFTING: _before_shifting,
    State.CONVERGING: lambda d: say("the route has them ({weights})", weights=shown(d.weights)),
    State.MEASURING: lambda d: say(
        "every Envoy uses its weights ({weights})", weights=shown(d.weights)
    ),
    State.BAKING: lambda d: say("every gate of {step} passed", step=step_name(d, d.step)),
    State.CLEANING_UP: lambda d: (
        say("{old_side} gets no requests any more", old_side=d.old_side)
        if d.gated
        else say("every Envoy sends all requests to {new_side}", new_side=d.new_side)
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


NEXT: Mapping[State, Words] = {
    State.CREATED: lambda d: say(
        "{tasks} of {new_side} are started", tasks=_tasks(d), new_side=d.new_side
    ),
    State.SCALING_UP: lambda d: say(
        "{new_side} is added to the route, with weight 0", new_side=d.new_side
    ),
    State.ADDING_TARGET: lambda d: say("every Envoy acknowledges it"),
    State.CONVERGING_TARGET: lambda d: (
        say("the callers' Envoys check {new_side}", new_side=d.new_side)
        if d.gated
        else say("{new_side} gets its weight", new_side=d.new_side)
    ),
    State.VERIFYING: lambda d: _copies_next(d) or _cohort_next(d) or _after_verifying(d),
    State.MIRRORING: lambda d: _cohort_next(d) or _after_verifying(d),
    State.COHORT: _after_verifying,
    State.AWAITING_APPROVAL: _after_approval,
    State.HELD: lambda d: listed(ways_out(d)),
    State.SHIFTING: lambda d: say("every Envoy acknowledges the weights"),
    State.CONVERGING: _after_converging,
    State.MEASURING: _after_measuring,
    State.BAKING: lambda d: say("{old_side} is stopped", old_side=d.old_side),
    State.CLEANING_UP: lambda d: say("it has succeeded"),
    State.SUCCEEDED: _after_success,
    State.ROLLING_BACK: lambda d: say("every Envoy acknowledges the weights"),
    State.CONVERGING_BACK: _after_going_back,
    State.CLEANING_BACK: lambda d: say("it has been rolled back"),
    State.ROLLED_BACK: lambda d: say(
        "nothing; `teal deploy {service}` deploys another version", service=d.service
    ),
    State.ROLLBACK_FAILED: lambda d: say(
        "nothing by itself; `teal deploy {service}` of a version that works gives it the weight",
        service=d.service,
    ),
    State.STOPPED: lambda d: say(
        "nothing; `teal status` shows the weights, `teal weights {service}` sets them",
        service=d.service,
    ),
}
"""What comes after each state."""
