"""Streams of requests: what callers see of an old and a new side, window by window.

A window is 10 seconds. Good requests come one by one; bad ones come one by one or in bursts, of
which each is wholly on one side.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from bench.gates.twin import Array, Seen

SECONDS = 10
"""Of a window."""

FIXED = ((0.1, 15.0),)
"""10 % of the requests to the new side, for 15 minutes."""

RISING = ((0.1, 5.0), (0.25, 5.0), (0.5, 5.0))
"""10, 25 and 50 %, for five minutes each."""


@dataclass(frozen=True)
class Scenario:
    """What happens during a release."""

    rate: float
    """Requests a minute to both sides together."""
    steps: Sequence[tuple[float, float]] = FIXED
    """The new side's share of the requests, and minutes."""
    base: float = 0.005
    """The share of bad requests of the old side."""
    ratio: float = 1.0
    """How many times that the new side has."""
    phi: float = 1.0
    """The overdispersion of bursts: their sizes are geometric with the mean (φ + 1)/2."""
    lasting: int = 1
    """Seconds over which a burst is spread."""
    ramp: float = 1.0
    """By how many times the share of bad requests of both sides rises until the end."""
    outages: float = 0.0
    """Outages of both sides, of 20 seconds in which 40 % fail, in a release."""
    old_faults: float = 0.0
    """Faults of one of three tasks of the old side, of 30 seconds in which all fails, in a
    release."""
    hiccups: float = 0.0
    """Hiccups of one of three tasks a minute of each side, however little traffic it has: for one
    second all that the task gets fails."""
    history: float = 0.0
    """Minutes in which the old side was seen before the new one had any weight."""

    @property
    def windows(self) -> int:
        """How many there are after the history."""
        return sum(round(minutes * 60 / SECONDS) for _, minutes in self.steps)


def windows(
    scenario: Scenario, releases: int, random: np.random.Generator
) -> Iterator[tuple[int, Seen]]:
    """The windows of so many releases, each with the index of its step; -1 before the first."""
    shares = [(-1, 0.0)] * round(scenario.history * 60 / SECONDS)
    for step, (share, minutes) in enumerate(scenario.steps):
        shares += [(step, share)] * round(minutes * 60 / SECONDS)
    rest = [np.zeros((releases, scenario.lasting)) for _ in range(2)]
    troubled = _Trouble(scenario, len(shares), releases, random)
    for index, (step, share) in enumerate(shares):
        rise = scenario.ramp ** (index / max(1, len(shares) - 1))
        sides: list[tuple[Array, Array]] = []
        for side, part in enumerate((1 - share, share)):
            rate = scenario.rate / 60 * part
            expected = rate * scenario.base * rise * (scenario.ratio if side else 1.0)
            bad = _bad(scenario, expected, releases, random)
            if scenario.lasting > 1:
                bad, rest[side] = _spread(bad, rest[side], scenario.lasting, random)
            bad = bad + troubled.of(side, index, rate)
            good = random.poisson(rate * SECONDS * (1 - scenario.base * rise), releases)
            sides.append((good + bad.sum(1), bad))
        (old, bad_old), (new, bad_new) = sides
        yield step, Seen(old, new, bad_old, bad_new)


def latencies(
    scenario: Scenario,
    slower: float,
    drift: float,
    bounds: Sequence[float],
    releases: int,
    random: np.random.Generator,
) -> Iterator[tuple[int, list[Seen]]]:
    """The windows with requests above each of ``bounds`` (ms) as bad. Latency is log-normal with a
    median of 40 ms and a sigma of 0.7; ``slower``: the new side's is so many times as long;
    ``drift``: both become so many times as long until the end.
    """
    shares = [
        (step, share)
        for step, (share, minutes) in enumerate(scenario.steps)
        for _ in range(round(minutes * 60 / SECONDS))
    ]
    for index, (step, share) in enumerate(shares):
        times = drift ** (index / max(1, len(shares) - 1))
        counts: list[list[Array]] = []
        for side, part in enumerate((1 - share, share)):
            median = 40.0 * times * (slower if side else 1.0)
            total = random.poisson(scenario.rate / 60 * part, (releases, SECONDS))
            above = [total]
            for bound, below in zip(bounds, (0.0, *bounds), strict=False):
                chance = _tail(bound, median) / _tail(below, median)
                above.append(random.binomial(above[-1], chance))
            counts.append([values.astype(np.float64) for values in above])
        old, new = counts
        totals = old[0].sum(1), new[0].sum(1)
        yield step, [Seen(*totals, *pair) for pair in zip(old[1:], new[1:], strict=True)]


def _tail(bound: float, median: float) -> float:
    """The share of requests slower than ``bound``."""
    if bound <= 0:
        return 1.0
    return 0.5 * math.erfc(math.log(bound / median) / 0.7 / math.sqrt(2))


def _bad(scenario: Scenario, expected: float, releases: int, random: np.random.Generator) -> Array:
    """Bad requests by second; ``expected`` a second, in bursts."""
    size = (scenario.phi + 1) / 2
    begun = random.poisson(expected / size, (releases, SECONDS))
    bad = begun.astype(np.float64)
    if size > 1:
        some = begun > 0
        bad[some] += random.negative_binomial(begun[some], 1 / size)
    return bad


def _spread(
    bad: Array, rest: Array, lasting: int, random: np.random.Generator
) -> tuple[Array, Array]:
    """The bad requests of a window when those that begin in a second are spread over the next ones,
    and what is left for later. ``rest``: what earlier windows left.
    """
    ahead = np.zeros((len(bad), SECONDS + lasting))
    ahead[:, :lasting] = rest
    left = bad.astype(np.int64)
    for delay in range(lasting):
        taken = random.binomial(left, 1 / (lasting - delay))
        left = left - taken
        ahead[:, delay : delay + SECONDS] += taken
    return ahead[:, :SECONDS], ahead[:, SECONDS:]


class _Trouble:
    """Outages, faults and hiccups, drawn when a release begins."""

    def __init__(
        self, scenario: Scenario, count: int, releases: int, random: np.random.Generator
    ) -> None:
        self._scenario, self._random, self._releases = scenario, random, releases
        per_window = max(1, count)
        self._outage = random.random((releases, per_window)) < scenario.outages / per_window
        self._fault = random.random((releases, per_window)) < scenario.old_faults / per_window

    def of(self, side: int, index: int, rate: float) -> Array:
        """Bad requests by second on top; ``rate``: the side's requests a second."""
        scenario, shape = self._scenario, (self._releases, SECONDS)
        extra = np.zeros(shape)
        if scenario.outages:
            out = self._outage[:, max(0, index - 1) : index + 1].max(1, keepdims=True)
            extra += self._random.poisson(0.4 * rate * out, shape)
        if scenario.old_faults and side == 0:
            out = self._fault[:, max(0, index - 2) : index + 1].max(1, keepdims=True)
            extra += self._random.poisson(rate / 3 * out, shape)
        if scenario.hiccups:
            times = self._random.poisson(scenario.hiccups / 60, shape)
            extra += self._random.poisson(rate / 3 * times)
        return extra
