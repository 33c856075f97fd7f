"""Several replicas count the same requests, whichever of them an Envoy reports to."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tealmesh.rollout.metrics import proto
from tealmesh.rollout.metrics.shared import Elsewhere, Here, packed, read
from tealmesh.rollout.metrics.windows import Metrics
from tests.support.drills import examples

CLUSTER = "cds_egress_demo_web-blue_http_8080"
ENVOY = "task/1"


class World:
    """Replicas, a caller's Envoy that reports to one of them, and a clock that only they move."""

    def __init__(self, replicas: int = 2) -> None:
        self.now = 100.0
        self.metrics = [Metrics(lambda: self.now) for _ in range(replicas)]
        for each in self.metrics:
            each.here = Here()
        self.others = [Elsewhere(each) for each in self.metrics]
        self.at = 0
        self.counted = 1000
        self.timed = 0
        self.metrics[0].connected(ENVOY)
        self.report(0, first=True)
        for which in range(replicas):
            self.publish(which)

    def report(self, more: int, *, first: bool = False) -> None:
        self.now += 0.25
        self.counted += more
        message = proto.StreamMetricsMessage()
        for name in ("upstream_rq_completed", "upstream_rq_total"):
            family = message.envoy_metrics.add(name=f"cluster.{CLUSTER}.{name}")
            family.metric.add().counter.value = self.counted
        family = message.envoy_metrics.add(
            name=f"cluster.{CLUSTER}.upstream_rq_time", type=proto.HISTOGRAM
        )
        histogram = family.metric.add().histogram
        # Since the last report, all of them below 5 ms.
        histogram.sample_count = more
        histogram.bucket.add(upper_bound=5.0, cumulative_count=more)
        self.metrics[self.at].report(ENVOY, message.envoy_metrics, first)

    def move(self) -> None:
        self.metrics[self.at].disconnected(ENVOY)
        self.at = (self.at + 1) % len(self.metrics)
        self.metrics[self.at].connected(ENVOY)
        self.report(3, first=True)

    def publish(self, which: int) -> None:
        """What a replica publishes, all others read a moment later."""
        own = self.metrics[which]
        assert own.here is not None
        body = packed(own.here.body(self.now, own.counts_here))
        self.now += 0.1
        for reader, others in enumerate(self.others):
            if reader != which:
                others.read(str(which), body, 0.1, self.now)

    def requests(self, which: int) -> int:
        return self.metrics[which].traffic("demo", "web-blue", 0.0, 8080, "http").requests


@given(st.lists(st.sampled_from(["report", "report", "move", "publish 0", "publish 1"])))
@settings(max_examples=examples(800), deadline=None)
def test_no_request_is_counted_twice_or_never_wherever_its_envoy_goes(events: list[str]) -> None:
    world = World()
    for event in events:
        if event == "report":
            world.report(7)
        elif event == "move":
            world.move()
        else:
            world.publish(int(event[-1]))
    for which in (0, 1, 0, 1):
        world.publish(which)
    assert [world.requests(0), world.requests(1)] == [world.counted - 1000] * 2


def test_latency_is_counted_there_too() -> None:
    world = World()
    for _ in range(3):
        world.report(10)
        world.publish(0)
    seen = world.metrics[1].traffic("demo", "web-blue", 0.0, 8080, "http")
    assert (seen.requests, seen.timed, seen.reporters) == (30, 30, 1)
    world.others[1].present([], lambda envoy: False)
    seen = world.metrics[1].traffic("demo", "web-blue", 0.0, 8080, "http")
    assert (seen.requests, seen.reporters) == (30, 0)


def test_a_caller_whose_replica_is_silent_is_missing_until_it_reports_elsewhere() -> None:
    world = World()
    one, others = world.metrics[1], world.others[1]
    service = _Service()
    others.present(["0"], lambda envoy: False)
    assert one.missing(service) == ""  # type: ignore[arg-type]
    others.present([], lambda envoy: False)
    assert ENVOY in one.missing(service)  # type: ignore[arg-type]
    others.present([], lambda envoy: True)
    assert one.missing(service) == ""  # type: ignore[arg-type]
    others.present([], lambda envoy: False)
    world.move()
    assert one.missing(service) == ""  # type: ignore[arg-type]


class _Service:
    """The part of a service that counts here."""

    mesh, sides, listeners = "demo", ("blue",), ((8080, "http"),)

    def node(self, side: str) -> str:
        return f"web-{side}"


def test_what_nobody_published_is_refused() -> None:
    with pytest.raises(ValueError, match="not what a replica publishes"):
        read(b"not compressed")
