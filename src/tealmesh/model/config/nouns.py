"""teal.toml: what a team says about its mesh, its services and how they are deployed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class Gates:
    """What must hold before a deployment goes on.

    ``success_rate``: least share of requests without a 5xx answer (0..1), judged on at least
    ``min_requests`` seen by callers; ``approval``: wait for `teal approve` before production
    traffic shifts the first time.
    """

    success_rate: float = 0.99
    min_requests: int = 100
    approval: bool = False


@dataclass(frozen=True)
class Strategy:
    """How weight moves to the new side.

    ``steps`` are percentages for the new side, ending with 100; blue/green is ``(100,)``.
    ``step_time`` is the least time at each step and ``bake_time`` the time at 100 before the old
    side is stopped, in seconds. ``step_timeout`` bounds every wait for a gate, in seconds.
    """

    type: Literal["bluegreen", "canary"] = "bluegreen"
    steps: tuple[int, ...] = (100,)
    step_time: float = 10.0
    bake_time: float = 10.0
    step_timeout: float = 300.0


@dataclass(frozen=True)
class ServiceConfig:
    """One service: two virtual nodes (``NAME-SIDE``), a router, a route, a virtual service.

    ``hostname`` is the virtual service's name, ``backends`` are hostnames that it calls,
    ``sides`` the names of its two sides, the first of which starts active.
    """

    name: str
    port: int
    image: str
    hostname: str
    health_path: str = "/"
    desired_count: int = 1
    cpu: int = 256
    memory: int = 512
    environment: Mapping[str, str] = field(default_factory=dict)
    backends: tuple[str, ...] = ()
    sides: tuple[str, str] = ("blue", "green")
    strategy: Strategy = Strategy()
    gates: Gates = Gates()


@dataclass(frozen=True)
class GatewayConfig:
    """A virtual gateway, reached by users at ``address``:``port``; path prefix -> service name."""

    name: str
    port: int
    routes: Mapping[str, str]
    address: str = "127.0.0.1"
    desired_count: int = 1


@dataclass(frozen=True)
class Image:
    """An entry of the image map: ``pattern`` is a glob over image names, ``command`` an argument
    vector run in the directory of teal.toml with HOST and PORT in its environment.
    """

    pattern: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class TealConfig:
    """A whole teal.toml. ``cluster`` and ``namespace`` default to the mesh's name and
    ``MESH.local``.
    """

    mesh: str
    cluster: str
    namespace: str
    services: Mapping[str, ServiceConfig] = field(default_factory=dict)
    gateways: Mapping[str, GatewayConfig] = field(default_factory=dict)
    images: tuple[Image, ...] = ()
