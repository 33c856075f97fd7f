"""Windows of measurement as callers would have seen them, drawn at random from a seed."""

from __future__ import annotations

import random
from dataclasses import dataclass

from tealmesh.model.traffic.windows import Counts, SideWindow, Window

BOUNDS = (5.0, 25.0, 100.0, 500.0)
"""Milliseconds."""
SECONDS = 10


@dataclass(frozen=True)
class Version:
    """How a version answers."""

    failing: float = 0.005
    """The share of its requests that fail."""
    blamed: float = 0.0
    """The share that is answered with a 4xx."""
    latency: float = 15.0
    """Mean milliseconds, exponentially distributed."""
    hanging: float = 0.0
    """The share that never has an answer."""


@dataclass
class Callers:
    """Callers that send ``rate`` requests a second, by the weights."""

    seed: int
    rate: float = 10.0
    old: Version = Version()
    new: Version = Version()
    index: int = 0
    hangs: int = 0
    """Requests to the new side that hang."""

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)

    def window(self, share: float, seconds: int = SECONDS, step: int = 0) -> Window:
        """What they saw in the next seconds."""
        old = self._side(self.old, self.rate * (1 - share), seconds)
        new = self._side(self.new, self.rate * share, seconds)
        self.hangs += new.open
        new = SideWindow(**{**vars(new), "open": self.hangs, "active": self.hangs})
        started = 1000.0 + SECONDS * self.index
        self.index += 1
        weights = {"blue": round(100 * (1 - share)), "green": round(100 * share)}
        return Window(self.index - 1, step, started, float(seconds), weights, old, new)

    def _side(self, version: Version, rate: float, seconds: int) -> SideWindow:
        parts, latencies, hang = [], [], 0
        for _ in range(seconds):
            sent = int(rate) + (self.random.random() < rate % 1)
            hung = self._of(sent, version.hanging)
            answered = sent - hung
            failed = self._of(answered, version.failing)
            blamed = self._of(answered - failed, version.blamed)
            hang += hung
            parts.append(Counts(answered, failed, blamed))
            times = [self.random.expovariate(1 / version.latency) for _ in range(answered)]
            counts = [sum(1 for time in times if time <= bound) for bound in BOUNDS]
            latencies.append((*counts, answered) if answered else ())
        whole = sum(parts, Counts())
        columns = [sum(column) for column in zip(*[one for one in latencies if one], strict=True)]
        return SideWindow(
            requests=whole.requests,
            failures=whole.failures,
            client_errors=whole.client_errors,
            open=hang,
            active=hang,
            started=whole.requests,
            timed=whole.requests,
            bounds=BOUNDS if columns else (),
            buckets=tuple(columns[:-1]),
            by_second=tuple(parts),
            latency_by_second=tuple(latencies),
        )

    def _of(self, number: int, share: float) -> int:
        return sum(self.random.random() < share for _ in range(number))
