"""One message of an Envoy's metrics: its statistics of each cluster that is judged. Pure.

The counters are cumulative, and the histograms count since the last flush.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tealmesh.rollout.metrics import outcomes, proto

LATENCY = "upstream_rq_time"
MEMBERS = "membership_total"
MEMBERS_HEALTHY = "membership_healthy"
_GAUGES = (outcomes.ACTIVE, MEMBERS, MEMBERS_HEALTHY)
_COUNTERS = frozenset(name for names in outcomes.COUNTERS.values() for name in names)
STATISTICS = (*sorted(_COUNTERS), *_GAUGES, LATENCY)
"""The statistics of egress clusters that must be in the bootstrap's inclusion list."""

_KNOWN = frozenset(STATISTICS)
_PREFIXES = tuple(f"cluster.cds_{way}_" for way in ("egress", "mirror", "cohort"))
"""A side is judged by its egress clusters alone, copies and cohorts by theirs. What people preview
is not judged."""


@dataclass
class Report:
    """One message's statistics of one cluster."""

    counters: dict[str, float] = field(default_factory=dict)
    gauges: dict[str, int] = field(default_factory=dict)
    timed: int = 0
    """Requests in the latency histogram; Envoy times only part of them."""
    buckets: tuple[int, ...] = ()
    """Those of them up to each of `bounds`."""
    bounds: tuple[float, ...] = ()
    """Milliseconds."""


def read(families: Sequence[proto.MetricFamily]) -> dict[str, Report]:
    """A message's reports on clusters that are judged, by cluster name."""
    reports: dict[str, Report] = {}
    for family in families:
        if not family.name.startswith(_PREFIXES):
            continue
        # Names of clusters have no dots. Envoy repeats counters for parts of the requests, such as
        # cluster.NAME.retry.upstream_rq_5xx.
        cluster, _, statistic = family.name.removeprefix("cluster.").partition(".")
        if statistic not in _KNOWN:
            continue
        report = reports.setdefault(cluster, Report())
        for metric in family.metric:
            if statistic in _COUNTERS:
                report.counters[statistic] = metric.counter.value
            elif statistic in _GAUGES:
                report.gauges[statistic] = int(metric.gauge.value)
            elif family.type == proto.HISTOGRAM:
                report.timed = metric.histogram.sample_count
                report.buckets = tuple(b.cumulative_count for b in metric.histogram.bucket)
                report.bounds = tuple(b.upper_bound for b in metric.histogram.bucket)
    return reports


def counters(cluster: str) -> Sequence[str]:
    """The counters of a cluster, by the protocol in its name."""
    parts = cluster.rsplit("_", 2)
    return outcomes.COUNTERS.get(parts[1] if len(parts) == 3 else "", outcomes.COUNTERS["http"])
