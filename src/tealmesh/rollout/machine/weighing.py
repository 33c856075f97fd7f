"""Weights that have been set, Envoys that acknowledge them, and the clean-up after. Pure."""

from __future__ import annotations

from tealmesh.model.rollout import Deployment, State, StepEvidence, Verdict
from tealmesh.model.said import say
from tealmesh.rollout.effects import ConvergenceSeen, SideStopped, WeightsSet
from tealmesh.rollout.gates import assess
from tealmesh.rollout.machine import windows
from tealmesh.rollout.machine.frozen import replace
from tealmesh.rollout.machine.transitions import (
    await_group,
    can_abort,
    enter,
    finish,
    gets_all,
    next_step,
    roll_back,
    rolled_back,
    serving,
    shift,
    stay,
    wait,
)
from tealmesh.rollout.machine.wording import expected_share


def weights_set(d: Deployment, event: WeightsSet, now: float) -> Deployment:
    following = {
        State.ADDING_TARGET: State.CONVERGING_TARGET,
        State.SHIFTING: State.CONVERGING,
        State.ROLLING_BACK: State.CONVERGING_BACK,
    }[d.state]
    return enter(
        d,
        following,
        now,
        revision=event.revision,
        set_at=event.at,
        live=d.weights,
        left_apart={},
        seen=d.weights,
    )


def converging(d: Deployment, event: ConvergenceSeen, now: float) -> Deployment:
    gate = assess.convergence(event.converged, event.waiting, event.rejected)
    if gate.verdict is Verdict.FAIL and can_abort(d):
        return roll_back(d, now, gate.detail)
    if gate.verdict is not Verdict.PASS:
        return wait(d, now, say("convergence: {detail}", detail=gate.detail))
    match d.state:
        case State.CONVERGING_BACK if gets_all(d, d.old_side):
            return enter(d, State.CLEANING_BACK, now, acknowledged=d.weights)
        case State.CONVERGING_BACK:
            # The new side is the only one that can serve: nothing is stopped.
            return rolled_back(d, now, d.reason)
        case State.CONVERGING_TARGET if not d.gated:
            if not d.healthy.get(d.new_side):
                return wait(d, now, say("a healthy task of {new_side}", new_side=d.new_side))
            if stayed := stay(d, now):
                return stayed
            return shift(d, now, next_step(d))
        case State.CONVERGING_TARGET:
            return enter(d, State.VERIFYING, now, acknowledged=d.weights, since=now)
    if not d.gated:
        return await_group(d, now, "FINISH") if d.member else finish(d, now)
    opened = StepEvidence(
        step=d.step,
        weights=d.weights,
        expected_share=expected_share(d),
        started_at=now,
        propagation=max(0.0, event.at - d.set_at),
        verdicts=(gate,),
    )
    # What is counted begins with each caller's first report from now on: an Envoy's reports and
    # acknowledgements come by one connection, in their order.
    d = windows.opened(replace(d, evidence=(*d.evidence, opened)), now, event.every)
    # The time limit of a step begins when the new side has warmed up.
    later = {"phase_at": d.comparison.warm_until} if windows.warming(d, now) else {}
    return enter(d, State.MEASURING, now, acknowledged=d.weights, since=now, **later)


def cleaning(d: Deployment, event: SideStopped, now: float) -> Deployment:
    if not event.gone:
        return wait(d, now, say("the stopped side to drain"))
    if not serving(d):
        return enter(d, State.ROLLBACK_FAILED, now)
    if d.state is State.CLEANING_UP:
        return enter(d, State.SUCCEEDED, now)
    return rolled_back(d, now, d.reason)
