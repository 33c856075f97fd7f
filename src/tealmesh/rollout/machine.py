"""The rollout machine: `step(deployment, event, now) -> deployment`, pure.

    CREATED -> SCALING_UP -> ADDING_TARGET -> CONVERGING_TARGET -> VERIFYING [-> AWAITING_APPROVAL]
    -> (SHIFTING -> CONVERGING -> MEASURING) for each step -> BAKING -> CLEANING_UP -> SUCCEEDED

Any failure before CLEANING_UP leads through ROLLING_BACK -> CONVERGING_BACK -> CLEANING_BACK to
ROLLED_BACK; if even that fails, to ROLLBACK_FAILED with everything left running.

Each state has at most one effect (`next_effect`). Effects are idempotent, so a deployment resumes
after any interruption by performing the effect of its stored state. The strategy's
``step_timeout`` bounds every wait for a gate, except the wait for a person's approval.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tealmesh.model.errors import InvariantError
from tealmesh.model.rollout import (
    Deployment,
    GateResult,
    State,
    StepEvidence,
    Verdict,
)
from tealmesh.rollout import assess, evidence
from tealmesh.rollout.effects import (
    AbortAsked,
    Approved,
    AwaitConverged,
    ConvergenceSeen,
    Effect,
    EffectFailed,
    EnsureSide,
    Event,
    NotReady,
    Observe,
    Observed,
    Resumed,
    SetWeights,
    SideEnsured,
    SideStopped,
    StopSide,
    WeightRefused,
    WeightsSet,
)

SETTLE_SECONDS = 1.0
"""Between convergence and the start of a window: requests routed by the old weights end, and
Envoy's metrics of that time (flushed every second) arrive."""

FULL_WEIGHT = 100

FINAL = {State.SUCCEEDED, State.ROLLED_BACK, State.ROLLBACK_FAILED}
BACKWARD = {State.ROLLING_BACK, State.CONVERGING_BACK, State.CLEANING_BACK}
_COMMITTED = FINAL | BACKWARD | {State.CLEANING_UP}


def step(d: Deployment, event: Event, now: float) -> Deployment:
    """The deployment after ``event``; a finished one stays as it is.

    Raises InvariantError when the event does not belong to the state or the transition would
    break an invariant (see `check`).
    """
    if d.finished:
        return d
    after = _react(d, event, now)
    check(d, after)
    return after


def next_effect(d: Deployment) -> Effect | None:
    """The effect to perform in the deployment's state; None once it has finished."""
    match d.state:
        case State.CREATED:
            return EnsureSide(d.new_side, d.new_image)
        case State.ADDING_TARGET | State.SHIFTING | State.ROLLING_BACK:
            return SetWeights(d.weights)
        case State.CONVERGING_TARGET | State.CONVERGING | State.CONVERGING_BACK:
            return AwaitConverged(d.revision)
        case State.CLEANING_UP:
            return StopSide(d.old_side)
        case State.CLEANING_BACK:
            return StopSide(d.new_side)
        case State.SUCCEEDED | State.ROLLED_BACK | State.ROLLBACK_FAILED:
            return None
        case _:
            return Observe(d.since)


def can_abort(d: Deployment) -> bool:
    """Whether the old side can still get all the weight back."""
    return d.state not in _COMMITTED


def check(before: Deployment, after: Deployment) -> None:
    """Raise InvariantError, which names the invariant, when a transition breaks one.

    - Weights total more than zero, and only the two sides have any.
    - The new side gets weight only after it was seen with a healthy task.
    - A side is stopped only when its weight is zero and every Envoy has acknowledged that.
    - A deployment that rolls back never goes forward again, and steps never go back.
    - The journal has no gap.
    """
    ordered = after.weights
    _require(not ordered or sum(ordered.values()) > 0, after, "weights total zero")
    _require(set(ordered) <= {after.old_side, after.new_side}, after, "weight for a third side")
    effect = next_effect(after)
    if isinstance(effect, SetWeights):
        unweighted = effect.weights.get(after.new_side, 0) == 0
        healthy = after.healthy.get(after.new_side, 0) > 0
        _require(unweighted or healthy, after, "weight for a new side without a healthy task")
    if isinstance(effect, StopSide):
        _require(ordered.get(effect.side, 0) == 0, after, "stopping a side with weight")
        _require(
            bool(ordered) and after.acknowledged == ordered,
            after,
            "stopping a side before every Envoy has acknowledged its zero weight",
        )
    if before.state in BACKWARD:
        back = after.state in BACKWARD | {State.ROLLED_BACK, State.ROLLBACK_FAILED}
        _require(back, after, "going forward after a rollback")
    if before.state is State.CLEANING_UP:
        forward = after.state in {State.CLEANING_UP, State.SUCCEEDED}
        _require(forward, after, "rolling back after clean-up has begun")
    _require(after.step >= before.step, after, "going back a step")
    _require(before.sequence <= after.sequence <= before.sequence + 1, after, "a journal gap")


def _require(holds: bool, d: Deployment, what: str) -> None:
    if not holds:
        raise InvariantError(f"deployment {d.id} of {d.service} in {d.state}: {what}")


def _react(d: Deployment, event: Event, now: float) -> Deployment:
    match event:
        case Resumed():
            return _enter(d, d.state, now, since=now + SETTLE_SECONDS if d.since else 0.0)
        case AbortAsked(by=by):
            return _roll_back(d, now, f"rollback requested by {by}") if can_abort(d) else d
        case Approved():
            if d.state is State.AWAITING_APPROVAL:
                # Tasks may have changed while the deployment waited for a person: verify again.
                return _enter(d, State.VERIFYING, now, approved=True, since=now)
            return replace(d, approved=True, updated_at=now, sequence=d.sequence + 1)
        case NotReady(waiting_for=waiting_for):
            return _wait(d, now, waiting_for)
        case EffectFailed(message=message, retryable=retryable):
            if retryable or not can_abort(d):
                return _wait(d, now, f"a retry: {message}")
            return _roll_back(d, now, message)
    accepted, handler = _HANDLERS[d.state]
    if not isinstance(event, accepted):
        raise InvariantError(f"{type(event).__name__} does not belong to state {d.state}")
    return handler(d, event, now)


def _enter(d: Deployment, state: State, now: float, **changes: Any) -> Deployment:
    """The one way into a state; the journal gets one more transition."""
    changes.setdefault("waiting_for", "")
    if state in FINAL:
        changes["finished_at"] = now
    return replace(
        d, state=state, sequence=d.sequence + 1, entered_at=now, updated_at=now, **changes
    )


def _wait(d: Deployment, now: float, waiting_for: str, extra: float = 0.0) -> Deployment:
    """Stay in the state, until the step timeout and ``extra`` seconds have passed: then fail."""
    waited = now - d.entered_at
    if waited <= d.strategy.step_timeout + extra:
        return replace(d, waiting_for=waiting_for, updated_at=now)
    failed = f"timed out after {waited:.0f} s in {d.state} waiting for {waiting_for}"
    if d.state is State.CLEANING_UP:
        return _enter(d, State.SUCCEEDED, now, reason=f"the old side still runs: {failed}")
    if d.state in BACKWARD:
        return _enter(d, State.ROLLBACK_FAILED, now, reason=f"{d.reason}; {failed}")
    return _roll_back(d, now, failed)


def _roll_back(d: Deployment, now: float, reason: str) -> Deployment:
    return _reweigh(d, State.ROLLING_BACK, now, new_weight=0, reason=reason)


def _shift(d: Deployment, now: float, index: int) -> Deployment:
    percent = d.strategy.steps[index]
    return _reweigh(d, State.SHIFTING, now, new_weight=percent, step=index)


def _reweigh(
    d: Deployment, state: State, now: float, *, new_weight: int, **changes: Any
) -> Deployment:
    """Enter a state that sets other weights: the measurement of the current ones ends."""
    return _enter(
        evidence.closed(d, now),
        state,
        now,
        weights={d.old_side: FULL_WEIGHT - new_weight, d.new_side: new_weight},
        acknowledged={},
        since=0.0,
        **changes,
    )


def _created(d: Deployment, event: SideEnsured, now: float) -> Deployment:
    return _enter(d, State.SCALING_UP, now)


def _scaling_up(d: Deployment, event: Observed, now: float) -> Deployment:
    d = _with_health(d, event)
    gate = assess.tasks(event.new, d.desired_count)
    if gate.verdict is Verdict.FAIL:
        return _roll_back(d, now, _why(gate, event))
    if gate.verdict is Verdict.PASS:
        weights = {d.old_side: FULL_WEIGHT, d.new_side: 0}
        return _enter(d, State.ADDING_TARGET, now, weights=weights, acknowledged={})
    return _wait(d, now, _why(gate, event))


def _weights_set(d: Deployment, event: WeightsSet | WeightRefused, now: float) -> Deployment:
    if isinstance(event, WeightRefused):
        if event.side == d.new_side and can_abort(d):
            return _roll_back(d, now, f"{event.side} has no healthy task to give weight to")
        return _wait(d, now, f"a healthy task of {event.side}")
    following = {
        State.ADDING_TARGET: State.CONVERGING_TARGET,
        State.SHIFTING: State.CONVERGING,
        State.ROLLING_BACK: State.CONVERGING_BACK,
    }[d.state]
    return _enter(d, following, now, revision=event.revision, set_at=event.at)


def _converging(d: Deployment, event: ConvergenceSeen, now: float) -> Deployment:
    gate = assess.convergence(event.converged, event.waiting, event.rejected)
    if gate.verdict is Verdict.FAIL and can_abort(d):
        return _roll_back(d, now, gate.detail)
    if gate.verdict is not Verdict.PASS:
        return _wait(d, now, f"convergence: {gate.detail}")
    if d.state is State.CONVERGING_BACK:
        return _enter(d, State.CLEANING_BACK, now, acknowledged=d.weights)
    if d.state is State.CONVERGING_TARGET:
        return _enter(d, State.VERIFYING, now, acknowledged=d.weights, since=now)
    opened = StepEvidence(
        step=d.step,
        weights=d.weights,
        expected_share=_expected_share(d),
        started_at=now,
        propagation=max(0.0, event.at - d.set_at),
        verdicts=(gate,),
    )
    return _enter(
        d,
        State.MEASURING,
        now,
        acknowledged=d.weights,
        since=now + SETTLE_SECONDS,
        evidence=(*d.evidence, opened),
    )


def _verifying(d: Deployment, event: Observed, now: float) -> Deployment:
    d = _with_health(d, event)
    gates = (
        assess.tasks(event.new, d.desired_count),
        assess.endpoints(event.new_traffic, d.desired_count),
    )
    if gates[0].verdict is Verdict.FAIL:
        return _roll_back(d, now, _why(gates[0], event))
    if not _all_pass(gates):
        return _wait(d, now, _unmet(gates) + _explanation(event))
    if d.gates.approval and not d.approved:
        return _enter(d, State.AWAITING_APPROVAL, now, waiting_for="approval (`teal approve`)")
    return _shift(d, now, 0)


def _awaiting_approval(d: Deployment, event: Observed, now: float) -> Deployment:
    d = _with_health(d, event)
    gate = assess.tasks(event.new, d.desired_count)
    if gate.verdict is Verdict.FAIL:
        return _roll_back(d, now, _why(gate, event))
    return d


def _measuring(d: Deployment, event: Observed, now: float) -> Deployment:
    d = _with_health(d, event)
    new = event.new_traffic
    expected = _expected_share(d)
    least = d.gates.min_requests
    gates = (
        assess.tasks(event.new, d.desired_count),
        assess.share(event.old_traffic, new, expected, least),
        assess.success_rate(new, d.gates.success_rate, least),
    )
    d = evidence.measured(d, event.old_traffic, new, gates)
    failure = _failure((gates[0], gates[2]), event)
    if failure:
        return _roll_back(d, now, failure)
    if now - d.since < d.strategy.step_time:
        return _wait(d, now, f"step time of {d.strategy.step_time:g} s", d.strategy.step_time)
    if _all_pass(gates):
        if d.step + 1 < len(d.strategy.steps):
            return _shift(d, now, d.step + 1)
        return _enter(d, State.BAKING, now, since=now)
    if gates[1].verdict is Verdict.FAIL:
        # Requests that began under the old weights may have ended in this window: start a new one.
        d = replace(d, since=now)
    return _wait(d, now, _unmet(gates), d.strategy.step_time)


def _baking(d: Deployment, event: Observed, now: float) -> Deployment:
    d = _with_health(d, event)
    quiet = assess.silence(event.old_traffic, d.since + d.strategy.bake_time)
    gates = (
        assess.tasks(event.new, d.desired_count),
        assess.success_rate(event.new_traffic, d.gates.success_rate, d.gates.min_requests),
    )
    failed = tuple(gate for gate in gates if gate.verdict is Verdict.FAIL)
    d = evidence.judged(d, (quiet, *failed))
    failure = _failure(gates, event)
    if failure:
        return _roll_back(d, now, failure)
    if quiet.verdict is Verdict.PASS and gates[0].verdict is Verdict.PASS:
        return _enter(evidence.closed(d, now), State.CLEANING_UP, now, since=0.0)
    if quiet.verdict is Verdict.FAIL:
        d = replace(d, since=now)
    return _wait(d, now, _unmet((quiet, gates[0])), d.strategy.bake_time)


def _cleaning(d: Deployment, event: SideStopped, now: float) -> Deployment:
    if not event.gone:
        return _wait(d, now, "the stopped side to drain")
    final = State.SUCCEEDED if d.state is State.CLEANING_UP else State.ROLLED_BACK
    return _enter(d, final, now)


def _expected_share(d: Deployment) -> float:
    """The new side's share of requests by the weights, 0 to 1."""
    return d.weights[d.new_side] / sum(d.weights.values())


def _with_health(d: Deployment, event: Observed) -> Deployment:
    """The deployment with the newest count of healthy tasks."""
    return replace(d, healthy={d.old_side: event.old.healthy, d.new_side: event.new.healthy})


def _all_pass(gates: tuple[GateResult, ...]) -> bool:
    return all(gate.verdict is Verdict.PASS for gate in gates)


def _unmet(gates: tuple[GateResult, ...]) -> str:
    """The gates that do not pass, for people."""
    return "; ".join(
        f"{gate.gate}: {gate.detail}" for gate in gates if gate.verdict is not Verdict.PASS
    )


def _failure(gates: tuple[GateResult, ...], event: Observed) -> str:
    """Why to roll back at once; empty if there is no reason to."""
    for gate in gates:
        if gate.verdict is Verdict.FAIL:
            return _why(gate, event)
    if event.new.healthy == 0:
        return _why(gates[0], event)
    return ""


def _why(gate: GateResult, event: Observed) -> str:
    return f"{gate.gate}: {gate.detail}{_explanation(event)}"


def _explanation(event: Observed) -> str:
    return f"; {event.explanation}" if event.explanation else ""


_SET = (WeightsSet, WeightRefused)
# `_react` checks an event's class before it calls the handler; the handlers' own types are narrower
# than one table can say.
_Handler = Callable[[Deployment, Any, float], Deployment]
_HANDLERS: dict[State, tuple[type | tuple[type, ...], _Handler]] = {
    State.CREATED: (SideEnsured, _created),
    State.SCALING_UP: (Observed, _scaling_up),
    State.ADDING_TARGET: (_SET, _weights_set),
    State.CONVERGING_TARGET: (ConvergenceSeen, _converging),
    State.VERIFYING: (Observed, _verifying),
    State.AWAITING_APPROVAL: (Observed, _awaiting_approval),
    State.SHIFTING: (_SET, _weights_set),
    State.CONVERGING: (ConvergenceSeen, _converging),
    State.MEASURING: (Observed, _measuring),
    State.BAKING: (Observed, _baking),
    State.CLEANING_UP: (SideStopped, _cleaning),
    State.ROLLING_BACK: (_SET, _weights_set),
    State.CONVERGING_BACK: (ConvergenceSeen, _converging),
    State.CLEANING_BACK: (SideStopped, _cleaning),
}
