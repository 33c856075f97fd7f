"""The evidence over many windows."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.model.rollout import Verdict
from tealmesh.rollout.gates.comparing import (
    Arm,
    Observation,
    Pair,
    Settings,
    State,
    add,
    expected_seconds,
    judge,
    missing,
    start,
)
from tealmesh.rollout.gates.comparing.objective import BELOW, BELOW_WEIGHTS
from tealmesh.rollout.gates.comparing.settings import ALIKE, ALIKE_WEIGHTS, WORSE, WORSE_WEIGHTS

SETTINGS = Settings(allowed=0.01)


@st.composite
def arms(draw: st.DrawFn, most: int = 50) -> Arm:
    requests = draw(st.integers(0, most))
    return Arm(requests, draw(st.integers(0, requests)))


@st.composite
def observations(draw: st.DrawFn) -> Observation:
    seconds = draw(st.lists(st.builds(Pair, arms(), arms()), max_size=12))
    if not seconds:
        return Observation(draw(arms(500)), draw(arms(500)))
    whole = sum(seconds[1:], seconds[0])
    return Observation(whole.old, whole.new, tuple(seconds))


streams = st.lists(st.tuples(observations(), st.integers(0, 2)), max_size=20)


def after(stream: list[tuple[Observation, int]], settings: Settings = SETTINGS) -> State:
    state = start()
    for window, step in stream:
        state = add(state, settings, window, step=step)
    return state


@given(streams)
def test_a_state_survives_the_store(stream: list[tuple[Observation, int]]) -> None:
    state = after(stream)
    assert State.from_json(json.loads(json.dumps(state.to_json()))) == state


@given(streams, st.integers(0, 20))
def test_evidence_goes_on_from_a_stored_state(
    stream: list[tuple[Observation, int]], cut: int
) -> None:
    """A control plane that is killed between two windows comes to the same."""
    state = State.from_json(json.loads(json.dumps(after(stream[:cut]).to_json())))
    for window, step in stream[cut:]:
        state = add(state, SETTINGS, window, step=step)
    assert state == after(stream)


@given(streams)
def test_without_bad_requests_nothing_ever_fails(stream: list[tuple[Observation, int]]) -> None:
    good = [
        (Observation(Arm(window.old.requests), Arm(window.new.requests)), step)
        for window, step in stream
    ]
    judged = judge(after(good), SETTINGS)
    assert judged.log_e_worse == pytest.approx(0)
    assert judged.verdict is not Verdict.FAIL


@given(streams)
def test_numbers_stay_numbers(stream: list[tuple[Observation, int]]) -> None:
    judged = judge(after(stream), SETTINGS)
    assert math.isfinite(judged.log_e_worse)
    assert math.isfinite(judged.log_e_alike)
    assert judged.phi >= 1


def test_millions_of_requests_overflow_nothing() -> None:
    state = start()
    for _ in range(50):
        state = add(state, SETTINGS, Observation(Arm(9_000_000, 90_000), Arm(1_000_000, 900_000)))
    judged = judge(state, SETTINGS)
    assert judged.verdict is Verdict.FAIL
    assert math.isfinite(judged.log_e_worse)


def test_a_bad_version_fails_and_a_good_one_passes() -> None:
    choices = random.Random(1)

    def bad(requests: int, share: float) -> Arm:
        return Arm(requests, sum(choices.random() < share for _ in range(requests)))

    states = {0.003: start(), 0.05: start()}
    for _ in range(200):
        for share, state in states.items():
            seconds = tuple(Pair(bad(9, 0.003), bad(3, share)) for _ in range(10))
            whole = sum(seconds[1:], seconds[0])
            window = Observation(whole.old, whole.new, seconds)
            states[share] = add(state, SETTINGS, window)
    verdicts = {share: judge(state, SETTINGS).verdict for share, state in states.items()}
    assert verdicts == {0.003: Verdict.PASS, 0.05: Verdict.FAIL}


def test_too_little_at_one_weight_is_decided_at_the_next() -> None:
    """The evidence of both steps together is that of one state."""
    slow = Observation(Arm(90, 0), Arm(10, 1))
    fast = Observation(Arm(75, 0), Arm(25, 1))
    first, alone = start(), start()
    for _ in range(2):
        first = add(first, SETTINGS, slow)
    both = first
    for _ in range(3):
        alone = add(alone, SETTINGS, fast)
        both = add(both, SETTINGS, fast, step=1)
    assert judge(first, SETTINGS).verdict is Verdict.NEED_DATA
    assert judge(alone, SETTINGS).verdict is Verdict.NEED_DATA
    assert judge(both, SETTINGS).verdict is Verdict.FAIL


def test_one_burst_on_the_new_side_fails_nothing() -> None:
    """However large it is: of independent failures, five would be enough."""
    state = add(start(), SETTINGS, Observation(Arm(900, 0), Arm(100, 100)))
    assert judge(state, SETTINGS).verdict is Verdict.NEED_DATA


def test_where_no_pass_is_needed_only_evidence_against_it_counts() -> None:
    settings = Settings(pass_needed=False)
    assert judge(start(), settings).verdict is Verdict.PASS
    assert missing(start(), settings).requests == 0
    state = start()
    for _ in range(5):
        state = add(state, settings, Observation(Arm(90, 0), Arm(10, 5)))
    assert judge(state, settings).verdict is Verdict.FAIL


def test_without_traffic_on_the_old_side_only_the_objective_is_shown() -> None:
    state = start()
    for _ in range(10):
        state = add(state, SETTINGS, Observation(Arm(), Arm(100, 50)))
    judged = judge(state, SETTINGS)
    assert judged.log_e_worse == pytest.approx(0)
    assert judged.log_e_alike == pytest.approx(0)
    assert judged.log_e_below is not None
    assert judged.log_e_below < 0


def test_strands_share_the_capital() -> None:
    """An average of e-values is one: half of the capital on each, the same bets."""
    window = Observation(Arm(90, 0), Arm(10, 1))
    quiet = Observation(Arm(90, 0), Arm(10, 0))
    one = judge(add(start(), SETTINGS, window), SETTINGS)
    two = judge(add(start((1.0, 1.0)), SETTINGS, quiet, window), SETTINGS)
    assert math.exp(two.log_e_worse) == pytest.approx((1 + math.exp(one.log_e_worse)) / 2)
    assert two.strand == 1


def test_some_four_hundred_requests_without_a_failure_show_one_per_cent() -> None:
    needed = missing(start(), SETTINGS, share=0.1, rate=10)
    assert needed.requests is not None
    assert 300 <= needed.requests <= 400
    assert needed.seconds == pytest.approx(needed.requests / 1.0)
    state = add(start(), SETTINGS, Observation(Arm(9 * needed.requests), Arm(needed.requests)))
    assert judge(state, SETTINGS).verdict is Verdict.PASS
    assert missing(state, SETTINGS).requests == 0


@given(bad=st.integers(0, 20), requests=st.integers(1000, 100_000), share=st.floats(0.05, 0.5))
def test_what_is_missing_is_enough_if_all_goes_on_as_it_is(
    bad: int, requests: int, share: float
) -> None:
    """As many more requests with the old side's own bad share bring the verdict."""
    state = add(start(), SETTINGS, Observation(Arm(requests, bad), Arm(1)))
    needed = missing(state, SETTINGS, share=share).requests
    if needed is None:
        return
    base = bad / requests
    expected = expected_seconds(SETTINGS, 1.0, base, [(share, 60.0)])
    assert expected is not None
    assert expected * share == pytest.approx(needed, rel=0.2, abs=150)


def test_nothing_is_expected_of_a_service_without_traffic() -> None:
    assert expected_seconds(SETTINGS, 0.0, 0.0, [(0.1, 60.0)]) is None
    assert missing(start(), Settings(allowed=None)).requests is None


@given(
    st.lists(st.sampled_from(["", "old", "new"]), max_size=40),
    st.sampled_from([0.0, 0.1, 0.5]),
)
def test_e_is_the_product_of_likelihoods_for_failures_that_come_alone(
    failures: list[str], margin: float
) -> None:
    """A second derivation: the probability of where the failures were under each alternative, by
    that under the null, without logarithms and without cells.
    """
    settings, state = Settings(allowed=0.01, margin=margin), start()
    for where in failures:
        old, new = Arm(85, int(where == "old")), Arm(15, int(where == "new"))
        state = add(state, settings, Observation(old, new))

    def likelihood(ratio: float) -> float:
        on_new = ratio * 15 / (ratio * 15 + 85)
        return math.prod({"": 1.0, "old": 1 - on_new, "new": on_new}[where] for where in failures)

    def mixture(ratios: Sequence[float], weights: Sequence[float], null: float) -> float:
        pairs = zip(ratios, weights, strict=True)
        return sum(weight * likelihood(ratio) for ratio, weight in pairs) / likelihood(null)

    judged, bad = judge(state, settings), failures.count("new")
    worse = mixture([r * (1 + margin) for r in WORSE], WORSE_WEIGHTS, 1 + margin)
    assert math.exp(judged.log_e_worse) == pytest.approx(worse, rel=1e-9)
    alike = mixture(ALIKE, ALIKE_WEIGHTS, 2.0)
    assert math.exp(judged.log_e_alike) == pytest.approx(alike, rel=1e-9)
    good = 15 * len(failures) - bad
    own = sum(
        weight * part**bad * ((1 - part * 0.01) / 0.99) ** good
        for part, weight in zip(BELOW, BELOW_WEIGHTS, strict=True)
    )
    assert judged.log_e_below is not None
    assert math.exp(judged.log_e_below) == pytest.approx(own, rel=1e-9)
