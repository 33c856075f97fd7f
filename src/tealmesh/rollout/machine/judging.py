"""The steps with weight: what callers see decides. Pure."""

from __future__ import annotations

from tealmesh.model.rollout import Deployment, Verdict
from tealmesh.rollout.effects import Observed
from tealmesh.rollout.gates import assess, evidence, parts
from tealmesh.rollout.machine import capacity, elsewhere
from tealmesh.rollout.machine.transitions import baked, onward, roll_back, wait, window_again
from tealmesh.rollout.machine.wording import (
    all_pass,
    expected_share,
    failure,
    refused,
    unmet,
)


def measuring(d: Deployment, event: Observed, now: float) -> Deployment:
    new = event.new_traffic
    least = d.step_gates.min_requests
    gates = (
        assess.tasks(event.new, d.desired_count),
        elsewhere.judged(
            d,
            assess.share(
                event.old_traffic, new, expected_share(d), least, sticky=bool(d.strategy.sticky)
            ),
            d.old_side,
            d.new_side,
        ),
        assess.success_rate(new, d.step_gates.success_rate, least),
        *parts.assess(event.old_traffic, new, d.step_gates),
    )
    full = now - d.since >= d.step_time
    failed_by = failure((gates[0], *gates[2:]), event) or refused(event)
    every = (*gates, *event.gates)
    if full or failed_by or not d.windows:
        # While a further window fills, the last full one stays to be seen.
        d = evidence.measured(d, event.old_traffic, new, every)
    if failed_by:
        return roll_back(d, now, failed_by)
    if d.promoted and not capacity.reduced(d):
        return onward(d, now, event.frozen)
    if not full:
        return wait(d, now, _window(d), d.last_window)
    if all_pass(every):
        if capacity.reduced(d):
            return capacity.raised(d, now)
        return onward(d, now, event.frozen)
    if gates[1].verdict is not Verdict.FAIL:
        return wait(d, now, unmet(every))
    # Requests that began under the old weights may have ended in this window: start a new one.
    d = window_again(d, now, unmet(every))
    return wait(d, now, _window(d), d.last_window)


def baking(d: Deployment, event: Observed, now: float) -> Deployment:
    silence = assess.silence(event.old_traffic, d.since + d.strategy.bake_time)
    quiet = elsewhere.judged(d, silence, d.old_side)
    gates = (
        assess.tasks(event.new, d.desired_count),
        assess.success_rate(
            event.new_traffic, d.step_gates.success_rate, d.step_gates.min_requests
        ),
        *parts.assess(event.old_traffic, event.new_traffic, d.step_gates),
    )
    failed = tuple(gate for gate in gates if gate.verdict is Verdict.FAIL)
    d = evidence.judged(d, (quiet, *failed, *event.gates))
    failed_by = failure(gates, event) or refused(event)
    if failed_by:
        return roll_back(d, now, failed_by)
    if d.promoted:
        return baked(d, now)
    hangs = assess.hanging(event.new_traffic, d.step_gates.success_rate)
    if all_pass((quiet, gates[0], *event.gates)) and not hangs:
        return baked(d, now)
    waiting_for = unmet((quiet, gates[0], *(gates[1:2] if hangs else ()), *event.gates))
    if quiet.verdict is Verdict.FAIL:
        d = window_again(d, now, waiting_for)
    return wait(d, now, waiting_for, d.last_window)


def _window(d: Deployment) -> str:
    """What is waited for while a window fills."""
    return f"{'another window' if d.windows else 'the step time'} of {d.step_time:g} s"
