"""The result of a benchmark, and the statistics that all of them use."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Measurement:
    """One figure, and another of the same run to compare it with."""

    name: str
    value: float
    unit: str
    baseline: float
    compared: str
    """What the baseline is."""
    limit: float | None = None
    """What we promise, if anything. No test checks it."""
    of: str = ""
    """The unit of the baseline; empty for that of the value."""

    @property
    def ratio(self) -> float | None:
        """How many times the baseline the value is; None if they are of two kinds, or both 0."""
        if (self.of and self.of != self.unit) or self.value == self.baseline == 0:
            return None
        return self.value / self.baseline if self.baseline else float("inf")


def quantile(values: Sequence[float], q: float) -> float:
    """The smallest value that at least a share ``q`` (0 to 1) of the values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))]


def median_seconds(work: Callable[[], object], times: int) -> float:
    """The median time of ``work``, after one warm-up."""
    work()
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return quantile(taken, 0.5)
