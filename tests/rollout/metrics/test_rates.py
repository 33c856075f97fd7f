"""The rates of all pairs at once are those that each would have by itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.rollout.metrics import proto
from tealmesh.rollout.metrics.rates import Rate, rates
from tealmesh.rollout.metrics.windows import Metrics

CLUSTERS = {
    "cds_egress_m_a_http_80": ("a", "http"),
    "cds_egress_m_b_grpc_80": ("b", "grpc"),
    "cds_egress_m_c_tcp_80": ("c", "tcp"),
}
COUNTERS = {
    "http": ("upstream_rq_completed", "upstream_rq_total", "upstream_rq_5xx", "upstream_rq_4xx"),
    "grpc": ("upstream_rq_completed", "upstream_rq_total", "grpc.14", "upstream_rq_tx_reset"),
    "tcp": ("upstream_cx_total", "upstream_cx_connect_fail"),
}
ENVOYS = ("task/1", "task/2", "task/3")
BOUNDS = (1.0, 10.0, 100.0)
Step = tuple[str, str, list[int], int]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(ENVOYS),
        st.sampled_from(sorted(CLUSTERS)),
        st.lists(st.integers(0, 30), min_size=4, max_size=4),
        st.integers(0, 9),
    ),
    max_size=20,
)


def reported(steps: list[Step]) -> Metrics:
    """Each step is a second in which an Envoy reports what it has sent to one cluster."""
    now = 1.0
    metrics = Metrics(lambda: now)
    totals: dict[tuple[str, str, str], int] = {}
    for envoy in ENVOYS:
        metrics.report(envoy, proto.StreamMetricsMessage().envoy_metrics, first=True)  # type: ignore[attr-defined]
    for envoy, cluster, more, timed in steps:
        now += 1.0
        message = proto.StreamMetricsMessage()
        for name, count in zip(COUNTERS[CLUSTERS[cluster][1]], more, strict=False):
            key = (envoy, cluster, name)
            totals[key] = totals.get(key, 0) + count
            family = message.envoy_metrics.add(name=f"cluster.{cluster}.{name}")  # type: ignore[attr-defined]
            family.metric.add().counter.value = totals[key]
        family = message.envoy_metrics.add(  # type: ignore[attr-defined]
            name=f"cluster.{cluster}.upstream_rq_time", type=proto.HISTOGRAM
        )
        # Nothing is timed that was not counted, and no connection is.
        timed = 0 if cluster.endswith("tcp_80") else min(timed, more[0])
        histogram = family.metric.add().histogram
        histogram.sample_count = timed
        for index, bound in enumerate(BOUNDS):
            histogram.bucket.add(cumulative_count=min(timed, 3 * (index + 1)), upper_bound=bound)
        metrics.report(envoy, message.envoy_metrics, first=False)  # type: ignore[attr-defined]
    return metrics


@given(STEPS, st.floats(0, 30))
def test_they_are_what_callers_saw(steps: list[Step], since: float) -> None:
    metrics = reported(steps)
    protocols = {cluster: protocol for cluster, (_, protocol) in CLUSTERS.items()}
    by_cluster, by_pair = rates(metrics.grown_since(since), protocols)
    for cluster, (node, protocol) in CLUSTERS.items():
        seen = metrics.traffic("m", node, since, 80, protocol)
        found = by_cluster.get(cluster, Rate(0, 0, 0.0))
        assert (found.requests, found.failures) == (seen.requests, seen.failures)
        if cluster in by_cluster:
            assert (found.p50, found.p99) == (seen.p50, seen.p99)
        pairs = [rate for (_, name), rate in by_pair.items() if name == cluster]
        # Failures are capped by the requests of a pair, so that there may be fewer of them.
        assert sum(rate.requests for rate in pairs) == pytest.approx(found.requests)


def test_what_nobody_asks_about_is_left_out() -> None:
    step: Step = ("task/1", "cds_egress_m_a_http_80", [3, 3, 1, 0], 2)
    metrics = reported([step, step])
    assert rates(metrics.grown_since(0.0), {}) == ({}, {})
    by_cluster, by_pair = rates(metrics.grown_since(0.0), {"cds_egress_m_a_http_80": "http"})
    assert by_cluster["cds_egress_m_a_http_80"].failures == 2
    assert by_pair == {("task/1", "cds_egress_m_a_http_80"): by_cluster["cds_egress_m_a_http_80"]}
