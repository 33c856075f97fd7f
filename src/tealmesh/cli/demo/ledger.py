"""Adds up what became of every request, and compares observed shares with weights."""

from __future__ import annotations

import math
import threading
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tealmesh.cli.demo.tally import INTERVAL_SECONDS, Tally

if TYPE_CHECKING:
    from tealmesh.model import wire

MAX_DEVIATIONS = 4.0
"""How many standard deviations a share may be from its weight. By chance a share is further away
once in 15,000 steps."""
RECENT_INTERVALS = 300
"""The intervals whose latencies are kept for the live view: half a minute."""


@dataclass(frozen=True)
class Counts:
    """The requests in a span of time."""

    versions: Mapping[str, int] = field(default_factory=dict)
    """Successes by version."""
    failures: Mapping[str, int] = field(default_factory=dict)
    """Failures by reason."""
    latencies: tuple[float, ...] = ()
    """In milliseconds, of the successes."""
    held: int = 0
    """Requests that were not sent, since the machine was busy with others."""

    @property
    def failed(self) -> int:
        return sum(self.failures.values())

    @property
    def requests(self) -> int:
        return sum(self.versions.values()) + self.failed

    def share(self, version: str) -> float | None:
        """The version's share of the successes; None without successes."""
        total = sum(self.versions.values())
        return self.versions.get(version, 0) / total if total else None

    def latency(self, quantile: float) -> float | None:
        """A quantile (0 to 1) of the latencies, in milliseconds; None without latencies."""
        if not self.latencies:
            return None
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, math.ceil(quantile * len(ordered)) - 1)]


class Ledger:
    """All tallies so far. One thread may add tallies while others read."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._versions: dict[int, Counter[str]] = {}
        self._failures: dict[int, Counter[str]] = {}
        self._held: Counter[int] = Counter()
        self._recent: deque[Tally] = deque(maxlen=RECENT_INTERVALS)
        self._latencies: list[float] = []
        self._total = 0
        self._failed = 0

    def add(self, tally: Tally) -> None:
        interval = round(tally.at / INTERVAL_SECONDS)
        with self._lock:
            self._versions.setdefault(interval, Counter()).update(tally.versions)
            self._failures.setdefault(interval, Counter()).update(tally.failures)
            self._held[interval] += tally.held
            self._recent.append(tally)
            self._latencies += tally.latencies
            self._total += tally.sent
            self._failed += sum(tally.failures.values())

    @property
    def total(self) -> int:
        return self._total

    @property
    def failed(self) -> int:
        return self._failed

    @property
    def held(self) -> int:
        with self._lock:
            return self._held.total()

    def everything(self) -> Counts:
        """All requests of the run."""
        with self._lock:
            versions = sum(self._versions.values(), Counter[str]())
            failures = sum(self._failures.values(), Counter[str]())
            return Counts(versions, failures, tuple(self._latencies), self._held.total())

    def between(self, start: float, end: float) -> Counts:
        """The requests due in the intervals that lie entirely within these epoch seconds."""
        first, last = math.ceil(start / INTERVAL_SECONDS), math.floor(end / INTERVAL_SECONDS)
        versions: Counter[str] = Counter()
        failures: Counter[str] = Counter()
        with self._lock:
            for interval in range(first, last):
                versions += self._versions.get(interval, Counter())
                failures += self._failures.get(interval, Counter())
            held = sum(self._held[interval] for interval in range(first, last))
        return Counts(versions, failures, held=held)

    def recent(self, now: float, seconds: float) -> Counts:
        """The requests of the ``seconds`` before ``now``, with their latencies."""
        with self._lock:
            tallies = [
                t for t in self._recent if now - seconds <= t.at + INTERVAL_SECONDS / 2 < now
            ]
        versions: Counter[str] = Counter()
        failures: Counter[str] = Counter()
        latencies: list[float] = []
        for tally in tallies:
            versions += tally.versions
            failures += tally.failures
            latencies += tally.latencies
        return Counts(versions, failures, tuple(latencies))


@dataclass(frozen=True)
class Step:
    """One step of a deployment as the load saw it, from convergence to the next change."""

    deployment: str
    """Its title."""
    number: int
    """From 1."""
    version: str
    """What the new side answers."""
    expected: float
    """The new side's share by weight, 0 to 1."""
    counts: Counts
    seconds: float
    propagation: float | None
    """Seconds from setting the weights until every Envoy had acknowledged them."""

    @property
    def share(self) -> float | None:
        return self.counts.share(self.version)

    @property
    def deviations(self) -> float | None:
        """How many standard deviations the share is from its weight; None without requests.

        Infinite if one side has all weight and a request reached the other.
        """
        share, successes = self.share, sum(self.counts.versions.values())
        if share is None:
            return None
        spread = math.sqrt(self.expected * (1 - self.expected) / successes)
        difference = abs(share - self.expected)
        if difference == 0:
            return 0.0
        return difference / spread if spread else math.inf

    @property
    def agrees(self) -> bool:
        deviations = self.deviations
        return deviations is not None and deviations <= MAX_DEVIATIONS


def steps_of(title: str, deployment: wire.Deployment, version: str, ledger: Ledger) -> list[Step]:
    """The steps of a finished deployment whose new side answers as ``version``.

    A step's window begins when every Envoy has acknowledged its weights, according to the control
    plane, and ends when the next weights are decided.
    """
    steps = []
    for evidence in deployment.get("evidence", []):
        start, end = evidence.get("startedAt"), evidence.get("finishedAt")
        if start is None or end is None:
            continue
        weights = evidence["weights"]
        total = sum(weights.values())
        steps.append(
            Step(
                deployment=title,
                number=evidence["step"] + 1,
                version=version,
                expected=weights.get(deployment["newSide"], 0) / total if total else 0.0,
                counts=ledger.between(start, end),
                seconds=end - start,
                propagation=evidence.get("propagationSeconds"),
            )
        )
    return steps


def complaints(
    steps: Sequence[Step], everything: Counts, least_per_step: int, least: int
) -> list[str]:
    """Why the run is not a success, one line each; empty for a success.

    ``least_per_step``, ``least``: the numbers of requests required at each step and in the run,
    those included that a busy machine has held back.
    """
    lines = []
    for reason, count in sorted(everything.failures.items()):
        lines.append(f"{count} requests failed: {reason}")
    if everything.requests + everything.held < least:
        lines.append(f"only {everything.requests} of at least {least} requests were sent")
    for step in steps:
        name = f"{step.deployment}, step {step.number}"
        if step.counts.requests + step.counts.held < least_per_step:
            lines.append(
                f"{name}: only {step.counts.requests} of at least {least_per_step} requests"
            )
        if not step.agrees:
            share = "nothing" if step.share is None else f"{step.share:.4f}"
            lines.append(f"{name}: a share of {share} does not agree with {step.expected:.4f}")
    return lines
