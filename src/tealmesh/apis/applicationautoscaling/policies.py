"""The rules that PutScalingPolicy checks. Pure.

https://docs.aws.amazon.com/autoscaling/application/APIReference/API_PutScalingPolicy.html
"""

from __future__ import annotations

import math
import re
from itertools import pairwise
from typing import TYPE_CHECKING

from tealmesh.apis.applicationautoscaling.base import invalid
from tealmesh.model.scaling.metrics import LABEL, PREDEFINED

if TYPE_CHECKING:
    from tealmesh.apis.applicationautoscaling.requests import PutPolicyRequest
    from tealmesh.model.scaling.bodies import (
        CustomizedMetric,
        PredefinedMetric,
        StepAdjustment,
        StepScaling,
        TargetTracking,
    )

_TYPES = ("StepScaling", "TargetTrackingScaling")
_SPECIFICATIONS = ("PredefinedMetricSpecification", "CustomizedMetricSpecification")


def check_policy(request: PutPolicyRequest, kind: str) -> None:
    """Raise ValidationException for a policy of this ``PolicyType`` that cannot be had."""
    if not kind:
        raise invalid(f"PolicyType: must be given for a new policy: {' or '.join(_TYPES)}")
    if kind not in _TYPES:
        raise invalid(
            f"PolicyType = {kind!r}: not implemented by Tealmesh: must be {' or '.join(_TYPES)}"
        )
    other = next(one for one in _TYPES if one != kind)
    if request.get(f"{other}PolicyConfiguration"):
        raise invalid(f"{other}PolicyConfiguration: must be left out with PolicyType {kind}")
    if kind == "StepScaling":
        _check_steps(request.get("StepScalingPolicyConfiguration"))
    else:
        _check_tracking(request.get("TargetTrackingScalingPolicyConfiguration"))


def _check_tracking(sent: TargetTracking | None) -> None:
    if not sent:
        raise invalid("TargetTrackingScalingPolicyConfiguration: must be given")
    if not (math.isfinite(sent["TargetValue"]) and sent["TargetValue"] > 0):
        raise invalid(f"TargetValue = {sent['TargetValue']}: must be greater than 0")
    _check_at_least("ScaleOutCooldown", sent.get("ScaleOutCooldown"), 0)
    _check_at_least("ScaleInCooldown", sent.get("ScaleInCooldown"), 0)
    predefined = sent.get("PredefinedMetricSpecification")
    customized = sent.get("CustomizedMetricSpecification")
    if (predefined is None) == (customized is None):
        raise invalid(f"Exactly one of {' and '.join(_SPECIFICATIONS)} must be given")
    if predefined is not None:
        _check_predefined(predefined)
    if customized is not None:
        _check_customized(customized)


def _check_predefined(sent: PredefinedMetric) -> None:
    kind, label = sent["PredefinedMetricType"], sent.get("ResourceLabel")
    if kind not in PREDEFINED:
        raise invalid(
            f"PredefinedMetricType = {kind!r}: must be one of {', '.join(PREDEFINED)} for services"
            " of ECS"
        )
    if kind != "ALBRequestCountPerTarget" and label:
        raise invalid(f"ResourceLabel: must be left out with PredefinedMetricType {kind}")
    if kind == "ALBRequestCountPerTarget" and not re.fullmatch(LABEL, label or ""):
        raise invalid(
            f"ResourceLabel = {label!r}: must be app/LOAD-BALANCER/ID/targetgroup/TARGET-GROUP/ID,"
            " the ends of the two ARNs"
        )


def _check_customized(sent: CustomizedMetric) -> None:
    if sent.get("Metrics"):
        raise invalid(
            "CustomizedMetricSpecification.Metrics: metric math is not implemented: name one metric"
            " by Namespace, MetricName, Dimensions and Statistic"
        )
    for member in ("MetricName", "Namespace", "Statistic"):
        if not sent.get(member):
            raise invalid(f"CustomizedMetricSpecification.{member}: must be given")


def _check_steps(sent: StepScaling | None) -> None:
    if not sent:
        raise invalid("StepScalingPolicyConfiguration: must be given")
    kind = sent.get("AdjustmentType")
    if not kind:
        raise invalid("AdjustmentType: must be given")
    _check_at_least("Cooldown", sent.get("Cooldown"), 0)
    if "MinAdjustmentMagnitude" in sent:
        _check_at_least("MinAdjustmentMagnitude", sent["MinAdjustmentMagnitude"], 1)
        if kind != "PercentChangeInCapacity":
            raise invalid(
                "MinAdjustmentMagnitude: allowed with AdjustmentType PercentChangeInCapacity only"
            )
    steps = sent.get("StepAdjustments", [])
    if not steps:
        raise invalid("StepAdjustments: must have at least one step adjustment")
    for number, step in enumerate(steps, 1):
        if kind == "ExactCapacity":
            _check_at_least(
                f"StepAdjustments.{number}.member.ScalingAdjustment", step["ScalingAdjustment"], 0
            )
    _check_intervals(steps)


def _check_intervals(steps: list[StepAdjustment]) -> None:
    """The intervals must follow one another without gap or overlap, and cover what is beyond 0.
    https://docs.aws.amazon.com/autoscaling/application/userguide/step-scaling-policy-overview.html
    """
    ordered = sorted(steps, key=_lower)
    for step in ordered:
        if _lower(step) >= _upper(step):
            raise invalid(
                f"MetricIntervalLowerBound = {_lower(step)}: must be less than"
                f" MetricIntervalUpperBound = {_upper(step)}"
            )
        if len(steps) > 1 and _lower(step) == -math.inf and _upper(step) == math.inf:
            raise invalid("The upper and lower bound can't be null in the same step adjustment")
    for before, after in pairwise(ordered):
        if _upper(before) != _lower(after):
            raise invalid(
                "The intervals of StepAdjustments must not overlap or have a gap: one ends at"
                f" {_upper(before)}, the next begins at {_lower(after)}"
            )
    if -math.inf < _lower(ordered[0]) < 0:
        raise invalid(
            "A step adjustment with a negative lower bound needs another one with a null lower"
            " bound"
        )
    if 0 < _upper(ordered[-1]) < math.inf:
        raise invalid(
            "A step adjustment with a positive upper bound needs another one with a null upper"
            " bound"
        )


def _lower(step: StepAdjustment) -> float:
    return step.get("MetricIntervalLowerBound", -math.inf)


def _upper(step: StepAdjustment) -> float:
    return step.get("MetricIntervalUpperBound", math.inf)


def _check_at_least(member: str, value: int | None, least: int) -> None:
    if value is not None and value < least:
        raise invalid(f"{member} = {value}: must be at least {least}")
