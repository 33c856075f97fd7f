"""Who calls whom how often, and how that goes, in one pass over what all Envoys report. Pure.

An open page asks for this again and again, of every Envoy and every cluster: each pair is looked at
once, and what did not grow is not touched.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tealmesh.rollout.metrics import outcomes
from tealmesh.rollout.metrics.samples import Cluster
from tealmesh.rollout.metrics.sums import Histogram, histogram, quantile

Grown = tuple[str, str, Cluster, int]
"""An Envoy, a cluster of its, and the index of the sample since which requests were sent to it."""


@dataclass(frozen=True)
class Rate:
    """What callers saw of a cluster in a window."""

    requests: int
    failures: int
    seconds: float
    """How long the window was."""
    p50: float | None = None
    p99: float | None = None
    """Milliseconds; None where nothing was timed."""


@dataclass(frozen=True, slots=True)
class _Saw:
    """What one Envoy saw of one cluster."""

    counted: Mapping[str, int]
    """Of each counter that has grown, by how much."""
    gone: int
    latency: Histogram
    seconds: float


def rates(
    grown: Iterable[Grown], protocols: Mapping[str, str]
) -> tuple[dict[str, Rate], dict[tuple[str, str], Rate]]:
    """By cluster, and by Envoy and cluster. ``protocols``: of each cluster that counts."""
    by_cluster: dict[str, list[_Saw]] = {}
    by_pair: dict[tuple[str, str], Rate] = {}
    for envoy, name, cluster, start in grown:
        protocol = protocols.get(name)
        if protocol is None:
            continue
        saw = _saw(cluster, start, tcp=protocol == "tcp")
        by_cluster.setdefault(name, []).append(saw)
        by_pair[envoy, name] = _rate(protocol, saw)
    return {
        name: _rate(protocols[name], _together(several)) for name, several in by_cluster.items()
    }, by_pair


def _saw(cluster: Cluster, start: int, *, tcp: bool) -> _Saw:
    first, last = cluster.samples[start], cluster.samples[-1]
    # The first sample of a cluster may be from before anything was counted.
    before = first.counts or (0,) * len(last.counts)
    counted = {
        name: after - earlier
        for name, earlier, after in zip(cluster.counters, before, last.counts, strict=True)
        if after != earlier
    }
    gone = 0 if tcp else cluster.gone(start, outcomes.left_requests(counted))
    latency = histogram([(first, last, cluster.bounds)])
    return _Saw(counted, gone, latency, last.at - first.at)


def _together(several: list[_Saw]) -> _Saw:
    if len(several) == 1:
        return several[0]
    counted: dict[str, int] = {}
    bounds = next((saw.latency.bounds for saw in several if saw.latency.bounds), ())
    alike = [saw.latency for saw in several if saw.latency.bounds == bounds]
    for saw in several:
        for name, more in saw.counted.items():
            counted[name] = counted.get(name, 0) + more
    buckets = tuple(map(sum, zip(*(one.buckets for one in alike), strict=True)))
    return _Saw(
        counted,
        sum(saw.gone for saw in several),
        Histogram(bounds, buckets, sum(one.total for one in alike)),
        max(saw.seconds for saw in several),
    )


def _rate(protocol: str, saw: _Saw) -> Rate:
    timed = saw.latency
    p50 = quantile(timed.buckets, timed.bounds, timed.total, 0.5)
    p99 = quantile(timed.buckets, timed.bounds, timed.total, 0.99)
    if protocol != "tcp" and not saw.gone and outcomes.all_well(saw.counted):
        return Rate(saw.counted.get(outcomes.COMPLETED, 0), 0, saw.seconds, p50, p99)
    became = outcomes.outcome(protocol, saw.counted, saw.gone)
    return Rate(became.requests, became.failures, saw.seconds, p50, p99)
