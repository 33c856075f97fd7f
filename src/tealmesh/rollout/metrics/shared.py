"""What Envoys report to other replicas, so that every one counts the requests of the whole mesh.

A replica publishes the latest report of each of its Envoys: counters as the Envoy counts them, and
histograms, which Envoys report since the last time, added up. Whoever reads it misses nothing by
missing a publication, and an Envoy that goes to another replica is counted on from there: its last
published counters are the baseline.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from tealmesh.rollout.metrics import proto


@dataclass
class _Heard:
    """Of an Envoy with a stream here."""

    at: float = 0.0
    streams: int = 0
    """How many it has opened: the first report of each may be of an Envoy that has restarted."""
    families: Sequence[proto.MetricFamily] = ()
    sums: dict[str, list[int]] = field(default_factory=dict)
    """Of each histogram, the number of values and those in each bucket, since the beginning."""
    frame: bytes = b""
    """The report as it was published, and is if nothing has come since."""


@dataclass(frozen=True)
class Report:
    """An Envoy's latest report as another replica has it."""

    identity: str
    age: float
    """Seconds since it came, when it was published."""
    streams: int
    frame: bytes


class Here:
    """The latest reports of the Envoys that report to this replica."""

    def __init__(self) -> None:
        self._heard: dict[str, _Heard] = {}

    def hear(
        self, identity: str, families: Sequence[proto.MetricFamily], first: bool, at: float
    ) -> None:
        """An Envoy has reported; ``first``: for the first time in its stream."""
        heard = self._heard.setdefault(identity, _Heard())
        heard.at, heard.families, heard.frame = at, families, b""
        heard.streams += first
        for name, values in _histograms(families):
            before = heard.sums.get(name, [])
            alike = len(before) == len(values)
            pairs = zip(before, values, strict=True) if alike else ()
            heard.sums[name] = [a + b for a, b in pairs] if alike else values

    def body(self, now: float, connected: Callable[[str], bool]) -> bytes:
        """What is published at ``now``, of those that are ``connected``."""
        for identity in [one for one in self._heard if not connected(one)]:
            del self._heard[identity]
        head, frames = [], []
        for identity, heard in self._heard.items():
            heard.frame = heard.frame or _framed(heard)
            head.append((identity, now - heard.at, heard.streams, len(heard.frame)))
            frames.append(heard.frame)
        return json.dumps(head).encode() + b"\n" + b"".join(frames)


def packed(body: bytes) -> bytes:
    """A body as it is stored; blocking, for a thread."""
    return zlib.compress(body, 1)


def read(stored: bytes) -> list[Report]:
    """What a replica has published. Raises ValueError for anything else."""
    try:
        head, _, rest = zlib.decompress(stored).partition(b"\n")
    except zlib.error as error:
        raise ValueError(f"not what a replica publishes: {error}") from error
    found, start = [], 0
    for identity, age, streams, length in json.loads(head):
        found.append(Report(identity, age, streams, rest[start : start + length]))
        start += length
    return found


class Counting(Protocol):
    """The part of `windows.Metrics` that is needed here."""

    def reported_elsewhere(
        self, identity: str, families: Sequence[proto.MetricFamily], first: bool, at: float
    ) -> None: ...
    def elsewhere(self, present: Collection[str], lost: Collection[str]) -> None: ...


@dataclass
class Followed:
    """An Envoy that reports to another replica, as it was read last."""

    frame: bytes = b""
    streams: int = -1
    sums: dict[str, list[int]] = field(default_factory=dict)

    def newer(self, report: Report) -> tuple[Sequence[proto.MetricFamily], bool] | None:
        """The report as the Envoy itself would have sent it: its histograms since the last one that
        was read; and whether it may have restarted. None if nothing is new.
        """
        if report.frame == self.frame and report.streams == self.streams:
            return None
        families = proto.StreamMetricsMessage.FromString(report.frame).envoy_metrics
        restarted = report.streams != self.streams
        sums = dict(_histograms(families))
        for family in families:
            if family.type == proto.HISTOGRAM and family.metric:
                before = self.sums.get(family.name)
                after = sums[family.name]
                if before is None or len(before) != len(after) or before[0] > after[0]:
                    before = after
                _fill(family, [b - a for a, b in zip(before, after, strict=True)])
        self.frame, self.streams, self.sums = report.frame, report.streams, sums
        return families, restarted


def _framed(heard: _Heard) -> bytes:
    message = proto.StreamMetricsMessage()
    message.envoy_metrics.extend(heard.families)
    for family in message.envoy_metrics:
        if family.name in heard.sums and family.metric:
            _fill(family, heard.sums[family.name])
    return bytes(message.SerializeToString())


def _histograms(families: Iterable[proto.MetricFamily]) -> Iterable[tuple[str, list[int]]]:
    for family in families:
        if family.type == proto.HISTOGRAM and family.metric:
            histogram = family.metric[0].histogram
            buckets = [bucket.cumulative_count for bucket in histogram.bucket]
            yield family.name, [histogram.sample_count, *buckets]


def _fill(family: proto.MetricFamily, values: Sequence[int]) -> None:
    histogram = family.metric[0].histogram
    histogram.sample_count = values[0]
    for bucket, count in zip(histogram.bucket, values[1:], strict=True):
        bucket.cumulative_count = count


class Elsewhere:
    """Gives ``metrics`` what other replicas have published."""

    def __init__(self, metrics: Counting) -> None:
        self._metrics = metrics
        self._followed: dict[tuple[str, str], Followed] = {}
        self._lives: dict[str, set[str]] = {}

    def read(self, replica: str, stored: bytes, age: float, now: float) -> None:
        """A replica has published something ``age`` seconds before ``now``."""
        reports = read(stored)
        for report in reports:
            followed = self._followed.setdefault((replica, report.identity), Followed())
            newer = followed.newer(report)
            if newer is not None:
                at = now - age - report.age
                self._metrics.reported_elsewhere(report.identity, *newer, at)
        present = self._lives[replica] = {report.identity for report in reports}
        for place in [one for one in self._followed if one[0] == replica]:
            if place[1] not in present:
                del self._followed[place]

    def present(self, heard: Collection[str], gone: Callable[[str], bool]) -> None:
        """``heard`` are the replicas of which something is heard; the others that are known are
        silent. ``gone`` tells of an Envoy that nobody waits for any more.
        """
        present = {one for replica in heard for one in self._lives.get(replica, ())}
        silent = self._lives.keys() - set(heard)
        lost = {one for replica in silent for one in self._lives[replica]} - present
        self._metrics.elsewhere(present, {one for one in lost if not gone(one)})

    def forget(self, replica: str) -> None:
        """Nothing of a replica is kept any more."""
        self._lives.pop(replica, None)
        for place in [one for one in self._followed if one[0] == replica]:
            del self._followed[place]
