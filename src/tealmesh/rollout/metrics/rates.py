"""Who calls whom how often, and how that goes, in one pass over what all Envoys report. Pure.

An open page asks for this again and again, of every Envoy and every cluster: each pair is looked at
once, what did not grow is not touched, and where nothing but good answers was counted nobody looks
for kinds of failures.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import add, sub
from typing import NamedTuple

from tealmesh.rollout.metrics import outcomes
from tealmesh.rollout.metrics.samples import Cluster, Sample
from tealmesh.rollout.metrics.sums import quantile

Grown = tuple[str, str, Cluster, int]
"""An Envoy, a cluster of its, and the index of the sample since which requests were sent to it."""


class Rate(NamedTuple):
    """What callers saw of a cluster in a window. One is made for each pair and reading: a dataclass
    takes four times as long.
    """

    requests: int
    failures: int
    seconds: float
    """How long the window was."""
    p50: float | None = None
    p99: float | None = None
    """Milliseconds; None where nothing was timed."""


@dataclass(slots=True)
class _Saw:
    """What was seen of one cluster, by one Envoy or by several."""

    counters: Sequence[str]
    counted: Sequence[int]
    """By how much each of the counters has grown."""
    gone: int
    bounds: tuple[float, ...]
    buckets: Sequence[int]
    timed: int
    seconds: float

    def add(self, other: _Saw) -> None:
        """What another Envoy saw of the same cluster, too."""
        self.counted = list(map(add, self.counted, other.counted))
        self.gone += other.gone
        self.seconds = max(self.seconds, other.seconds)
        if not self.bounds:
            self.bounds, self.buckets, self.timed = other.bounds, other.buckets, other.timed
        elif other.bounds == self.bounds:
            self.buckets = list(map(add, self.buckets, other.buckets))
            self.timed += other.timed


def rates(
    grown: Iterable[Grown], protocols: Mapping[str, str]
) -> tuple[dict[str, Rate], dict[tuple[str, str], Rate]]:
    """By cluster, and by Envoy and cluster. ``protocols``: of each cluster that counts."""
    by_cluster: dict[str, _Saw] = {}
    by_pair: dict[tuple[str, str], Rate] = {}
    for envoy, name, cluster, start in grown:
        protocol = protocols.get(name)
        if protocol is None:
            continue
        saw = _saw(cluster, start, protocol)
        by_pair[envoy, name] = _rate(protocol, saw)
        if (others := by_cluster.get(name)) is None:
            by_cluster[name] = saw
        else:
            others.add(saw)
    return {name: _rate(protocols[name], saw) for name, saw in by_cluster.items()}, by_pair


def _saw(cluster: Cluster, start: int, protocol: str) -> _Saw:
    first, last = cluster.samples[start], cluster.samples[-1]
    # The first sample of a cluster may be from before anything was counted.
    counted = list(map(sub, last.counts, first.counts)) if first.counts else last.counts
    gone = 0
    # Nobody left a request that was answered: who is gone then is in the access log alone.
    if protocol != "tcp" and (
        last.unanswered != first.unanswered or not outcomes.only_answers(counted)
    ):
        by_name = dict(zip(cluster.counters, counted, strict=True))
        gone = cluster.gone(start, outcomes.left_requests(by_name))
    bounds, buckets, timed = _timed(cluster, first, last)
    return _Saw(cluster.counters, counted, gone, bounds, buckets, timed, last.at - first.at)


def _timed(
    cluster: Cluster, first: Sample, last: Sample
) -> tuple[tuple[float, ...], Sequence[int], int]:
    """The latency of the requests between two samples: bounds, values up to each, all values."""
    if not cluster.bounds or len(last.buckets) != len(cluster.bounds):
        return (), (), last.timed - first.timed
    before = first.buckets
    grown = list(map(sub, last.buckets, before)) if len(before) == len(last.buckets) else None
    return cluster.bounds, last.buckets if grown is None else grown, last.timed - first.timed


def _rate(protocol: str, saw: _Saw) -> Rate:
    p50 = quantile(saw.buckets, saw.bounds, saw.timed, 0.5)
    p99 = quantile(saw.buckets, saw.bounds, saw.timed, 0.99)
    if protocol != "tcp" and not saw.gone and outcomes.only_answers(saw.counted):
        return Rate(outcomes.answers(saw.counted), 0, saw.seconds, p50, p99)
    counted = dict(zip(saw.counters, saw.counted, strict=True))
    became = outcomes.outcome(protocol, counted, saw.gone)
    return Rate(became.requests, became.failures, saw.seconds, p50, p99)
