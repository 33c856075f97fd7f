"""What Apply did, and how services and gateways of teal.toml stand, as frozen data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from tealmesh.model.rollout import Deployment, SideTasks, Traffic


@dataclass(frozen=True)
class Applied:
    """What Apply did for one service or gateway."""

    name: str
    changes: tuple[str, ...]
    """One line per resource created or changed; empty if everything was as described."""


@dataclass(frozen=True)
class Change:
    """One thing that is created, changed or deleted."""

    action: Literal["create", "change", "delete"]
    what: str
    """In words, such as ``virtual node web-blue``."""
    details: tuple[str, ...] = ()
    """What is different about it, as ``what: old → new``."""


@dataclass(frozen=True)
class AppliedSystem:
    """What Apply did for a whole teal.toml, or would do."""

    services: tuple[Applied, ...]
    gateways: tuple[Applied, ...]
    summary: tuple[str, ...]
    """The changes in words, for people."""
    changes: tuple[Change, ...] = ()
    """Everything that was changed, in order."""
    notes: tuple[str, ...] = ()
    """What else there is to say."""
    refused: tuple[str, ...] = ()
    """What was not applied, with the reason; the rest was."""
    left_over: tuple[str, ...] = ()
    """Services and gateways of the mesh that are not in the file any more."""


@dataclass(frozen=True)
class Removed:
    """How far the removal of a service or gateway is."""

    kind: Literal["service", "gateway"]
    changes: tuple[Change, ...]
    """What is deleted, in order."""
    callers: tuple[str, ...]
    """What sends requests to it, in words."""
    waiting_for: tuple[str, ...] = ()
    """What has to stop first, in words."""
    done: bool = False


@dataclass(frozen=True)
class Missing:
    """Why tasks are missing."""

    reason: str = ""
    """Why the last task that stopped by itself did so; empty if none did."""
    gave_up: bool = False
    """Whether ECS's circuit breaker has stopped starting tasks."""


@dataclass(frozen=True)
class SideStatus:
    """How one side of a service stands."""

    side: str
    virtual_node: str
    weight: int
    tasks: SideTasks
    traffic: Traffic
    """What callers saw in the window."""
    share: float | None
    """The side's share of the service's requests in the window, 0 to 1; None without any."""
    missing: Missing | None = None
    """None if all tasks are healthy."""


@dataclass(frozen=True)
class ServiceStatus:
    """How one service stands."""

    name: str
    mesh: str
    hostname: str
    port: int
    sides: tuple[SideStatus, ...]
    deployment: Deployment | None = None
    """The running deployment, or else the latest; None before the first."""
    told: int | None = None
    """Tasks of a side by teal.toml, for the first start; None for a service that others made."""

    @property
    def leading(self) -> SideStatus:
        """The side with the most weight."""
        return max(self.sides, key=lambda side: side.weight)

    @property
    def other_count(self) -> int | None:
        """What teal.toml says, if the side that serves has another desired count."""
        desired = self.leading.tasks.desired
        return self.told if self.told is not None and desired not in (0, self.told) else None


@dataclass(frozen=True)
class GatewayStatus:
    """How one gateway stands."""

    name: str
    mesh: str
    address: str
    port: int
    running: int
    desired: int
    missing: Missing | None = None
    """None if all tasks run."""
    routes: Mapping[str, str] = field(default_factory=dict)
    """The service to which each path prefix leads."""


@dataclass(frozen=True)
class LogSource:
    """A task whose log somebody asks for."""

    task: str
    """Its ARN."""
    side: str
    """The side of a service that it belongs to; empty without sides."""
    stopped: bool
    """Whether it has stopped or is stopping."""
    applications: frozenset[str]
    """The names of its containers that are neither Envoy nor a known sidecar."""


@dataclass(frozen=True)
class DescribedSide:
    """What one side of a service consists of."""

    side: str
    virtual_node: str
    exists: bool
    """Whether its virtual node exists."""
    cluster: str
    ecs_service: str
    """Empty if none is known."""
    task_definition: str
    """ARN of what its ECS service runs; empty without one."""
    image: str
    """The application's image there; empty without one."""
    weight: int


@dataclass(frozen=True)
class DescribedService:
    """What a service consists of."""

    name: str
    mesh: str
    hostname: str
    container: str
    """The container that runs the application; empty if that is not clear."""
    sides: tuple[DescribedSide, ...]
    problem: str
    """Why it cannot be deployed; empty if it can."""
    routes: tuple[str, ...] = ()
    """The routes whose weights are shifted together; empty if that is not clear."""
