"""A world of its own for rollouts: sides that start, weights that spread, callers that call.

Shipped for tests of whatever drives a rollout. The script is the object's attributes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tealmesh.model.errors import DriverError
from tealmesh.model.rollout import SideTasks, Traffic
from tealmesh.rollout.effects import WeightsSet
from tealmesh.rollout.system import ServiceSystem


@dataclass
class Side:
    image: str
    desired: int
    running: bool = True


@dataclass
class FakeDriver:
    """``bad_images``: image -> what its tasks say as they die; ``failure_rates``: image -> share
    of its requests that fail; ``rate``: requests a second to the service; ``broken``: method
    name -> error raised once; ``calls``: what was done, in order.
    """

    clock: Callable[[], float]
    sides: dict[str, Side] = field(default_factory=dict)
    route: dict[str, int] = field(default_factory=dict)
    revision: int = 1
    rate: float = 1000.0
    bad_images: Mapping[str, str] = field(default_factory=dict)
    failure_rates: Mapping[str, float] = field(default_factory=dict)
    broken: dict[str, DriverError] = field(default_factory=dict)
    calls: list[tuple[object, ...]] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    """Every moment at which a request would have failed for want of a running task."""

    async def ensure_side(self, service: ServiceSystem, side: str, image: str) -> None:
        self._called("ensure_side", side, image)
        self.sides[side] = Side(image, service.config.desired_count)

    async def observe(self, service: ServiceSystem, side: str) -> SideTasks:
        self._called("observe", side)
        found = self.sides.get(side)
        if found is None:
            return SideTasks()
        if found.image in self.bad_images:
            return SideTasks(found.desired, 0, 0, failed=3, image=found.image)
        return SideTasks(found.desired, found.desired, found.desired, image=found.image)

    async def explain(self, service: ServiceSystem, side: str) -> str:
        found = self.sides.get(side)
        return self.bad_images.get(found.image, "") if found else ""

    async def weights(self, service: ServiceSystem) -> Mapping[str, int]:
        return dict(self.route)

    async def set_weights(self, service: ServiceSystem, weights: Mapping[str, int]) -> WeightsSet:
        self._called("set_weights", dict(weights))
        for side, weight in weights.items():
            if weight and not self._serves(side):
                self.lost.append(f"weight {weight} on {side}, which has no running task")
        if self.route != dict(weights):
            self.route = dict(weights)
            self.revision += 1
        return WeightsSet(self.revision, self.clock())

    async def stop_side(self, service: ServiceSystem, side: str) -> bool:
        self._called("stop_side", side)
        if self.route.get(side, 0) and side in self.sides:
            self.lost.append(f"{side} was stopped with weight {self.route[side]}")
        self.sides.pop(side, None)
        return True

    def traffic(self, service: ServiceSystem, side: str, since: float) -> Traffic:
        """What callers saw, had they called at ``rate`` by these weights since ``since``."""
        seconds = max(0.0, self.clock() - since)
        total = sum(self.route.values())
        share = self.route.get(side, 0) / total if total else 0.0
        requests = round(self.rate * seconds * share)
        found = self.sides.get(side)
        failures = round(requests * self.failure_rates.get(found.image, 0.0)) if found else requests
        members = found.desired if found else 0
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
        found = self.sides.get(side)
        return found is not None and found.running and found.image not in self.bad_images

    def _called(self, name: str, *arguments: object) -> None:
        self.calls.append((name, *arguments))
        error = self.broken.pop(name, None)
        if error:
            raise error
