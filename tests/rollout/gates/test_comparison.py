"""What the comparing gate makes of windows of measurement, and how it says that."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import pytest

from tealmesh.model.config.strategies import Gates
from tealmesh.model.rollout import Comparison, GateResult, Verdict
from tealmesh.model.traffic.windows import Window
from tealmesh.rollout.gates import comparison, sentences
from tests.rollout.machine.simulated import Callers, Version

GATES = Gates()
BUSY = 100.0
"""Requests a second."""


def after(
    callers: Callers, windows: int, share: float = 0.1, gates: Gates = GATES
) -> tuple[Comparison, dict[str, GateResult]]:
    """The comparison after so many windows of ten seconds, or at its first FAIL."""
    before = callers.window(0.0, seconds=60).old
    state = comparison.prepared(Comparison(), gates, before)
    callers.index = 0
    for _ in range(windows):
        window = callers.window(share)
        state = replace(comparison.compared(state, gates, window), last=window)
        if any(one.verdict is Verdict.FAIL for one in comparison.judgements(state, gates)):
            break
    return state, said(state, share, callers.rate, gates)


def said(
    state: Comparison, share: float, rate: float, gates: Gates = GATES
) -> dict[str, GateResult]:
    verdicts = sentences.verdicts(state, gates, sentences.Sides("blue", "green", share, rate))
    return {verdict.gate: verdict for verdict in verdicts}


@pytest.mark.parametrize("seed", range(5))
def test_an_identical_version_is_not_rolled_back_however_often_one_looks(seed: int) -> None:
    same = Version(failing=0.01, blamed=0.03)
    _, results = after(Callers(seed, 20.0, same, same), windows=40)
    assert {one.verdict for one in results.values()} <= {Verdict.PASS, Verdict.NEED_DATA}


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("new", "metric", "most"),
    [
        (Version(failing=0.05), "errors", 18),
        (Version(blamed=1.0), "client-errors", 6),
        (Version(blamed=0.3), "client-errors", 8),
        (Version(latency=150.0), "latency", 18),
        (Version(hanging=1.0), "errors", 18),
    ],
    ids=lambda value: str(value),
)
def test_a_bad_version_fails(new: Version, metric: str, most: int, seed: int) -> None:
    state, results = after(Callers(seed, 20.0, new=new), windows=most)
    assert results[metric].verdict is Verdict.FAIL, results
    assert state.last is not None
    assert json.dumps(results[metric].to_wire())


def test_a_good_version_passes_on_the_evidence_of_all_steps() -> None:
    callers = Callers(1, BUSY)
    state, results = after(callers, windows=2, share=0.05)
    errors = results["errors"]
    assert errors.verdict is Verdict.NEED_DATA
    assert errors.have is not None
    assert errors.need is not None
    assert errors.need > errors.have
    assert "more requests to green will tell, in about" in errors.detail
    for _ in range(30):
        state = comparison.compared(state, GATES, callers.window(0.5, step=1))
    assert said(state, 0.5, BUSY)["errors"].verdict is Verdict.PASS


def test_without_any_error_few_hundred_requests_suffice() -> None:
    faultless = Version(failing=0.0)
    _, results = after(Callers(1, 40.0, faultless, faultless), windows=12)
    assert results["errors"].verdict is Verdict.PASS
    assert results["errors"].detail == (
        "0 of 480 requests to green failed, 0 of 4,320 to blue in the same time: fewer than 1 % "
        "do, as is 95 % sure"
    )


def test_a_failure_is_one_sentence() -> None:
    _, results = after(Callers(1, 20.0, new=Version(failing=0.2)), windows=20)
    words = results["errors"].detail
    assert " requests to green failed, " in words
    assert " to blue in the same time" in words
    assert words.endswith("; fewer than 1 in 300 good versions would ever show this")


def test_a_side_that_is_cold_is_not_judged_by_its_latency() -> None:
    callers = Callers(1, BUSY, new=Version(latency=300.0))
    state = Comparison(cold_until=2000.0)
    for _ in range(5):
        state = comparison.compared(state, GATES, callers.window(0.5))
    assert said(state, 0.5, BUSY)["latency"].verdict is Verdict.PASS
    state = replace(state, cold_until=0.0)
    for _ in range(5):
        state = comparison.compared(state, GATES, callers.window(0.5))
    assert said(state, 0.5, BUSY)["latency"].verdict is Verdict.FAIL


def test_the_evidence_outlives_the_process() -> None:
    callers = Callers(3, BUSY)
    state, _ = after(callers, windows=3)
    again = Comparison.from_json(json.loads(json.dumps(asdict(state))))
    assert again == state
    window = callers.window(0.1)
    assert comparison.compared(again, GATES, window) == comparison.compared(state, GATES, window)


def test_nothing_is_waited_for_without_a_number_of_requests() -> None:
    gates = replace(GATES, min_requests=0)
    assert said(Comparison(), 0.1, 1.0, gates)["errors"].verdict is Verdict.PASS
    assert said(Comparison(), 0.1, 1.0)["errors"].verdict is Verdict.NEED_DATA


def test_windows_keep_what_the_comparison_came_to() -> None:
    callers = Callers(3, BUSY)
    state, _ = after(callers, windows=3)
    judged = comparison.judged(state, GATES)
    assert judged.keys() == set(comparison.METRICS)
    assert judged["errors"].fail_at == pytest.approx(5.70, abs=0.01)
    window: Window = replace(callers.window(0.1), judged=judged)
    assert Window.from_json(json.loads(json.dumps(window.to_json()))) == window
