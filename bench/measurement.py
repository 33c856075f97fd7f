"""What a benchmark says, and the statistics that all of them use."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Measurement:
    """``baseline`` is measured in the same run and in the same unit; ``compared`` says with what.

    ``limit`` is what we promise, where we do; it is never a test.
    """

    name: str
    value: float
    unit: str
    baseline: float
    compared: str
    limit: float | None = None

    @property
    def ratio(self) -> float:
        return self.value / self.baseline if self.baseline else float("inf")


def quantile(values: Sequence[float], q: float) -> float:
    """The smallest value that at least a share ``q`` of the values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))]


def median_seconds(work: Callable[[], object], times: int) -> float:
    """The median time of ``work``, once warm."""
    work()
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return quantile(taken, 0.5)
