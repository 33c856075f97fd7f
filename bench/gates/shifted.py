"""What is judged without the other side beside it, for many releases at once: the gates ``since the
shift``, and the fixed objective.

Copies of `gates.since` and `assess.log_evidence`; `tests/bench/test_shifted.py` compares them with
these.
"""

from __future__ import annotations

import math

import numpy as np

from bench.gates.releases import Judged, Outcome, outcome
from bench.gates.streams import SECONDS
from bench.gates.twin import Array, Bursts, log_mean_exp
from tealmesh.rollout.gates import since
from tealmesh.rollout.gates.assess import ALPHA
from tealmesh.rollout.gates.comparing.bursts import KEPT
from tealmesh.rollout.gates.observing import CLIENT_ERRORS

MINUTES = 5
"""Of bake time."""
METRICS = 3
"""That share `ALPHA` where no part is watched."""
_BEFORE = 6
"""Windows of the old side before the shift: a minute."""
_LOOKS = 100
"""Requests between two looks at the fixed objective."""
_HALVINGS = 60
_ALTERNATIVES = 10


def client_errors(
    releases: int,
    random: np.random.Generator,
    *,
    rate: float,
    before: float,
    after: float,
    phi: float = 1.0,
) -> Outcome:
    """Blue/green deployments by ``client-errors since the shift``. ``rate``: requests a minute;
    ``before``, ``after``: the share of 4xx of the old and of the new side, in bursts of φ.
    """
    requests, bad, bursts = np.zeros(releases), np.zeros(releases), Bursts(releases)
    for _ in range(_BEFORE):
        all_of, by_second = _window(rate, before, phi, releases, random)
        requests = requests * KEPT + all_of
        bad = bad * KEPT + by_second.sum(1)
        bursts.add(by_second, True)
    allowed = limits(requests, bad, bursts.phi())
    logs, seen = np.zeros((releases, len(since.STAKES))), np.zeros(releases)
    failed = np.full(releases, np.inf)
    for index in range(MINUTES * 60 // SECONDS):
        all_of, by_second = _window(rate, after, phi, releases, random)
        logs += factors(all_of, by_second.sum(1), allowed)
        seen += all_of
        found = log_mean_exp(np.full(len(since.STAKES), 1 / len(since.STAKES)), logs)
        fails = (found >= math.log(2 * METRICS / ALPHA)) & (seen >= since.FEWEST)
        failed[fails & np.isinf(failed)] = index + 1
    return _by(failed)


def limits(requests: Array, bad: Array, phi: Array) -> Array:
    """The share of client errors that the new side may have, of what was before."""
    bound = upper_bound(requests / phi, bad / phi, ALPHA / 2 / METRICS)
    return np.maximum(since.FLOORS[CLIENT_ERRORS], since.TIMES * bound)


def upper_bound(requests: Array, bad: Array, error: float) -> Array:
    """`since.upper_bound`."""
    share = np.where(requests > 0, np.minimum(1.0, bad / np.maximum(requests, 1e-12)), 0.0)
    low, high = share, np.ones_like(share)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        with np.errstate(divide="ignore", invalid="ignore"):
            apart = np.where(share > 0, share * np.log(share / middle), 0.0)
            apart += np.where(share < 1, (1 - share) * np.log((1 - share) / (1 - middle)), 0.0)
        within = requests * apart < -math.log(error)
        low, high = np.where(within, middle, low), np.where(within, high, middle)
    return np.where(requests > 0, high, 1.0)


def factors(requests: Array, bad: Array, allowed: Array) -> Array:
    """By what a window multiplies the capital on each stake, as logarithms."""
    surplus = bad / np.maximum(requests, 1) / allowed - 1
    logs = np.log1p(surplus[:, None] * np.array(since.STAKES))
    return np.where(((requests > 0) & (allowed < 1))[:, None], logs, 0.0)


def objective(
    releases: int,
    random: np.random.Generator,
    *,
    rate: float,
    bad: float,
    success_rate: float = 0.99,
) -> Outcome:
    """Releases by the gate ``success-rate`` in one window of measurement, looked at for each
    hundred requests. ``bad``: the share of failures.
    """
    failed, failures = np.full(releases, np.inf), np.zeros(releases)
    for look in range(1, round(rate * MINUTES / _LOOKS) + 1):
        failures += random.binomial(_LOOKS, bad, releases)
        fails = log_evidence(look * _LOOKS, failures, success_rate) >= -math.log(ALPHA)
        failed[fails & np.isinf(failed)] = math.ceil(look * _LOOKS / rate * 60 / SECONDS)
    return _by(failed)


def log_evidence(requests: int, failures: Array, threshold: float) -> Array:
    """`assess.log_evidence`."""
    allowed = 1 - threshold
    p = allowed + (1 - allowed) * 0.5 ** np.arange(1, _ALTERNATIVES + 1)
    logs = failures[:, None] * np.log(p / allowed)
    logs = logs + (requests - failures)[:, None] * np.log((1 - p) / (1 - allowed))
    return log_mean_exp(np.full(len(p), 1 / len(p)), logs)


def _window(
    rate: float, share: float, phi: float, releases: int, random: np.random.Generator
) -> tuple[Array, Array]:
    """All requests of a window, and those answered with a 4xx by second."""
    size = (phi + 1) / 2
    begun = random.poisson(rate / 60 * share / size, (releases, SECONDS))
    bad = begun.astype(np.float64)
    if size > 1:
        some = begun > 0
        bad[some] += random.negative_binomial(begun[some], 1 / size)
    return random.poisson(rate / 60 * (1 - share) * SECONDS, releases) + bad.sum(1), bad


def _by(failed: Array) -> Outcome:
    never = np.full(len(failed), np.inf)
    return outcome(Judged(failed, never, never))
