"""Who calls whom how often, and how that goes, in one pass over what all Envoys report. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tealmesh.rollout.metrics import outcomes
from tealmesh.rollout.metrics.samples import Cluster
from tealmesh.rollout.metrics.sums import Span, histogram, quantile

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


@dataclass
class _Sum:
    counted: Counter[str] = field(default_factory=Counter)
    gone: int = 0
    spans: list[Span] = field(default_factory=list)
    seconds: float = 0.0

    def add(self, cluster: Cluster, start: int, *, tcp: bool) -> None:
        grown = cluster.grown(start)
        self.counted.update(grown)
        self.gone += 0 if tcp else cluster.gone(start, outcomes.left_requests(grown))
        first, last = cluster.samples[start], cluster.samples[-1]
        self.spans.append((first, last, cluster.bounds))
        self.seconds = max(self.seconds, last.at - first.at)

    def rate(self, protocol: str) -> Rate:
        became = outcomes.outcome(protocol, self.counted, self.gone)
        latency = histogram(self.spans)
        middle, most = (
            quantile(latency.buckets, latency.bounds, latency.total, q) for q in (0.5, 0.99)
        )
        return Rate(became.requests, became.failures, self.seconds, middle, most)


def rates(
    grown: Iterable[Grown], protocols: Mapping[str, str]
) -> tuple[dict[str, Rate], dict[tuple[str, str], Rate]]:
    """By cluster, and by Envoy and cluster. ``protocols``: of each cluster that counts."""
    by_cluster: dict[str, _Sum] = {}
    by_pair: dict[tuple[str, str], _Sum] = {}
    for envoy, name, cluster, start in grown:
        protocol = protocols.get(name)
        if protocol is None:
            continue
        for one in (
            by_cluster.setdefault(name, _Sum()),
            by_pair.setdefault((envoy, name), _Sum()),
        ):
            one.add(cluster, start, tcp=protocol == "tcp")
    return (
        {name: one.rate(protocols[name]) for name, one in by_cluster.items()},
        {pair: one.rate(protocols[pair[1]]) for pair, one in by_pair.items()},
    )
