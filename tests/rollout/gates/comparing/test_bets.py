"""Bets on which side a bad request is on: fair if the sides are alike, by exact enumeration."""

from __future__ import annotations

import math
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.rollout.gates.comparing import Arm, Pair, bets, objective
from tealmesh.rollout.gates.comparing.settings import ALIKE, INFERIOR, WORSE

requests = st.integers(1, 2000)
ratios = st.floats(1, 3)
sizes = st.integers(1, 40)


def factors(cell: Pair, null: float, alternatives: tuple[float, ...], usual: float) -> list[float]:
    return [math.exp(log) for log in bets.log_factors(cell, null, alternatives, usual)]


def cell(old: int, new: int, bad_old: int, bad_new: int) -> Pair:
    # Room for the bad ones, with the shares as they are.
    scale = 1 + (bad_old + bad_new)
    return Pair(Arm(old * scale, bad_old), Arm(new * scale, bad_new))


@given(old=requests, new=requests, null=ratios, bad=st.integers(1, 12), usual=st.floats(1, 30))
@pytest.mark.parametrize("above", [True, False])
def test_a_fair_coin_for_each_request_wins_nothing_on_average(
    above: bool, old: int, new: int, null: float, bad: int, usual: float
) -> None:
    """Each of the bad requests is on the new side with the null's probability."""
    alternatives = tuple(null * ratio for ratio in (WORSE if above else ALIKE[:3]))
    fair = bets.odds_share(cell(old, new, 0, 0), null)
    mean = [0.0] * len(alternatives)
    for on_new in range(bad + 1):
        chance = math.comb(bad, on_new) * fair**on_new * (1 - fair) ** (bad - on_new)
        won = factors(cell(old, new, bad - on_new, on_new), null, alternatives, usual)
        mean = [m + chance * w for m, w in zip(mean, won, strict=True)]
    assert mean == pytest.approx([1.0] * len(mean), rel=1e-9)


@given(old=requests, new=requests, bursts=st.lists(sizes, min_size=1, max_size=6))
def test_bursts_of_any_sizes_win_nothing_on_average(old: int, new: int, bursts: list[int]) -> None:
    """Each burst is wholly on one side: 1 on average to 1e-12, by all ways to place them."""
    fair = bets.odds_share(cell(old, new, 0, 0), 1.0)
    mean = [0.0] * len(WORSE)
    for places in product((False, True), repeat=len(bursts)):
        on_new = sum(size for size, place in zip(bursts, places, strict=True) if place)
        chance = math.prod(fair if place else 1 - fair for place in places)
        won = factors(cell(old, new, sum(bursts) - on_new, on_new), 1.0, WORSE, 1.0)
        mean = [m + chance * w for m, w in zip(mean, won, strict=True)]
    assert mean == pytest.approx([1.0] * len(mean), rel=1e-12)


@given(
    old=st.integers(1, 12),
    new=st.integers(1, 12),
    share=st.floats(0, 1),
    usual=st.floats(1, 30),
    better=st.floats(0, 1),
)
def test_whole_windows_of_requests_win_nothing_on_average(
    old: int, new: int, share: float, usual: float, better: float
) -> None:
    """All outcomes of both sides' requests, from no trouble to an outage of both; the new side may
    be better."""
    mean = [0.0] * len(WORSE)
    for bad_old, bad_new in product(range(old + 1), range(new + 1)):
        chance = _binomial(old, bad_old, share) * _binomial(new, bad_new, share * better)
        won = factors(Pair(Arm(old, bad_old), Arm(new, bad_new)), 1.0, WORSE, usual)
        mean = [m + chance * w for m, w in zip(mean, won, strict=True)]
    assert max(mean) <= 1 + 1e-9


@given(old=requests, new=requests, share=st.floats(1e-6, 0.02))
def test_a_version_twice_as_bad_wins_nothing_with_bets_that_it_is_alike(
    old: int, new: int, share: float
) -> None:
    """Rare failures: whether the one of a second is on the new side, to first order."""
    on_new = INFERIOR * share * new
    on_old = share * old
    won_new = factors(cell(old, new, 0, 1), INFERIOR, ALIKE, 1.0)
    won_old = factors(cell(old, new, 1, 0), INFERIOR, ALIKE, 1.0)
    for a, b in zip(won_new, won_old, strict=True):
        assert (on_new * a + on_old * b) / (on_new + on_old) == pytest.approx(1.0, rel=1e-12)


@given(old=requests, new=requests, ratio=st.sampled_from(WORSE))
def test_one_bad_request_is_a_likelihood_ratio(old: int, new: int, ratio: float) -> None:
    """The formula of the issue: q(r)/q(1) on the new side, (1 - q(r))/(1 - q(1)) on the old one."""
    q = {r: r * new / (r * new + old) for r in (1.0, ratio)}
    [on_new] = factors(cell(old, new, 0, 1), 1.0, (ratio,), 1.0)
    [on_old] = factors(cell(old, new, 1, 0), 1.0, (ratio,), 1.0)
    assert on_new == pytest.approx(q[ratio] / q[1.0], rel=1e-9)
    assert on_old == pytest.approx((1 - q[ratio]) / (1 - q[1.0]), rel=1e-9)


@given(
    old=st.integers(0, 10**9),
    new=st.integers(0, 10**9),
    shares=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    margin=st.floats(0, 10),
    usual=st.floats(1, 1e9),
)
def test_no_count_is_too_large(
    old: int, new: int, shares: tuple[float, float], margin: float, usual: float
) -> None:
    window = Pair(Arm(old, int(old * shares[0])), Arm(new, int(new * shares[1])))
    tolerated = 1 + margin
    worse = bets.log_factors(window, tolerated, [r * tolerated for r in WORSE], usual)
    alike = bets.log_factors(window, max(tolerated, INFERIOR), ALIKE, usual)
    assert all(math.isfinite(log) for log in worse + alike)


@given(old=requests, new=requests, bad_old=st.integers(0, 50), bad_new=st.integers(0, 50))
def test_another_bad_request_of_the_new_side_never_speaks_for_it(
    old: int, new: int, bad_old: int, bad_new: int
) -> None:
    pairs = [
        Pair(Arm(old * 200, bad_old), Arm(new * 200, count)) for count in (bad_new, bad_new + 1)
    ]
    before, after = (bets.log_factors(pair, 1.0, WORSE, 1.0) for pair in pairs)
    assert all(a >= b - 1e-9 for b, a in zip(before, after, strict=True)) or not (bad_old + bad_new)


@given(allowed=st.floats(0.0001, 0.9), worse=st.floats(1, 1.1), n=st.integers(1, 30))
def test_a_share_at_or_above_the_allowed_one_wins_nothing(
    allowed: float, worse: float, n: int
) -> None:
    share = min(1.0, allowed * worse)
    mean = [0.0] * len(objective.BELOW)
    for bad in range(n + 1):
        won = objective.log_factors(Arm(n, bad), allowed, 1.0)
        chance = _binomial(n, bad, share)
        mean = [m + chance * math.exp(log) for m, log in zip(mean, won, strict=True)]
    assert max(mean) <= 1 + 1e-9
    if share == allowed:
        assert mean == pytest.approx([1.0] * len(mean), rel=1e-9)


def _binomial(n: int, k: int, p: float) -> float:
    return math.comb(n, k) * p**k * (1 - p) ** (n - k)
