"""Releases through the gate: how many are rolled back, how many are passed, and when."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from bench.gates import hanging as hanging_streams
from bench.gates import rivals, streams
from bench.gates import users as user_streams
from bench.gates.hanging import Hanging
from bench.gates.streams import SECONDS, Scenario
from bench.gates.twin import Array, Seen, Strand, log_mean_exp
from bench.gates.users import Users
from tealmesh.rollout.gates.comparing import Settings, objective
from tealmesh.rollout.gates.comparing.settings import ALIKE_WEIGHTS, WORSE_WEIGHTS

RIVALS = 2_000
"""So many of the releases are judged by the other rules as well: nothing is promised of those."""


@dataclass(frozen=True)
class Outcome:
    """What became of many releases."""

    releases: int
    failed: int
    """Rolled back by the gate."""
    minutes: float | None
    """The median time until then, from the first weight on."""
    alike: int = 0
    """Of all, those that comparison passed at some time, unless they failed before."""
    below: int = 0
    """The same by their own share of bad requests."""
    passed: int = 0
    """Those that either passed."""
    passed_after: float | None = None
    """The median time until then, in minutes."""
    rivals: dict[str, float] | None = None
    """The share that each of the other rules rolls back."""

    @property
    def share(self) -> float:
        """The share that is rolled back, 0 to 1."""
        return self.failed / self.releases


def wilson(successes: int, trials: int, z: float = 1.959963984540054) -> tuple[float, float]:
    """The two-sided interval of a share, of 95 % by default."""
    n, p = trials, successes / trials
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, centre - half), min(1.0, centre + half)


def errors(
    scenario: Scenario,
    settings: Settings,
    releases: int,
    random: np.random.Generator,
    *,
    metrics: int = 1,
    passes: bool = False,
    compared: bool = False,
) -> Outcome:
    """Releases judged by their failures, with the alpha of one of so many metrics. ``passes``: look
    at PASS as well; ``compared``: let the other rules judge them too.
    """
    first = settings.split(metrics)
    log = _Log()
    windows = streams.windows(scenario, releases, random)
    judged = _judged(
        ((step, [seen]) for step, seen in windows),
        [Strand(releases, first, passes)],
        first,
        log if compared else None,
    )
    return outcome(judged, log.rolled_back() if compared else None)


def any_of_three(
    scenario: Scenario, settings: Settings, releases: int, random: np.random.Generator
) -> Outcome:
    """Releases with three metrics like failures, independent of one another: the first that fails
    rolls back.
    """
    part = settings.split(3)
    times = []
    for _ in range(3):
        windows = streams.windows(scenario, releases, random)
        stream = ((step, [seen]) for step, seen in windows)
        times.append(_judged(stream, [Strand(releases, part, False)], part).failed)
    failed = np.stack(times).min(0)
    return outcome(Judged(failed, np.full(releases, np.inf), np.full(releases, np.inf)))


def latency(
    scenario: Scenario,
    settings: Settings,
    releases: int,
    random: np.random.Generator,
    *,
    slower: float = 1.0,
    drift: float = 1.0,
    bounds: Sequence[float] = (50.0, 100.0, 250.0, 500.0),
) -> Outcome:
    """Releases judged by their latency, at bounds of Envoy's histogram."""
    seen = streams.latencies(scenario, slower, drift, bounds, releases, random)
    strands = [Strand(releases, settings, False) for _ in bounds]
    return outcome(_judged(seen, strands, settings))


def unanswered(
    scenario: Scenario,
    hanging: Hanging,
    settings: Settings,
    releases: int,
    random: np.random.Generator,
) -> Outcome:
    """Releases judged by ``errors`` as deployments are: by failures, and with a tenth of the
    capital by requests without an answer.
    """
    strands = [Strand(releases, settings, False) for _ in range(2)]
    seen = hanging_streams.windows(scenario, hanging, releases, random)
    return outcome(_judged(seen, strands, settings, weights=(0.9, 0.1)))


def of_users(
    scenario: Scenario,
    users: Users,
    settings: Settings,
    releases: int,
    random: np.random.Generator,
) -> Outcome:
    """Releases to users that keep to their side, judged by their failures."""
    seen = user_streams.windows(scenario, users, releases, random)
    return outcome(_judged(seen, [Strand(releases, settings, False)], settings))


@dataclass(frozen=True)
class Judged:
    """The window in which each release was judged so for the first time; infinity for never."""

    failed: Array
    alike: Array
    below: Array


class _Log:
    """What the other rules need of all windows."""

    def __init__(self) -> None:
        self._windows: list[tuple[Array, Array, Array, Array, Array]] = []

    def add(self, seen: Seen, phi: Array) -> None:
        columns = seen.old, seen.new, seen.bad_old.sum(1), seen.bad_new.sum(1), phi
        old, new, bad_old, bad_new, phis = (column[:RIVALS] for column in columns)
        self._windows.append((old, new, bad_old, bad_new, phis))

    def rolled_back(self) -> dict[str, float]:
        columns = [np.stack(column, 1) for column in zip(*self._windows, strict=True)]
        return rivals.rolled_back(*columns)


def _judged(
    windows: Iterable[tuple[int, Sequence[Seen]]],
    strands: Sequence[Strand],
    settings: Settings,
    log: _Log | None = None,
    weights: Sequence[float] = (),
) -> Judged:
    """``strands`` share the capital, alike without ``weights``; PASS is about the first."""
    releases = len(strands[0].worse)
    capital = np.array(weights or [1 / len(strands)] * len(strands))
    judged = Judged(*(np.full(releases, np.inf) for _ in range(3)))
    elapsed = 0
    for step, seen in windows:
        if log is not None and step >= 0:
            log.add(seen[0], strands[0].phi())
        for strand, window in zip(strands, seen, strict=True):
            strand.add(window, step)
        if step < 0:
            continue
        elapsed += 1
        worse = np.concatenate([strand.worse for strand in strands], 1)
        each = (capital[:, None] * np.array(WORSE_WEIGHTS)).ravel()
        _note(judged.failed, worse, each, settings.alpha, elapsed)
        if strands[0].passes:
            first = strands[0]
            _note(judged.alike, first.alike, np.array(ALIKE_WEIGHTS), settings.beta, elapsed)
            below = np.array(objective.BELOW_WEIGHTS)
            _note(judged.below, first.below, below, settings.beta, elapsed)
    return judged


def outcome(judged: Judged, others: dict[str, float] | None = None) -> Outcome:
    """What became of releases that were judged so."""
    times = judged.failed[np.isfinite(judged.failed)]
    passed = np.minimum(judged.alike, judged.below)
    passes = passed[passed < judged.failed]
    return Outcome(
        releases=len(judged.failed),
        failed=len(times),
        minutes=_median(times),
        alike=int((judged.alike < judged.failed).sum()),
        below=int((judged.below < judged.failed).sum()),
        passed=len(passes),
        passed_after=_median(passes),
        rivals=others,
    )


def _median(windows: Array) -> float | None:
    """In minutes."""
    return float(np.median(windows)) * SECONDS / 60 if len(windows) else None


def _note(first: Array, logs: Array, weights: Array, error: float, now: int) -> None:
    """Write down ``now`` for the releases whose evidence, a mean of capitals, is enough for the
    first time. A mean is never more than the largest of them.
    """
    enough = -math.log(error)
    near = np.flatnonzero(np.isinf(first) & (logs.max(1) >= enough))
    if len(near):
        first[near[log_mean_exp(weights, logs[near]) >= enough]] = now
