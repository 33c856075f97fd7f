"""Counters of access logs become what callers saw of each task, whatever their Envoys forget."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from tealmesh.model.traffic.windows import TaskWindow
from tealmesh.rollout.metrics import proto
from tealmesh.rollout.metrics.tasks import MOST_TASKS, OTHERS, TaskCounters, together

CLUSTER = "cds_egress_demo_web-blue_http_8080"
BOUNDS = (5.0, 25.0)


def message(
    counters: Mapping[str, float], timed: Mapping[str, tuple[int, int, int]] | None = None
) -> list[proto.MetricFamily]:
    """Counters by ``HOST CODE FLAGS``, and by host the values up to each bound and all."""
    report = proto.StreamMetricsMessage()
    for key, value in counters.items():
        host, code, flags = key.split()
        tags = f"cluster.{CLUSTER}.on.1.host.{host}.code.{code}.grpc..flags.{flags}"
        report.envoy_metrics.add(name=f"teal.tasks.{tags}").metric.add().counter.value = value
    for host, (*buckets, total) in (timed or {}).items():
        name = f"teal.took.cluster.{CLUSTER}.on.1.host.{host}"
        family = report.envoy_metrics.add(name=name, type=proto.HISTOGRAM)
        histogram = family.metric.add().histogram
        histogram.sample_count = total
        for bound, count in zip(BOUNDS, buckets, strict=True):
            histogram.bucket.add(cumulative_count=count, upper_bound=bound)
    return cast("list[proto.MetricFamily]", list(report.envoy_metrics))


def test_a_request_counts_for_its_task_by_how_it_ended_and_how_long_it_took() -> None:
    envoy = TaskCounters()
    envoy.add(1.0, [], None)
    counters = {"10.0.0.1:80 200 -": 5, "10.0.0.1:80 500 -": 2, "10.0.0.2:80 404 -": 3}
    envoy.add(2.0, message({**counters, "[::1]:80 0 DC": 1}, {"10.0.0.1:80": (4, 6, 7)}), 1.0)
    assert envoy.since(CLUSTER, 0.0) == {
        "10.0.0.1:80": TaskWindow(7, 2, 0, 7, (4, 6)),
        "10.0.0.2:80": TaskWindow(3, 0, 3),
        "[::1]:80": TaskWindow(1, 1, 0),
    }
    assert envoy.since(CLUSTER, 2.0) == {}
    assert envoy.since("cds_egress_demo_web-green_http_8080", 0.0) == {}


def test_histograms_count_since_the_message_before_and_windows_add_up() -> None:
    envoy = TaskCounters()
    envoy.add(1.0, [], None)
    envoy.add(2.0, message({"a:1 200 -": 2}, {"a:1": (1, 2, 2)}), 1.0)
    envoy.add(3.0, message({"a:1 200 -": 5}, {"a:1": (0, 2, 3)}), 2.0)
    assert envoy.since(CLUSTER, 1.0) == {"a:1": TaskWindow(5, 0, 0, 5, (1, 4))}
    assert envoy.since(CLUSTER, 2.0) == {"a:1": TaskWindow(3, 0, 0, 3, (0, 2))}


def test_what_was_there_before_does_not_count() -> None:
    envoy = TaskCounters()
    envoy.add(1.0, message({"a:1 200 -": 100}, {"a:1": (1, 1, 1)}), None)
    envoy.add(2.0, message({"a:1 200 -": 103}), 1.0)
    assert envoy.since(CLUSTER, 0.0) == {"a:1": TaskWindow(3)}


@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.sampled_from(["", "", "forgets", "restarts"])), max_size=50
    )
)
def test_nothing_is_lost_when_envoys_forget_or_restart(turns: list[tuple[int, str]]) -> None:
    envoy, shown = TaskCounters(), 0
    envoy.add(0.0, [], None)
    for turn, (more, what) in enumerate(turns):
        if what == "forgets":
            shown = 0
            envoy.add(turn + 0.5, [], float(turn))
        if what == "restarts":
            shown = 0
            envoy.restarted()
        shown += more
        counters = {"a:1 200 -": float(shown)} if shown else {}
        envoy.add(turn + 1.0, message(counters), float(turn))
    expected = sum(more for more, _ in turns)
    assert envoy.since(CLUSTER, 0.0).get("a:1", TaskWindow()).requests == expected


def test_a_task_that_is_gone_is_dropped_in_the_end() -> None:
    envoy = TaskCounters()
    envoy.add(0.0, [], None)
    envoy.add(1.0, message({"a:1 200 -": 5}), 0.0)
    for at in range(2, 605):
        envoy.add(float(at), message({"b:1 200 -": float(at)}), at - 1.0)
    assert set(envoy._samples[CLUSTER][-1].seen) == {"b:1"}


def test_beyond_the_busiest_tasks_are_added_up() -> None:
    callers = [{f"h{n}:1": TaskWindow(n + 1, n == 0) for n in range(MOST_TASKS + 5)}] * 2
    seen = together(callers)
    assert len(seen) == MOST_TASKS + 1
    assert seen["h0:1"] == TaskWindow(2, 2), "a task with failures is named"
    assert seen[OTHERS].requests == 2 * sum(range(2, 7))
    assert sum(one.requests for one in seen.values()) == 2 * sum(range(1, MOST_TASKS + 6))
