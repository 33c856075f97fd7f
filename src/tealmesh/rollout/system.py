"""Services and gateways of teal.toml with the mesh and cluster they live in. Pure.

`Service` is what deployments need of a service, whether teal.toml or somebody else made it.

The AWS resources that make them up are built in `drivers.resources`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, cast

from tealmesh.model.config.common import DEFAULT_TIMES
from tealmesh.model.config.nouns import Additions, GatewayConfig, ServiceConfig, TealConfig
from tealmesh.model.config.strategies import Gates, Strategy
from tealmesh.model.ecs.replacing import DEFAULT_SECONDS
from tealmesh.model.rollout import stored_gates, stored_strategy
from tealmesh.model.teal import known_members
from tealmesh.rollout.adopted import MeshService

if TYPE_CHECKING:
    from tealmesh.model.teal import GatewaySystemBody, ServiceSystemBody


ROUTE = "route"
"""The route of a service of teal.toml."""

APPLICATION = "app"
"""The container of the application in a service of teal.toml."""


@dataclass(frozen=True)
class ServiceSystem:
    """A service of teal.toml in its mesh, as the store keeps it (collection ``teal.system``)."""

    mesh: str
    cluster: str
    namespace: str
    config: ServiceConfig

    @property
    def name(self) -> str:
        return self.config.name

    @property
    def hostname(self) -> str:
        """Its virtual service."""
        return self.config.hostname

    @property
    def router(self) -> str:
        """Its virtual router."""
        return self.config.name

    @property
    def routes(self) -> tuple[str, ...]:
        """The routes whose weights are shifted: there is one."""
        return (ROUTE,)

    @property
    def port(self) -> int:
        return self.config.port

    @property
    def protocol(self) -> str:
        """Of its nodes' listeners."""
        return self.config.protocol

    @property
    def listeners(self) -> tuple[tuple[int, str], ...]:
        """Port and protocol of its nodes' one listener."""
        return ((self.port, self.protocol),)

    @property
    def sides(self) -> tuple[str, ...]:
        return self.config.sides

    @property
    def strategy(self) -> Strategy:
        return self.config.strategy

    @property
    def gates(self) -> Gates:
        return self.config.gates

    @property
    def container(self) -> str:
        """The container that runs the application."""
        return APPLICATION

    def application(self, side: str) -> str:
        """The container that runs the application in a side's tasks."""
        return self.container

    @property
    def desired_count(self) -> int | None:
        """Tasks of a side."""
        return self.config.desired_count

    def ecs_service(self, side: str) -> tuple[str, str]:
        """Cluster and name of a side's ECS service."""
        return self.cluster, self.node(side)

    def registry(self, side: str) -> tuple[str, str]:
        """Cloud Map namespace and service of a side's tasks."""
        return self.namespace, self.name

    def node(self, side: str) -> str:
        """Name of a side's virtual node, of its ECS service and of its task family."""
        return f"{self.config.name}-{side}"

    def to_json(self) -> ServiceSystemBody:
        """The body that the store keeps."""
        return cast("ServiceSystemBody", asdict(self))

    @classmethod
    def from_json(cls, body: ServiceSystemBody) -> ServiceSystem:
        """The service that `to_json` wrote. Members of later versions are ignored."""
        stored = body["config"]
        config = known_members(ServiceConfig, stored)
        config["strategy"] = stored_strategy(stored["strategy"])
        config["gates"] = stored_gates(stored["gates"])
        config["backends"] = tuple(stored["backends"])
        first, second = stored["sides"]
        config["sides"] = (first, second)
        return cls(body["mesh"], body["cluster"], body["namespace"], ServiceConfig(**config))


Service = ServiceSystem | MeshService
"""A service that can be deployed. Both have the same properties."""


def other_side(service: Service, side: str) -> str:
    """The first side that is not this one."""
    return next(name for name in service.sides if name != side)


@dataclass(frozen=True)
class GatewaySystem:
    """A gateway of teal.toml in its mesh, as the store keeps it (``teal.gateway``)."""

    mesh: str
    cluster: str
    config: GatewayConfig

    @property
    def name(self) -> str:
        return self.config.name

    def to_json(self) -> GatewaySystemBody:
        """The body that the store keeps."""
        return cast("GatewaySystemBody", asdict(self))

    @classmethod
    def from_json(cls, body: GatewaySystemBody) -> GatewaySystem:
        """The gateway that `to_json` wrote. Members of later versions are ignored."""
        config = GatewayConfig(**known_members(GatewayConfig, body["config"]))
        return cls(body["mesh"], body["cluster"], config)


def services(config: TealConfig) -> list[ServiceSystem]:
    """The services of a teal.toml, in its order."""
    return [
        ServiceSystem(config.mesh, config.cluster, config.namespace, service)
        for service in config.services.values()
    ]


def in_directory(config: TealConfig, directory: str) -> TealConfig:
    """``config`` with the directory of its file where gates run commands or read files."""
    services = {
        name: replace(service, gates=_placed(service.gates, directory))
        for name, service in config.services.items()
    }
    return replace(config, services=services, additions=additions_in(config.additions, directory))


def additions_in(additions: Additions, directory: str) -> Additions:
    """As `in_directory`."""
    adopted = {
        name: replace(one, gates=_placed(one.gates, directory)) if one.gates else one
        for name, one in additions.adopted.items()
    }
    return replace(additions, adopted=adopted)


def _placed(gates: Gates, directory: str) -> Gates:
    return replace(gates, directory=directory) if gates.hooks or gates.prometheus else gates


def with_former_times(config: TealConfig, before: Iterable[ServiceSystem]) -> TealConfig:
    """``config`` with the default where one of the services ``before`` set a time that this
    configuration does not. A time that no configuration ever set is left as it is.
    """
    former = {(one.mesh, one.name): one.config for one in before}
    services = dict(config.services)
    for name, service in services.items():
        earlier = former.get((config.mesh, name), service)
        request, idle = service.request_timeout, service.idle_timeout
        if request is None and earlier.request_timeout is not None:
            request = DEFAULT_TIMES["request_timeout"]
        if idle is None and earlier.idle_timeout is not None:
            idle = DEFAULT_TIMES["idle_timeout"]
        after = service.replace_after
        if after is None and earlier.replace_after is not None:
            after = DEFAULT_SECONDS
        services[name] = replace(
            service, request_timeout=request, idle_timeout=idle, replace_after=after
        )
    return replace(config, services=services)


def gateways(config: TealConfig) -> list[GatewaySystem]:
    """The gateways of a teal.toml, in its order."""
    return [
        GatewaySystem(config.mesh, config.cluster, gateway) for gateway in config.gateways.values()
    ]
