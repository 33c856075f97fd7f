"""What operators see of all streams together. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field

BOUNDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
"""Seconds, of the buckets of times."""


@dataclass
class Times:
    """A histogram of times, in seconds."""

    buckets: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    """How many were at most as long as each of `BOUNDS`, and longer than the one before."""
    total: float = 0.0

    def add(self, seconds: float) -> None:
        self.buckets[bisect_left(BOUNDS, seconds)] += 1
        self.total += seconds

    @property
    def count(self) -> int:
        return sum(self.buckets)

    def cumulated(self) -> list[tuple[str, int]]:
        """As OpenMetrics has buckets: each with all that are shorter."""
        found, so_far = [], 0
        for bound, count in zip((*map(str, BOUNDS), "+Inf"), self.buckets, strict=True):
            so_far += count
            found.append((bound, so_far))
        return found


@dataclass
class Counts:
    """Since the start."""

    pushes: int = 0
    """Responses that were sent."""
    answers: Times = field(default_factory=Times)
    """From a response to the answer of the Envoy to all that it was sent."""
    refusals: Counter[str] = field(default_factory=Counter)
    """By the type's URL."""

    def refused(self, type_url: str) -> None:
        self.refusals[type_url] += 1
