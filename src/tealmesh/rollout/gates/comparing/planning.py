"""How much is still missing to a verdict, if the new side is as good as the old one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tealmesh.rollout.gates.comparing import bets, objective
from tealmesh.rollout.gates.comparing.bets import Bet
from tealmesh.rollout.gates.comparing.counts import Arm
from tealmesh.rollout.gates.comparing.settings import (
    ALIKE,
    ALIKE_WEIGHTS,
    INFERIOR,
    Settings,
)
from tealmesh.rollout.gates.comparing.state import State

_MOST = 10_000_000
"""More requests than this are as good as never."""


@dataclass(frozen=True)
class Missing:
    """How many more requests it takes to pass, as far as can be expected."""

    requests: int | None
    """To the new side; None if it cannot be expected to pass, however many there are."""
    seconds: float | None = None
    """How long that takes at the present traffic; None if that is not known."""


def missing(
    state: State, settings: Settings, share: float | None = None, rate: float | None = None
) -> Missing:
    """The requests to the new side that are still missing to PASS.

    ``share``: the new side's share of requests from now on, 0 to 1 (as seen so far if None);
    ``rate``: requests per second to both sides together.
    """
    if not settings.pass_needed:
        return Missing(0, 0.0)
    first = state.strands[0]
    share = first.seen.share if share is None else share
    old = first.seen.old
    base = old.bad / old.requests if old.requests else 0.0
    needed = _needed(first.alike, first.below, settings, base, share, first.bursts.phi)
    if needed is None:
        return Missing(None)
    seconds = needed / (rate * share) if rate and share else None
    return Missing(needed, seconds)


def expected_seconds(
    settings: Settings,
    rate: float,
    base: float,
    steps: Sequence[tuple[float, float]],
    phi: float = 1.0,
) -> float | None:
    """How long it takes to PASS, from the first weight on, if the new side is as good as the old.

    ``rate``: requests per second to both sides; ``base``: their share of bad ones; ``steps``: the
    new side's share, 0 to 1, and the seconds of each step, of which the last is assumed to go on;
    ``phi``: how much bad requests come in bursts. None if it cannot be expected to pass at all.
    """
    alike, below = [0.0] * len(ALIKE), [0.0] * len(objective.BELOW)
    elapsed = 0.0
    for index, (share, seconds) in enumerate(steps):
        needed = _needed(alike, below, settings, base, share, phi)
        last = index == len(steps) - 1
        if rate > 0 and share > 0 and needed is not None:
            until = needed / (rate * share)
            if last or until <= seconds:
                return elapsed + until
        gains, own = _gains(settings, base, share, phi)
        requests = rate * share * seconds
        alike = [a + requests * g for a, g in zip(alike, gains, strict=True)]
        below = [a + requests * g for a, g in zip(below, own, strict=True)]
        elapsed += seconds
    return None


def _needed(
    alike: Sequence[float],
    below: Sequence[float],
    settings: Settings,
    base: float,
    share: float,
    phi: float,
) -> int | None:
    """The requests to the new side until one of the two kinds of evidence suffices."""
    gains, own = _gains(settings, base, share, phi)

    def enough(requests: float) -> bool:
        first = [a + requests * g for a, g in zip(alike, gains, strict=True)]
        second = [a + requests * g for a, g in zip(below, own, strict=True)]
        most = bets.log_mean_exp(ALIKE_WEIGHTS, first)
        if settings.allowed is not None:
            most = max(most, bets.log_mean_exp(objective.BELOW_WEIGHTS, second))
        return most >= -math.log(settings.beta)

    if enough(0):
        return 0
    high = 1
    while not enough(high):
        high *= 2
        if high > _MOST:
            return None
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _gains(
    settings: Settings, base: float, share: float, phi: float
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """What one request to the new side is expected to add to the logarithms of each capital, with
    the old side's requests that come beside it."""
    alike = (0.0,) * len(ALIKE)
    if 0 < share < 1 and base > 0:
        # A bad request is on either side in proportion to the requests.
        null = max(INFERIOR, settings.tolerated)
        if_new = bets.log_factors(Bet(0, 1, share), null, ALIKE)
        if_old = bets.log_factors(Bet(1, 0, share), null, ALIKE)
        bad = base / share / phi
        alike = tuple(
            bad * (share * a + (1 - share) * b) for a, b in zip(if_new, if_old, strict=True)
        )
    if settings.allowed is None or not 0 < settings.allowed < 1:
        return alike, (0.0,) * len(objective.BELOW)
    good = objective.log_factors(Arm(1), settings.allowed, phi)
    fails = objective.log_factors(Arm(1, 1), settings.allowed, phi)
    own = tuple(base * f + (1 - base) * g for f, g in zip(fails, good, strict=True))
    return alike, own
