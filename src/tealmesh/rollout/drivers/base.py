"""The port through which a rollout acts on the world."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from tealmesh.model.rollout import SideTasks
from tealmesh.model.status import Change, Missing
from tealmesh.rollout.belongings import Removal
from tealmesh.rollout.effects import LiveRoute, WeightsSet
from tealmesh.rollout.system import GatewaySystem, Service, ServiceSystem


class Driver(Protocol):
    """What a deployment needs. Every method is idempotent and raises DriverError, or `NotYet`
    where something else has to happen first.
    """

    async def ensure_side(self, service: Service, side: str, image: str, count: int) -> None:
        """Create the side's virtual node where there is none, and create or change its ECS service
        so that it runs ``count`` tasks of ``image`` and is like the other side's in all else.
        """

    async def scale_side(self, service: Service, side: str, count: int) -> None:
        """Give the side's ECS service at least ``count`` tasks."""

    async def observe(self, service: Service, side: str) -> SideTasks:
        """The side's tasks now; all zero where it has no ECS service."""

    async def explain(self, service: Service, side: str, since: float) -> str:
        """Why the last of the side's tasks that were started at or after ``since`` (epoch seconds)
        stopped, with its last log lines; what ECS said since then, if none did.
        """

    async def route(self, service: Service) -> LiveRoute:
        """The service's route now."""

    async def set_weights(
        self, service: Service, weights: Mapping[str, int], version: int | None = None
    ) -> WeightsSet:
        """Give the route's targets these weights and change nothing else of it; a side of weight 0
        without a virtual node is left out. Returns the revision that has them, and when the call
        was sent. `NotYet` if the route's version is no longer ``version``.
        """

    async def stop_side(self, service: Service, side: str) -> bool:
        """Drain the side's ECS service and delete it, or leave of a service that others made what
        its clean-up says. Returns whether nothing of it runs any
        more.
        """


class SeenByCallers(Protocol):
    """What the callers of ECS services' tasks see of them."""

    def usable_tasks(self, cluster: str, service: str, running: int) -> int:
        """How many of the ``running`` tasks callers can use, as far as known."""

    def why_unusable(self, cluster: str, service: str) -> str:
        """Why callers cannot use some of its tasks; empty if they can use all."""


class Unseen:
    """Nobody is asked: `SeenByCallers` of services that run elsewhere."""

    def usable_tasks(self, cluster: str, service: str, running: int) -> int:
        return running

    def why_unusable(self, cluster: str, service: str) -> str:
        return ""


class SystemDriver(Driver, Protocol):
    """A driver that can also apply a whole teal.toml, and say how it stands.

    The ``apply_…`` methods return one line for each thing they did.
    """

    async def apply_shared(self, mesh: str, cluster: str, namespace: str) -> list[str]:
        """Create the mesh, the cluster and the Cloud Map namespace where they are missing."""

    async def apply_service(self, service: ServiceSystem, told: int | None) -> list[str]:
        """Bring the service to its description, but keep its running images and weights, and a
        desired count that is not ``told``, the one of its description before: somebody else has
        scaled it.
        """

    async def apply_gateway(
        self, gateway: GatewaySystem, hostnames: Mapping[str, str], told: int | None
    ) -> list[str]:
        """Bring the gateway to its description, but keep a desired count that is not ``told``.
        ``hostnames``: service name -> hostname.
        """

    def recording(
        self, *, perform: bool
    ) -> AbstractContextManager[tuple[SystemDriver, list[Change]]]:
        """A driver that notes every change that it makes, in the list; without ``perform`` it makes
        none, and acts as if it had.
        """

    async def remove(self, wanted: Removal) -> list[str]:
        """Delete what can be deleted by now of a service or gateway. Returns what still has to
        stop, in words; empty when all is deleted.
        """

    async def definition(self, service: Service, side: str) -> tuple[str, str]:
        """The ARN of the task definition that a side's ECS service runs, and the application's
        image in it; both empty where there is no such service.
        """

    async def running(self, cluster: str, name: str) -> tuple[int, int]:
        """An ECS service's tasks that run its current task definition, and the desired ones; both
        zero where there is no such service.
        """

    async def missing(self, cluster: str, name: str) -> Missing:
        """Why an ECS service lacks tasks, as far as those of its current deployment show."""
