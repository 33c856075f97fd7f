"""Bets on which side a bad request is on: fair if the sides are alike, by exact enumeration."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.rollout.gates.comparing import Arm, bets, objective
from tealmesh.rollout.gates.comparing.bets import Bet
from tealmesh.rollout.gates.comparing.settings import ALIKE, INFERIOR, WORSE

requests = st.integers(1, 2000)
ratios = st.floats(1, 3)
sizes = st.integers(1, 40)
shares = st.floats(0.001, 0.999)


def factors(bet: Bet, null: float, alternatives: Sequence[float]) -> list[float]:
    return [math.exp(log) for log in bets.log_factors(bet, null, alternatives)]


@given(share=shares, null=ratios, bad=st.integers(1, 12), usual=st.floats(1, 30))
@pytest.mark.parametrize("above", [True, False])
def test_a_fair_coin_for_each_request_wins_nothing_on_average(
    above: bool, share: float, null: float, bad: int, usual: float
) -> None:
    """Each of the bad requests is on the new side with the null's probability."""
    alternatives = tuple(null * ratio for ratio in (WORSE if above else ALIKE[:3]))
    fair = bets.odds_share(share, null)
    mean = [0.0] * len(alternatives)
    for on_new in range(bad + 1):
        chance = math.comb(bad, on_new) * fair**on_new * (1 - fair) ** (bad - on_new)
        won = factors(Bet(bad - on_new, on_new, share, usual), null, alternatives)
        mean = [m + chance * w for m, w in zip(mean, won, strict=True)]
    assert mean == pytest.approx([1.0] * len(mean), rel=1e-9)


@given(share=shares, bursts=st.lists(sizes, min_size=1, max_size=6))
def test_bursts_of_any_sizes_win_nothing_on_average(share: float, bursts: list[int]) -> None:
    """Each burst is wholly on one side: 1 on average to 1e-12, by all ways to place them."""
    fair = bets.odds_share(share, 1.0)
    mean = [0.0] * len(WORSE)
    for places in product((False, True), repeat=len(bursts)):
        on_new = sum(size for size, place in zip(bursts, places, strict=True) if place)
        chance = math.prod(fair if place else 1 - fair for place in places)
        won = factors(Bet(sum(bursts) - on_new, on_new, share), 1.0, WORSE)
        mean = [m + chance * w for m, w in zip(mean, won, strict=True)]
    assert mean == pytest.approx([1.0] * len(mean), rel=1e-12)


@given(
    old=st.integers(1, 12),
    new=st.integers(1, 12),
    trouble=st.floats(0, 1),
    usual=st.floats(1, 30),
    better=st.floats(0, 1),
)
def test_whole_windows_of_requests_win_nothing_on_average(
    old: int, new: int, trouble: float, usual: float, better: float
) -> None:
    """All outcomes of both sides' requests, from no trouble to an outage of both; the new side may
    be better."""
    mean = [0.0] * len(WORSE)
    for bad_old, bad_new in product(range(old + 1), range(new + 1)):
        chance = _binomial(old, bad_old, trouble) * _binomial(new, bad_new, trouble * better)
        won = factors(Bet(bad_old, bad_new, new / (old + new), usual), 1.0, WORSE)
        mean = [m + chance * w for m, w in zip(mean, won, strict=True)]
    assert max(mean) <= 1 + 1e-9


@given(share=shares)
def test_a_version_twice_as_bad_wins_nothing_with_bets_that_it_is_alike(share: float) -> None:
    """A failure that comes alone, on either side."""
    fair = INFERIOR * share / (INFERIOR * share + 1 - share)
    won_new = factors(Bet(0, 1, share), INFERIOR, ALIKE)
    won_old = factors(Bet(1, 0, share), INFERIOR, ALIKE)
    for a, b in zip(won_new, won_old, strict=True):
        assert fair * a + (1 - fair) * b == pytest.approx(1.0, rel=1e-12)


@given(old=requests, new=requests, ratio=st.sampled_from(WORSE))
def test_one_bad_request_is_a_likelihood_ratio(old: int, new: int, ratio: float) -> None:
    """With q(r) = r n_new / (r n_new + n_old): q(r)/q(1) if it is on the new side, and
    (1 - q(r))/(1 - q(1)) on the old one.
    """
    q = {r: r * new / (r * new + old) for r in (1.0, ratio)}
    share = new / (old + new)
    [on_new] = factors(Bet(0, 1, share), 1.0, (ratio,))
    [on_old] = factors(Bet(1, 0, share), 1.0, (ratio,))
    assert on_new == pytest.approx(q[ratio] / q[1.0], rel=1e-9)
    assert on_old == pytest.approx((1 - q[ratio]) / (1 - q[1.0]), rel=1e-9)


@given(
    bad_old=st.integers(0, 10**9),
    bad_new=st.integers(0, 10**9),
    share=st.floats(1e-9, 1 - 1e-9),
    margin=st.floats(0, 10),
    usual=st.floats(1, 1e9),
)
def test_no_count_is_too_large(
    bad_old: int, bad_new: int, share: float, margin: float, usual: float
) -> None:
    bet, tolerated = Bet(bad_old, bad_new, share, usual), 1 + margin
    worse = bets.log_factors(bet, tolerated, [r * tolerated for r in WORSE])
    alike = bets.log_factors(bet, max(tolerated, INFERIOR), ALIKE)
    assert all(math.isfinite(log) for log in worse + alike)


@given(share=shares, bad_old=st.integers(0, 50), bad_new=st.integers(0, 50))
def test_another_bad_request_of_the_new_side_never_speaks_for_it(
    share: float, bad_old: int, bad_new: int
) -> None:
    before = bets.log_factors(Bet(bad_old, bad_new, share), 1.0, WORSE)
    after = bets.log_factors(Bet(bad_old, bad_new + 1, share), 1.0, WORSE)
    assert all(a >= b - 1e-9 for b, a in zip(before, after, strict=True))


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
