"""How services and gateways of teal.toml stand, as frozen data."""

from __future__ import annotations

from dataclasses import dataclass

from tealmesh.model.rollout import Deployment, SideTasks, Traffic


@dataclass(frozen=True)
class Applied:
    """What Apply did for one service or gateway; no ``changes`` when all was as described."""

    name: str
    changes: tuple[str, ...]


@dataclass(frozen=True)
class AppliedSystem:
    """``summary`` is for people."""

    services: tuple[Applied, ...]
    gateways: tuple[Applied, ...]
    summary: tuple[str, ...]


@dataclass(frozen=True)
class Missing:
    """Why tasks are missing: what the last of them that stopped by itself said, empty where none
    did. ``gave_up``: ECS's circuit breaker starts no more of them.
    """

    reason: str = ""
    gave_up: bool = False


@dataclass(frozen=True)
class SideStatus:
    """``share`` is the side's part of the requests in the window, None without any; ``missing`` is
    None where all tasks are healthy.
    """

    side: str
    virtual_node: str
    weight: int
    tasks: SideTasks
    traffic: Traffic
    share: float | None
    missing: Missing | None = None


@dataclass(frozen=True)
class ServiceStatus:
    name: str
    mesh: str
    hostname: str
    port: int
    sides: tuple[SideStatus, ...]
    deployment: Deployment | None = None


@dataclass(frozen=True)
class GatewayStatus:
    name: str
    mesh: str
    address: str
    port: int
    running: int
    desired: int
    missing: Missing | None = None
