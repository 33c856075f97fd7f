"""Windows over reports: baselines, totals over restarts, quantiles."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.model.rollout import Traffic
from tealmesh.model.traffic.windows import Counts, SideWindow
from tealmesh.rollout.metrics import proto, windows
from tealmesh.rollout.metrics.sums import MOST_CALLERS, quantile
from tealmesh.rollout.metrics.windows import Metrics

CLUSTER = "cds_egress_demo_web-blue_http_8080"


class Reports:
    """Reports of Envoys to `Metrics`, with a clock that only they move."""

    def __init__(self) -> None:
        self.now = 100.0
        self.metrics = Metrics(lambda: self.now)

    def report(
        self,
        envoy: str = "task/1",
        *,
        first: bool = False,
        later: float = 1.0,
        **counters: float,
    ) -> None:
        """Report some seconds ``later``: ``completed``, ``failed`` or what follows
        ``upstream_rq_``, of which ``active`` is a gauge; ``logged`` is the access log's counter of
        requests without an answer.
        """
        self.now += later
        names = {"completed": "upstream_rq_completed", "failed": "upstream_rq_5xx"}
        message = proto.StreamMetricsMessage()
        logged = counters.pop("logged", None)
        if logged is not None:
            tags = f"cluster.{CLUSTER}.on.1.host.10.0.0.1:80.code.0.grpc..flags.DC"
            family = message.envoy_metrics.add(name=f"teal.tasks.{tags}")
            family.metric.add().counter.value = logged
        for name, value in {"completed": 0.0, **counters}.items():
            statistic = names.get(name, f"upstream_rq_{name}")
            family = message.envoy_metrics.add(name=f"cluster.{CLUSTER}.{statistic}")
            metric = family.metric.add()
            if name == "active":
                metric.gauge.value = value
            else:
                metric.counter.value = value
        self.metrics.report(envoy, message.envoy_metrics, first)

    def traffic(self, since: float = 0.0) -> Traffic:
        return self.metrics.traffic("demo", "web-blue", since, 8080, "http")

    def window(self, after: float) -> SideWindow:
        return self.metrics.window("demo", "web-blue", after, 8080, "http")


def test_the_first_report_is_the_zero_and_a_window_begins_with_a_report() -> None:
    reports = Reports()
    reports.report(first=True, completed=1000, failed=10)
    reports.report(completed=1100, failed=12)
    reports.report(completed=1150, failed=12)
    assert (reports.traffic().requests, reports.traffic().failures) == (150, 2)
    assert reports.traffic(since=101.5).requests == 50
    assert reports.traffic(since=103.0).requests == 0
    assert reports.traffic(since=103.5).requests == 0


def test_a_cluster_that_a_known_envoy_did_not_report_before_counts_from_zero() -> None:
    reports = Reports()
    reports.now = 50.0
    reports.metrics.report("task/1", proto.StreamMetricsMessage().envoy_metrics, True)
    reports.report(completed=30, failed=30)
    assert (reports.traffic().requests, reports.traffic().failures) == (30, 30)


def test_counts_go_on_over_a_restart_of_an_envoy() -> None:
    reports = Reports()
    reports.report(first=True, completed=100)
    reports.report(completed=150, failed=9)
    reports.report(first=True, completed=20)
    reports.report(completed=170, failed=9)
    assert (reports.traffic().requests, reports.traffic().failures) == (50 + 170, 18)


def test_a_stream_that_is_opened_again_counts_what_happened_meanwhile() -> None:
    reports = Reports()
    reports.report(first=True, completed=100)
    reports.report(first=True, completed=180)
    assert reports.traffic().requests == 80


def test_envoys_are_added_up_and_the_ones_that_are_gone_do_not_hold_a_window_open() -> None:
    reports = Reports()
    for envoy in ("task/1", "task/2"):
        reports.metrics.connected(envoy)
        reports.report(envoy, first=True)
        reports.report(envoy, completed=10)
    assert reports.traffic().requests == 20
    assert (reports.traffic().reporters, reports.traffic().seen_until) == (2, 102.0)
    reports.metrics.disconnected("task/1")
    assert reports.traffic().requests == 20
    assert (reports.traffic().reporters, reports.traffic().seen_until) == (1, 104.0)


CHANGES = st.tuples(st.sampled_from(["task/1", "task/2"]), *[st.integers(0, 9)] * 5)


@given(changes=st.lists(CHANGES, max_size=60), cuts=st.sets(st.integers(102, 170), max_size=6))
def test_consecutive_windows_leave_nothing_out_and_count_nothing_twice(
    changes: list[tuple[str, int, int, int, int, int]], cuts: set[int]
) -> None:
    """``between`` left between two tries, so that only the access log has them."""
    reports = Reports()
    for envoy in ("task/1", "task/2"):
        reports.report(envoy, first=True)
    begun = reports.now
    totals = {envoy: Counter[str]() for envoy in ("task/1", "task/2")}
    windows, after = [], begun
    for envoy, answered, failed, wrong, gone, between in changes:
        totals[envoy].update(
            completed=answered + failed + wrong, failed=failed, tx_reset=gone + between,
            total=answered + failed + wrong + gone + between, logged=gone + between,
            retry=between, per_try_timeout=between,
        )  # fmt: skip
        totals[envoy]["4xx"] += wrong
        reports.report(envoy, **totals[envoy])
        if reports.now in cuts:
            windows.append(reports.window(after))
            after = reports.now
    windows.append(reports.window(after))
    whole = reports.window(begun)
    assert sum((w.counts for w in windows), Counts()) == whole.counts
    # What is in an Envoy's last report alone belongs to the next window.
    latest = {envoy: sum(numbers[3:]) for envoy, *numbers in changes}
    gone = sum(total["logged"] for total in totals.values())
    assert whole.kinds.get("gone", 0) == gone - sum(latest.values())
    for window in windows:
        answered = sum(window.by_second, Counts()).requests
        assert answered >= window.requests - window.kinds.get("gone", 0)
        assert sum(window.by_caller.values(), Counts()) == window.counts


def test_a_window_tells_what_is_in_flight_without_an_answer() -> None:
    reports = Reports()
    reports.metrics.connected("task/1")
    reports.report(first=True)
    reports.report(completed=10, total=10)
    reports.report(completed=10, total=14, active=4)
    window = reports.window(after=102.0)
    assert (window.requests, window.open, window.active) == (0, 4, 4)
    # Two of them stream their answer: they have one.
    reports.report(completed=12, total=14, active=4)
    assert (reports.window(103.0).open, reports.window(103.0).active) == (2, 4)
    reports.metrics.disconnected("task/1")
    assert reports.window(103.0).open == 0


def test_seconds_are_seconds_however_often_envoys_report() -> None:
    reports = Reports()
    reports.report(first=True)
    began = reports.now
    for quarter in range(1, 41):
        reports.report(later=0.25, completed=quarter * 5.0)
    window = reports.window(began)
    assert window.requests == sum(second.requests for second in window.by_second) == 200
    assert 10 <= len(window.by_second) <= 11
    assert all(10 <= second.requests <= 25 for second in window.by_second)


def test_frequent_reports_are_kept_for_as_long_as_rare_ones() -> None:
    reports = Reports()
    reports.report(first=True)
    for quarter in range(1, 4001):
        reports.report(later=0.25, completed=float(quarter), total=quarter + 7.0, active=7)
        if quarter == 800:
            middle = reports.now
    assert abs(reports.traffic(since=middle).requests - 3200) <= 8
    assert reports.window(reports.now - 30).requests == 120
    cluster = next(iter(reports.metrics._envoys.values())).clusters[CLUSTER]
    assert len(cluster.samples) <= 900


def test_what_hangs_since_less_than_a_minute_is_seen_however_often_envoys_report() -> None:
    reports = Reports()
    reports.metrics.connected("task/1")
    reports.report(first=True)
    for quarter in range(1, 161):
        hang = min(quarter, 20)
        reports.report(later=0.25, completed=quarter, total=quarter + hang, active=hang)
    assert reports.window(reports.now - 10).open == 20


def test_an_envoy_that_reports_rarely_is_a_reporter_until_it_misses_two_reports() -> None:
    reports = Reports()
    reports.metrics.connected("task/1")
    reports.report(first=True)
    for minute in range(1, 4):
        reports.report(later=30.0, completed=float(minute))
    seen = reports.traffic()
    assert (seen.reporters, seen.every, seen.seconds) == (1, 30.0, 90.0)
    reports.now += 70
    assert reports.traffic().reporters == 1
    reports.now += 10
    assert reports.traffic().reporters == 0


def test_what_says_the_same_for_hours_is_kept_by_its_ends() -> None:
    reports = Reports()
    reports.metrics.connected("task/1")
    reports.report(first=True)
    reports.report(completed=5.0)
    idle_since = reports.now
    for _ in range(20_000):
        reports.report(later=0.5, completed=5.0)
    reports.report(later=0.5, completed=9.0)
    cluster = next(iter(reports.metrics._envoys.values())).clusters[CLUSTER]
    assert len(cluster.samples) < 500
    for since in (idle_since + 0.1, idle_since + 3_000, reports.now - 100):
        seen = reports.traffic(since)
        assert seen.requests == 4
        assert abs(seen.seconds - (reports.now - since)) <= 1


def test_of_many_clusters_fewer_samples_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "_SAMPLES_IN_ALL", 4_000)
    reports = Reports()
    message = proto.StreamMetricsMessage()
    counts = []
    for number in range(60):
        name = f"cluster.cds_egress_demo_n{number}_http_80.upstream_rq_completed"
        counts.append(message.envoy_metrics.add(name=name).metric.add().counter)
    for round_ in range(150):
        for one in counts:
            one.value += 1
        reports.now += 1
        reports.metrics.report("task/1", message.envoy_metrics, round_ == 0)
    clusters = next(iter(reports.metrics._envoys.values())).clusters.values()
    assert max(len(one.samples) for one in clusters) <= 100


def test_clusters_that_are_gone_are_forgotten_with_time() -> None:
    reports = Reports()
    reports.report(first=True, completed=1)
    for _ in range(70):
        reports.now += 60
        reports.metrics.report("task/1", proto.StreamMetricsMessage().envoy_metrics, False)
    assert not next(iter(reports.metrics._envoys.values())).clusters
    assert reports.traffic().requests == 0


def test_the_callers_beyond_the_busiest_are_added_up() -> None:
    reports = Reports()
    for number in range(MOST_CALLERS + 20):
        reports.report(f"task/{number}", first=True)
        reports.report(f"task/{number}", completed=number, failed=number % 2)
    window = reports.window(100.0)
    assert len(window.by_caller) == MOST_CALLERS + 1
    assert sum(window.by_caller.values(), Counts()) == window.counts


@given(
    growth=st.lists(st.integers(0, 50), min_size=1, max_size=2000),
    since=st.integers(0, 2000),
)
def test_a_window_never_counts_too_much_however_long_ago_it_began(
    growth: list[int], since: int
) -> None:
    reports = Reports()
    total, at = 0, {}
    reports.report(first=True)
    for more in growth:
        total += more
        reports.report(completed=total)
        at[reports.now] = total
    start = 101.0 + since
    after = [value for when, value in at.items() if when >= start]
    allowed = total - (after[0] if after else total) if since else total
    assert 0 <= reports.traffic(start).requests <= allowed
    if since == 0:
        assert reports.traffic(start).requests == total


def test_quantiles() -> None:
    assert quantile([], [], 0, 0.5) is None
    assert quantile([10, 20], [1.0, 5.0], 20, 0.5) == 1.0
    assert quantile([10, 20], [1.0, 5.0], 20, 0.75) == 3.0
    assert quantile([0, 10], [1.0, 5.0], 20, 0.99) == 5.0
