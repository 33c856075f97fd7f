"""What became of requests, by counters alone: the kinds add up, and nothing is counted twice."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tealmesh.rollout.metrics.outcomes import COUNTERS, GRPC_FAILURES, outcome
from tests.rollout.metrics.test_windows import Reports

PROTOCOLS = st.sampled_from(sorted(COUNTERS))


@given(data=st.data(), protocol=PROTOCOLS, gone=st.integers(0, 50))
def test_the_kinds_of_failures_add_up(data: st.DataObject, protocol: str, gone: int) -> None:
    counted = {name: data.draw(st.integers(0, 100)) for name in COUNTERS[protocol]}
    counted["upstream_rq_5xx"] = min(
        counted.get("upstream_rq_5xx", 0), counted.get("upstream_rq_completed", 0)
    )
    became = outcome(protocol, counted, 0 if protocol == "tcp" else gone)
    assert 0 <= became.failures <= became.requests
    assert became.failures == min(sum(became.kinds.values()), became.requests)
    assert all(count > 0 for count in became.kinds.values())


@given(answered=st.integers(0, 100), by_envoy=st.integers(0, 100), by_server=st.integers(0, 100))
def test_an_error_of_envoys_own_is_one_failure_of_grpc_and_not_two(
    answered: int, by_envoy: int, by_server: int
) -> None:
    counted = {
        "upstream_rq_completed": answered + by_envoy + by_server,
        "upstream_rq_5xx": by_envoy,
        "upstream_rq_503": by_envoy,
        "grpc.14": by_envoy,
        "grpc.13": by_server,
    }
    became = outcome("grpc", counted, 0)
    assert became.failures == by_envoy + by_server
    assert became.kinds.get(GRPC_FAILURES["13"], 0) == by_server


def test_streams_that_go_on_are_answered_and_neither_gone_nor_waiting() -> None:
    reports = Reports()
    reports.report(first=True)
    for opened in (3, 6, 9, 12):
        reports.report(completed=opened, total=opened, active=opened, tx_reset=2)
    traffic = reports.traffic()
    assert (traffic.requests, traffic.failures, traffic.waiting) == (12, 0, 0)


def test_a_request_that_is_missing_in_one_report_only_is_not_gone() -> None:
    """Counters and gauges of one report are not read at one moment."""
    reports = Reports()
    reports.report(first=True)
    reports.report(completed=10, total=13, active=3, tx_reset=5)
    reports.report(completed=20, total=23, active=2, tx_reset=5)
    assert reports.traffic().failures == 0
    reports.report(completed=20, total=23, active=1, tx_reset=5)
    assert reports.traffic().failures == 1


def test_requests_that_are_under_way_in_one_report_only_do_not_hang() -> None:
    reports = Reports()
    reports.metrics.connected("task/1")
    reports.report(first=True)
    for done in (100, 200, 300):
        reports.report(completed=done, total=done + 5, active=5)
    reports.report(completed=400, total=450, active=50)
    assert reports.traffic().waiting == 0
    reports.report(completed=500, total=550, active=50)
    assert reports.traffic().waiting == 45


def test_what_was_in_flight_when_an_envoy_restarted_is_not_in_flight_for_ever() -> None:
    reports = Reports()
    reports.report(first=True)
    reports.report(completed=10, total=15, active=5)
    for done in (1, 2, 3, 4):
        reports.report(first=done == 1, completed=done, total=done)
    assert reports.traffic().requests == 14
    assert reports.traffic().waiting == 0
