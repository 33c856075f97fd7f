"""Weights that have been set, Envoys that acknowledge them, and the clean-up after. Pure."""

from __future__ import annotations

from tealmesh.model.rollout import Deployment, State, StepEvidence, Verdict
from tealmesh.rollout import assess
from tealmesh.rollout.effects import ConvergenceSeen, SideStopped, WeightRefused, WeightsSet
from tealmesh.rollout.machine.transitions import SETTLE_SECONDS, can_abort, enter, roll_back, wait
from tealmesh.rollout.machine.wording import expected_share


def weights_set(d: Deployment, event: WeightsSet | WeightRefused, now: float) -> Deployment:
    if isinstance(event, WeightRefused):
        if event.side == d.new_side and can_abort(d):
            return roll_back(d, now, f"{event.side} has no healthy task to give weight to")
        return wait(d, now, f"a healthy task of {event.side}")
    following = {
        State.ADDING_TARGET: State.CONVERGING_TARGET,
        State.SHIFTING: State.CONVERGING,
        State.ROLLING_BACK: State.CONVERGING_BACK,
    }[d.state]
    return enter(d, following, now, revision=event.revision, set_at=event.at)


def converging(d: Deployment, event: ConvergenceSeen, now: float) -> Deployment:
    gate = assess.convergence(event.converged, event.waiting, event.rejected)
    if gate.verdict is Verdict.FAIL and can_abort(d):
        return roll_back(d, now, gate.detail)
    if gate.verdict is not Verdict.PASS:
        return wait(d, now, f"convergence: {gate.detail}")
    if d.state is State.CONVERGING_BACK:
        return enter(d, State.CLEANING_BACK, now, acknowledged=d.weights)
    if d.state is State.CONVERGING_TARGET:
        return enter(d, State.VERIFYING, now, acknowledged=d.weights, since=now)
    opened = StepEvidence(
        step=d.step,
        weights=d.weights,
        expected_share=expected_share(d),
        started_at=now,
        propagation=max(0.0, event.at - d.set_at),
        verdicts=(gate,),
    )
    return enter(
        d,
        State.MEASURING,
        now,
        acknowledged=d.weights,
        since=now + SETTLE_SECONDS,
        evidence=(*d.evidence, opened),
    )


def cleaning(d: Deployment, event: SideStopped, now: float) -> Deployment:
    if not event.gone:
        return wait(d, now, "the stopped side to drain")
    final = State.SUCCEEDED if d.state is State.CLEANING_UP else State.ROLLED_BACK
    return enter(d, final, now)
