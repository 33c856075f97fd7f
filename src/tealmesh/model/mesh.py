"""A mesh as App Mesh's API describes it, frozen at one revision.

Specifications stay the dictionaries that callers sent (API reference member names, e.g.
https://docs.aws.amazon.com/app-mesh/latest/APIReference/API_VirtualNodeSpec.html); nothing here
may change them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from functools import cached_property
from operator import attrgetter
from typing import TYPE_CHECKING, Final, Generic, Literal, Protocol

from tealmesh.model.appmesh import S
from tealmesh.model.certificates import Material
from tealmesh.model.extensions import RouterExtension
from tealmesh.model.traffic.parts import Part

_PROTOCOLS: tuple[Literal["httpRoute", "http2Route", "grpcRoute", "tcpRoute"], ...] = (
    "httpRoute",
    "http2Route",
    "grpcRoute",
    "tcpRoute",
)
"""The members of a route's spec, of which it has one."""


class Kind(StrEnum):
    """The seven resources of App Mesh; values are the member names of the API's payloads."""

    MESH = "mesh"
    VIRTUAL_NODE = "virtualNode"
    VIRTUAL_SERVICE = "virtualService"
    VIRTUAL_ROUTER = "virtualRouter"
    ROUTE = "route"
    VIRTUAL_GATEWAY = "virtualGateway"
    GATEWAY_ROUTE = "gatewayRoute"

    @property
    def noun(self) -> str:
        """Its name in operations and in CloudFormation: ``VirtualNode``."""
        return f"{self.value[0].upper()}{self.value[1:]}"


LOAD_BALANCER: Final = "loadBalancer"
"""The kind of a load balancer's Envoy, which belongs to no mesh."""


@dataclass(frozen=True, eq=False)
class MeshResource(Generic[S]):
    """One resource of a mesh. Within one store (mesh, kind, parent, name, revision) identifies its
    content, so it serves as a cache key.
    """

    kind: Kind
    mesh: str
    parent: str
    """The router of a route, the gateway of a gateway route, else empty."""
    name: str
    arn: str
    uid: str
    version: int
    revision: int
    """The store revision that last changed it."""
    spec: S

    @cached_property
    def identity(self) -> tuple[str, str, str, str, int]:
        return (self.mesh, self.kind.value, self.parent, self.name, self.revision)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MeshResource) and self.identity == other.identity

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        return hash(self.identity)

    @cached_property
    def targets(self: Route) -> tuple[str, ...]:
        """Of a route: the virtual nodes that it leads to, in the order of its weighted targets."""
        routes = (self.spec[member] for member in _PROTOCOLS if member in self.spec)
        return tuple(
            target["virtualNode"] for one in routes for target in one["action"]["weightedTargets"]
        )


if TYPE_CHECKING:
    from tealmesh.model.appmesh import (
        GatewayRouteSpec,
        MeshSpec,
        RouteSpec,
        VirtualGatewaySpec,
        VirtualNodeSpec,
        VirtualRouterSpec,
        VirtualServiceSpec,
    )
    from tealmesh.model.cloudmap import Zones

    Mesh = MeshResource[MeshSpec]
    VirtualNode = MeshResource[VirtualNodeSpec]
    VirtualService = MeshResource[VirtualServiceSpec]
    VirtualRouter = MeshResource[VirtualRouterSpec]
    Route = MeshResource[RouteSpec]
    VirtualGateway = MeshResource[VirtualGatewaySpec]
    GatewayRoute = MeshResource[GatewayRouteSpec]


@dataclass(frozen=True)
class Instance:
    """A Cloud Map instance."""

    id: str

    attributes: tuple[tuple[str, str], ...]
    """Sorted (name, value) pairs."""

    healthy: bool = True
    """Cloud Map's own health status."""

    draining: bool = False
    """Set by the engine before it stops a task: Envoys then send it no new requests."""


@dataclass(frozen=True)
class MeshSnapshot:
    """Everything that the Envoys of one mesh are configured from, at one revision."""

    revision: int
    mesh: Mesh
    virtual_nodes: Mapping[str, VirtualNode] = field(default_factory=dict)
    virtual_services: Mapping[str, VirtualService] = field(default_factory=dict)
    virtual_routers: Mapping[str, VirtualRouter] = field(default_factory=dict)
    routes: Mapping[str, Mapping[str, Route]] = field(default_factory=dict)
    """By router, then name."""
    virtual_gateways: Mapping[str, VirtualGateway] = field(default_factory=dict)
    gateway_routes: Mapping[str, Mapping[str, GatewayRoute]] = field(default_factory=dict)
    """By gateway, then name."""
    extensions: Mapping[str, RouterExtension] = field(default_factory=dict)
    """By router: what running deployments add to its routes."""
    cloud_map: Mapping[tuple[str, str], tuple[Instance, ...]] = field(default_factory=dict)
    """By (namespace name, service name)."""
    zones: Zones = field(default_factory=dict)
    """The DNS namespaces among them, as DNS answers from them."""
    watched: Mapping[str, tuple[Part, ...]] = field(default_factory=dict)
    """By the router of each service that is watched or deployed now, the parts that are counted."""
    deployed: frozenset[str] = frozenset()
    """The routers of services that are deployed now, whose tasks are told apart."""
    material: Mapping[str, Material] = field(default_factory=dict, repr=False)
    """By the ACM ARNs that the mesh names."""

    @property
    def scope(self) -> str:
        """The mesh's name."""
        return self.mesh.name

    def has(self, proxy: Proxy) -> bool:
        """Whether the proxy's virtual node or gateway exists."""
        if proxy.kind is Kind.VIRTUAL_GATEWAY:
            return proxy.name in self.virtual_gateways
        return proxy.kind is Kind.VIRTUAL_NODE and proxy.name in self.virtual_nodes


@dataclass(frozen=True)
class Proxy:
    """One Envoy: what the translation needs to know of it beside the snapshot."""

    mesh: str
    """The scope of the snapshot that it is configured from: a mesh's name, ``elb/NAME`` for the
    Envoy of a load balancer (`load_balancer_proxy`)."""

    kind: Kind | Literal["loadBalancer"]
    name: str

    address: str = ""
    """The task's own address, where ingress listeners bind at their own ports and an HTTP proxy at
    port 15001. Empty when traffic is redirected to Envoy (containers): then it listens on
    0.0.0.0:15000 and 15001 and uses the original destination."""

    app_address: str = "127.0.0.1"
    """Where the application listens: 127.0.0.1, or the task's private localhost."""

    publish_address: str = ""
    """A further address for ingress listeners, for gateways that are reached from outside the mesh;
    empty for none."""

    request_timeout: float | None = None
    """Seconds that a request through this gateway may take, 0 for no limit, whatever its service's
    routes say; None to go by these."""

    idle_timeout: float | None = None
    """The same for the time without a byte in either direction."""

    counts_parts: bool = False
    """Whether it is an Envoy that can count the requests to parts of services."""

    times_parts: bool = False
    """Whether it can also time their answers."""

    proxyless: bool = False
    """Whether it is no Envoy but a gRPC client that speaks xDS itself."""

    reports_at: str = ""
    """Where it can ask itself to report what it has counted, as `envoy.reporting.place` reads it;
    empty where it reports by a clock of its own."""

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        return hash(_of_proxy(self))

    @property
    def redirected(self) -> bool:
        """Whether the task's traffic is redirected to Envoy."""
        return not self.address

    @property
    def resource(self) -> str:
        """``mesh/M/virtualNode/N``, as in APPMESH_RESOURCE_ARN, or ``loadbalancer/N``."""
        if self.kind == LOAD_BALANCER:
            return f"loadbalancer/{self.name}"
        return f"mesh/{self.mesh}/{self.kind}/{self.name}"


_of_proxy = attrgetter(*(one.name for one in fields(Proxy)))
"""What makes two of them equal."""


def load_balancer_scope(name: str) -> str:
    """The scope of a load balancer's snapshots. No mesh has it: their names have no slash."""
    return f"elb/{name}"


def load_balancer_proxy(name: str) -> Proxy:
    """The Envoy of a load balancer."""
    return Proxy(load_balancer_scope(name), LOAD_BALANCER, name)


class Snapshot(Protocol):
    """What a group of Envoys is configured from, frozen at one revision."""

    @property
    def scope(self) -> str:
        """Identifies the group: its Envoys' `Proxy.mesh`."""

    @property
    def revision(self) -> int: ...

    def has(self, proxy: Proxy) -> bool:
        """Whether the Envoy's resource exists."""
