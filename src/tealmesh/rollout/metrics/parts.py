"""What became of the requests to parts of a service, from the counters of callers' access logs.

`envoy.parts` says how an Envoy comes to count them, and what the counters are called. Each counts
the requests that ended in one way, so that nothing is derived: an answer by its code or gRPC's
status, and a request without one by its code 0. A request in flight is in none of them, nor are
a stream and a WebSocket before they end. Row by row, with a real Envoy:
docs/design/029-parts-of-a-service.md
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, zip_longest

from tealmesh.envoy.extensions.parts import COUNTER, SCOPE
from tealmesh.model.traffic.parts import Part, PartTraffic
from tealmesh.model.traffic.windows import Counts
from tealmesh.rollout.metrics import outcomes, proto

_PREFIX = f"{SCOPE}.{COUNTER}."
_NAME = re.compile(
    r"cluster\.(?P<cluster>.+)\.part\.(?P<label>rest|[0-9_]+)\.code\.(?P<code>[0-9]*)"
    r"\.grpc\.(?P<grpc>[^.]*)\.flags\.(?P<flags>[^.]*)"
)
_MOST_SAMPLES = 900
"""Samples kept for each cluster of an Envoy; beyond that the older half is thinned out."""
_FORGET_AFTER_SECONDS = 1200.0
"""Nothing is asked by the second about what is older."""

ANSWERED = ""
"""The kind of a request that ended well."""
CLIENT_ERROR = "4xx"
"""The kind of one that was answered with a 4xx, or with gRPC's equivalent."""

GONE = "gone"
"""The kind of one that ended without an answer."""

_REASONS = (
    ("UT", "timed out"),
    ("UMSDR", "timed out"),
    ("UH", "no healthy endpoint"),
    ("UO", "overflow"),
    ("UF", "refused"),
)
"""Of an answer by Envoy itself, its reason. Flags are of the last try only:
https://www.envoyproxy.io/docs/envoy/v1.40.0/configuration/advanced/substitution_formatter
"""
_BROKEN = frozenset({"UC", "UR", "UPE"})
"""The flags of a connection or stream that the other end broke."""
_LEFT = frozenset({"DC", "DR"})
"""The flags of a caller that left."""
_SWITCHING_PROTOCOLS = 101

Ways = Mapping[tuple[str, str], int]
"""How many requests have ended, by label and kind."""


@dataclass(frozen=True)
class _Sample:
    """The totals of one cluster at one time."""

    at: float
    ways: Ways = field(default_factory=dict)


@dataclass(frozen=True)
class _Counted:
    """What a counter counts."""

    cluster: str
    label: str
    kind: str


class PartCounters:
    """What one Envoy has counted. Totals keep growing when it restarts."""

    def __init__(self) -> None:
        self._raw: dict[str, float] = {}
        self._meaning: dict[str, _Counted | None] = {}
        self._samples: dict[str, list[_Sample]] = {}
        self._times: list[float] = []
        """Of the latest messages."""

    def add(self, at: float, families: Iterable[proto.MetricFamily], before: float | None) -> None:
        """Add one message. ``before``: the time of the message before; None for the first one, at
        whose counters counting starts.
        """
        grown: dict[str, Counter[tuple[str, str]]] = {}
        for name, value in self._counters(families):
            counted = self._meaning[name]
            last = self._raw.get(name, 0.0)
            if counted is None or value == last:
                continue
            self._raw[name] = value
            if before is not None:
                # A counter that has fallen started again at zero.
                more = grown.setdefault(counted.cluster, Counter())
                more[counted.label, counted.kind] += int(value - last if value > last else value)
        self._times.append(at)
        del self._times[:-_MOST_SAMPLES]
        del self._times[: bisect_left(self._times, at - _FORGET_AFTER_SECONDS)]
        for cluster in grown.keys() - self._samples.keys():
            self._samples[cluster] = [_Sample(at if before is None else before)]
        for cluster, samples in self._samples.items():
            ways = samples[-1].ways
            if cluster in grown:
                ways = Counter(ways) + grown[cluster]
            if len(samples) > 1 and samples[-2].ways is ways and samples[-1].ways is ways:
                samples.pop()
            samples.append(_Sample(at, ways))
            if len(samples) > _MOST_SAMPLES:
                half = len(samples) // 2
                samples[:half] = samples[:half:2]

    def restarted(self) -> None:
        """The Envoy has begun to count anew."""
        self._raw.clear()

    def ended_since(self, cluster: str, since: float) -> Counter[tuple[str, str]]:
        """The requests to a cluster that ended from the first message at or after ``since`` to the
        last.
        """
        samples = self._samples.get(cluster, [])
        return _grown(samples, bisect_left(samples, since, key=lambda sample: sample.at))

    def seconds_after(self, cluster: str, after: float) -> list[Counter[tuple[str, str]]]:
        """The requests to a cluster that ended from the last message at or before ``after``, or the
        first one if there is none, to the last: second by second, counted from the first message
        after it. So they are the same seconds for all clusters.
        """
        begin = bisect_right(self._times, after)
        if begin == len(self._times):
            return []
        first, last = self._times[begin], self._times[-1]
        seconds: list[Counter[tuple[str, str]]] = [
            Counter() for _ in range(round(last - first) + 1)
        ]
        samples = self._samples.get(cluster, [])
        start = max(0, bisect_right(samples, after, key=lambda sample: sample.at) - 1)
        for before, then in pairwise(samples[start:]):
            if then.ways is not before.ways and then.at >= first:
                seconds[round(then.at - first)] += Counter(then.ways) - Counter(before.ways)
        return seconds

    def _counters(self, families: Iterable[proto.MetricFamily]) -> Iterator[tuple[str, float]]:
        for family in families:
            if family.name.startswith(_PREFIX):
                if family.name not in self._meaning:
                    self._meaning[family.name] = _read(family.name.removeprefix(_PREFIX))
                for metric in family.metric:
                    yield family.name, metric.counter.value


def traffic(ended: Counter[tuple[str, str]], watch: Sequence[Part]) -> dict[str, PartTraffic]:
    """What became of the requests to each part, by its name; empty if no caller's Envoy has counted
    any request to the service in this way.
    """
    seen: dict[str, PartTraffic] = {}
    if not ended:
        return seen
    for part in watch:
        kinds: Counter[str] = Counter()
        for (label, kind), count in ended.items():
            if part.key in label.split("_"):
                kinds[kind] += count
        failed = {k: n for k, n in sorted(kinds.items()) if k not in (ANSWERED, CLIENT_ERROR)}
        seen[part.name] = PartTraffic(
            requests=kinds.total(),
            failures=sum(failed.values()),
            client_errors=kinds[CLIENT_ERROR],
            kinds=failed,
        )
    return seen


def by_second(
    callers: Iterable[Sequence[Counter[tuple[str, str]]]], watch: Sequence[Part]
) -> dict[str, tuple[Counts, ...]]:
    """What several callers saw of each part second by second (`PartCounters.seconds_after`), by
    the part's name.
    """
    together = [sum(second, Counter()) for second in zip_longest(*callers, fillvalue=Counter())]
    seen = [traffic(second, watch) for second in together]
    nothing = PartTraffic()
    return {
        part.name: tuple(one.get(part.name, nothing).counts for one in seen)
        for part in watch
        if any(seen)
    }


def _grown(samples: Sequence[_Sample], start: int) -> Counter[tuple[str, str]]:
    if start >= len(samples):
        return Counter()
    return Counter(samples[-1].ways) - Counter(samples[start].ways)


def _read(name: str) -> _Counted | None:
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    cluster, code = found["cluster"], int(found["code"] or 0)
    # A cluster's name ends with its protocol and port.
    protocol = cluster.rsplit("_", 2)[-2] if cluster.count("_") > 1 else ""
    kind = became(protocol, code, found["grpc"], frozenset(found["flags"].split(",")))
    return _Counted(cluster, found["label"], kind)


def became(protocol: str, code: int, status: str, flags: frozenset[str]) -> str:
    """What became of a request, as a kind of `outcomes` or `ANSWERED` or `CLIENT_ERROR`: its HTTP
    code, 0 without an answer; the number of gRPC's status, empty without one; Envoy's flags.
    """
    if not code:
        return GONE
    if flags & _LEFT and code < 500:
        # In the middle of the answer. Envoy then makes up a status of gRPC.
        return ANSWERED
    for flag, reason in _REASONS:
        if flag in flags:
            return reason
    if flags & _BROKEN and code != _SWITCHING_PROTOCOLS:
        # Envoy answers gRPC with a code of 200 and a status.
        return "reset" if code >= 500 or status else "cut off"
    if code >= 500:
        return "timed out" if code == 504 else "5xx"
    if protocol == "grpc" and status in outcomes.GRPC_FAILURES:
        return outcomes.GRPC_FAILURES[status]
    blamed = protocol == "grpc" and status in outcomes.GRPC_CLIENT_ERRORS
    return CLIENT_ERROR if code >= 400 or blamed else ANSWERED
