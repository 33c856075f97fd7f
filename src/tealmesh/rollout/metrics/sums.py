"""Sums over several Envoys: histograms, and what became of their requests. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tealmesh.model.traffic.windows import Counts, SideWindow
from tealmesh.rollout.metrics import outcomes
from tealmesh.rollout.metrics.samples import Cluster, Sample

MOST_CALLERS = 100
"""Callers that a window names; the others are added up."""
MOST_SECONDS = 120
"""The longest window that is told second by second."""
OTHERS = "others"
"""The name under which they are."""

Span = tuple[Sample, Sample, tuple[float, ...]]
"""One Envoy's first and last sample of a window, and the bounds of its histogram."""


@dataclass(frozen=True)
class Histogram:
    """The latency of requests."""

    bounds: tuple[float, ...] = ()
    """Rising, in milliseconds."""
    buckets: tuple[int, ...] = ()
    """The values up to each bound."""
    total: int = 0
    """All values, among them those above the last bound."""


@dataclass
class Tally:
    """What the callers of one side saw, added up caller by caller."""

    protocol: str
    first: float
    """When the first report of the window came: the seconds are counted from it, as an Envoy may
    report once a second."""
    counted: Counter[str] = field(default_factory=Counter)
    gone: int = 0
    open: int = 0
    active: int = 0
    spans: list[Span] = field(default_factory=list)
    callers: dict[str, Counts] = field(default_factory=dict)
    seconds: dict[int, Counts] = field(default_factory=dict)
    """By the second since the beginning."""
    last: int = -1
    """The last second with a report."""
    latencies: dict[int, list[Span]] = field(default_factory=dict)
    """The same of the samples between which answers were timed."""

    def add(self, caller: str, cluster: Cluster, start: int, end: int, reports: bool) -> None:
        """Add what one caller saw from the sample at ``start`` to the one at ``end``. ``reports``:
        whether its Envoy still does, so that what is in flight is known.
        """
        grown = cluster.grown(start, end)
        tcp = self.protocol == "tcp"
        gone = 0 if tcp else cluster.gone_between(start, end)
        self.counted.update(grown)
        self.gone += gone
        if reports and not tcp:
            self.open += cluster.in_flight(end)
            self.active += cluster.samples[end].active
        self.spans.append((cluster.samples[start], cluster.samples[end], cluster.bounds))
        saw = _counts(self.protocol, grown, gone)
        self.callers[caller] = self.callers.get(caller, Counts()) + saw
        for index in range(start + 1, end + 1):
            second = max(0, round(cluster.samples[index].at - self.first))
            self.last = max(self.last, second)
            before, after = cluster.samples[index - 1], cluster.samples[index]
            if after.timed > before.timed:
                self.latencies.setdefault(second, []).append((before, after, cluster.bounds))
            lost = 0 if tcp else cluster.gone_between(index - 1, index)
            part = _counts(self.protocol, cluster.grown(index - 1, index), lost)
            if part.requests:
                self.seconds[second] = self.seconds.get(second, Counts()) + part

    def window(self) -> SideWindow:
        became = outcomes.outcome(self.protocol, self.counted, self.gone)
        latency = histogram(self.spans)
        return SideWindow(
            requests=became.requests,
            failures=became.failures,
            client_errors=became.client_errors,
            open=self.open,
            active=self.active,
            started=became.started,
            timed=latency.total,
            bounds=latency.bounds,
            buckets=latency.buckets,
            kinds=became.kinds,
            by_caller=_busiest(self.callers),
            by_second=tuple(self.seconds.get(second, Counts()) for second in self._every_second()),
            latency_by_second=tuple(self._latency(second) for second in self._every_second()),
        )

    def _every_second(self) -> range:
        return range(self.last + 1 if self.last < MOST_SECONDS else 0)

    def _latency(self, second: int) -> tuple[int, ...]:
        found = histogram(self.latencies.get(second, ()))
        return (*found.buckets, found.total) if found.total else ()


def histogram(spans: Iterable[Span]) -> Histogram:
    """What several Envoys, which share Envoy's default bounds, measured in their windows."""
    parts = list(spans)
    bounds = next((b for _, _, b in parts if b), ())
    buckets = [0] * len(bounds)
    timed = 0
    for start, end, own in parts:
        if own != bounds:
            continue
        timed += end.timed - start.timed
        earlier = start.buckets if len(start.buckets) == len(bounds) else (0,) * len(bounds)
        for index, count in enumerate(end.buckets):
            buckets[index] += count - earlier[index]
    return Histogram(bounds, tuple(buckets), timed)


def quantile(buckets: Sequence[int], bounds: Sequence[float], total: int, q: float) -> float | None:
    """The ``q`` quantile (0 to 1) of a histogram, linear within a bucket; None if it is empty.

    ``buckets`` count the values up to each of ``bounds``. Values above the last bound are only in
    ``total``; for a quantile among them the result is the last bound.
    """
    if total <= 0 or not bounds:
        return None
    rank = q * total
    index = bisect_left(buckets, rank) if rank > 0 else bisect_right(buckets, 0)
    low = bounds[index - 1] if index else 0.0
    if index == len(bounds):
        return low
    below = buckets[index - 1] if index else 0
    return low + (bounds[index] - low) * (rank - below) / (buckets[index] - below)


def fewest(gauges: Sequence[Mapping[str, int]], name: str) -> int | None:
    """The least value of a gauge; None if nobody has it."""
    return min((values[name] for values in gauges if name in values), default=None)


def _counts(protocol: str, grown: Counter[str], gone: int) -> Counts:
    became = outcomes.outcome(protocol, grown, gone)
    return Counts(became.requests, became.failures, became.client_errors)


def _busiest(callers: Mapping[str, Counts]) -> dict[str, Counts]:
    """Those with the most failures, then with the most requests; idle ones are left out."""
    busy = {caller: counts for caller, counts in callers.items() if counts.requests}
    order = sorted(busy, key=lambda name: (-busy[name].failures, -busy[name].requests, name))
    named = {caller: busy[caller] for caller in sorted(order[:MOST_CALLERS])}
    if len(order) > MOST_CALLERS:
        named[OTHERS] = sum((busy[caller] for caller in order[MOST_CALLERS:]), Counts())
    return named
