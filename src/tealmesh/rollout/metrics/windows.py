"""Counts what callers saw, from their Envoys' reports, and sums it up over windows of time.

Every Envoy reports its counters (cumulative) and histograms (since the last flush) of its egress
clusters. A side of a service is judged by its callers' reports, never by its own Envoy's. Totals
keep growing when an Envoy restarts; after a restart of the control plane, an Envoy's first report
is the baseline.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tealmesh.envoy.names import egress_cluster
from tealmesh.model.clock import SteadyClock
from tealmesh.model.rollout import Traffic
from tealmesh.rollout.metrics import outcomes, proto
from tealmesh.rollout.system import Service

LATENCY = "upstream_rq_time"
MEMBERS = "membership_total"
MEMBERS_HEALTHY = "membership_healthy"
_GAUGES = (outcomes.ACTIVE, MEMBERS, MEMBERS_HEALTHY)
_COUNTERS = frozenset(name for names in outcomes.COUNTERS.values() for name in names)
STATISTICS = (*sorted(_COUNTERS), *_GAUGES, LATENCY)
"""The statistics of egress clusters that must be in the bootstrap's inclusion list."""

_KNOWN = frozenset(STATISTICS)
_PREFIX = "cluster.cds_egress_"

_MAX_SAMPLES = 900
"""Samples kept for each cluster of an Envoy; beyond that the older half is thinned out."""

_STALE_AFTER_SECONDS = 10.0
"""A connected Envoy that has not reported for so long is no reporter any more."""

_FORGET_AFTER_SECONDS = 3600.0
"""An Envoy that has been gone for so long is forgotten, with what it counted."""


@dataclass(frozen=True)
class _Sample:
    """The totals of one cluster at one time."""

    at: float
    counts: tuple[int, ...] = ()
    """How much each of the protocol's counters has grown, in the order of `outcomes.COUNTERS`."""
    open: int = 0
    """`outcomes.open_requests` of the counts."""
    active: int = 0
    timed: int = 0
    """Requests in the latency histogram; Envoy times only part of them."""
    buckets: tuple[int, ...] = ()
    """Requests up to each bound of the latency histogram."""


@dataclass
class _Cluster:
    """One egress cluster of one Envoy."""

    counters: Sequence[str]
    """The counters of its protocol."""
    raw: dict[str, float] = field(default_factory=dict)
    """The counters as last reported."""
    gauges: dict[str, int] = field(default_factory=dict)
    bounds: tuple[float, ...] = ()
    samples: list[_Sample] = field(default_factory=list)

    def add(self, at: float, report: _Report, baseline: bool) -> None:
        """Append a sample. ``baseline``: the report's counters are where counting starts."""
        last = self.samples[-1] if self.samples else _Sample(at)
        counts, changed = list(last.counts or (0,) * len(self.counters)), not last.counts
        for index, name in enumerate(self.counters):
            before = self.raw.get(name, 0.0)
            value = report.counters.get(name, before)
            if value == before:
                continue
            self.raw[name] = value
            if not baseline:
                # A counter that has fallen started again at zero.
                counts[index] += int(value - before if value > before else value)
                changed = True
        self.gauges.update(report.gauges)
        if report.bounds:
            self.bounds = report.bounds
        # Most clusters are idle most of the time: their samples share one tuple.
        kept, still_open = last.counts, last.open
        if changed:
            kept = tuple(counts)
            still_open = outcomes.open_requests(dict(zip(self.counters, kept, strict=True)))
        self.samples.append(
            _Sample(
                at,
                kept,
                still_open,
                self.gauges.get(outcomes.ACTIVE, 0),
                last.timed + report.timed,
                _summed(last.buckets, report.buckets),
            )
        )
        if len(self.samples) > _MAX_SAMPLES:
            half = len(self.samples) // 2
            self.samples[:half] = self.samples[:half:2]

    def grown(self, start: int) -> Counter[str]:
        """How much each counter has grown since the sample at the index ``start``."""
        first, last = self.samples[start].counts, self.samples[-1].counts
        if not first:
            return Counter(dict(zip(self.counters, last, strict=True)))
        pairs = zip(self.counters, first, last, strict=True)
        return Counter({name: after - before for name, before, after in pairs})

    def gone(self, start: int, left: int) -> int:
        """Requests that ended without an answer since the sample at ``start``, at least.

        Counters and gauges of one report are read one after the other, so that under load a
        request may be missing in both for a moment: what counts was there in two reports.
        """
        begin, end = self.samples[start : start + 2], self.samples[start:][-2:]
        unanswered = min(s.open - s.active for s in end) - max(s.open - s.active for s in begin)
        return max(0, min(unanswered, left))

    def waiting(self, start: int, gone: int) -> int:
        """By how much the requests in flight without an answer have become more since the first
        half of the window from the sample at ``start``: with a steady load, those that hang.
        """
        half = start + (len(self.samples) - start + 1) // 2
        most = max((s.open for s in self.samples[start:half]), default=self.samples[-1].open)
        return max(0, min(self.samples[-1].open - most - gone, self.samples[-1].active))


@dataclass
class _Report:
    """One message's statistics of one cluster."""

    counters: dict[str, float] = field(default_factory=dict)
    gauges: dict[str, int] = field(default_factory=dict)
    timed: int = 0
    buckets: tuple[int, ...] = ()
    bounds: tuple[float, ...] = ()


@dataclass
class _Envoy:
    streams: int = 0
    last_report: float = 0.0
    clusters: dict[str, _Cluster] = field(default_factory=dict)


class Metrics:
    """The reports of all Envoys, and windows over them."""

    def __init__(self, clock: SteadyClock) -> None:
        self._clock = clock
        self._envoys: dict[str, _Envoy] = {}

    def connected(self, identity: str) -> None:
        """An Envoy has opened a stream."""
        self._envoys.setdefault(identity, _Envoy()).streams += 1

    def disconnected(self, identity: str) -> None:
        """A stream of an Envoy has ended."""
        self._envoys[identity].streams -= 1

    def report(self, identity: str, families: Sequence[proto.MetricFamily], first: bool) -> None:
        """Add one message of an Envoy's stream; ``first``: the stream's first message."""
        now = self._clock()
        envoy = self._envoys.setdefault(identity, _Envoy())
        reports = _read(families)
        known = envoy.last_report > 0
        if known and first and _restarted(envoy, reports):
            for cluster in envoy.clusters.values():
                cluster.raw.clear()
                cluster.gauges.pop(outcomes.ACTIVE, None)
        for name, report in reports.items():
            cluster = envoy.clusters.get(name) or _Cluster(_counters(name))
            if known and not cluster.samples:
                # Earlier reports were without this cluster, so all its counts are new.
                cluster.samples.append(_Sample(envoy.last_report))
            cluster.add(now, report, baseline=not known)
            envoy.clusters[name] = cluster
        envoy.last_report = now
        self._forget(now)

    def traffic(self, mesh: str, node: str, since: float, port: int, protocol: str) -> Traffic:
        """What the callers of a virtual node saw, from each caller's first report at or after
        ``since`` (by its clock) to its last.
        """
        name = egress_cluster(mesh, node, protocol, port)
        now = self._clock()
        parts: list[_Window] = []
        counted: Counter[str] = Counter()
        gone = waiting = 0
        seen_until: list[float] = []
        members: list[Mapping[str, int]] = []
        for envoy, cluster in self._envoys_with(name):
            start = bisect_left(cluster.samples, since, key=lambda sample: sample.at)
            if start == len(cluster.samples):
                continue
            parts.append((cluster.samples[start], cluster.samples[-1], cluster.bounds))
            grown = cluster.grown(start)
            lost = 0 if protocol == "tcp" else cluster.gone(start, outcomes.left_requests(grown))
            counted.update(grown)
            gone += lost
            if envoy.streams > 0 and now - envoy.last_report < _STALE_AFTER_SECONDS:
                seen_until.append(cluster.samples[-1].at)
                members.append(cluster.gauges)
                waiting += 0 if protocol == "tcp" else cluster.waiting(start, lost)
        buckets, bounds, timed = _histogram(parts)
        became = outcomes.outcome(protocol, counted, gone)
        return Traffic(
            requests=became.requests,
            failures=became.failures,
            started=became.started,
            kinds=became.kinds,
            waiting=waiting,
            p50=quantile(buckets, bounds, timed, 0.5),
            p99=quantile(buckets, bounds, timed, 0.99),
            reporters=len(seen_until),
            members=_fewest(members, MEMBERS),
            members_healthy=_fewest(members, MEMBERS_HEALTHY),
            seen_until=min(seen_until, default=0.0),
            seconds=max((last.at - first.at for first, last, _ in parts), default=0.0),
        )

    def callers_saw(self, service: Service, side: str, since: float) -> Traffic:
        """`traffic` of one side of a service."""
        node = service.node(side)
        return self.traffic(service.mesh, node, since, service.port, service.protocol)

    def _envoys_with(self, name: str) -> Iterator[tuple[_Envoy, _Cluster]]:
        for envoy in self._envoys.values():
            cluster = envoy.clusters.get(name)
            if cluster is not None and cluster.samples:
                yield envoy, cluster

    def _forget(self, now: float) -> None:
        gone = [
            identity
            for identity, envoy in self._envoys.items()
            if envoy.streams <= 0 and now - envoy.last_report > _FORGET_AFTER_SECONDS
        ]
        for identity in gone:
            del self._envoys[identity]


def quantile(buckets: Sequence[int], bounds: Sequence[float], total: int, q: float) -> float | None:
    """The ``q`` quantile (0 to 1) of a histogram, linear within a bucket; None if it is empty.

    ``buckets`` count the values up to each of ``bounds``. Values above the last bound are only in
    ``total``; for a quantile among them the result is the last bound.
    """
    if total <= 0 or not bounds:
        return None
    rank = q * total
    below, low = 0, 0.0
    for count, bound in zip(buckets, bounds, strict=True):
        if count >= rank and count > below:
            return low + (bound - low) * (rank - below) / (count - below)
        below, low = count, bound
    return low


def _read(families: Sequence[proto.MetricFamily]) -> dict[str, _Report]:
    """A message's reports on egress clusters, by cluster name."""
    reports: dict[str, _Report] = {}
    for family in families:
        if not family.name.startswith(_PREFIX):
            continue
        # Names of clusters have no dots. Envoy repeats counters for parts of the requests, such as
        # cluster.NAME.retry.upstream_rq_5xx.
        cluster, _, statistic = family.name.removeprefix("cluster.").partition(".")
        if statistic not in _KNOWN:
            continue
        report = reports.setdefault(cluster, _Report())
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


def _counters(cluster: str) -> Sequence[str]:
    """The counters of a cluster, by the protocol in its name."""
    parts = cluster.rsplit("_", 2)
    return outcomes.COUNTERS.get(parts[1] if len(parts) == 3 else "", outcomes.COUNTERS["http"])


def _restarted(envoy: _Envoy, reports: Mapping[str, _Report]) -> bool:
    """Whether the Envoy has restarted since its last report: a counter has fallen, or is missing
    because Envoy does not send counters that it has not used.
    """
    for name, report in reports.items():
        cluster = envoy.clusters.get(name)
        for counter, before in cluster.raw.items() if cluster else ():
            if report.counters.get(counter, 0.0) < before:
                return True
    return False


def _summed(left: tuple[int, ...], right: tuple[int, ...]) -> tuple[int, ...]:
    if len(left) != len(right):
        return right or left
    return tuple(a + b for a, b in zip(left, right, strict=True))


_Window = tuple[_Sample, _Sample, tuple[float, ...]]
"""One Envoy's first and last sample of a window, and the bounds of its histogram."""


def _histogram(parts: Sequence[_Window]) -> tuple[list[int], tuple[float, ...], int]:
    """Bucket counts, bounds and number of values of a window over several Envoys, which share
    Envoy's default bounds.
    """
    bounds = next((b for _, _, b in parts if b), ())
    buckets = [0] * len(bounds)
    timed = 0
    for start, end, own in parts:
        if own != bounds:
            continue
        timed += end.timed - start.timed
        earlier = start.buckets or (0,) * len(bounds)
        for index, count in enumerate(end.buckets):
            buckets[index] += count - earlier[index]
    return buckets, bounds, timed


def _fewest(gauges: Sequence[Mapping[str, int]], name: str) -> int | None:
    return min((values[name] for values in gauges if name in values), default=None)
