"""The demo's ledger: counts, deviations, complaints."""

from __future__ import annotations

import math
import random
from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tealmesh.cli.demo.ledger import Counts, Ledger, Step, complaints, steps_of
from tealmesh.cli.demo.tally import INTERVAL_SECONDS, Tally


def tally(at: float, versions: dict[str, int], failures: dict[str, int] | None = None) -> Tally:
    sent = sum(versions.values()) + sum((failures or {}).values())
    return Tally(at, sent, Counter(versions), Counter(failures or {}), [1.0] * sent)


def step(expected: float, versions: dict[str, int], failures: dict[str, int] | None = None) -> Step:
    counts = Counts(versions, failures or {})
    return Step("canary", 1, "2", expected, counts, 5.0, 0.01)


def test_only_intervals_entirely_within_are_counted() -> None:
    ledger = Ledger()
    for n in range(10):
        ledger.add(tally(100.0 + n * INTERVAL_SECONDS, {"1": 1}))
    assert ledger.between(100.0, 101.0).requests == 10
    assert ledger.between(100.05, 100.55).versions == {"1": 4}
    assert ledger.between(100.01, 100.09).requests == 0
    ledger.add(Tally(100.2, held=3))
    assert (ledger.between(100.0, 101.0).held, ledger.between(100.3, 101.0).held) == (3, 0)
    assert ledger.everything().held == ledger.held == 3


def test_late_answers_join_their_interval() -> None:
    ledger = Ledger()
    ledger.add(tally(100.0, {"1": 3}))
    ledger.add(tally(100.0, {"1": 1}, {"timeout": 2}))
    assert ledger.total == 6
    assert ledger.failed == 2
    counts = ledger.between(99.95, 100.15)
    assert (counts.requests, counts.failed) == (6, 2)
    assert ledger.everything() == Counts({"1": 4}, {"timeout": 2}, (1.0,) * 6)


def test_recent() -> None:
    ledger = Ledger()
    for n in range(50):
        ledger.add(tally(100.0 + n * INTERVAL_SECONDS, {"1": 10}))
    assert ledger.recent(105.0, 1.0).requests == 100
    assert ledger.recent(104.0, 1.0).requests == 100
    assert ledger.recent(200.0, 1.0).requests == 0


def test_quantiles() -> None:
    counts = Counts(latencies=tuple(float(n) for n in range(100, 0, -1)))
    assert counts.latency(0.5) == 50.0
    assert counts.latency(0.99) == 99.0
    assert Counts().latency(0.5) is None


def test_four_standard_deviations() -> None:
    # 10 % of 10,000 has a standard deviation of 30
    assert step(0.1, {"1": 9000, "2": 1000}).deviations == 0
    assert step(0.1, {"1": 8881, "2": 1119}).agrees
    assert not step(0.1, {"1": 8879, "2": 1121}).agrees
    assert not step(0.1, {"1": 9121, "2": 879}).agrees


def test_a_weight_without_chance_allows_no_stray() -> None:
    assert step(1.0, {"2": 10_000}).deviations == 0
    assert step(1.0, {"1": 1, "2": 9_999}).deviations == math.inf
    assert not step(1.0, {"1": 1, "2": 9_999}).agrees
    assert not step(0.0, {"1": 9_999, "2": 1}).agrees


def test_nothing_measured_is_no_agreement() -> None:
    assert step(0.5, {}).deviations is None
    assert not step(0.5, {}).agrees


@given(st.integers(0, 10_000), st.integers(1, 99))
def test_draws_by_weight_agree(seed: int, percentage: int) -> None:
    """Fair draws are so rarely beyond 4.5 sd that hypothesis does not find any."""
    drawn = sum(random.Random(seed).choices([0, 1], [100 - percentage, percentage], k=1000))
    found = step(percentage / 100, {"1": 1000 - drawn, "2": drawn}).deviations
    assert found is not None
    assert found < 6


def evidence(number: int, start: float, end: float | None, green: int) -> dict[str, Any]:
    return {
        "step": number,
        "weights": {"blue": 100 - green, "green": green},
        "startedAt": start,
        "finishedAt": end,
        "propagationSeconds": 0.02,
    }


def test_steps_of_a_deployment() -> None:
    ledger = Ledger()
    for n in range(20):
        ledger.add(tally(100.0 + n * INTERVAL_SECONDS, {"1": 9, "2": 1} if n < 10 else {"2": 10}))
    deployment = {
        "newSide": "green",
        "evidence": [
            evidence(0, 100.0, 101.0, 10),
            evidence(1, 101.0, 102.0, 100),
            evidence(2, 102.0, None, 100),
        ],
    }
    first, second = steps_of("canary", deployment, "2", ledger)
    assert (first.number, first.expected, first.share) == (1, 0.1, 0.1)
    assert (second.counts.requests, second.share, second.seconds) == (100, 1.0, 1.0)


def test_complaints() -> None:
    good = step(0.5, {"1": 5000, "2": 5000})
    assert complaints([good], Counts({"1": 50_000}), 10_000, 50_000) == []
    lost = complaints([good], Counts({"1": 50_000}, {"status 503": 2}), 10_000, 50_000)
    assert lost == ["2 requests failed: status 503"]
    few = complaints([good], Counts({"1": 49_999}), 10_001, 50_000)
    assert few == [
        "only 49999 of at least 50000 requests were sent",
        "canary, step 1: only 10000 of at least 10001 requests",
    ]
    # A busy machine is no reason to fail: what was held back was not lost.
    held = Counts({"1": 4000, "2": 4000}, held=2001)
    busy = Step("canary", 1, "2", 0.5, held, 5.0, 0.01)
    assert complaints([busy], Counts({"1": 40_000}, held=10_000), 10_001, 50_000) == []
    astray = complaints([step(1.0, {"1": 1, "2": 10_000})], Counts({"2": 50_000}), 1, 1)
    assert astray == ["canary, step 1: a share of 0.9999 does not agree with 1.0000"]
