"""Bets on which side a bad request is on.

If the new side's bad requests are ``ratio`` times as frequent as the old one's, a bad request is on
the new side with the probability `odds_share`. That is what is bet against.

A *cell* is a span of time whose bad requests count as one bet. The share of them that are on the
new side has that probability as its mean whether they came one by one or all in a burst, so a bet
that is linear in the share is fair for both, and a burst cannot win more than one bet.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Bet:
    """What there is to bet on in one cell."""

    bad_old: int
    bad_new: int
    share: float
    """The new side's share of the requests, 0 to 1."""
    usual: float = 1.0
    """How many bad requests the old side has in a cell that has any, at least 1. A cell with fewer
    weighs less: a side with little traffic has small bursts, as often as large ones."""


def odds_share(share: float, ratio: float) -> float:
    """The probability that a bad request is on the new side, if the share of bad requests is
    ``ratio`` times as large there. ``share``: the new side's share of all requests.
    """
    return ratio * share / (ratio * share + 1 - share)


def log_factors(bet: Bet, null: float, alternatives: Sequence[float]) -> tuple[float, ...]:
    """By how much the logarithm of the capital on each alternative grows by one cell.

    ``null``: the ratio that is bet against; each alternative is bet on as if it were true. With
    any true ratio up to ``null`` the bets on higher ones are unfavourable, and the reverse.
    """
    bad = bet.bad_old + bet.bad_new
    if not bad or not 0 < bet.share < 1:
        return (0.0,) * len(alternatives)
    fair = odds_share(bet.share, null)
    surplus = (bet.bad_new - fair * bad) / max(bad, bet.usual)
    return tuple(
        math.log1p(surplus * (odds_share(bet.share, ratio) / fair - 1) / (1 - fair))
        for ratio in alternatives
    )


def log_mean_exp(weights: Sequence[float], logs: Sequence[float]) -> float:
    """The logarithm of the weighted mean of the numbers whose logarithms are given."""
    top = max(logs)
    if top == -math.inf:
        return top
    return top + math.log(
        sum(weight * math.exp(value - top) for weight, value in zip(weights, logs, strict=True))
    )
