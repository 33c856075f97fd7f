"""The state of a CloudWatch alarm, from the samples of its metric. Pure.

Samples have ages, and periods are counted back from now, so every period is complete and no clock
is compared with another.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from tealmesh.model.scaling.metrics import Metric

State = Literal["OK", "ALARM", "INSUFFICIENT_DATA"]

_BREACHES: Mapping[str, Callable[[float, float], bool]] = {
    "GreaterThanThreshold": operator.gt,
    "GreaterThanOrEqualToThreshold": operator.ge,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}
COMPARISONS = tuple(_BREACHES)
"""Those of alarms without anomaly detection."""

SPARE_PERIODS = 2
"""Earlier periods that stand in for those without data."""


@dataclass(frozen=True)
class Sample:
    """What was measured at one time."""

    age: float
    """Seconds ago."""
    count: float
    total: float
    least: float
    most: float

    @classmethod
    def of(cls, age: float, values: Sequence[float]) -> Sample:
        """A sample of at least one value."""
        return cls(age, len(values), sum(values), min(values), max(values))


@dataclass(frozen=True)
class Alarm:
    """An alarm, and when it invokes which policies."""

    name: str
    metric: Metric
    period: float
    """Seconds."""
    periods: int
    """That are looked at."""
    breaching: int
    """How many of them must breach: at most ``periods``."""
    threshold: float
    comparison: str
    missing: str = "missing"
    """How periods without data count: missing, ignore, breaching or notBreaching."""
    actions: Mapping[str, tuple[str, ...]] | None = None
    """ARNs of what each state invokes; none while actions are disabled."""

    @property
    def range(self) -> float:
        """The age of the oldest samples that are needed, in seconds."""
        return (self.periods + SPARE_PERIODS) * self.period


def by_period(alarm: Alarm, samples: Iterable[Sample]) -> list[float | None]:
    """The alarm's statistic of each period, the newest first; None without data."""
    collected: list[list[Sample]] = [[] for _ in range(alarm.periods + SPARE_PERIODS)]
    for sample in samples:
        index = int(max(0.0, sample.age) // alarm.period)
        if index < len(collected):
            collected[index].append(sample)
    return [_statistic(alarm.metric.statistic, found) if found else None for found in collected]


def _statistic(name: str, samples: Sequence[Sample]) -> float:
    match name:
        case "SampleCount":
            return sum(one.count for one in samples)
        case "Sum":
            return sum(one.total for one in samples)
        case "Minimum":
            return min(one.least for one in samples)
        case "Maximum":
            return max(one.most for one in samples)
    count = sum(one.count for one in samples)
    return sum(one.total for one in samples) / count if count else 0.0


def evaluate(alarm: Alarm, values: Sequence[float | None], present: State) -> State:
    """The state of an alarm whose statistic had these ``values``, the newest first."""
    breaches = _BREACHES[alarm.comparison]
    # Earlier periods stand in for those without data, so take as many as are needed.
    found = [(age, v) for age, v in enumerate(values, 1) if v is not None][: alarm.periods]
    bad = [age for age, value in found if breaches(value, alarm.threshold)]
    absent = alarm.periods - len(found)
    if alarm.missing == "breaching":
        return "ALARM" if len(bad) + absent >= alarm.breaching else "OK"
    if len(bad) >= alarm.breaching:
        return "ALARM"
    if alarm.missing == "notBreaching":
        return "OK"
    if not found:
        return present if alarm.missing == "ignore" else "INSUFFICIENT_DATA"
    if alarm.missing == "ignore":
        return present if absent else "OK"
    # No premature alarm: the oldest breach must be as old as an alarm needs.
    return "ALARM" if len(bad) == len(found) and bad[-1] >= alarm.breaching else "OK"
