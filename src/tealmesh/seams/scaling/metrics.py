"""The samples of a metric: those that we measured ourselves, else CloudWatch's.

Services' own utilization is kept here as it is published (`usage`), so that neither a restart of
moto nor a clock that is set makes a difference to it.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from tealmesh.model.clock import Steady, steady_clock
from tealmesh.model.scaling.metrics import Metric
from tealmesh.seams.scaling.evaluation import Sample

Series = tuple[str, str, tuple[tuple[str, str], ...]]
"""Namespace, name and dimensions of a metric, whatever the statistic."""

_KEPT = 3 * 3600
"""Samples of a series that are kept: three hours of one a second."""

_POINTS = 1440
"""In one answer of GetMetricStatistics:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricStatistics.html
"""


def series(metric: Metric) -> Series:
    """What a metric's samples are kept under."""
    return metric.namespace, metric.name, metric.dimensions


class Recent:
    """What was measured here since the control plane started."""

    def __init__(self) -> None:
        self._samples: defaultdict[Series, deque[tuple[Steady, Sample]]] = defaultdict(
            lambda: deque(maxlen=_KEPT)
        )

    def add(self, of: Series, values: Sequence[float]) -> None:
        """Note what was measured now."""
        self._samples[of].append((steady_clock(), Sample.of(0, values)))

    def has(self, of: Series) -> bool:
        """Whether this was ever measured here."""
        return of in self._samples

    def samples(self, of: Series, oldest: float) -> list[Sample]:
        """Those of at most ``oldest`` seconds ago."""
        now = steady_clock()
        return [
            Sample(now - at, one.count, one.total, one.least, one.most)
            for at, one in self._samples.get(of, ())
            if now - at <= oldest
        ]


def from_cloudwatch(client: Any, metric: Metric, period: float, oldest: float) -> list[Sample]:
    """The samples of at most ``oldest`` seconds ago, at least one for each ``period`` that has
    any. Blocking. Raises botocore's errors.
    """
    # Data without a time has moto's, which is in whole seconds.
    end = datetime.now(UTC) + timedelta(seconds=1)
    step = max(1, int(period // 60), int(oldest // _POINTS) + 1)
    asked: dict[str, Any] = {"Unit": metric.unit} if metric.unit else {}
    answer = client.get_metric_statistics(
        Namespace=metric.namespace,
        MetricName=metric.name,
        Dimensions=[{"Name": name, "Value": value} for name, value in metric.dimensions],
        StartTime=end - timedelta(seconds=oldest + 1),
        EndTime=end,
        Period=step,
        Statistics=["SampleCount", "Sum", "Minimum", "Maximum"],
        **asked,
    )
    return [
        Sample(
            (end - point["Timestamp"]).total_seconds() - 1,
            point["SampleCount"],
            point["Sum"],
            point["Minimum"],
            point["Maximum"],
        )
        for point in answer["Datapoints"]
    ]
