"""Old metrics are forgotten."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from moto.cloudwatch.models import MetricDatum, cloudwatch_backends

from tealmesh.aws.moto.telemetry import forget_old

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def test_metrics_older_than_a_day_are_forgotten() -> None:
    backend = cloudwatch_backends["999999999999"]["us-east-1"]
    for hours in (30, 25, 23, 1):
        at = NOW - timedelta(hours=hours)
        backend.metric_data.append(MetricDatum("N", "M", float(hours), [], at))
    forget_old(NOW.timestamp())
    assert [datum.value for datum in backend.metric_data] == [23, 1]
