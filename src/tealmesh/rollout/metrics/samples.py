"""What one Envoy has counted of one egress cluster, sample by sample.

Totals keep growing when the Envoy restarts. A sample holds its counters as a tuple, shared with the
sample before if nothing changed, which is so for most clusters most of the time.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import add, attrgetter

from tealmesh.rollout.metrics import outcomes
from tealmesh.rollout.metrics.reports import Report

MOST_SAMPLES = 900
"""Samples kept for each cluster of an Envoy; beyond that older ones are thinned out."""
FEWEST_SAMPLES = 60
"""The same where there are many clusters (`windows.Metrics`)."""

_DENSE_SECONDS = 60.0
"""For so long every report is kept, however often Envoys report; before that, one a second is
enough."""
_SPARSE_SECONDS = 0.9
_STEADY_SECONDS = 180.0
"""Before that, of reports that say the same the first two and the last two are enough: nothing
looks back so far for anything but counts, of which two must agree."""

_LOOK_BACK_SECONDS = 60.0
"""For so long back the fewest requests in flight are looked for."""

_AT = attrgetter("at")


@dataclass(frozen=True, slots=True)
class Sample:
    """The totals of one cluster at one time."""

    at: float
    counts: tuple[int, ...] = ()
    """How much each of the protocol's counters has grown, in the order of `outcomes.COUNTERS`."""
    open: int = 0
    """`outcomes.open_requests` of the counts."""
    active: int = 0
    timed: int = 0
    """Requests in the latency histogram; Envoy times only part of them."""
    buckets: Sequence[int] = ()
    """Requests up to each bound of the latency histogram; packed, as most of what is kept is
    this."""
    unanswered: int = 0
    """Requests without an answer that the access log has counted."""

    def says(self, other: Sample) -> bool:
        """Whether it says the same at another time."""
        return (
            self.counts is other.counts
            and self.buckets is other.buckets
            and self.active == other.active
            and self.unanswered == other.unanswered
        )


@dataclass
class Cluster:
    """One egress cluster of one Envoy."""

    counters: Sequence[str]
    """The counters of its protocol."""
    raw: dict[str, float] = field(default_factory=dict)
    """The counters as last reported."""
    gauges: dict[str, int] = field(default_factory=dict)
    bounds: tuple[float, ...] = ()
    samples: list[Sample] = field(default_factory=list)
    grew_at: float = 0.0
    """When a report last said of any counter that it had grown."""
    thin_at: int = FEWEST_SAMPLES
    """With how many samples it is thinned out next."""

    def add(
        self,
        at: float,
        report: Report,
        baseline: bool,
        unanswered: int = 0,
        most: int = MOST_SAMPLES,
    ) -> None:
        """Append a sample. ``baseline``: the report's counters are where counting starts.
        ``unanswered``: as in `Sample`. ``most``: samples that are kept.
        """
        last = self.samples[-1] if self.samples else Sample(at)
        counts, changed = self._counted(last, report, baseline)
        if report.gauges != self.gauges:
            self.gauges.update(report.gauges)
        if report.bounds:
            self.bounds = report.bounds
        # Most clusters are idle most of the time: their samples share one tuple.
        kept, still_open = last.counts, last.open
        if changed:
            kept, self.grew_at = counts, at
            still_open = outcomes.open_requests(dict(zip(self.counters, kept, strict=True)))
        self.samples.append(
            Sample(
                at,
                kept,
                still_open,
                self.gauges.get(outcomes.ACTIVE, 0),
                last.timed + report.timed,
                _summed(last.buckets, report.buckets),
                unanswered,
            )
        )
        if len(self.samples) > min(most, self.thin_at):
            self.samples = _thinned(self.samples, most)
            self.thin_at = max(FEWEST_SAMPLES, 2 * len(self.samples))

    def _counted(
        self, last: Sample, report: Report, baseline: bool
    ) -> tuple[tuple[int, ...], bool]:
        """The counts with what the report adds to them, and whether that is anything."""
        if last.counts and report.counters == self.raw:
            return last.counts, False
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
        # With those that its protocol does not count, so that the next report may be the same.
        self.raw.update(report.counters)
        return tuple(counts), changed

    def restarted(self) -> None:
        """Its Envoy has begun to count anew."""
        self.raw.clear()
        self.gauges.pop(outcomes.ACTIVE, None)

    def begun(self, start: int, since: float) -> float:
        """When a window begins that begins with the sample at ``start``, the first since a time. In
        the middle of a time in which nothing happened, that is the time itself.
        """
        first = self.samples[start]
        if start and self.samples[start - 1].says(first):
            return max(since, self.samples[start - 1].at)
        return first.at

    def first_since(self, since: float) -> int:
        """The index of the first sample at or after a time; the number of samples if none is."""
        return bisect_left(self.samples, since, key=_AT)

    def grew_after(self, since: float) -> bool:
        """Whether a counter has grown after a time, or with the last report."""
        return self.grew_at > since or (bool(self.samples) and self.grew_at == self.samples[-1].at)

    def last_until(self, until: float) -> int:
        """The index of the last sample at or before a time; 0 if all came later."""
        return max(0, bisect_right(self.samples, until, key=_AT) - 1)

    def grown(self, start: int, end: int = -1) -> Counter[str]:
        """How much each counter has grown from the sample at the index ``start`` to the one at
        ``end``.
        """
        first, last = self.samples[start].counts, self.samples[end].counts
        if not first:
            return Counter(dict(zip(self.counters, last or (0,) * len(self.counters), strict=True)))
        pairs = zip(self.counters, first, last, strict=True)
        return Counter({name: after - before for name, before, after in pairs})

    def gone(self, start: int, left: int) -> int:
        """Requests that ended without an answer since the sample at ``start``, at least.

        Counters and gauges of one report are read one after the other, so that under load a
        request may be missing in both for a moment: what counts was there in two reports.
        """
        begin, end = self.samples[start : start + 2], self.samples[start:][-2:]
        unanswered = min(s.open - s.active for s in end) - max(s.open - s.active for s in begin)
        logged = end[0].unanswered - begin[-1].unanswered
        return max(0, min(unanswered, left), logged)

    def gone_between(self, start: int, end: int) -> int:
        """Requests that ended without an answer from the sample at ``start`` to the one at ``end``,
        so that consecutive windows leave none out: one that is in a single report as yet belongs to
        the window after.
        """
        unanswered = self._unanswered(end) - self._unanswered(start)
        # The caller may have left one report before that is sure.
        left = outcomes.left_requests(self.grown(max(0, start - 1), end))
        return max(0, min(unanswered, left), self._logged(end) - self._logged(start))

    def _unanswered(self, index: int) -> int:
        return min(s.open - s.active for s in self.samples[max(0, index - 1) : index + 1])

    def _logged(self, index: int) -> int:
        """What the access log had counted one report before, as far as `_unanswered` looks."""
        return self.samples[max(0, index - 1)].unanswered

    def waiting(self, start: int, gone: int) -> int:
        """By how much the requests in flight without an answer have become more since the first
        half of the window from the sample at ``start``: with a steady load, those that hang. One
        that hangs is in two reports; under load, hundreds are in one that are just under way.
        """
        half = start + (len(self.samples) - start + 1) // 2
        most = max((s.open for s in self.samples[start:half]), default=self.samples[-1].open)
        last = self.samples[half:][-2:] or self.samples[-1:]
        still = min(sample.open for sample in last)
        return max(0, min(still - most - gone, *(sample.active for sample in last)))

    def in_flight(self, end: int) -> int:
        """Requests in flight without an answer at the sample at ``end``, at least. Nobody counts
        them: they are those by which `outcomes.open_requests` has grown since it was lowest, less
        those that are gone since.
        """
        last = self.samples[end]
        if not last.active:
            return 0
        look_back = range(self.first_since(last.at - _LOOK_BACK_SECONDS), end + 1)
        lowest = min(look_back, key=lambda index: self.samples[index].open)
        grown = last.open - self.samples[lowest].open - self.gone_between(lowest, end)
        return max(0, min(grown, last.active))


def restarted(clusters: Mapping[str, Cluster], reports: Mapping[str, Report]) -> bool:
    """Whether an Envoy has restarted since its last report: a counter has fallen, or is missing
    because Envoy does not send counters that it has not used.
    """
    for name, report in reports.items():
        cluster = clusters.get(name)
        for counter, before in cluster.raw.items() if cluster else ():
            if report.counters.get(counter, 0.0) < before:
                return True
    return False


def _thinned(samples: Sequence[Sample], most: int) -> list[Sample]:
    """The samples with one a second of those that are older than `_DENSE_SECONDS`, and of those
    older than `_STEADY_SECONDS` without what says the same as its neighbours; where these are too
    many still, with every second one of the older half.
    """
    dense = bisect_left(samples, samples[-1].at - _DENSE_SECONDS, key=_AT)
    older: list[Sample] = []
    for sample in samples[:dense]:
        if not older or sample.at - older[-1].at >= _SPARSE_SECONDS:
            older.append(sample)
    steady = bisect_left(older, samples[-1].at - _STEADY_SECONDS, key=_AT)
    kept = [*_without_repetitions(older[:steady]), *older[steady:], *samples[dense:]]
    if len(kept) > most * 3 // 4:
        half = len(kept) // 2
        kept[:half] = kept[:half:2]
    return kept


def _without_repetitions(samples: Sequence[Sample]) -> Iterator[Sample]:
    """The samples, of those in a row that say the same the first two and the last two."""
    for index, sample in enumerate(samples):
        around = samples[max(0, index - 2) : index + 3]
        if len(around) < 5 or not all(sample.says(other) for other in around):
            yield sample


def _summed(left: Sequence[int], right: Sequence[int]) -> Sequence[int]:
    if not right:
        return left
    if len(left) != len(right):
        return array("Q", right)
    return array("Q", map(add, left, right))
