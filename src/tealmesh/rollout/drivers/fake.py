"""A simulated world for tests of rollouts: sides that start, a route with weights, callers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tealmesh.model.errors import DriverError
from tealmesh.model.rollout import SideTasks, Traffic
from tealmesh.rollout.effects import WeightsSet
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
    route: dict[str, int] = field(default_factory=dict)
    """The route's weights, by side."""
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

    async def ensure_side(self, service: Service, side: str, image: str) -> None:
        self._record("ensure_side", side, image)
        self.sides[side] = Side(image, service.desired_count or 1)

    async def observe(self, service: Service, side: str) -> SideTasks:
        self._record("observe", side)
        tasks = self.sides.get(side)
        if tasks is None:
            return SideTasks()
        if tasks.image in self.bad_images:
            return SideTasks(tasks.desired, 0, 0, failed=3, image=tasks.image)
        return SideTasks(tasks.desired, tasks.desired, tasks.desired, image=tasks.image)

    async def explain(self, service: Service, side: str, since: float) -> str:
        tasks = self.sides.get(side)
        return self.bad_images.get(tasks.image, "") if tasks else ""

    async def weights(self, service: Service) -> Mapping[str, int]:
        return dict(self.route)

    async def set_weights(self, service: Service, weights: Mapping[str, int]) -> WeightsSet:
        self._record("set_weights", dict(weights))
        for side, weight in weights.items():
            if weight and not self._serves(side):
                self.lost.append(f"weight {weight} on {side}, which has no running task")
        if self.route != dict(weights):
            self.route = dict(weights)
            self.revision += 1
        return WeightsSet(self.revision, self.clock())

    async def stop_side(self, service: Service, side: str) -> bool:
        self._record("stop_side", side)
        if self.route.get(side, 0) and side in self.sides:
            self.lost.append(f"{side} was stopped with weight {self.route[side]}")
        self.sides.pop(side, None)
        return True

    def traffic(self, service: Service, side: str, since: float) -> Traffic:
        """What callers saw if they have called at ``rate``, by these weights, since ``since``."""
        seconds = max(0.0, self.clock() - since)
        total = sum(self.route.values())
        share = self.route.get(side, 0) / total if total else 0.0
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

    def _serves(self, side: str) -> bool:
        tasks = self.sides.get(side)
        return tasks is not None and tasks.running and tasks.image not in self.bad_images

    def _record(self, name: str, *arguments: object) -> None:
        self.calls.append((name, *arguments))
        error = self.broken.pop(name, None)
        if error:
            raise error
