"""The rules of the service scheduler, by example and by property."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tealmesh.engine.scheduler.plan import (
    Action,
    CompleteDeployment,
    Condition,
    Deployment,
    FailDeployment,
    ObservedTask,
    Policy,
    RemoveDeployment,
    RetireService,
    RollBack,
    Service,
    StartTask,
    StopTask,
    Wait,
    plan,
    steady,
)
from tealmesh.model.ecs.deployments import failure_limit
from tests.support.drills import examples

NEW = Deployment("new", "web:2", primary=True)
OLD = Deployment("old", "web:1", primary=False, rollout="COMPLETED")
ONLY = Deployment("only", "web:1", primary=True, rollout="COMPLETED")


def ready(deployment: str, count: int) -> list[ObservedTask]:
    return [ObservedTask(f"{deployment}-{n}", deployment, Condition.READY, n) for n in range(count)]


def failed(deployment: str, *stopped_at: float) -> list[ObservedTask]:
    return [
        ObservedTask(f"f{n}", deployment, Condition.STOPPED, failed=True, stopped_at=at)
        for n, at in enumerate(stopped_at)
    ]


def test_starts_what_is_missing() -> None:
    service = Service(3, (ONLY,))
    assert plan(service, ready("only", 1), 0) == [StartTask("only")] * 2


def test_does_nothing_when_all_is_as_wanted() -> None:
    assert plan(Service(3, (ONLY,)), ready("only", 3), 0) == []


def test_starts_successors_before_it_stops_the_superseded() -> None:
    service = Service(2, (NEW, OLD))
    assert plan(service, ready("old", 2), 0) == [StartTask("new")] * 2


def test_stops_one_superseded_for_each_successor_that_is_ready() -> None:
    service = Service(2, (NEW, OLD))
    starting = ObservedTask("new-9", "new", Condition.STARTING)
    actions = plan(service, [*ready("old", 2), *ready("new", 1), starting], 0)
    assert [a.task for a in actions if isinstance(a, StopTask)] == ["old-0"]


def test_makes_room_first_where_the_maximum_leaves_none() -> None:
    service = Service(4, (NEW, OLD), minimum_healthy_percent=50, maximum_percent=100)
    actions = plan(service, ready("old", 4), 0)
    assert len([a for a in actions if isinstance(a, StopTask)]) == 2
    assert len([a for a in actions if isinstance(a, StartTask)]) == 2


def test_replaces_the_unhealthy_as_failed() -> None:
    tasks = [*ready("only", 1), ObservedTask("sick", "only", Condition.UNHEALTHY)]
    actions = plan(Service(2, (ONLY,)), tasks, 0)
    assert actions == [
        StopTask(
            "sick",
            "Task failed container health checks",
            fault=True,
            event="failed container health checks.",
        ),
        StartTask("only"),
    ]


def test_scaling_in_stops_what_is_not_ready_first_then_the_youngest() -> None:
    tasks = [*ready("only", 3), ObservedTask("slow", "only", Condition.STARTING, created_at=-1)]
    actions = plan(Service(2, (ONLY,)), tasks, 0)
    assert [a.task for a in actions if isinstance(a, StopTask)] == ["slow", "only-2"]


def test_tasks_of_an_unknown_deployment_are_superseded() -> None:
    actions = plan(Service(1, (ONLY,)), [*ready("only", 1), *ready("forgotten", 1)], 0)
    assert [a.task for a in actions if isinstance(a, StopTask)] == ["forgotten-0"]


@pytest.mark.parametrize(
    ("failures", "delay"),
    [((), 0), ((10,), 0), ((9, 10), 0.5), ((8, 9, 10), 1), ((7, 8, 9, 10), 2)],
)
def test_restarts_wait_longer_each_time(failures: tuple[float, ...], delay: float) -> None:
    actions = plan(Service(1, (ONLY,)), failed("only", *failures), 10)
    expected: list[Action] = [Wait(10 + delay)] if delay else [StartTask("only")]
    assert actions == expected


def test_failures_long_ago_are_forgotten() -> None:
    policy = Policy(memory=300)
    tasks = failed("only", 1, 2, 3, 4)
    assert plan(Service(1, (ONLY,)), tasks, 304.5, policy) == [StartTask("only")]


def test_the_circuit_breaker_rolls_back_to_what_was_completed() -> None:
    service = Service(1, (NEW, OLD), circuit_breaker=True, rollback=True)
    tasks = [*ready("old", 1), *failed("new", 1, 2, 3)]
    (action,) = plan(service, tasks, 10)
    assert isinstance(action, FailDeployment)
    given_up = replace(service, deployments=(replace(NEW, rollout="FAILED"), OLD))
    assert plan(given_up, tasks, 10) == [RollBack("new", "old")]


def test_without_rollback_a_failed_deployment_starts_and_stops_nothing() -> None:
    service = Service(2, (replace(NEW, rollout="FAILED"), OLD), circuit_breaker=True)
    assert plan(service, ready("old", 1), 10) == []


def test_failures_before_a_roll_back_do_not_count_against_it() -> None:
    back = Deployment("old", "web:1", primary=True, since=100)
    service = Service(1, (back,), circuit_breaker=True)
    assert plan(service, failed("old", 1, 2, 3), 101) == [StartTask("old")]


@pytest.mark.parametrize(("desired", "limit"), [(1, 3), (6, 3), (7, 4), (25, 13), (1000, 200)])
def test_failure_limit_is_that_of_ecs(desired: int, limit: int) -> None:
    assert failure_limit(desired) == limit


def test_a_deleted_service_stops_all_and_retires() -> None:
    gone = Service(0, (ONLY,), active=False)
    tasks = [*ready("only", 1), ObservedTask("x", "only", Condition.STOPPING)]
    assert plan(gone, tasks, 0) == [StopTask("only-0", "The service was deleted")]
    stopped = [replace(t, condition=Condition.STOPPED) for t in tasks]
    assert plan(gone, stopped, 0) == [RetireService()]
    assert plan(replace(gone, retired=True), stopped, 0) == []


# Properties: a small world in which tasks become ready, fail and stop in any order.


@dataclass
class World:
    service: Service
    tasks: dict[str, ObservedTask]
    now: float = 0.0
    made: int = 0

    def counted(self, *conditions: Condition) -> int:
        return sum(t.condition in conditions for t in self.tasks.values())

    def do(self, action: Action) -> None:
        match action:
            case StartTask(deployment):
                self.made += 1
                name = f"t{self.made}"
                self.tasks[name] = ObservedTask(name, deployment, Condition.STARTING, self.now)
                alive = self.counted(Condition.STARTING, Condition.READY)
                assert alive <= max(self.service.maximum, self.service.floor)
            case StopTask(task, _, fault):
                if self.tasks[task].condition is Condition.READY:
                    assert self.counted(Condition.READY) > self.service.floor
                self.tasks[task] = replace(
                    self.tasks[task],
                    condition=Condition.STOPPING,
                    failed=fault,
                    stopped_at=self.now,
                )
            case CompleteDeployment(identity):
                self._change(identity, rollout="COMPLETED")
            case FailDeployment(identity):
                self._change(identity, rollout="FAILED")
            case RollBack(identity, to):
                self._change(identity, primary=False)
                self._change(to, primary=True, rollout="IN_PROGRESS", since=self.now)
            case RemoveDeployment(identity):
                kept = tuple(d for d in self.service.deployments if d.id != identity)
                self.service = replace(self.service, deployments=kept)
            case RetireService():
                self.service = replace(self.service, retired=True)
            case Wait(until):
                assert until > self.now

    def _change(self, identity: str, **changes: object) -> None:
        self.service = replace(
            self.service,
            deployments=tuple(
                replace(d, **changes) if d.id == identity else d  # type: ignore[arg-type]
                for d in self.service.deployments
            ),
        )

    def happen(self, choice: int) -> None:
        """One thing that may happen to one task."""
        names = [n for n, t in self.tasks.items() if t.condition is not Condition.STOPPED]
        if not names:
            return
        name = names[choice % len(names)]
        task = self.tasks[name]
        fate = (choice // max(1, len(names))) % 4
        if task.condition is Condition.STOPPING:
            self.tasks[name] = replace(task, condition=Condition.STOPPED, stopped_at=self.now)
        elif fate == 0 and choice % 3 == 0:
            gone = replace(task, condition=Condition.STOPPED, failed=True, stopped_at=self.now)
            self.tasks[name] = gone
        elif fate == 1 and task.condition is Condition.READY:
            self.tasks[name] = replace(task, condition=Condition.UNHEALTHY)
        elif task.condition is Condition.STARTING:
            self.tasks[name] = replace(task, condition=Condition.READY)

    def go_well(self) -> None:
        """Everything that was begun succeeds."""
        for name, task in self.tasks.items():
            if task.condition is Condition.STARTING:
                self.tasks[name] = replace(task, condition=Condition.READY)
            elif task.condition is Condition.STOPPING:
                self.tasks[name] = replace(task, condition=Condition.STOPPED, stopped_at=self.now)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    desired = draw(st.integers(0, 6))
    minimum = draw(st.sampled_from([0, 25, 50, 100]))
    maximum = draw(st.sampled_from([100, 125, 150, 200]))
    service = Service(
        desired,
        draw(st.sampled_from([(ONLY,), (NEW, OLD)])),
        minimum_healthy_percent=minimum,
        maximum_percent=maximum,
        circuit_breaker=draw(st.booleans()),
        rollback=draw(st.booleans()),
    )
    deployments = [*(d.id for d in service.deployments), "forgotten"]
    tasks = {}
    for index in range(draw(st.integers(0, max(service.maximum, 1)))):
        name = f"x{index}"
        condition = draw(st.sampled_from([Condition.STARTING, Condition.READY, Condition.STOPPING]))
        tasks[name] = ObservedTask(
            name, draw(st.sampled_from(deployments)), condition, float(index)
        )
    return World(service, tasks)


@settings(max_examples=examples(400), deadline=None)
@given(
    world=worlds(),
    happenings=st.lists(st.tuples(st.integers(0, 40), st.integers(0, 8)), max_size=40),
)
def test_bounds_hold_and_interrupted_plans_converge(
    world: World, happenings: list[tuple[int, int]]
) -> None:
    """At each step only the first few actions of a plan are done, as if we were killed."""
    for choice, cut in happenings:
        for action in plan(world.service, list(world.tasks.values()), world.now)[:cut]:
            world.do(action)
        world.happen(choice)
        world.now += 1
    stuck = world.service.maximum <= world.service.desired_count <= world.service.floor
    for _ in range(60):
        world.go_well()
        for action in plan(world.service, list(world.tasks.values()), world.now):
            world.do(action)
        world.now += 61
    world.go_well()
    assert plan(world.service, list(world.tasks.values()), world.now) == []
    given_up = world.service.primary.rollout == "FAILED"
    if not stuck and not given_up:
        assert steady(world.service, list(world.tasks.values()))
        assert world.service.primary.rollout == "COMPLETED"
        assert [d.primary for d in world.service.deployments] == [True]


@settings(max_examples=examples(100), deadline=None)
@given(world=worlds(), cut=st.integers(0, 5))
def test_a_deleted_service_ends_with_no_tasks(world: World, cut: int) -> None:
    world.service = replace(world.service, active=False)
    for action in plan(world.service, list(world.tasks.values()), 0)[:cut]:
        _stop(world, action)
    for _ in range(4):
        world.go_well()
        for action in plan(world.service, list(world.tasks.values()), 1):
            _stop(world, action)
    assert world.service.retired
    assert world.counted(Condition.STOPPED) == len(world.tasks)


def _stop(world: World, action: Action) -> None:
    """A deleted service has no minimum to keep."""
    if isinstance(action, StopTask):
        world.tasks[action.task] = replace(world.tasks[action.task], condition=Condition.STOPPING)
    else:
        assert isinstance(action, RetireService)
        assert world.counted(Condition.STOPPED) == len(world.tasks)
        world.do(action)
