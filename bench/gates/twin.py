"""`tealmesh.rollout.gates.comparing` for many releases at once, with numpy.

Every array's first dimension is the release. `tests/bench/test_gates.py` compares it with the code
that judges deployments.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tealmesh.rollout.gates.comparing import Settings, bursts, objective
from tealmesh.rollout.gates.comparing.settings import (
    ALIKE,
    ALIKE_WEIGHTS,
    INFERIOR,
    WORSE,
    WORSE_WEIGHTS,
)
from tealmesh.rollout.gates.comparing.state import SPLIT_REQUESTS

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Seen:
    """A window of one strand: requests by release, bad ones by release and second."""

    old: Array
    new: Array
    bad_old: Array
    bad_new: Array


class Strand:
    """`state.Strand` of many releases."""

    def __init__(self, releases: int, settings: Settings, passes: bool) -> None:
        self._settings = settings
        self.passes = passes
        self.worse = np.zeros((releases, len(WORSE)))
        self.alike = np.zeros((releases, len(ALIKE)))
        self.below = np.zeros((releases, len(objective.BELOW)))
        self._bursts = Bursts(releases)
        self._cell = np.zeros((releases, 4))
        self._windows = np.zeros(releases, dtype=np.int64)
        self._usual = np.ones(releases)
        self._split = np.zeros((releases, 2))
        self._step = 0

    def add(self, seen: Seen, step: int) -> None:
        """The strand after a window."""
        if step != self._step:
            self._close(self._windows > 0)
            self._split[:] = 0
        length, usual, phi = self._bursts.length(), self._bursts.usual(), self._bursts.phi()
        self._bursts.add(seen.bad_old, step == self._step)
        self._step = step
        if self.passes and self._settings.allowed is not None:
            bad = seen.bad_new.sum(1)
            self.below += below_factors(seen.new, bad, self._settings.allowed, phi)
        kept = SPLIT_REQUESTS / (SPLIT_REQUESTS + seen.new)
        split = self._split * kept[:, None] + np.stack([seen.old, seen.new], 1)
        self._split = split
        both = (split > 0).all(1)
        begun = self._windows > 0
        long = both & (begun | (length == bursts.Length.MINUTE))
        self._usual = np.where(long & ~begun, usual, self._usual)
        whole = (seen.old, seen.new, seen.bad_old.sum(1), seen.bad_new.sum(1))
        self._cell[long] += np.stack(whole, 1)[long]
        self._windows += long
        self._close(self._windows >= bursts.WINDOWS_OF_A_LONG_CELL)
        window = both & ~long & (length == bursts.Length.WINDOW)
        self._bet(window, self._split, whole[2][:, None], whole[3][:, None], usual)
        rest = both & ~long & (length == bursts.Length.SECOND)
        self._bet(rest, self._split, seen.bad_old, seen.bad_new, usual)

    def phi(self) -> Array:
        return self._bursts.phi()

    def log_e_worse(self) -> Array:
        return log_mean_exp(np.array(WORSE_WEIGHTS), self.worse)

    def log_e_alike(self) -> Array:
        return log_mean_exp(np.array(ALIKE_WEIGHTS), self.alike)

    def log_e_below(self) -> Array:
        return log_mean_exp(np.array(objective.BELOW_WEIGHTS), self.below)

    def _close(self, which: npt.NDArray[np.bool_]) -> None:
        if which.any():
            cell = self._cell
            self._bet(which, cell[:, :2], cell[:, 2:3], cell[:, 3:4], self._usual)
            self._cell[which] = 0
            self._windows[which] = 0

    def _bet(
        self,
        which: npt.NDArray[np.bool_],
        requests: Array,
        bad_old: Array,
        bad_new: Array,
        usual: Array,
    ) -> None:
        """One bet for each column of the bad requests."""
        some = (bad_old.any(1) | bad_new.any(1)) & (requests > 0).all(1)
        index = np.flatnonzero(which & some)
        if not len(index):
            return
        share = requests[index, 1] / requests[index].sum(1)
        cells = Bets(bad_old[index], bad_new[index], share, usual[index])
        tolerated = self._settings.tolerated
        self.worse[index] += log_factors(cells, tolerated, [r * tolerated for r in WORSE])
        if self.passes:
            self.alike[index] += log_factors(cells, max(INFERIOR, tolerated), ALIKE)


class Bursts:
    """`bursts.Bursts` of many releases."""

    def __init__(self, releases: int) -> None:
        self._failures = np.zeros(releases)
        self._followers = np.zeros(releases)
        self._together = np.zeros(releases)
        self._long_failures = np.zeros(releases)
        self._long_followers = np.zeros(releases)
        self._sizes = np.zeros(releases)
        self._parts = np.zeros(releases)
        self._minute: list[Array] = []

    def usual(self) -> Array:
        return np.maximum(1.0, self._sizes / np.where(self._parts > 0, self._parts, 1.0))

    def phi(self) -> Array:
        together = np.maximum(0.0, self._together)
        return 1.0 + together / np.where(self._failures > 0, self._failures, np.inf)

    def length(self) -> npt.NDArray[np.int64]:
        prior = bursts.PRIOR
        long = np.maximum(0.0, self._long_followers) / (self._long_failures + prior)
        short = (np.maximum(0.0, self._followers) + prior / 2) / (self._failures + prior)
        window = np.where(short > bursts.SHORT_BURSTS, bursts.Length.WINDOW, bursts.Length.SECOND)
        return np.where(long > bursts.LONG_BURSTS, bursts.Length.MINUTE, window)

    def add(self, bad: Array, same_step: bool) -> None:
        for sums in (
            self._failures,
            self._followers,
            self._together,
            self._long_failures,
            self._long_followers,
            self._sizes,
            self._parts,
        ):
            sums *= bursts.KEPT
        total = bad.sum(1)
        self._minute = [*(self._minute if same_step else ()), bad]
        self._sizes += total
        self._parts += (bad > 0).sum(1)
        parts = bad.shape[1]
        if parts >= bursts.FEWEST_SECONDS:
            weight = _weight(total)
            near = beyond_chance(bad, 1)
            together = beyond_chance(bad, 0) + 2 * (near + beyond_chance(bad, 2))
            self._failures += weight * total
            self._followers += weight * np.minimum(near, bursts.MOST_FOLLOWERS * total)
            self._together += weight * together / bursts.visible(parts)
        if len(self._minute) == bursts.WINDOWS_OF_A_LONG_CELL:
            minute = np.concatenate(self._minute, 1)
            lags = bursts.LATER if minute.shape[1] > len(self._minute) else (1,)
            followers = np.stack([beyond_chance(minute, lag) for lag in lags]).sum(0)
            followers = np.minimum(followers, bursts.MOST_FOLLOWERS * minute.sum(1))
            self._long_followers += _weight(minute.sum(1)) * followers
            self._long_failures += _weight(minute.sum(1)) * minute.sum(1)
            self._minute = []


@dataclass(frozen=True)
class Bets:
    """The bets of some releases with one split of requests; bad ones by release and cell."""

    bad_old: Array
    bad_new: Array
    share: Array
    usual: Array


def log_factors(bets: Bets, null: float, alternatives: Sequence[float]) -> Array:
    """`bets.log_factors`, the sum of all cells."""
    fair = null * bets.share / (null * bets.share + 1 - bets.share)
    weighted = np.asarray(alternatives) * bets.share[:, None]
    others = weighted / (weighted + 1 - bets.share[:, None])
    stakes = (others / fair[:, None] - 1) / (1 - fair[:, None])
    bad = bets.bad_old + bets.bad_new
    surplus = (bets.bad_new - fair[:, None] * bad) / np.maximum(bad, bets.usual[:, None])
    capital = np.ones_like(stakes)
    for cell in range(bad.shape[1]):
        capital *= 1 + surplus[:, cell, None] * stakes
    logs: Array = np.log(capital)
    return logs


def below_factors(requests: Array, bad: Array, allowed: float, phi: Array) -> Array:
    """`objective.log_factors`."""
    parts = np.asarray(objective.BELOW)
    failed = bad[:, None] * np.log(parts)
    good = (requests - bad)[:, None] * np.log((1 - parts * allowed) / (1 - allowed))
    logs: Array = (failed + good) / phi[:, None]
    return logs


def beyond_chance(counts: Array, lag: int) -> Array:
    """`bursts.beyond_chance`."""
    total, parts = counts.sum(1), counts.shape[1]
    later = counts[:, lag:] if lag else counts - 1
    pairs: Array = (counts[:, : parts - lag] * later).sum(1)
    expected: Array = (parts - lag) * total * (total - 1) / (parts * parts)
    return pairs - expected


def log_mean_exp(weights: Array, logs: Array) -> Array:
    """`bets.log_mean_exp`."""
    top: Array = logs.max(1)
    mean: Array = (weights * np.exp(logs - top[:, None])).sum(1)
    return top + np.log(mean)


def _weight(total: Array) -> Array:
    return np.minimum(1.0, bursts.HEAVIEST / np.maximum(total, 1.0))
