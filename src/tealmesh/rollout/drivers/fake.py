"""A simulated world for tests of rollouts: sides that start, a route with weights, callers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tealmesh.model.errors import DriverError, NotYet
from tealmesh.model.rollout import SideTasks, Traffic
from tealmesh.model.traffic.windows import SideWindow
from tealmesh.rollout.effects import LiveRoute, WeightsSet
from tealmesh.rollout.system import Service


@dataclass
class Side:
    """The ECS service of one side."""

    image: str
    desired: int
    running: bool = True


@dataclass
class FakeDriver:
    """A `drivers.base.Driver`; set its attributes to script what happens."""

    clock: Callable[[], float]
    sides: dict[str, Side] = field(default_factory=dict)
    weights: dict[str, int] = field(default_factory=dict)
    """The route's weights, by side."""
    route_deleted: bool = False
    revision: int = 1
    rate: float = 1000.0
    """Requests per second to the service."""
    bad_images: Mapping[str, str] = field(default_factory=dict)
    """Image -> why its tasks stop."""
    failure_rates: Mapping[str, float] = field(default_factory=dict)
    """Image -> share of its requests that fail, 0 to 1."""
    broken: dict[str, DriverError] = field(default_factory=dict)
    """Method -> error that its next call raises."""
    calls: list[tuple[object, ...]] = field(default_factory=list)
    """Method and arguments of every call, in order."""
    lost: list[str] = field(default_factory=list)
    """One line for each moment at which requests would have failed for lack of a running task."""

    async def ensure_side(self, service: Service, side: str, image: str, count: int) -> None:
        self._record("ensure_side", side, image)
        before = self.sides.get(side)
        if before is None or before.image != image:
            self.sides[side] = Side(image, count)
        else:
            before.desired = max(before.desired, count)

    async def scale_side(self, service: Service, side: str, count: int) -> None:
        self._record("scale_side", side, count)
        if side in self.sides:
            self.sides[side].desired = max(self.sides[side].desired, count)

    async def observe(self, service: Service, side: str) -> SideTasks:
        self._record("observe", side)
        tasks = self.sides.get(side)
        if tasks is None:
            return SideTasks()
        if tasks.image in self.bad_images:
            return SideTasks(tasks.desired, 0, 0, failed=3, image=tasks.image)
        healthy = tasks.desired if tasks.running else 0
        return SideTasks(tasks.desired, healthy, healthy, image=tasks.image)

    async def explain(self, service: Service, side: str, since: float) -> str:
        tasks = self.sides.get(side)
        return self.bad_images.get(tasks.image, "") if tasks else ""

    async def route(self, service: Service) -> LiveRoute:
        self._record("route")
        if self.route_deleted:
            return LiveRoute()
        sides = {s: w for s, w in self.weights.items() if s in service.sides}
        others = {s: w for s, w in self.weights.items() if s not in service.sides}
        return LiveRoute(sides, self.revision, others)

    async def set_weights(
        self, service: Service, weights: Mapping[str, int], version: int | None = None
    ) -> WeightsSet:
        self._record("set_weights", dict(weights))
        if version not in (None, self.revision):
            raise NotYet("the route, which somebody else has just changed")
        for side, weight in weights.items():
            if weight > self.weights.get(side, 0) and not self.serves(side):
                self.lost.append(f"weight {weight} on {side}, which has no running task")
        after = {**self.weights, **weights}
        if self.weights != after:
            self.weights = after
            self.revision += 1
        return WeightsSet(self.revision, self.clock())

    async def stop_side(self, service: Service, side: str) -> bool:
        self._record("stop_side", side)
        if self.weights.get(side, 0) and side in self.sides:
            self.lost.append(f"{side} was stopped with weight {self.weights[side]}")
        self.sides.pop(side, None)
        return True

    def traffic(self, service: Service, side: str, since: float) -> Traffic:
        """What callers saw if they have called at ``rate``, by these weights, since ``since``."""
        seconds = max(0.0, self.clock() - since)
        total = sum(self.weights.values())
        share = self.weights.get(side, 0) / total if total else 0.0
        requests = round(self.rate * seconds * share)
        tasks = self.sides.get(side)
        failures = round(requests * self.failure_rates.get(tasks.image, 0.0)) if tasks else requests
        members = tasks.desired if tasks else 0
        some = requests > 0
        return Traffic(
            requests=requests,
            failures=failures,
            started=requests,
            p50=2.0 if some else None,
            p99=9.0 if some else None,
            reporters=2,
            members=members,
            members_healthy=members,
            seen_until=self.clock(),
        )

    def window(self, service: Service, side: str, after: float) -> SideWindow:
        """What callers saw after a time, as `traffic` has it."""
        seen = self.traffic(service, side, after)
        return SideWindow(seen.requests, seen.failures, started=seen.started)

    def serves(self, side: str) -> bool:
        """Whether a side has a healthy task."""
        tasks = self.sides.get(side)
        return tasks is not None and tasks.running and tasks.image not in self.bad_images

    def _record(self, name: str, *arguments: object) -> None:
        self.calls.append((name, *arguments))
        error = self.broken.pop(name, None)
        if error:
            raise error
