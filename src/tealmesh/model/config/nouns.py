"""The contents of a teal.toml, as frozen data with every default applied."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from tealmesh.model.config.notices import NoticeConfig
from tealmesh.model.config.strategies import Gates, Strategy

Protocol = Literal["http", "http2", "grpc", "tcp"]
GatewayProtocol = Literal["http", "http2", "grpc"]
"""The protocols of App Mesh's listeners."""


@dataclass(frozen=True)
class ServiceConfig:
    """One service: two virtual nodes (``NAME-SIDE``), a router, a route, a virtual service."""

    name: str
    port: int
    image: str
    """The first image to run; later ones are deployed."""
    hostname: str
    """The name of its virtual service."""
    protocol: Protocol = "http"
    """What its listener speaks. With ``tcp`` connections are counted, not requests."""
    health_path: str = "/"
    desired_count: int = 1
    """Tasks per side."""
    cpu: int = 256
    """CPU units per task, 1024 for one core."""
    memory: int = 512
    """MiB per task."""
    environment: Mapping[str, str] = field(default_factory=dict)
    backends: tuple[str, ...] = ()
    """The hostnames of the services that it calls."""
    sides: tuple[str, str] = ("blue", "green")
    """The names of its two sides; the first is active at the start."""
    request_timeout: float | None = None
    """Seconds that a request to it may take, 0 for no limit; None for App Mesh's default, 15 s."""
    idle_timeout: float | None = None
    """Seconds without a byte after which a request or stream ends, 0 for no limit; None for App
    Mesh's default, 300 s."""
    drain_time: float | None = None
    """Seconds that a task which is to stop waits for what it still serves, streams and WebSockets
    too; None for as long as a request may take."""
    replace_after: float | None = None
    """Seconds after which a task that no caller can use is replaced, 0 for never; None for 30 s."""
    strategy: Strategy = field(default_factory=Strategy)
    gates: Gates = field(default_factory=Gates)


@dataclass(frozen=True)
class GatewayConfig:
    """A virtual gateway, which users reach at ``address``:``port``."""

    name: str
    port: int
    routes: Mapping[str, str]
    """The name of the service for each path prefix."""
    protocol: GatewayProtocol = "http"
    """What all its services speak."""
    address: str = "127.0.0.1"
    desired_count: int = 1
    request_timeout: float | None = None
    """As of a service, for all requests through the gateway; None for what their services say."""
    idle_timeout: float | None = None
    drain_time: float | None = None


@dataclass(frozen=True)
class Image:
    """An entry of ``[images]``: the command that runs in place of an image."""

    pattern: str
    """A glob for image names."""
    command: tuple[str, ...]
    """Arguments, run in the directory of teal.toml with HOST and PORT in the environment."""
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class AdoptedConfig:
    """What is told of a service that others made; what is empty or None is found out."""

    name: str
    container: str = ""
    """The container that runs the application."""
    route: tuple[str, ...] = ()
    """The routes whose weights are shifted together."""
    clean_up: str = ""
    """What is left of a side without weight: ``stop`` for an ECS service without tasks, ``delete``
    for nothing."""
    strategy: Strategy | None = None
    gates: Gates | None = None


@dataclass(frozen=True)
class GroupConfig:
    """Services that are deployed together."""

    name: str
    services: tuple[str, ...]
    """The names of two or more services, of this file or made by others."""
    depends_on: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By service, those of the group that it depends on, also through others."""


@dataclass(frozen=True)
class TerraformNames:
    """What a Terraform configuration calls the things that a deployment changes. In each name
    ``{side}`` and ``{service}`` stand for those of the deployment; an empty one is not used.
    """

    weight: str = ""
    """The variable with a side's weight, such as ``{side}_weight``."""
    image: str = ""
    """The variable with a side's image."""
    active: str = ""
    """The variable that says whether a side exists."""
    virtual_node: str = ""
    """The address of a side's virtual node, such as ``aws_appmesh_virtual_node.side["{side}"]``."""
    task_definition: str = ""
    """The address of its task definition."""
    ecs_service: str = ""
    """The address of its ECS service."""


@dataclass(frozen=True)
class Additions:
    """The parts of a teal.toml that are of use without the others."""

    images: tuple[Image, ...] = ()
    adopted: Mapping[str, AdoptedConfig] = field(default_factory=dict)
    terraform: TerraformNames = TerraformNames()
    notices: Mapping[str, NoticeConfig] = field(default_factory=dict)
    groups: Mapping[str, GroupConfig] = field(default_factory=dict)


@dataclass(frozen=True)
class TealConfig:
    """The contents of a teal.toml."""

    mesh: str
    cluster: str
    """The ECS cluster; by default named as the mesh."""
    namespace: str
    """The Cloud Map namespace; by default ``MESH.local``."""
    services: Mapping[str, ServiceConfig] = field(default_factory=dict)
    gateways: Mapping[str, GatewayConfig] = field(default_factory=dict)
    additions: Additions = Additions()

    @property
    def images(self) -> tuple[Image, ...]:
        return self.additions.images
