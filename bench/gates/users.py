"""Streams of users that keep to their side (``sticky``): a weight divides users, not requests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bench.gates.streams import SECONDS, Scenario
from bench.gates.twin import Seen


@dataclass(frozen=True)
class Users:
    """Who sends the requests."""

    count: int = 500
    spread: float = 1.0
    """The sigma of their log-normal rates: one sends a hundred times as much as another."""
    broken: float = 0.0
    """The share of users for whom a part of the requests fails, on either side."""
    fails: float = 1.0
    """That part."""


def windows(
    scenario: Scenario, users: Users, releases: int, random: np.random.Generator
) -> Iterator[tuple[int, list[Seen]]]:
    """The windows of so many releases. A user moves to the new side when the weight passes his
    place, and stays there.
    """
    shape = (releases, users.count)
    rates = random.lognormal(0.0, users.spread, shape)
    rates *= scenario.rate / 60 / rates.sum(1, keepdims=True)
    places = random.random(shape)
    share_bad = np.where(random.random(shape) < users.broken, users.fails, scenario.base)
    for step, (share, minutes) in enumerate(scenario.steps):
        on_new = places < share
        sides = []
        for on_side in (~on_new, on_new):
            rate = (rates * on_side).sum(1)
            bad = (rates * share_bad * on_side).sum(1)
            sides.append((rate - bad, bad))
        for _ in range(round(minutes * 60 / SECONDS)):
            counts = []
            for good_rate, bad_rate in sides:
                bad = random.poisson(bad_rate[:, None], (releases, SECONDS)).astype(np.float64)
                good = random.poisson(np.maximum(0.0, good_rate) * SECONDS)
                counts.append((good + bad.sum(1), bad))
            (old, bad_old), (new, bad_new) = counts
            yield step, [Seen(old, new, bad_old, bad_new)]
