"""What the new side may do once it has all the weight, by what the old one did before."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.model.config.strategies import Gates
from tealmesh.model.rollout import Comparison, GateResult, Verdict
from tealmesh.model.rollout.comparison import Since, Usual
from tealmesh.model.traffic.parts import Part
from tealmesh.rollout.gates import comparison, since
from tealmesh.rollout.gates.comparing import Arm
from tests.rollout.gates.test_compared_parts import window
from tests.rollout.machine.simulated import Callers, Version

GATES = Gates(watch=(Part(method="POST"),))
RATE = 50.0
GOOD = Version()


def shifted(
    posts: Version, whole: Version = GOOD, *, windows: int = 12, gates: Gates = GATES
) -> dict[str, GateResult]:
    """What is said so many windows after a blue/green shift, or at the first FAIL."""
    callers = Callers(1, RATE, old=Version(blamed=0.002), new=whole)
    part = Callers(2, 5.0, new=posts)
    before = window(callers, part, 0.0, seconds=60).old
    state = comparison.prepared(Comparison(), gates, before)
    results: dict[str, GateResult] = {}
    for _ in range(windows):
        seen = window(callers, part, 1.0)
        state = replace(comparison.whole(state, gates, seen), last=seen)
        bounds = comparison.every_bound(state, gates)
        said = since.verdicts(state, gates, bounds, "green", "blue")
        results = {one.gate: one for one in said}
        if any(one.verdict is Verdict.FAIL for one in results.values()):
            break
    assert Comparison.from_json(json.loads(json.dumps(asdict(state)))) == state
    return results


@pytest.mark.parametrize(
    ("posts", "whole", "gate"),
    [
        (Version(blamed=1.0), Version(), "client-errors of POST since the shift"),
        (Version(latency=400.0), Version(), "latency of POST since the shift"),
        (Version(), Version(blamed=0.2), "client-errors since the shift"),
        (Version(), Version(latency=100.0), "latency since the shift"),
        (Version(), Version(hanging=0.2), "hanging since the shift"),
    ],
    ids=lambda value: str(value),
)
def test_what_was_not_so_before_fails(posts: Version, whole: Version, gate: str) -> None:
    results = shifted(posts, whole)
    failed = [name for name, one in results.items() if one.verdict is Verdict.FAIL]
    assert failed == [gate], results
    words = results[gate].detail
    assert "to green " in words
    assert "of blue's did before, at most " in words
    assert words.endswith("; fewer than 1 in 1,000 good versions would ever show this")


def test_a_version_that_is_as_good_passes_and_one_without_a_past_is_not_judged() -> None:
    results = shifted(Version(), Version(blamed=0.004), windows=20)
    assert {one.verdict for one in results.values()} == {Verdict.PASS}
    assert set(results) == {
        f"{metric}{since.SINCE}"
        for metric in ("client-errors", "latency", "hanging", "client-errors of POST",
                       "latency of POST")
    }  # fmt: skip
    seen = window(Callers(1, RATE), Callers(2, 5.0, new=Version(blamed=1.0)), 1.0)
    alone = comparison.whole(Comparison(), GATES, seen)
    assert alone.since == {}


def test_a_service_that_always_answered_so_may_go_on() -> None:
    """A fifth of its requests are 404, before and after."""
    callers = Callers(1, RATE, old=Version(blamed=0.2), new=Version(blamed=0.2))
    gates = Gates()
    state = comparison.prepared(Comparison(), gates, callers.window(0.0, seconds=60).old)
    for _ in range(20):
        state = comparison.whole(state, gates, callers.window(1.0))
    assert since.judged(state, gates)["client-errors since the shift"].verdict == "PASS"


@given(
    st.floats(0.01, 0.99),
    st.integers(1, 1000),
    st.sampled_from(since.STAKES),
    st.floats(0.01, 1.0),
)
def test_a_bet_is_fair_whatever_hangs_together(
    limit: float, requests: int, stake: float, part: float
) -> None:
    """A window is all bad, or good, with a mean share of ``part`` of the limit."""
    so_far = Since(Usual(), limit, (0.0,) * len(since.STAKES))
    index = since.STAKES.index(stake)
    bad, good = (
        math.exp(since._bet(so_far, Arm(requests, count)).logs[index]) for count in (requests, 0)
    )
    chance = limit * part
    assert chance * bad + (1 - chance) * good <= 1 + 1e-9


@pytest.mark.parametrize("true", [0.002, 0.02, 0.2, 0.7])
@pytest.mark.parametrize("requests", [20, 300])
def test_the_bound_is_exceeded_as_rarely_as_it_says(true: float, requests: int) -> None:
    error = 0.01
    exceeded = sum(
        math.comb(requests, bad) * true**bad * (1 - true) ** (requests - bad)
        for bad in range(requests + 1)
        if since.upper_bound(requests, bad, error) < true
    )
    assert exceeded <= error
    assert since.upper_bound(0, 0, error) == 1.0
    assert since.upper_bound(requests, requests, error) == pytest.approx(1.0)
