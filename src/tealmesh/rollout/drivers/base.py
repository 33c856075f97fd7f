"""The port through which a rollout acts on the world."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from tealmesh.model.rollout import SideTasks
from tealmesh.rollout.effects import WeightsSet
from tealmesh.rollout.system import ServiceSystem


class Driver(Protocol):
    """Every method is idempotent and raises DriverError."""

    async def ensure_side(self, service: ServiceSystem, side: str, image: str) -> None:
        """The side has its virtual node, and an ECS service that runs ``image`` with the desired
        count: created, or changed where it differs.
        """

    async def observe(self, service: ServiceSystem, side: str) -> SideTasks:
        """The side's tasks now; all zero where it has no ECS service."""

    async def explain(self, service: ServiceSystem, side: str) -> str:
        """Why the side's tasks stopped last, with their last log lines; empty when none did."""

    async def weights(self, service: ServiceSystem) -> Mapping[str, int]:
        """The weights that the route has, by side; empty where there is no route."""

    async def set_weights(self, service: ServiceSystem, weights: Mapping[str, int]) -> WeightsSet:
        """The route has exactly these weights; a side of weight 0 that has no virtual node is
        left out. Answers the revision that has them, and when the call was sent.
        """

    async def stop_side(self, service: ServiceSystem, side: str) -> bool:
        """Drain the side's ECS service and delete it; True once nothing of it runs."""
