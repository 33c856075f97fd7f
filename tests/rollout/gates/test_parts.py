"""Each part of a service is judged by itself, on what there is."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tealmesh.model.config.strategies import Gates
from tealmesh.model.rollout import Traffic, Verdict
from tealmesh.model.traffic.parts import Part, PartTraffic
from tealmesh.rollout.gates.assess import success_rate
from tealmesh.rollout.gates.parts import assess

GATES = Gates(success_rate=0.99, min_requests=100, watch=(Part(method="POST"), Part(prefix="/pay")))
counts = st.integers(0, 2000)


def traffic(requests: int, posts: int, failed: int = 0, pays: int = 0) -> Traffic:
    parts = {
        "POST": PartTraffic(posts, failed, kinds={"5xx": failed} if failed else {}),
        "/pay": PartTraffic(pays),
    }
    return Traffic(requests, failed, requests, parts=parts)


def test_failures_of_a_part_count_though_the_service_as_a_whole_is_well() -> None:
    new = traffic(1000, 30, 9)
    assert success_rate(new, 0.99, 100).verdict is not Verdict.FAIL
    post, pay = assess(traffic(1000, 30), new, GATES)
    assert (post.gate, post.verdict) == ("success-rate of POST", Verdict.FAIL)
    assert "70 % of 30 requests to POST succeeded" in post.detail
    assert "9 failed (9 answered with a 5xx)" in post.detail
    assert (pay.verdict, pay.detail) == (Verdict.PASS, "no request to /pay")


def test_a_part_waits_for_as_many_requests_as_min_requests_bring_along() -> None:
    """Three of a hundred are POSTs on the old side."""
    old = traffic(1000, 30)
    verdicts = [assess(old, traffic(50, posts), GATES)[0].verdict for posts in (0, 2, 3)]
    assert verdicts == [Verdict.NEED_DATA, Verdict.NEED_DATA, Verdict.PASS]
    nobody = replace(GATES, min_requests=0)
    assert assess(old, traffic(50, 0), nobody)[0].verdict is Verdict.PASS


@given(counts, counts, counts)
def test_without_failures_a_part_never_fails_and_without_requests_it_holds_up_nothing(
    requests: int, posts: int, others: int
) -> None:
    post, pay = assess(traffic(others, 0), traffic(requests, min(posts, requests)), GATES)
    assert post.verdict is not Verdict.FAIL
    assert pay.verdict is Verdict.PASS


def test_envoys_that_do_not_count_parts_are_told_and_are_no_success() -> None:
    post, _ = assess(Traffic(500), Traffic(500), GATES)
    assert post.verdict is Verdict.UNKNOWN
    assert "Envoy 1.39 or later" in post.detail
    assert assess(Traffic(), Traffic(5), replace(GATES, watch=())) == ()
