"""A world that others change while a deployment runs, and a controller's turns in it, without a
store: what `rollout.controller` does between two pauses.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from tealmesh.model.config.beside import Cohort, Mirror
from tealmesh.model.config.strategies import Gates, Strategy
from tealmesh.model.rollout import Deployment, SideTasks, State, Traffic
from tealmesh.model.traffic.windows import SideWindow
from tealmesh.rollout import machine
from tealmesh.rollout.effects import (
    AwaitConverged,
    ConvergenceSeen,
    Effect,
    EffectFailed,
    EnsureSide,
    Event,
    LiveRoute,
    Looked,
    NotReady,
    Observed,
    Seen,
    SetWeights,
    SideEnsured,
    SideScaled,
    SideStopped,
    StopSide,
    WeightsSet,
)

TASKS = 2
STEP_SECONDS, TIMEOUT = 5.0, 40.0
STRATEGY = Strategy(
    "ab",
    (10, 100),
    STEP_SECONDS,
    STEP_SECONDS,
    *([TIMEOUT] * 6),
    mirror=Mirror(time=STEP_SECONDS),
    match=Cohort("beta", header="x-cohort"),
)
"""It passes through every state that there is."""
PAUSE = 1.0
"""Seconds between two turns when nothing happens."""
MOST_TURNS = 400


@dataclass
class Tasks:
    """The ECS service of a side."""

    desired: int = TASKS
    alive: bool = True


@dataclass
class World:
    """Blue serves version 1; green gets version 2."""

    weights: dict[str, int] = field(default_factory=lambda: {"blue": 100})
    route: bool = True
    tasks: dict[str, Tasks] = field(default_factory=lambda: {"blue": Tasks()})
    writes: bool = True
    """Whether the route can be changed."""
    failing: float = 0.0
    """The share of requests to green that fail."""
    green_starts: bool = True
    now: float = 1_000_000.0
    wrongs: list[str] = field(default_factory=list)
    """What must never happen, and did."""

    def serves(self, side: str) -> bool:
        tasks = self.tasks.get(side)
        return bool(tasks and tasks.alive and tasks.desired)

    def starving(self) -> list[str]:
        """The sides with weight that cannot serve, while another one could."""
        if not self.route or not any(map(self.serves, self.tasks)):
            return []
        return [side for side, weight in self.weights.items() if weight and not self.serves(side)]

    def observe(self, side: str) -> SideTasks:
        tasks = self.tasks.get(side)
        if tasks is None:
            return SideTasks()
        count = tasks.desired if tasks.alive else 0
        return SideTasks(tasks.desired, count, count, image=image(side))

    def look(self) -> Seen:
        route = LiveRoute()
        if self.route:
            sides = {s: w for s, w in self.weights.items() if s != "red"}
            others = {s: w for s, w in self.weights.items() if s == "red"}
            route = LiveRoute(sides, 1, others)
        return Seen(route, self.observe("blue"), self.observe("green"), "root (UpdateRoute)")

    def perform(self, effect: Effect, seen: Seen) -> Event:
        match effect:
            case EnsureSide(side=side, count=count):
                self.tasks.setdefault(side, Tasks(count, self.green_starts))
                self.tasks[side].desired = max(self.tasks[side].desired, count)
                return SideEnsured()
            case SetWeights(weights=weights):
                return self._set_weights(weights)
            case AwaitConverged():
                return ConvergenceSeen(True, self.now)
            case StopSide(side=side):
                if self.route and self.weights.get(side) and self.serves(side):
                    self.wrongs.append(f"{side} was stopped with weight")
                self.tasks.pop(side, None)
                return SideStopped(True)
        return self._observed(seen)

    def _set_weights(self, weights: dict[str, int]) -> Event:
        changes = {**self.weights, **weights} != self.weights
        if changes and not (self.writes and self.route):
            return EffectFailed("UpdateRoute: refused", retryable=False)
        for side, weight in weights.items():
            if weight > self.weights.get(side, 0) and not self.serves(side):
                self.wrongs.append(f"{side} got weight and cannot serve")
        self.weights.update(weights)
        return WeightsSet(1, self.now)

    def _observed(self, seen: Seen) -> Event:
        total = sum(self.weights.values())
        count = {side: 1000 * weight // total for side, weight in self.weights.items()}
        healthy = seen.new.healthy
        old, new = (
            Traffic(
                requests=count.get(side, 0),
                failures=round(count.get(side, 0) * failing),
                started=count.get(side, 0),
                reporters=1,
                members=TASKS,
                members_healthy=healthy,
                seen_until=self.now,
            )
            for side, failing in (("blue", 0.0), ("green", self.failing))
        )
        beside = Traffic(requests=1000, failures=round(1000 * self.failing))
        members = windows(old, new, self.now)
        return Observed(seen.old, seen.new, old, new, beside=beside, **members)


def windows(old: Traffic, new: Traffic, at: float) -> dict[str, Any]:
    """The members of `Observed` that compare the same traffic."""
    old_window, new_window = (
        SideWindow(seen.requests, seen.failures, started=seen.started) for seen in (old, new)
    )
    return {"at": at, "old_window": old_window, "new_window": new_window}


def image(side: str) -> str:
    return "web:1" if side == "blue" else "web:2"


def begun(approval: bool = False, gated: bool = True, now: float = 1_000_000.0) -> Deployment:
    return Deployment(
        id="d1",
        service="web",
        mesh="demo",
        old_side="blue",
        new_side="green",
        old_image="web:1",
        new_image="web:2",
        desired_count=TASKS,
        strategy=STRATEGY
        if gated
        else replace(STRATEGY, type="bluegreen", steps=(100,), mirror=None, match=None),
        gates=Gates(approval=approval),
        created_at=now,
        updated_at=now,
        entered_at=now,
        kind="DEPLOY" if gated else "ROLLBACK",
        gated=gated,
        live={"blue": 100},
        seen={"blue": 100},
        old_desired=TASKS,
        phase_at=now,
    )


def turn(d: Deployment, world: World) -> Deployment:
    """A turn of the controller."""
    seen = world.look()
    looked = machine.step(d, Looked(seen), world.now)
    if looked.sequence != d.sequence:
        return looked
    order = machine.scaling(looked)
    if order and order.side in world.tasks:
        tasks = world.tasks[order.side]
        tasks.desired = max(tasks.desired, order.count)
        looked = machine.step(looked, SideScaled(order.side, order.count), world.now)
    effect = machine.next_effect(looked)
    if effect is None:
        return looked
    obstacle = machine.obstacle(looked)
    event = NotReady(obstacle) if obstacle else world.perform(effect, seen)
    return machine.step(looked, event, world.now)


def to_pause(d: Deployment, world: World) -> Deployment:
    """Turns until one changes nothing: then the controller waits before it looks again."""
    for _ in range(MOST_TURNS):
        before = d
        d = turn(d, world)
        if d.finished or d.sequence == before.sequence:
            world.now += PAUSE
            return d
    raise AssertionError(f"never rests: {d}")


OUTSIDE: dict[str, Callable[[World], None]] = {
    "weights to blue": lambda w: w.weights.update(blue=100, green=0),
    "weights to green": lambda w: w.weights.update(blue=0, green=100),
    "half the weight each": lambda w: w.weights.update(blue=1, green=1),
    "a third target": lambda w: w.weights.update(red=50),
    "route deleted": lambda w: setattr(w, "route", False),
    "blue dies": lambda w: _alive(w, "blue", False),
    "green dies": lambda w: _alive(w, "green", False),
    "blue comes back": lambda w: _alive(w, "blue", True),
    "green comes back": lambda w: _alive(w, "green", True),
    "blue deleted": lambda w: _pop(w, "blue"),
    "green deleted": lambda w: _pop(w, "green"),
    "blue scaled up": lambda w: _scale(w, "blue", 5),
    "blue scaled to zero": lambda w: _scale(w, "blue", 0),
    "green scaled down": lambda w: _scale(w, "green", 1),
    "green scaled up": lambda w: _scale(w, "green", 5),
    "writes refused": lambda w: setattr(w, "writes", False),
    "writes accepted": lambda w: setattr(w, "writes", True),
    "green fails": lambda w: setattr(w, "failing", 0.5),
}
"""What others may do to the world at any moment."""


def _alive(world: World, side: str, alive: bool) -> None:
    if side in world.tasks:
        world.tasks[side].alive = alive


def _scale(world: World, side: str, count: int) -> None:
    if side in world.tasks:
        world.tasks[side].desired = count


def _pop(world: World, side: str) -> None:
    world.tasks.pop(side, None)


def every_moment(d: Deployment) -> list[tuple[Deployment, World]]:
    """The deployment and its world before every turn of an undisturbed way to its end."""
    world, moments = World(now=d.created_at), []
    for _ in range(MOST_TURNS):
        moments.append((d, copy.deepcopy(world)))
        if d.finished or d.state is State.AWAITING_APPROVAL:
            return moments
        before = d
        d = turn(d, world)
        if d.sequence == before.sequence:
            world.now += PAUSE
    raise AssertionError(f"never ends: {d}")
