"""The steps with weight: what callers see decides. Pure."""

from __future__ import annotations

from collections.abc import Callable

from tealmesh.model.rollout import Deployment, GateResult, State, Verdict
from tealmesh.model.said import say
from tealmesh.rollout.effects import Observed
from tealmesh.rollout.gates import assess, evidence, objectives, parts
from tealmesh.rollout.machine import capacity, elsewhere, limits, windows
from tealmesh.rollout.machine.frozen import replace
from tealmesh.rollout.machine.transitions import (
    FULL_WEIGHT,
    baked,
    hold,
    onward,
    roll_back,
    wait,
    window_again,
)
from tealmesh.rollout.machine.wording import (
    all_pass,
    expected_share,
    failure,
    refused,
    unmet,
)


def measuring(d: Deployment, event: Observed, now: float) -> Deployment:
    share = _share(d, event)
    fixed = _fixed(d, event)
    due = windows.due(d, event)
    if due:
        d = windows.closed(d, event)
    if windows.warming(d, event.at) and not d.promoted:
        return _warming(d, event, now)
    if d.since < d.comparison.warm_until:
        d = replace(d, since=d.comparison.warm_until, updated_at=now)
        return wait(d, now, _window(d))
    full = now - d.since >= d.step_time
    compared = windows.verdicts(d) if due or full else ()
    failed_by = failure((*fixed, *compared), event) or refused(event)
    every = (fixed[0], share, *fixed[1:], *compared, *event.gates)
    if full or failed_by or not d.windows:
        # While a further window fills, the last full one stays to be seen.
        d = evidence.measured(d, event.old_traffic, event.new_traffic, every)
    if failed_by:
        return roll_back(windows.closed(d, event), now, failed_by)
    if d.promoted and not capacity.reduced(d):
        return _leaving(d, event, lambda d: onward(d, now, event.frozen))
    if not full:
        return wait(d, now, _window(d), d.last_window)
    undecided = compared if _needs_verdict(d) else ()
    needed = (*fixed, share, *event.gates)
    if all_pass((*needed, *undecided)):
        if capacity.reduced(d):
            return capacity.raised(windows.closed(d, event), now)
        return _leaving(d, event, lambda d: onward(d, now, event.frozen))
    if share.verdict is not Verdict.FAIL:
        return _undecided(d, now, needed, undecided)
    # Requests that began under the old weights may have ended in this window: start a new one.
    d = window_again(d, now, unmet(needed))
    return wait(d, now, _window(d), d.last_window)


def _share(d: Deployment, event: Observed) -> GateResult:
    least = d.step_gates.min_requests
    old, new = event.old_traffic, event.new_traffic
    share = assess.share(
        old,
        new,
        expected_share(d),
        least,
        sticky=bool(d.strategy.sticky),
        under_way=0 if d.windows else old.under_way + new.under_way,
    )
    return elsewhere.judged(d, share, d.old_side, d.new_side)


def _leaving(d: Deployment, event: Observed, way: Callable[[Deployment], Deployment]) -> Deployment:
    """The deployment on its way; if that leads on, the open window of measurement ends first."""
    after = way(d)
    if after.sequence == d.sequence or after.state is State.AWAITING_APPROVAL:
        return after
    return way(windows.closed(d, event))


def _fixed(d: Deployment, event: Observed) -> tuple[GateResult, ...]:
    """The gates that fail a version whatever the old one does; that of the tasks is the first."""
    new, least = event.new_traffic, d.step_gates.min_requests
    broken = objectives.breaker(new, event.new_window, d.comparison.before, d.gates.breaker)
    return (
        assess.tasks(event.new, d.desired_count),
        assess.success_rate(new, d.step_gates.success_rate, least),
        *parts.assess(event.old_traffic, new, d.step_gates),
        *objectives.latency(new, d.gates.latency, least),
        *([broken] if broken else []),
    )


def _warming(d: Deployment, event: Observed, now: float) -> Deployment:
    """What is seen while the new side warms up is shown; only what breaks everything is judged."""
    tasks = assess.tasks(event.new, d.desired_count)
    broken = objectives.breaker(event.new_traffic, event.new_window, None, d.gates.breaker)
    gates = (tasks, *([broken] if broken else []))
    d = evidence.measured(d, event.old_traffic, event.new_traffic, (*gates, *event.gates))
    failed_by = failure(gates, event) or refused(event)
    if failed_by:
        return roll_back(windows.closed(d, event), now, failed_by)
    return wait(d, now, say("the warm-up of {warm_up} s", warm_up=f"{d.strategy.warm_up:g}"))


def _needs_verdict(d: Deployment) -> bool:
    """Whether the next step gives the new side all the weight: nothing is compared after that."""
    steps = d.strategy.steps
    last = d.step + 1 < len(steps) and steps[d.step + 1] == FULL_WEIGHT
    return last and d.step_gates.min_requests > 0


def _undecided(
    d: Deployment, now: float, needed: tuple[GateResult, ...], compared: tuple[GateResult, ...]
) -> Deployment:
    """Wait on; hold when only the comparison is missing at the end, if that is wanted."""
    over = (limits.left(d, now) or 0.0) < 0
    if over and all_pass(needed) and d.strategy.on_no_verdict == "hold":
        return hold(
            d, now, say("there is no verdict: {unmet}", unmet=unmet(compared)), undecided=True
        )
    return wait(d, now, unmet((*needed, *compared)))


def baking(d: Deployment, event: Observed, now: float) -> Deployment:
    silence = assess.silence(event.old_traffic, d.since + d.strategy.bake_time)
    quiet = elsewhere.judged(d, silence, d.old_side)
    fixed = _fixed(d, event)
    if windows.due(d, event):
        d = windows.closed(d, event)
    failed = tuple(gate for gate in fixed if gate.verdict is Verdict.FAIL)
    since = windows.verdicts(d)
    d = evidence.judged(d, (quiet, *failed, *since, *event.gates))
    failed_by = failure((*fixed, *since), event) or refused(event)
    if failed_by:
        return roll_back(windows.closed(d, event), now, failed_by)
    if d.promoted:
        return _leaving(d, event, lambda d: baked(d, now))
    hangs = assess.hanging(event.new_traffic, d.step_gates.success_rate)
    tasks, rate = fixed[0], fixed[1]
    if all_pass((quiet, tasks, *since, *event.gates)) and not hangs:
        return _leaving(d, event, lambda d: baked(d, now))
    waiting_for = unmet((quiet, tasks, *([rate] if hangs else ()), *since, *event.gates))
    if quiet.verdict is Verdict.FAIL:
        d = window_again(d, now, waiting_for)
    return wait(d, now, waiting_for, d.last_window)


def _window(d: Deployment) -> str:
    """What is waited for while a window fills."""
    return say(
        "{which} of {step_time} s",
        which=say("another window") if d.windows else say("the step time"),
        step_time=f"{d.step_time:g}",
    )
