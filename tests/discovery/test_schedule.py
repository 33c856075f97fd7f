"""What is asked when, against a model of Cloud Map that lags, forgets, throttles and is away."""

from __future__ import annotations

from dataclasses import dataclass, field

import hypothesis.strategies as st
from hypothesis import given

from tealmesh.discovery.budget import Budget
from tealmesh.discovery.schedule import (
    BACK_OFF_SECONDS,
    DOUBT_LOOKS,
    DOUBT_SECONDS,
    FORGET_SECONDS,
    HEALTH_SECONDS,
    LOOK_SECONDS,
    Place,
    Question,
    Schedule,
)
from tealmesh.discovery.settling import Held, Seen, settle

PLACE = Place("apps.local", "web")
QUIET_SECONDS = 2 * (BACK_OFF_SECONDS + DOUBT_SECONDS) + HEALTH_SECONDS + DOUBT_LOOKS + 1


@dataclass
class Cloud:
    """A Cloud Map with one service, whose health does not change its revision."""

    revision: int = 5
    health: dict[str, bool] = field(default_factory=dict)
    away: str = ""
    """How it fails: "away", "throttled", "unknown"; or "empty" or "older": how it is wrong."""
    older: tuple[int, dict[str, bool]] = (0, {})

    def change(self, health: dict[str, bool]) -> None:
        self.older = (self.revision, self.health)
        if health.keys() != self.health.keys():
            self.revision += 1
        self.health = health

    def seen(self) -> tuple[int, list[Seen]]:
        revision, health = self.older if self.away == "older" else (self.revision, self.health)
        health = {} if self.away == "empty" else health
        return revision, [Seen(one, (), healthy) for one, healthy in health.items()]


@dataclass
class World:
    """The schedule, with what is known by it, in time that the test lets pass."""

    cloud: Cloud = field(default_factory=Cloud)
    schedule: Schedule = field(default_factory=lambda: Schedule(lambda: 0.5))
    now: float = 1000.0
    held: dict[str, Held] = field(default_factory=dict)
    asked: list[tuple[float, Question]] = field(default_factory=list)
    missing_since: float | None = None
    """Since when every answer has said that there is nothing."""

    def live(self) -> set[str]:
        return {one for one, held in self.held.items() if held.gone is None}

    def answer(self, question: Question) -> None:
        self.asked.append((self.now, question))
        match self.cloud.away:
            case "away" | "throttled":
                throttled = self.cloud.away == "throttled"
                self.schedule.failed(PLACE, self.now, throttled=throttled)
                return
            case "unknown":
                if self.schedule.saw_nothing(PLACE, self.now):
                    self.settle([])
                return
        revision, seen = self.cloud.seen()
        if not question.instances:
            self.schedule.saw_revision(PLACE, revision, self.now)
            return
        if seen:
            self.missing_since = None
        elif self.missing_since is None:
            self.missing_since = self.now
        live = bool(self.live())
        if self.schedule.saw_instances(PLACE, revision, self.now, empty=not seen, live=live):
            self.settle(seen)

    def settle(self, seen: list[Seen]) -> None:
        if not seen and self.live():
            assert self.missing_since is not None
            assert self.now - self.missing_since >= DOUBT_SECONDS
        self.held = settle(self.held, seen)

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        while True:
            self.schedule.name({PLACE}, {PLACE} if self.held else (), self.now)
            for question in self.schedule.due(self.now):
                self.answer(question)
            wake_at = self.schedule.wake_at(self.now)
            assert wake_at is not None
            if wake_at > end:
                self.now = end
                return
            self.now = max(wake_at, self.now + 0.001)


STEPS = st.lists(
    st.tuples(
        st.dictionaries(st.sampled_from("abc"), st.booleans()),
        st.sampled_from(["", "", "away", "throttled", "unknown", "empty", "older"]),
        st.floats(0.0, 12.0),
    ),
    max_size=8,
)


@given(STEPS)
def test_it_ends_up_knowing_what_there_is(steps: list[tuple[dict[str, bool], str, float]]) -> None:
    world = World()
    for health, away, seconds in steps:
        world.cloud.change(health)
        world.cloud.away = away
        world.run(seconds)
    world.cloud.away = ""
    world.run(QUIET_SECONDS)
    assert world.live() == world.cloud.health.keys()
    if any(world.cloud.health.values()):
        known = {one: held.healthy for one, held in world.held.items() if held.gone is None}
        assert known == world.cloud.health


def test_a_change_is_known_within_a_look_and_health_within_five_seconds() -> None:
    world = World(Cloud(health={"a": True, "b": True}))
    world.run(0.1)
    assert world.live() == {"a", "b"}
    world.cloud.change({"b": True, "c": True})
    world.run(LOOK_SECONDS + 0.1)
    assert world.live() == {"b", "c"}
    assert world.held["a"].gone == 0.0
    world.cloud.change({"b": True, "c": False})
    world.run(HEALTH_SECONDS + 0.1)
    assert not world.held["c"].healthy
    count = len(world.asked)
    world.run(60.0)
    asked = world.asked[count:]
    assert len(asked) <= 61
    assert len([one for _, one in asked if one.instances]) <= 13


def test_what_is_known_outlives_an_outage() -> None:
    world = World(Cloud(health={"a": True}))
    world.run(1.0)
    world.cloud.away = "unknown"  # as with the wrong region
    world.run(3600.0)
    assert world.live() == {"a"}
    count = len(world.asked)
    world.cloud.away = "away"
    world.run(600.0)
    assert len(world.asked) - count <= 600.0 / (BACK_OFF_SECONDS / 2) + 10
    assert world.live() == {"a"}


def test_a_service_that_is_deleted_after_its_instances_is_empty() -> None:
    world = World(Cloud(health={"a": True}))
    world.run(1.0)
    world.cloud.change({})
    world.run(LOOK_SECONDS + 0.1)
    assert world.live() == {"a"}
    world.cloud.away = "unknown"
    world.run(DOUBT_SECONDS + LOOK_SECONDS)
    assert world.live() == set()


def test_numbers_that_begin_anew_are_believed_after_a_while() -> None:
    world = World(Cloud(health={"a": True}))
    world.run(1.0)
    world.cloud = Cloud(revision=1, health={"b": True})
    world.run(DOUBT_SECONDS / 2)
    assert world.live() == {"a"}
    world.run(DOUBT_SECONDS)
    assert world.live() == {"b"}


def test_what_nobody_names_any_more_is_forgotten_later() -> None:
    schedule = Schedule(lambda: 0.0)
    other = Place("apps.local", "api")
    schedule.name({PLACE}, {PLACE, other}, 0.0)
    assert [one.place for one in schedule.due(0.0)] == [PLACE]
    assert schedule.forgotten(FORGET_SECONDS - 1) == []
    schedule.name({other}, {PLACE, other}, FORGET_SECONDS - 1)
    assert schedule.forgotten(FORGET_SECONDS) == []
    assert schedule.forgotten(2 * FORGET_SECONDS) == [PLACE]
    # An answer to a question that was still open changes nothing.
    assert not schedule.saw_instances(PLACE, 1, 200.0, empty=False, live=False)


@given(
    st.integers(1, 50),
    st.lists(st.tuples(st.floats(0.0, 3.0), st.booleans()), min_size=1, max_size=80),
)
def test_no_more_is_asked_than_the_budget_has(rate: int, steps: list[tuple[float, bool]]) -> None:
    budget, now, taken = Budget(rate), 0.0, 0
    for pause, throttled in steps:
        now += pause
        if throttled:
            budget.throttled(now)
            assert not budget.take(now)
            now = budget.free_at(now)
            assert budget.take(now)
            taken += 1
        while budget.take(now):
            taken += 1
        assert budget.free_at(now) > now
        assert taken <= rate * (1 + now) + 0.001
    # It recovers.
    now += 120.0
    assert sum(budget.take(now) for _ in range(2 * rate)) == rate
