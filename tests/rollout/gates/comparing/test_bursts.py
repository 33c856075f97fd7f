"""How the old side's failures come, and how long the cells are that follow from it."""

from __future__ import annotations

import random
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.rollout.gates.comparing.bursts import Bursts, Length, beyond_chance, seen


@given(parts=st.integers(3, 5), total=st.integers(0, 5), lag=st.integers(0, 2))
def test_independent_failures_have_no_followers_on_average(
    parts: int, total: int, lag: int
) -> None:
    """By all ways to put them into the parts."""
    excess = 0.0
    for places in product(range(parts), repeat=total):
        excess += beyond_chance([places.count(part) for part in range(parts)], lag)
    assert excess == pytest.approx(0, abs=1e-6)


def minutes(count: int, burst: int, lasting: int) -> Bursts:
    """So many minutes with forty failures each, in bursts of a size and a number of seconds."""
    choices, bursts = random.Random(3), Bursts()
    seconds = [0] * (60 * count + lasting)
    for _ in range(40 * count // burst):
        begin = choices.randrange(60 * count)
        for _ in range(burst):
            seconds[begin + choices.randrange(lasting)] += 1
    for start in range(0, 60 * count, 10):
        bursts = seen(bursts, seconds[start : start + 10], True)
    return bursts


def test_cells_become_as_long_as_the_bursts() -> None:
    assert Bursts().length is Length.WINDOW, "not known yet"
    assert minutes(5, 1, 1).length is Length.SECOND
    assert minutes(5, 10, 1).length is Length.SECOND
    assert minutes(5, 10, 2).length is Length.WINDOW
    assert minutes(5, 10, 15).length is Length.MINUTE


def test_phi_is_how_many_failures_come_at_once() -> None:
    assert minutes(20, 1, 1).phi == pytest.approx(1, abs=0.5)
    assert minutes(20, 10, 1).phi == pytest.approx(10, rel=0.3)
    assert minutes(20, 10, 1).usual == pytest.approx(10, rel=0.2)
    assert Bursts().phi == Bursts().usual == 1


def test_what_is_known_of_bursts_is_forgotten_slowly() -> None:
    bursts = minutes(5, 10, 15)
    for _ in range(200):
        bursts = seen(bursts, [1, 0, 0, 1, 0, 0, 0, 1, 0, 0], True)
    assert bursts.length is Length.SECOND


def test_one_outage_does_not_make_cells_long_for_good() -> None:
    bursts = minutes(5, 1, 1)
    for bad in ([0] * 5 + [500] * 5, [500] * 10):
        bursts = seen(bursts, bad, True)
    for _ in range(120):
        bursts = seen(bursts, [1, 0, 0, 0, 0, 0, 0, 0, 1, 0], True)
    assert bursts.length is Length.SECOND


def test_without_seconds_windows_are_bets() -> None:
    bursts = Bursts()
    for _ in range(30):
        bursts = seen(bursts, [3], True)
    assert bursts.length is Length.WINDOW
    assert bursts.phi == 1
