"""Gates: their verdicts, and how often those are wrong."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.model.rollout import SideTasks, Traffic, Verdict
from tealmesh.rollout.gates import assess

counts = st.integers(0, 5000)
thresholds = st.sampled_from([0.5, 0.9, 0.99, 0.999, 1.0])


def traffic(requests: int, failures: int = 0, **more: object) -> Traffic:
    return Traffic(requests=requests, failures=failures, started=requests, **more)  # type: ignore[arg-type]


@given(requests=counts, threshold=thresholds, least=st.integers(1, 1000))
def test_a_version_without_a_failure_never_fails(
    requests: int, threshold: float, least: int
) -> None:
    verdict = assess.success_rate(traffic(requests), threshold, least).verdict
    assert verdict is (Verdict.PASS if requests >= least else Verdict.NEED_DATA)


@given(requests=st.integers(1, 5000), share=st.floats(0, 1), threshold=thresholds)
def test_only_a_rate_at_or_above_the_threshold_passes(
    requests: int, share: float, threshold: float
) -> None:
    failures = math.floor(requests * share)
    gate = assess.success_rate(traffic(requests, failures), threshold, 100)
    if gate.verdict is Verdict.PASS:
        assert 1 - failures / requests >= threshold
        assert requests >= 100
    if gate.verdict is Verdict.FAIL:
        assert 1 - failures / requests < threshold


def test_no_traffic_is_no_success() -> None:
    gate = assess.success_rate(traffic(0), 0.99, 1)
    assert gate.verdict is Verdict.NEED_DATA
    assert gate.detail == "0 of 1 requests to the new side"


def test_one_failure_in_five_is_seen_within_thirty_requests() -> None:
    looks = [assess.success_rate(traffic(n, n // 5), 0.99, 100) for n in range(1, 31)]
    assert looks[-1].verdict is Verdict.FAIL
    assert "6 failed" in looks[-1].detail


def test_false_alarms_stay_below_their_bound_with_a_look_after_every_request() -> None:
    """The exact probability that a version right at the threshold is ever failed in 400 looks."""
    p = 0.05
    alive, alarmed = {0: 1.0}, 0.0
    for n in range(1, 401):
        reached: dict[int, float] = {}
        for failures, probability in alive.items():
            reached[failures] = reached.get(failures, 0.0) + probability * (1 - p)
            reached[failures + 1] = reached.get(failures + 1, 0.0) + probability * p
        alive = {}
        for failures, probability in reached.items():
            if assess.log_evidence(n, failures, 1 - p) >= -math.log(assess.ALPHA):
                alarmed += probability
            else:
                alive[failures] = probability
    assert 0 < alarmed <= assess.ALPHA


@given(requests=st.integers(1, 300), p=st.floats(0.01, 0.2))
def test_the_evidence_is_a_fair_bet(requests: int, p: float) -> None:
    """The mean of an e-value is at most 1 if the version is exactly at the threshold."""
    mean = sum(
        math.exp(
            math.log(math.comb(requests, k))
            + k * math.log(p)
            + (requests - k) * math.log(1 - p)
            + assess.log_evidence(requests, k, 1 - p)
        )
        for k in range(requests + 1)
    )
    assert mean <= 1 + 1e-6


@given(requests=st.integers(1, 2000), failures=counts)
def test_the_upper_bound_is_above_the_observed_rate(requests: int, failures: int) -> None:
    failures = min(failures, requests)
    bound = assess.failure_upper_bound(requests, failures)
    assert failures / requests <= bound <= 1


def test_a_share_within_four_deviations_passes() -> None:
    # sd = sqrt(0.1 * 0.9 / 10000) = 0.003
    assert assess.share(traffic(8881), traffic(1119), 0.1, 100).verdict is Verdict.PASS
    assert assess.share(traffic(8879), traffic(1121), 0.1, 100).verdict is Verdict.FAIL
    assert (
        assess.share(traffic(8830), traffic(1170), 0.1, 100, under_way=50).verdict is Verdict.PASS
    )
    assert (
        assess.share(traffic(8829), traffic(1171), 0.1, 100, under_way=50).verdict is Verdict.FAIL
    )
    assert (
        assess.share(traffic(8300), traffic(1700), 0.1, 100, under_way=9999).verdict is Verdict.FAIL
    )
    assert assess.share(traffic(0), traffic(99), 1.0, 100).verdict is Verdict.NEED_DATA
    assert assess.share(traffic(0), traffic(100), 1.0, 100).verdict is Verdict.PASS
    assert assess.share(traffic(1), traffic(9999), 1.0, 100).verdict is Verdict.FAIL


def test_a_share_goes_by_those_that_began_where_many_were_under_way() -> None:
    old, new = Traffic(requests=200, started=0), Traffic(requests=1800, started=1900)
    gate = assess.share(old, new, 1.0, 100, under_way=200)
    assert gate.verdict is Verdict.PASS
    assert "100 % of 1,900 requests that began" in gate.detail
    late = replace(old, started=1)
    assert assess.share(late, new, 1.0, 100, under_way=200).verdict is Verdict.FAIL
    # Too few that began say nothing.
    assert assess.share(old, replace(new, started=99), 1.0, 100).verdict is Verdict.FAIL


def test_no_report_is_unknown_and_not_silence() -> None:
    assert assess.silence(Traffic(), 10.0).verdict is Verdict.UNKNOWN
    seen = Traffic(reporters=2, seen_until=9.0)
    assert assess.silence(seen, 10.0).verdict is Verdict.NEED_DATA
    assert assess.silence(seen, 9.0).verdict is Verdict.PASS
    heard = Traffic(reporters=2, seen_until=11.0, started=1)
    assert assess.silence(heard, 10.0).verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("side", "verdict"),
    [
        (SideTasks(3, 3, 3), Verdict.PASS),
        (SideTasks(3, 3, 3, failed=5), Verdict.PASS),
        (SideTasks(3, 3, 2), Verdict.NEED_DATA),
        (SideTasks(3, 1, 0, failed=2), Verdict.NEED_DATA),
        (SideTasks(3, 1, 0, failed=3), Verdict.FAIL),
        (SideTasks(3, 3, 3, failure="circuit breaker"), Verdict.FAIL),
    ],
)
def test_tasks(side: SideTasks, verdict: Verdict) -> None:
    assert assess.tasks(side, 3).verdict is verdict


def test_endpoints_are_judged_by_the_caller_that_sees_least() -> None:
    assert assess.endpoints(Traffic(), 3).verdict is Verdict.UNKNOWN
    assert assess.endpoints(Traffic(members=3, members_healthy=2), 3).verdict is Verdict.NEED_DATA
    assert assess.endpoints(Traffic(members=3, members_healthy=3), 3).verdict is Verdict.PASS


def test_a_refusal_fails_and_a_wait_does_not() -> None:
    assert assess.convergence(True, (), ()).verdict is Verdict.PASS
    assert assess.convergence(False, ("a",), ()).verdict is Verdict.NEED_DATA
    refused = assess.convergence(False, ("a",), ("a: bad regex",))
    assert refused.verdict is Verdict.FAIL
    assert "bad regex" in refused.detail
