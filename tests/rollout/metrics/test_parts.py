"""Counters of access logs become what callers saw of each part, over restarts of their Envoys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from tealmesh.model.traffic.parts import Part, PartTraffic
from tealmesh.rollout.metrics import proto
from tealmesh.rollout.metrics.parts import PartCounters, by_second, traffic

CLUSTER = "cds_egress_demo_web-blue_http_8080"
WATCH = (Part(method="POST"), Part(prefix="/pay"))


def message(counters: Mapping[str, float], cluster: str = CLUSTER) -> list[proto.MetricFamily]:
    """Counters by ``LABEL CODE FLAGS``; the label has the places of the parts in `WATCH`."""
    report = proto.StreamMetricsMessage()
    for key, value in counters.items():
        places, code, flags = key.split()
        label = places
        if places != "rest":
            label = "_".join(WATCH[int(place)].key for place in places.split("_"))
        tags = f"cluster.{cluster}.part.{label}.code.{code}.grpc..flags.{flags}"
        report.envoy_metrics.add(name=f"teal.parts.{tags}").metric.add().counter.value = value
    return cast("list[proto.MetricFamily]", list(report.envoy_metrics))


def test_a_request_counts_in_each_of_its_parts_and_by_how_it_ended() -> None:
    envoy = PartCounters()
    envoy.add(1.0, [], None)
    counters = {"0 200 -": 5, "0_1 500 -": 2, "1 0 DC": 1, "rest 503 UH": 4, "0 404 -": 3}
    envoy.add(2.0, message(counters), 1.0)
    seen = traffic(envoy.ended_since(CLUSTER, 0.0), WATCH)
    assert seen == {
        "POST": PartTraffic(10, 2, 3, {"5xx": 2}),
        "/pay": PartTraffic(3, 3, 0, {"5xx": 2, "gone": 1}),
    }
    assert traffic(envoy.ended_since("cds_egress_demo_web-green_http_8080", 0.0), WATCH) == {}


def test_what_was_there_before_does_not_count_and_a_restart_loses_nothing() -> None:
    envoy = PartCounters()
    envoy.add(1.0, message({"0 200 -": 100}), None)
    envoy.add(2.0, message({"0 200 -": 103}), 1.0)
    assert traffic(envoy.ended_since(CLUSTER, 0.0), WATCH)["POST"].requests == 3
    envoy.restarted()
    envoy.add(3.0, message({"0 200 -": 7}), 2.0)
    envoy.add(4.0, message({"0 200 -": 2}), 3.0)  # A counter that has fallen.
    assert traffic(envoy.ended_since(CLUSTER, 0.0), WATCH)["POST"].requests == 12


def test_windows_one_after_the_other_leave_nothing_out_and_count_nothing_twice() -> None:
    envoy = PartCounters()
    envoy.add(1.0, [], None)
    before = 1.0
    for at, total in ((2.0, 1), (3.0, 4), (4.0, 4), (5.0, 9)):
        envoy.add(at, message({"0 200 -": total}), before)
        before = at
    after = {
        at: [second.total() for second in envoy.seconds_after(CLUSTER, at)]
        for at in (0.0, 1.5, 2.0, 3.5, 5.0)
    }
    assert after == {
        0.0: [0, 1, 3, 0, 5],
        1.5: [1, 3, 0, 5],
        2.0: [3, 0, 5],
        3.5: [0, 5],
        5.0: [],
    }
    callers = [envoy.seconds_after(CLUSTER, 2.0), envoy.seconds_after(CLUSTER, 3.5)]
    counts = by_second(callers, WATCH)
    assert [one.requests for one in counts["POST"]] == [3, 5, 5]
    assert [one.requests for one in counts["/pay"]] == [0, 0, 0]
    since = {at: envoy.ended_since(CLUSTER, at).total() for at in (1.5, 2.0, 4.5, 5.5)}
    assert since == {1.5: 8, 2.0: 8, 4.5: 0, 5.5: 0}
