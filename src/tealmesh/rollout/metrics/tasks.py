"""What became of the requests to each task of a service, by the counters of callers' access logs.

`envoy.extensions.tasks` says how an Envoy comes to count them, and what the statistics are called.
An Envoy may forget those that nobody uses any more; they begin anew at zero.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tealmesh.envoy.extensions.parts import SCOPE
from tealmesh.envoy.extensions.tasks import COUNTER, HISTOGRAM
from tealmesh.model.traffic.windows import Counts, TaskWindow
from tealmesh.rollout.metrics import proto
from tealmesh.rollout.metrics.parts import ANSWERED, CLIENT_ERROR, GONE, became

_WHICH = r"cluster\.(?P<cluster>.+)\.on\.1\.host\.(?P<host>.+)"
_COUNTER = re.compile(
    rf"{SCOPE}\.{COUNTER}\.{_WHICH}\.code\.(?P<code>[0-9]*)"
    r"\.grpc\.(?P<grpc>[^.]*)\.flags\.(?P<flags>[^.]*)"
)
_HISTOGRAM = re.compile(rf"{SCOPE}\.{HISTOGRAM}\.{_WHICH}")
_PREFIXES = (f"{SCOPE}.{COUNTER}.", f"{SCOPE}.{HISTOGRAM}.")
_MOST_SAMPLES = 120
"""Samples kept for each cluster of an Envoy: more than a window has. Beyond that the older
half is thinned out."""
_FORGET_AFTER_SECONDS = 600.0
"""A host that no message has had for so long is forgotten: no window is about it."""
MOST_TASKS = 100
"""Tasks of a side that a window names; the others are added up."""
OTHERS = "others"
"""The name under which they are."""

Place = tuple[str, str]
"""A cluster, and the address and port of a host in it."""


@dataclass(frozen=True)
class _Sample:
    """The totals of one cluster at one time, by host."""

    at: float
    seen: Mapping[str, TaskWindow] = field(default_factory=dict)


@dataclass(frozen=True)
class _Meaning:
    """Of a counter."""

    place: Place
    counts: Counts
    """What one of its requests counts as."""
    unanswered: bool


class TaskCounters:
    """What one Envoy has counted, by host. Totals keep growing when it restarts."""

    def __init__(self) -> None:
        self._raw: dict[str, float] = {}
        self._meaning: dict[str, _Meaning | None] = {}
        self._samples: dict[str, list[_Sample]] = {}
        self._named: dict[Place, float] = {}
        """When a message last had a host."""
        self.unanswered: Counter[str] = Counter()
        """By cluster, the requests that ended without an answer."""

    def add(self, at: float, families: Iterable[proto.MetricFamily], before: float | None) -> None:
        """Add one message. ``before``: the time of the message before; None for the first one, at
        whose counters counting starts.
        """
        grown: dict[Place, TaskWindow] = {}
        present: dict[str, float] = {}
        places: set[Place] = set()
        for family in families:
            if not family.name.startswith(_PREFIXES):
                continue
            if family.type == proto.HISTOGRAM:
                place, more = _timed(family)
            else:
                place, more = self._ended(family, present, counting=before is not None)
            if place is not None:
                places.add(place)
                if before is not None and more is not None:
                    grown[place] = grown.get(place, TaskWindow()) + more
        for name in self._meaning.keys() - present.keys():
            del self._meaning[name]
        self._raw = present
        self._sample(at, grown, places, before)

    def restarted(self) -> None:
        """The Envoy has begun to count anew."""
        self._raw.clear()

    def since(self, cluster: str, after: float) -> dict[str, TaskWindow]:
        """The requests to a cluster that ended from the last message at or before ``after``, or the
        first one if there is none, to the last; by host.
        """
        samples = self._samples.get(cluster, [])
        if not samples:
            return {}
        start = max(0, bisect_right(samples, after, key=lambda sample: sample.at) - 1)
        first, last = samples[start].seen, samples[-1].seen
        seen = {host: now - first.get(host, TaskWindow()) for host, now in last.items()}
        return {host: one for host, one in seen.items() if one.requests}

    def _ended(
        self, family: proto.MetricFamily, present: dict[str, float], counting: bool
    ) -> tuple[Place | None, TaskWindow | None]:
        """By how much a counter has grown; it is added to those that are there."""
        name = family.name
        value = sum(metric.counter.value for metric in family.metric)
        present[name] = value
        if name not in self._meaning:
            self._meaning[name] = _meaning(name)
        meaning = self._meaning[name]
        if meaning is None:
            return None, None
        place, one = meaning.place, meaning.counts
        last = self._raw.get(name, 0.0)
        # A counter that has fallen started again at zero.
        count = int(value - last if value >= last else value)
        if not count:
            return place, None
        if meaning.unanswered and counting:
            self.unanswered[place[0]] += count
        return place, TaskWindow(
            one.requests * count, one.failures * count, one.client_errors * count
        )

    def _sample(
        self,
        at: float,
        grown: Mapping[Place, TaskWindow],
        places: set[Place],
        before: float | None,
    ) -> None:
        for cluster in {cluster for cluster, _ in grown} - self._samples.keys():
            self._samples[cluster] = [_Sample(at if before is None else before)]
        hosts: dict[str, set[str]] = {}
        for cluster, host in places:
            hosts.setdefault(cluster, set()).add(host)
        for cluster, samples in self._samples.items():
            last, present = samples[-1].seen, hosts.get(cluster, set())
            more = {host: one for (where, host), one in grown.items() if where == cluster}
            seen = last
            self._named |= dict.fromkeys(((cluster, host) for host in present), at)
            gone = {
                host
                for host in last.keys() - present
                if at - self._named.get((cluster, host), 0.0) > _FORGET_AFTER_SECONDS
            }
            for host in gone:
                self._named.pop((cluster, host), None)
            if more or gone:
                kept = {host: one for host, one in last.items() if host not in gone}
                added = {host: kept.get(host, TaskWindow()) + one for host, one in more.items()}
                seen = {**kept, **added}
            if len(samples) > 1 and samples[-2].seen is seen and samples[-1].seen is seen:
                samples.pop()
            samples.append(_Sample(at, seen))
            while len(samples) > 2 and samples[1].at < at - _FORGET_AFTER_SECONDS:
                samples.pop(0)
            if len(samples) > _MOST_SAMPLES:
                half = len(samples) // 2
                samples[:half] = samples[:half:2]


def together(callers: Iterable[Mapping[str, TaskWindow]]) -> dict[str, TaskWindow]:
    """What several callers saw, by host: those with the most failures, then the most requests."""
    seen: dict[str, TaskWindow] = {}
    for caller in callers:
        for host, one in caller.items():
            seen[host] = seen.get(host, TaskWindow()) + one
    order = sorted(seen, key=lambda host: (-seen[host].failures, -seen[host].requests, host))
    named = {host: seen[host] for host in sorted(order[:MOST_TASKS])}
    if len(order) > MOST_TASKS:
        named[OTHERS] = sum((seen[host] for host in order[MOST_TASKS:]), TaskWindow())
    return named


def bounds(families: Iterable[proto.MetricFamily]) -> Sequence[float]:
    """The bounds of the histograms of a message; none if it has none."""
    for family in families:
        if family.type == proto.HISTOGRAM and family.name.startswith(_PREFIXES):
            return [bucket.upper_bound for bucket in family.metric[0].histogram.bucket]
    return ()


def _timed(family: proto.MetricFamily) -> tuple[Place | None, TaskWindow | None]:
    """A histogram, which counts since the last message."""
    found = _HISTOGRAM.fullmatch(family.name)
    if found is None or not family.metric:
        return None, None
    histogram = family.metric[0].histogram
    place = found["cluster"], found["host"]
    if not histogram.sample_count:
        return place, None
    buckets = tuple(bucket.cumulative_count for bucket in histogram.bucket)
    return place, TaskWindow(timed=histogram.sample_count, buckets=buckets)


def _meaning(name: str) -> _Meaning | None:
    """Where the requests of a counter went, and what one of them counts as."""
    found = _COUNTER.fullmatch(name)
    if found is None:
        return None
    cluster = found["cluster"]
    # A cluster's name ends with its protocol and port.
    protocol = cluster.rsplit("_", 2)[-2] if cluster.count("_") > 1 else ""
    flags = frozenset(found["flags"].split(","))
    kind = became(protocol, int(found["code"] or 0), found["grpc"], flags)
    failed = kind not in (ANSWERED, CLIENT_ERROR)
    counts = Counts(1, int(failed), int(kind == CLIENT_ERROR))
    return _Meaning((cluster, found["host"]), counts, kind == GONE)
