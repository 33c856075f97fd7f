"""What the desired count of a service becomes when alarms invoke its policies. Pure.

https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html
https://docs.aws.amazon.com/autoscaling/application/userguide/step-scaling-policy-overview.html
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tealmesh.model.clock import Moment
from tealmesh.model.scaling.bodies import (
    CooldownBody,
    NotScaledReason,
    ScalingPolicyBody,
    StepScaling,
    TargetTeal,
)

DEFAULT_COOLDOWN_SECONDS = 300.0
"""Of ECS services: https://docs.aws.amazon.com/autoscaling/application/APIReference/API_TargetTrackingScalingPolicyConfiguration.html"""

_TOLERANCE = 1e-9
"""So that 3 * 0.7 / 0.7 is 3 and not 4."""

Direction = Literal["out", "in"]


@dataclass(frozen=True)
class Invocation:
    """A policy that an alarm invokes now."""

    policy: ScalingPolicyBody
    alarm: str
    """Its name."""
    state: str
    """The state that invokes: ALARM, or another if the alarm has actions for it."""
    value: float
    """The metric's newest."""
    threshold: float
    low: bool
    """Whether the alarm is about a metric that is too low."""


@dataclass(frozen=True)
class Tracked:
    """A target tracking policy, and whether it could let capacity go."""

    policy: ScalingPolicyBody
    ready: bool
    """Whether its low alarm is in ALARM."""


@dataclass(frozen=True)
class Situation:
    """What is known of a service at a look."""

    desired: int
    least: int
    most: int
    in_suspended: bool = False
    out_suspended: bool = False
    held: bool = False
    """Whether scaling in waits for the end of a deployment."""
    scale: float = 1.0
    """How long 60 seconds last, over 60; less for tests."""


@dataclass(frozen=True)
class Decision:
    """A change of the desired count, or why there is none."""

    count: int | None
    cause: str
    cooldown: CooldownBody | None = None
    """The cooldown period that the change begins."""
    reason: NotScaledReason | None = None


@dataclass(frozen=True)
class _Proposal:
    count: int
    invocation: Invocation
    cooldown: float
    direction: Direction


def decide(
    situation: Situation,
    invocations: Sequence[Invocation],
    tracked: Sequence[Tracked],
    teal: TargetTeal,
    now: Moment,
) -> Decision | None:
    """What the policies that are invoked now lead to; None if nothing is to be done or said.

    If several propose a change, the largest capacity wins, so scaling out wins over scaling in.
    """
    out = _running(teal.get("scaledOut"), now)
    base = min(out["base"], situation.desired) if out else situation.desired
    outward = [
        proposal
        for invocation in invocations
        if not _lets_go(invocation)
        for proposal in [_proposal(invocation, base)]
        if proposal.direction == "out"
    ]
    if outward and not situation.out_suspended:
        best = max(outward, key=lambda proposal: proposal.count)
        decision = _outward(situation, best, base, now, waiting=out is not None)
        if decision is not None:
            return decision
    inward = [
        proposal
        for invocation in invocations
        for proposal in [_proposal(invocation, situation.desired)]
        if proposal.direction == "in"
    ]
    if not all(one.ready for one in tracked if _may_let_go(one.policy)):
        inward = [one for one in inward if one.invocation.policy["PolicyType"] == "StepScaling"]
    if outward or not inward or situation.in_suspended:
        return None
    return _inward(situation, max(inward, key=lambda p: p.count), teal, now)


def _outward(
    situation: Situation, best: _Proposal, base: int, now: Moment, *, waiting: bool
) -> Decision | None:
    """``waiting``: whether a cooldown period runs, in which only a larger change counts."""
    cause = _cause(best.invocation)
    count = min(best.count, situation.most)
    if count > situation.desired:
        count = max(count, situation.least)
        cooldown = _cooldown(situation, best, base, now)
        return Decision(count, cause, cooldown)
    if best.count > situation.desired and situation.desired >= situation.most:
        reason: NotScaledReason = {
            "Code": "AlreadyAtMaxCapacity",
            "MaxCapacity": situation.most,
            "CurrentCapacity": situation.desired,
        }
        return Decision(None, cause, reason=reason)
    return None if waiting else Decision(None, cause, reason=_enough(situation))


def _inward(
    situation: Situation, best: _Proposal, teal: TargetTeal, now: Moment
) -> Decision | None:
    cause = _cause(best.invocation)
    count = max(best.count, situation.least)
    if count >= situation.desired:
        reason: NotScaledReason = {
            "Code": "AlreadyAtMinCapacity",
            "MinCapacity": situation.least,
            "CurrentCapacity": situation.desired,
        }
        return Decision(None, cause, reason=reason)
    if situation.held:
        held: NotScaledReason = {
            "Code": "TargetServicePutResourceAsUnscalable",
            "CurrentCapacity": situation.desired,
        }
        return Decision(None, cause, reason=held)
    if _running(teal.get("scaledIn"), now) is not None:
        return None
    count = min(count, situation.most)
    return Decision(count, cause, _cooldown(situation, best, situation.desired, now))


def _lets_go(invocation: Invocation) -> bool:
    """Whether a target tracking policy is invoked by its low alarm."""
    return invocation.policy["PolicyType"] == "TargetTrackingScaling" and invocation.low


def _may_let_go(policy: ScalingPolicyBody) -> bool:
    return not policy["TargetTrackingScalingPolicyConfiguration"].get("DisableScaleIn", False)


def _proposal(invocation: Invocation, base: int) -> _Proposal:
    policy = invocation.policy
    if policy["PolicyType"] == "StepScaling":
        steps = policy["StepScalingPolicyConfiguration"]
        count = stepped(steps, base, invocation.value - invocation.threshold, low=invocation.low)
        cooldown = float(steps.get("Cooldown", DEFAULT_COOLDOWN_SECONDS))
        direction: Direction = "in" if count < base else "out"
        return _Proposal(count, invocation, cooldown, direction)
    tracking = policy["TargetTrackingScalingPolicyConfiguration"]
    # Rounded up in both directions: never too little is added, never too much taken away.
    count = math.ceil(base * invocation.value / tracking["TargetValue"] - _TOLERANCE)
    if invocation.low:
        waits = tracking.get("ScaleInCooldown", DEFAULT_COOLDOWN_SECONDS)
        return _Proposal(max(0, min(count, base)), invocation, float(waits), "in")
    waits = tracking.get("ScaleOutCooldown", DEFAULT_COOLDOWN_SECONDS)
    return _Proposal(max(count, base), invocation, float(waits), "out")


def stepped(steps: StepScaling, base: int, breach: float, *, low: bool) -> int:
    """The capacity that a step policy makes of ``base`` when its metric is ``breach`` beyond the
    alarm's threshold (below it if negative); ``base`` if no step is about that.

    Above the threshold a step has its lower bound and not its upper one, below it the reverse.
    """
    for step in steps.get("StepAdjustments", []):
        lower = step.get("MetricIntervalLowerBound", -math.inf)
        upper = step.get("MetricIntervalUpperBound", math.inf)
        if lower < breach <= upper if low else lower <= breach < upper:
            return _adjusted(steps, base, step["ScalingAdjustment"])
    return base


def _adjusted(steps: StepScaling, base: int, adjustment: int) -> int:
    match steps.get("AdjustmentType"):
        case "ExactCapacity":
            return max(0, adjustment)
        case "PercentChangeInCapacity":
            change = base * adjustment / 100
            # Between 0 and 1 it is 1; otherwise what is behind the point does not count.
            whole = math.copysign(max(1, int(abs(change))), change) if change else 0
            least = steps.get("MinAdjustmentMagnitude", 0)
            if adjustment and abs(whole) < least:
                whole = math.copysign(least, adjustment)
            return max(0, base + int(whole))
    return max(0, base + adjustment)


def _running(cooldown: CooldownBody | None, now: Moment) -> CooldownBody | None:
    """The cooldown period if it has not ended."""
    return cooldown if cooldown and now.left(cooldown, cooldown["seconds"]) > 0 else None


def _cooldown(situation: Situation, proposal: _Proposal, base: int, now: Moment) -> CooldownBody:
    return {**now.stored(), "seconds": proposal.cooldown * situation.scale, "base": base}


def _cause(invocation: Invocation) -> str:
    return (
        f"monitor alarm {invocation.alarm} in state {invocation.state} triggered policy"
        f" {invocation.policy['PolicyName']}"
    )


def _enough(situation: Situation) -> NotScaledReason:
    return {"Code": "AlreadyAtDesiredCapacity", "CurrentCapacity": situation.desired}
