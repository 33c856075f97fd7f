"""What other tools do, on the same streams: the numbers of whole releases, by window.

- *99%, 5*: each minute the new side must have 99 % good requests; the fifth minute in
  which it has not rolls back. Without requests a minute counts as good.
- *99%, 0*: the first such minute rolls back.
- *z-test*: after each window, whether the new side's share of bad requests is larger; one-sided, at
  1 %.
- *M.-W.*: at the end, Mann and Whitney's test of the shares of bad requests in the minutes of both
  sides, at 1 %.
- *each*: the same comparison as ours, but every bad request is a bet, as if they came one by
  one.
- */phi*: the same, with counts divided by the overdispersion of the old side's earlier windows.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from bench.gates.streams import SECONDS
from bench.gates.twin import Array, log_mean_exp
from tealmesh.rollout.gates.comparing.settings import WORSE, WORSE_WEIGHTS

_ONE_PER_CENT = 2.3263478740408408
"""The one-sided quantile of the normal distribution."""

_MINUTE = 60 // SECONDS
_RATE = 0.99

NAMES = ("99%, 5", "99%, 0", "z-test", "M.-W.", "each", "/phi")


def rolled_back(
    old: Array, new: Array, bad_old: Array, bad_new: Array, phi: Array
) -> dict[str, float]:
    """The share of releases that each rule rolls back, of requests by release and window."""
    requests, bad = _minutes(new), _minutes(bad_new)
    below = ((requests > 0) & (bad > (1 - _RATE) * requests)).sum(1)
    z = _z(old.cumsum(1), new.cumsum(1), bad_old.cumsum(1), bad_new.cumsum(1))
    ranks = _ranks(_share(_minutes(bad_old), _minutes(old)), _share(bad, requests))
    share = new / np.maximum(old + new, 1)
    verdicts = (
        below >= 5,
        below >= 1,
        (z > _ONE_PER_CENT).any(1),
        ranks > _ONE_PER_CENT,
        _ratio(share, bad_old, bad_new),
        _ratio(share, bad_old / phi, bad_new / phi),
    )
    return {name: float(rolled.mean()) for name, rolled in zip(NAMES, verdicts, strict=True)}


def _ratio(share: Array, bad_old: Array, bad_new: Array) -> npt.NDArray[np.bool_]:
    """Whether the mixture of likelihood ratios reaches 100 in any window."""
    logs = np.zeros((len(share), len(WORSE)))
    reached = np.zeros(len(share), dtype=np.bool_)
    for window in range(share.shape[1]):
        q = share[:, window, None]
        known = (q > 0) & (q < 1)
        on_new = np.array(WORSE) * q / (np.array(WORSE) * q + 1 - q)
        with np.errstate(divide="ignore", invalid="ignore"):
            logs += np.where(
                known,
                bad_new[:, window, None] * np.log(on_new / q)
                + bad_old[:, window, None] * np.log((1 - on_new) / (1 - q)),
                0.0,
            )
        reached |= log_mean_exp(np.array(WORSE_WEIGHTS), logs) >= math.log(100)
    return reached


def _minutes(counts: Array) -> Array:
    releases, windows = counts.shape
    whole = windows - windows % _MINUTE
    minutes: Array = counts[:, :whole].reshape(releases, -1, _MINUTE).sum(2)
    return minutes


def _share(bad: Array, requests: Array) -> Array:
    return bad / np.maximum(requests, 1)


def _z(old: Array, new: Array, bad_old: Array, bad_new: Array) -> Array:
    """The pooled two-proportion statistic; 0 where it is undefined."""
    pooled = (bad_old + bad_new) / np.maximum(old + new, 1)
    variance = pooled * (1 - pooled) * (1 / np.maximum(old, 1) + 1 / np.maximum(new, 1))
    difference = _share(bad_new, new) - _share(bad_old, old)
    return np.where(variance > 0, difference / np.sqrt(np.where(variance > 0, variance, 1)), 0.0)


def _ranks(old: Array, new: Array) -> Array:
    """The Mann-Whitney statistic as a normal quantile, with its correction for ties."""
    n, m = old.shape[1], new.shape[1]
    above = (new[:, :, None] > old[:, None, :]).sum((1, 2))
    u = above + 0.5 * (new[:, :, None] == old[:, None, :]).sum((1, 2))
    both = np.concatenate([old, new], 1)
    equal = (both[:, :, None] == both[:, None, :]).sum(2).astype(np.float64)
    ties = (equal**2 - 1).sum(1) / ((n + m) * (n + m - 1))
    variance = n * m / 12 * ((n + m + 1) - ties)
    spread = np.sqrt(np.where(variance > 0, variance, math.inf))
    statistic: Array = (u - n * m / 2) / spread
    return statistic
