"""How long the answers to parts of a service took, from the histograms of callers' access logs.

`envoy.extensions.parts` says which requests are timed. A histogram counts since the Envoy's last
message, so a restart takes nothing back.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

from tealmesh.envoy.extensions.parts import SCOPE, TIMES
from tealmesh.model.traffic.parts import Part
from tealmesh.rollout.metrics import proto

_PREFIX = f"{SCOPE}.{TIMES}."
_NAME = re.compile(r"cluster\.(?P<cluster>.+)\.part\.(?P<label>rest|[0-9_]+)")
_MOST_MESSAGES = 900
"""What older messages said is forgotten."""
_FORGET_AFTER_SECONDS = 1200.0
"""So is what is older."""

Histogram = tuple[int, ...]
"""The answers up to each bound, and all; empty for none."""
Second = Mapping[str, Histogram]
"""The answers of a second by label."""


@dataclass
class PartTimes:
    """What one Envoy has timed."""

    bounds: tuple[float, ...] = ()
    """Milliseconds, rising, of the latest histograms."""
    _times: list[float] = field(default_factory=list)
    """Of the latest messages."""
    _timed: dict[str, dict[float, dict[str, Histogram]]] = field(default_factory=dict)
    """By cluster, the messages that have any, by their time and label."""

    def add(self, at: float, families: Iterable[proto.MetricFamily], first: bool) -> None:
        """Add one message. ``first``: it may be about a long time, and only begins the counting."""
        self._times.append(at)
        for family in families:
            if family.type != proto.HISTOGRAM or not family.name.startswith(_PREFIX):
                continue
            found = _NAME.fullmatch(family.name.removeprefix(_PREFIX))
            for metric in family.metric if found and not first else ():
                if metric.histogram.sample_count and found:
                    self._add(at, found["cluster"], found["label"], metric.histogram)
        most = max(
            len(self._times) - _MOST_MESSAGES, bisect_left(self._times, at - _FORGET_AFTER_SECONDS)
        )
        for forgotten in self._times[:most]:
            for messages in self._timed.values():
                messages.pop(forgotten, None)
        del self._times[:most]

    def _add(self, at: float, cluster: str, label: str, histogram: proto.Histogram) -> None:
        bounds = tuple(bucket.upper_bound for bucket in histogram.bucket)
        if bounds != self.bounds:
            # The Envoy has been started again with other buckets.
            self.bounds = bounds
            self._timed.clear()
        counts = (*(b.cumulative_count for b in histogram.bucket), histogram.sample_count)
        labels = self._timed.setdefault(cluster, {}).setdefault(at, {})
        labels[label] = added(labels.get(label, ()), counts)

    def seconds_after(self, cluster: str, after: float) -> Sequence[Second]:
        """The answers second by second, from the last message at or before ``after`` on, like
        `parts.PartCounters.seconds_after`.
        """
        begin = bisect_right(self._times, after)
        if begin == len(self._times):
            return []
        first, last = self._times[begin], self._times[-1]
        seconds: list[dict[str, Histogram]] = [{} for _ in range(round(last - first) + 1)]
        for at, labels in self._timed.get(cluster, {}).items():
            second = seconds[round(at - first)] if at >= first else {}
            for label, counts in labels.items():
                second[label] = added(second.get(label, ()), counts)
        return seconds


def by_second(
    callers: Sequence[tuple[tuple[float, ...], Sequence[Second]]], watch: Sequence[Part]
) -> tuple[tuple[float, ...], dict[str, tuple[Histogram, ...]]]:
    """The bounds, and second by second the histogram of each part, by its name, of several callers
    with their own bounds: those with other bounds than the first one are left out.
    """
    bounds = next((own for own, _ in callers if own), ())
    if not bounds:
        return (), {}
    alike = [seconds for own, seconds in callers if own == bounds]
    seen: dict[str, tuple[Histogram, ...]] = {}
    for part in watch:
        seen[part.name] = tuple(
            added(
                *(
                    counts
                    for one in second
                    for label, counts in one.items()
                    if part.key in label.split("_")
                )
            )
            for second in zip_longest(*alike, fillvalue={})
        )
    return bounds, seen


def added(*histograms: Histogram) -> Histogram:
    """The sum of histograms with the same bounds."""
    known = [one for one in histograms if one]
    return tuple(sum(column) for column in zip(*known, strict=True)) if known else ()
