"""Before the first weight: the new side starts, and callers check its health. Pure."""

from __future__ import annotations

from tealmesh.model.rollout import Deployment, Promotion, State, Verdict
from tealmesh.model.said import say
from tealmesh.rollout.effects import Observed, SideEnsured
from tealmesh.rollout.gates import assess
from tealmesh.rollout.machine import beside, limits, windows
from tealmesh.rollout.machine.frozen import replace
from tealmesh.rollout.machine.judging import measuring
from tealmesh.rollout.machine.transitions import (
    FULL_WEIGHT,
    approval,
    enter,
    midway,
    next_step,
    roll_back,
    shift,
    stay,
    wait,
)
from tealmesh.rollout.machine.wording import all_pass, explanation, refused, unmet, why


def created(d: Deployment, event: SideEnsured, now: float) -> Deployment:
    return enter(d, State.SCALING_UP, now, scaled=d.desired_count)


def scaling_up(d: Deployment, event: Observed, now: float) -> Deployment:
    gate = assess.tasks(event.new, d.desired_count)
    if gate.verdict is Verdict.FAIL:
        return roll_back(d, now, why(gate, event))
    if gate.verdict is Verdict.PASS:
        return _add_target(d, now)
    late = (limits.left(d, now) or 0.0) < 0
    if late and not d.gated and d.healthy.get(d.new_side):
        # A way back does not wait for ever for the last of its tasks.
        return _add_target(d, now, note=why(gate, event))
    return wait(d, now, why(gate, event))


def _add_target(d: Deployment, now: float, note: str = "") -> Deployment:
    """The new target gets no weight yet, unless it has some from before."""
    weights = {d.old_side: d.live.get(d.old_side, 0), d.new_side: d.live.get(d.new_side, 0)}
    if not any(weights.values()):
        weights[d.old_side] = FULL_WEIGHT
    return enter(d, State.ADDING_TARGET, now, weights=weights, acknowledged={}, note=note)


def verifying(d: Deployment, event: Observed, now: float) -> Deployment:
    gates = (
        assess.tasks(event.new, d.desired_count),
        assess.endpoints(event.new_traffic, d.desired_count),
    )
    if gates[0].verdict is Verdict.FAIL:
        return roll_back(d, now, why(gates[0], event))
    if refusal := refused(event):
        return roll_back(d, now, refusal)
    if not all_pass(gates):
        return wait(d, now, unmet(gates) + explanation(event))
    if not all_pass(event.gates):
        return wait(d, now, unmet(event.gates))
    return _onward(windows.before(d, event), event, now)


def mirroring(d: Deployment, event: Observed, now: float) -> Deployment:
    least = d.strategy.mirror.time if d.strategy.mirror else 0.0
    d, over = beside.measured(d, event, now, least, say("copied requests"))
    return _onward(d, event, now) if over else d


def cohort(d: Deployment, event: Observed, now: float) -> Deployment:
    d, over = beside.measured(d, event, now, d.strategy.step_time, say("the cohort"))
    return _onward(d, event, now) if over else d


def _onward(d: Deployment, event: Observed, now: float) -> Deployment:
    """To what is due before the first weight, else to that."""
    due = beside.due(d)
    if due is State.MIRRORING:
        return beside.begin(d, due, now)
    if due is None and d.needs_approval(next_step(d)):
        return enter(d, State.AWAITING_APPROVAL, now, waiting_for=approval(d), promoted="")
    if stayed := stay(d, now, event.frozen):
        return stayed
    if due:
        return beside.begin(d, due, now)
    full = d.promoted == "FULL"
    left: Promotion = "FULL" if full else ""
    note = say("promoted by {promoted_by}", promoted_by=d.promoted_by) if d.promoted else ""
    step = len(d.strategy.steps) - 1 if full else next_step(d)
    return shift(d, now, step, promoted=left, note=note)


def awaiting_approval(d: Deployment, event: Observed, now: float) -> Deployment:
    """While a person decides, the new side is judged on if it has weight."""
    gate = assess.tasks(event.new, d.desired_count)
    if gate.verdict is Verdict.FAIL:
        return roll_back(d, now, why(gate, event))
    d, failed = beside.cohort_fails(d, event)
    if failed:
        return roll_back(d, now, failed)
    if not midway(d):
        return wait(d, now, approval(d))
    judged = measuring(replace(d, state=State.MEASURING, phase_at=now), event, now)
    if judged.state is State.ROLLING_BACK:
        return judged
    still = replace(
        judged,
        state=d.state,
        sequence=d.sequence,
        entered_at=d.entered_at,
        phase_at=d.phase_at,
        note=d.note,
    )
    return wait(still, now, approval(d))
