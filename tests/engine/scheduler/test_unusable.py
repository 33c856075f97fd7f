"""When tasks that no caller can use are replaced, by example and by a simulated cluster."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tealmesh.engine.scheduler.plan import (
    Condition,
    Deployment,
    ObservedTask,
    Service,
    StartTask,
    StopTask,
    Wait,
    plan,
)
from tealmesh.engine.scheduler.unusable import LONGEST_PAUSE_SECONDS, replacement
from tealmesh.model.ecs.replacing import REPLACE_AFTER, replace_after
from tealmesh.model.health import Unusable
from tests.support.drills import examples

ONLY = Deployment("only", "web:1", primary=True, rollout="COMPLETED")
LIMIT = 30.0


def task(identity: str, unusable: float | None = None) -> ObservedTask:
    why = Unusable(unusable, "it fails the health check of edge") if unusable is not None else None
    return ObservedTask(identity, "only", Condition.READY, unusable=why)


def test_a_replacement_starts_first_and_the_unusable_task_stops_once_it_is_ready() -> None:
    service = Service(2, (ONLY,))
    bad, good = task("bad", 30.0), task("good")
    assert plan(service, [bad, good], 0) == [StartTask("only")]
    starting = ObservedTask("new", "only", Condition.STARTING, created_at=9)
    assert plan(service, [bad, good, starting], 0) == []
    (stop,) = plan(service, [bad, good, replace(starting, condition=Condition.READY)], 0)
    assert isinstance(stop, StopTask)
    assert (stop.task, stop.fault) == ("bad", True)
    assert stop.reason == ("No caller can use the task for 30 s: it fails the health check of edge")
    assert "is replaced: no caller has been able to use it" in stop.event


def test_it_is_waited_for_until_the_time_is_over_and_never_if_it_is_switched_off() -> None:
    tasks = [task("bad", 10.0), task("good")]
    assert plan(Service(2, (ONLY,)), tasks, 5) == [Wait(25.0)]
    assert plan(Service(2, (ONLY,), replace_after=None), tasks, 5) == []
    assert plan(Service(2, (ONLY,)), [task("good"), task("better")], 5) == []


def test_a_replacement_that_is_not_needed_any_more_is_given_up() -> None:
    starting = ObservedTask("new", "only", Condition.STARTING, created_at=9)
    (stop,) = plan(Service(2, (ONLY,)), [task("well again"), task("good"), starting], 0)
    assert isinstance(stop, StopTask)
    assert (stop.task, stop.fault) == ("new", False)


def test_without_room_one_unusable_task_at_a_time_makes_place() -> None:
    service = Service(2, (ONLY,), minimum_healthy_percent=100, maximum_percent=100)
    actions = plan(
        service,
        [
            task("a", 40.0),
            task("b", 50.0),
        ],
        0,
    )
    assert [a.task for a in actions if isinstance(a, StopTask)] == ["b"]
    assert actions[-1] == StartTask("only")
    stopping = replace(task("b"), condition=Condition.STOPPING)
    starting = ObservedTask("new", "only", Condition.STARTING)
    assert plan(service, [task("a", 40.0), stopping, starting], 0) == []


def test_a_good_task_is_not_stopped_for_an_unusable_successor() -> None:
    new = Deployment("new", "web:2", primary=True)
    old = Deployment("old", "web:1", primary=False, rollout="COMPLETED")
    service = Service(1, (new, old), replace_after=None)
    good = ObservedTask("good", "old", Condition.READY)
    bad = replace(task("bad", 1.0), deployment="new")
    assert plan(service, [good, bad], 0) == []
    stops = plan(service, [good, replace(bad, unusable=None)], 0)
    assert [a.task for a in stops if isinstance(a, StopTask)] == ["good"]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("45s", 45.0), ("2m", 120.0), ("90", 90.0), ("never", None), ("0", None), ("soon", LIMIT)],
)
def test_the_tag_says_when(text: str, seconds: float | None) -> None:
    assert replace_after([{"key": REPLACE_AFTER, "value": text}]) == seconds
    assert replace_after([]) == LIMIT


@given(
    st.dictionaries(st.text("abcdef", min_size=1, max_size=2), st.none() | st.floats(0, 9999)),
    st.lists(st.floats(0, 9999), max_size=6),
    st.floats(0, 9999),
)
def test_only_what_is_due_is_replaced_and_one_task_alone_in_shared_trouble(
    ready: dict[str, float | None], failed: list[float], now: float
) -> None:
    made = replacement(LIMIT, ready, failed, now)
    times = {name: seconds for name, seconds in ready.items() if seconds is not None}
    assert all(times[name] >= LIMIT for name in made.due)
    if len(times) == len(ready):
        assert len(made.due) <= 1
        recent = [at for at in failed if at <= now]
        if made.due and recent:
            assert now - max(recent) >= LIMIT
    else:
        assert set(made.due) == {name for name, seconds in times.items() if seconds >= LIMIT}
    assert made.wake_in is None or made.wake_in > 0
    # Somebody looks again as long as some task cannot be used and is not replaced now.
    assert made.due or made.wake_in is not None or not times


@dataclass
class Cluster:
    """Tasks that become ready at once after ``start`` seconds; ``sick`` ones are unusable."""

    service: Service
    now: float = 0.0
    number: int = 0
    tasks: dict[str, ObservedTask] = field(default_factory=dict)
    sick_since: dict[str, float] = field(default_factory=dict)
    starts: list[float] = field(default_factory=list)

    def observed(self) -> list[ObservedTask]:
        return [
            replace(one, unusable=Unusable(self.now - self.sick_since[one.id], "why"))
            if one.id in self.sick_since and one.condition is Condition.READY
            else one
            for one in self.tasks.values()
        ]

    def turn(self) -> None:
        for action in plan(self.service, self.observed(), self.now):
            if isinstance(action, StartTask):
                self.number += 1
                name = f"t{self.number:03}"
                self.starts.append(self.now)
                self.tasks[name] = ObservedTask(name, "only", Condition.STARTING, self.now)
            elif isinstance(action, StopTask):
                stopped = replace(
                    self.tasks[action.task],
                    condition=Condition.STOPPED,
                    failed=action.fault,
                    stopped_at=self.now,
                )
                self.tasks[action.task] = stopped

    def become_ready(self) -> None:
        for name, one in self.tasks.items():
            if one.condition is Condition.STARTING and self.now - one.created_at >= 2:
                self.tasks[name] = replace(one, condition=Condition.READY)

    @property
    def ready(self) -> list[str]:
        return [n for n, one in self.tasks.items() if one.condition is Condition.READY]


services = st.builds(
    lambda count, low, high: Service(
        count, (ONLY,), minimum_healthy_percent=low, maximum_percent=high
    ),
    st.integers(1, 5),
    st.sampled_from([0, 50, 100]),
    st.sampled_from([100, 150, 200]),
)


@settings(max_examples=examples(60), deadline=None)
@given(services, st.data())
def test_sick_tasks_are_replaced_within_the_deployments_bounds(
    service: Service, data: st.DataObject
) -> None:
    cluster = Cluster(service)
    for _ in range(10):
        cluster.turn()
        cluster.become_ready()
        cluster.now += 1
    assert len(cluster.ready) == service.desired_count
    sick = data.draw(st.sets(st.sampled_from(cluster.ready)))
    cluster.sick_since = dict.fromkeys(sick, cluster.now)
    has_room = service.maximum > service.desired_count
    for _ in range(300):
        cluster.turn()
        running = [t for t in cluster.tasks.values() if t.condition is not Condition.STOPPED]
        assert len(running) <= max(service.maximum, service.floor)
        if has_room:
            assert len(cluster.ready) >= service.floor
        assert len(set(cluster.ready) - sick) >= min(
            service.floor, service.desired_count - len(sick)
        )
        cluster.become_ready()
        cluster.now += 1
    assert not sick & set(cluster.ready)
    assert len(cluster.ready) == service.desired_count


@settings(max_examples=examples(30), deadline=None)
@given(services)
def test_trouble_that_all_tasks_share_is_no_storm_of_restarts(service: Service) -> None:
    """Every task is unusable as soon as it is ready, for an hour; then all are well."""
    cluster = Cluster(service)
    hour = 3600
    for _ in range(hour):
        cluster.turn()
        cluster.become_ready()
        for name in cluster.ready:
            cluster.sick_since.setdefault(name, cluster.now)
        cluster.now += 1
    attempts = cluster.starts[service.desired_count :]
    # 30 s, then 60, 120, 240, 480 and 600 s each.
    assert len(attempts) <= 3 + hour / LONGEST_PAUSE_SECONDS + 5
    cluster.sick_since.clear()
    before = len(cluster.starts)
    for _ in range(60):
        cluster.turn()
        cluster.become_ready()
        cluster.now += 1
    assert len(cluster.starts) <= before + 1
    assert len(cluster.ready) == service.desired_count
