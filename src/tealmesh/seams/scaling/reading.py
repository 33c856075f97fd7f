"""CloudWatch's alarms as `evaluation` takes them. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tealmesh.model.scaling.metrics import Metric
from tealmesh.seams.scaling.evaluation import COMPARISONS, Alarm, State

_ACTIONS: tuple[tuple[State, str], ...] = (("ALARM", "AlarmActions"), ("OK", "OKActions"))
"""States that can invoke a policy, which needs a value."""

_STATISTICS = ("Average", "Minimum", "Maximum", "SampleCount", "Sum")


@dataclass(frozen=True)
class Found:
    """An alarm as it is in CloudWatch."""

    alarm: Alarm
    state: State
    changed: str
    """When its state was last set, as CloudWatch shows it."""


@dataclass(frozen=True)
class Unread:
    """An alarm that cannot be evaluated here."""

    name: str
    actions: tuple[str, ...]
    reason: str


def read_alarm(described: Any, scale: float) -> Found | Unread:
    """An alarm of DescribeAlarms. ``scale``: how long 60 of its seconds last, over 60."""
    name = described["AlarmName"]
    invoked: dict[str, tuple[str, ...]] = {
        state: tuple(described.get(member) or ()) if described["ActionsEnabled"] else ()
        for state, member in _ACTIONS
    }
    if reason := next(_unsupported(described), ""):
        return Unread(name, tuple(arn for arns in invoked.values() for arn in arns), reason)
    dimensions = sorted((one["Name"], one["Value"]) for one in described.get("Dimensions", []))
    periods = int(described["EvaluationPeriods"])
    alarm = Alarm(
        name=name,
        metric=Metric(
            described["Namespace"],
            described["MetricName"],
            tuple(dimensions),
            described["Statistic"],
            described.get("Unit") or "",
        ),
        period=float(described["Period"]) * scale,
        periods=periods,
        breaching=min(periods, int(described.get("DatapointsToAlarm") or periods)),
        threshold=float(described["Threshold"]),
        comparison=described["ComparisonOperator"],
        missing=described.get("TreatMissingData") or "missing",
        actions=invoked,
    )
    return Found(alarm, described["StateValue"], str(described.get("StateUpdatedTimestamp", "")))


def _unsupported(described: Any) -> Iterator[str]:
    """Why an alarm cannot be evaluated here."""
    if described.get("Metrics"):
        yield "its metric is a formula (Metrics), which is not evaluated here"
    if described.get("ExtendedStatistic"):
        yield f"its statistic {described['ExtendedStatistic']} is not evaluated here"
    if described.get("Statistic") not in _STATISTICS:
        yield f"its Statistic must be one of {', '.join(_STATISTICS)}"
    if described.get("ComparisonOperator") not in COMPARISONS or "Threshold" not in described:
        yield "anomaly detection is not evaluated here"
