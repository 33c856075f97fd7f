"""Scaling policies for tests."""

from __future__ import annotations

from tealmesh.model.scaling.bodies import ScalingPolicyBody, StepScaling, TargetTracking


def _policy(name: str, kind: str) -> ScalingPolicyBody:
    return {
        "PolicyARN": f"arn:aws:autoscaling:us-east-1:1:scalingPolicy:{name}",
        "PolicyName": name,
        "ServiceNamespace": "ecs",
        "ResourceId": "service/c/web",
        "ScalableDimension": "ecs:service:DesiredCount",
        "PolicyType": kind,
        "Alarms": [],
        "CreationTime": 0.0,
        "teal": {},
    }


def tracking(target: float, name: str = "track", **more: object) -> ScalingPolicyBody:
    """A target tracking policy on CPU."""
    sent: TargetTracking = {
        "TargetValue": target,
        "PredefinedMetricSpecification": {
            "PredefinedMetricType": "ECSServiceAverageCPUUtilization"
        },
    }
    body = _policy(name, "TargetTrackingScaling")
    body["TargetTrackingScalingPolicyConfiguration"] = {**sent, **more}  # type: ignore[typeddict-item]
    return body


def stepping(
    kind: str,
    *steps: tuple[float | None, float | None, int],
    name: str = "step",
    least: int = 0,
    cooldown: int = 60,
) -> ScalingPolicyBody:
    """A step policy. A step: lower bound, upper bound, adjustment."""
    sent: StepScaling = {"AdjustmentType": kind, "Cooldown": cooldown, "StepAdjustments": []}
    if least:
        sent["MinAdjustmentMagnitude"] = least
    for lower, upper, adjustment in steps:
        sent["StepAdjustments"].append({"ScalingAdjustment": adjustment})
        if lower is not None:
            sent["StepAdjustments"][-1]["MetricIntervalLowerBound"] = lower
        if upper is not None:
            sent["StepAdjustments"][-1]["MetricIntervalUpperBound"] = upper
    body = _policy(name, "StepScaling")
    body["StepScalingPolicyConfiguration"] = sent
    return body
