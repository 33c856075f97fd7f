"""One message of an Envoy's metrics: its statistics of each cluster that is judged. Pure.

The counters are cumulative, and the histograms count since the last flush. Every Envoy of a mesh
sends the same names again and again, and most of what it sends is not for us, so what a name means
is looked up.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tealmesh.envoy.extensions.parts import SCOPE
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
_LOGGED = f"{SCOPE}."


@dataclass(slots=True)
class Report:
    """One message's statistics of one cluster."""

    counters: dict[str, float] = field(default_factory=dict)
    gauges: dict[str, int] = field(default_factory=dict)
    timed: int = 0
    """Requests in the latency histogram; Envoy times only part of them."""
    buckets: tuple[int, ...] = ()
    """Those of them up to each of `bounds`; empty for none."""
    bounds: tuple[float, ...] = ()
    """Milliseconds; empty without any."""


_MOST_NAMES = 100_000
"""Those of a mesh at App Mesh's quotas are some ten thousand; tasks come and go."""


class Reader:
    """Reads messages."""

    def __init__(self) -> None:
        self._names: dict[str, tuple[str, str] | None] = {}
        """Of each name, the cluster and its statistic; None for what is not read."""

    def read(
        self, families: Iterable[proto.MetricFamily]
    ) -> tuple[dict[str, Report], list[proto.MetricFamily]]:
        """A message's reports on clusters that are judged, by cluster name; and its counters and
        histograms of access logs.
        """
        names = self._names
        reports: dict[str, Report] = {}
        logged: list[proto.MetricFamily] = []
        for family in families:
            name = family.name
            try:
                known = names[name]
            except KeyError:
                if name.startswith(_LOGGED):
                    logged.append(family)
                    continue
                if len(names) >= _MOST_NAMES:
                    names.clear()
                known = names[name] = _meaning(name)
            if known is None:
                continue
            cluster, statistic = known
            report = reports.get(cluster)
            if report is None:
                report = reports[cluster] = Report()
            _add(report, statistic, family)
        return reports, logged


def _meaning(name: str) -> tuple[str, str] | None:
    if not name.startswith(_PREFIXES):
        return None
    # Names of clusters have no dots. Envoy repeats counters for parts of the requests, such as
    # cluster.NAME.retry.upstream_rq_5xx.
    cluster, _, statistic = name.removeprefix("cluster.").partition(".")
    return (sys.intern(cluster), sys.intern(statistic)) if statistic in _KNOWN else None


def _add(report: Report, statistic: str, family: proto.MetricFamily) -> None:
    for metric in family.metric:
        if statistic in _COUNTERS:
            report.counters[statistic] = metric.counter.value
        elif statistic in _GAUGES:
            report.gauges[statistic] = int(metric.gauge.value)
        elif family.type == proto.HISTOGRAM:
            report.timed = metric.histogram.sample_count
            if report.timed:
                report.bounds = tuple(b.upper_bound for b in metric.histogram.bucket)
                report.buckets = tuple(b.cumulative_count for b in metric.histogram.bucket)


def counters(cluster: str) -> Sequence[str]:
    """The counters of a cluster, by the protocol in its name."""
    parts = cluster.rsplit("_", 2)
    return outcomes.COUNTERS.get(parts[1] if len(parts) == 3 else "", outcomes.COUNTERS["http"])
