"""The steps with weight: what callers see decides. Pure."""

from __future__ import annotations

from dataclasses import replace

from tealmesh.model.rollout import Deployment, State, Verdict
from tealmesh.rollout import assess, evidence
from tealmesh.rollout.effects import Observed
from tealmesh.rollout.machine.transitions import enter, roll_back, shift, wait
from tealmesh.rollout.machine.wording import all_pass, expected_share, failure, unmet


def measuring(d: Deployment, event: Observed, now: float) -> Deployment:
    new = event.new_traffic
    expected = expected_share(d)
    least = d.gates.min_requests
    gates = (
        assess.tasks(event.new, d.desired_count),
        assess.share(event.old_traffic, new, expected, least),
        assess.success_rate(new, d.gates.success_rate, least),
    )
    d = evidence.measured(d, event.old_traffic, new, gates)
    failed_by = failure((gates[0], gates[2]), event)
    if failed_by:
        return roll_back(d, now, failed_by)
    if now - d.since < d.strategy.step_time:
        return wait(d, now, f"step time of {d.strategy.step_time:g} s", d.strategy.step_time)
    if all_pass(gates):
        if d.step + 1 < len(d.strategy.steps):
            return shift(d, now, d.step + 1)
        return enter(d, State.BAKING, now, since=now)
    if gates[1].verdict is Verdict.FAIL:
        # Requests that began under the old weights may have ended in this window: start a new one.
        d = replace(d, since=now)
    return wait(d, now, unmet(gates), d.strategy.step_time)


def baking(d: Deployment, event: Observed, now: float) -> Deployment:
    quiet = assess.silence(event.old_traffic, d.since + d.strategy.bake_time)
    gates = (
        assess.tasks(event.new, d.desired_count),
        assess.success_rate(event.new_traffic, d.gates.success_rate, d.gates.min_requests),
    )
    failed = tuple(gate for gate in gates if gate.verdict is Verdict.FAIL)
    d = evidence.judged(d, (quiet, *failed))
    failed_by = failure(gates, event)
    if failed_by:
        return roll_back(d, now, failed_by)
    if quiet.verdict is Verdict.PASS and gates[0].verdict is Verdict.PASS:
        return enter(evidence.closed(d, now), State.CLEANING_UP, now, since=0.0)
    if quiet.verdict is Verdict.FAIL:
        d = replace(d, since=now)
    return wait(d, now, unmet((quiet, gates[0])), d.strategy.bake_time)
