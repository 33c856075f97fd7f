"""A mesh as App Mesh's API describes it, frozen at one revision.

Specifications stay the dictionaries that callers sent (API reference member names, e.g.
https://docs.aws.amazon.com/app-mesh/latest/APIReference/API_VirtualNodeSpec.html); nothing here
may change them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Generic

from tealmesh.model.appmesh import S
from tealmesh.model.certificates import Material

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


class Kind(StrEnum):
    """The seven resources of App Mesh; values are the member names of the API's payloads."""

    MESH = "mesh"
    VIRTUAL_NODE = "virtualNode"
    VIRTUAL_SERVICE = "virtualService"
    VIRTUAL_ROUTER = "virtualRouter"
    ROUTE = "route"
    VIRTUAL_GATEWAY = "virtualGateway"
    GATEWAY_ROUTE = "gatewayRoute"


@dataclass(frozen=True, eq=False)
class MeshResource(Generic[S]):
    """One resource of a mesh. ``parent`` names the router of a route or the gateway of a gateway
    route and is empty otherwise. ``revision`` is the store revision that last changed it: within
    one store (mesh, kind, parent, name, revision) identifies the content, so it serves as a cache
    key.
    """

    kind: Kind
    mesh: str
    parent: str
    name: str
    arn: str
    uid: str
    version: int
    revision: int
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
    def targets(self) -> tuple[str, ...]:
        """The virtual nodes that a route leads to, in the order of its weighted targets."""
        members = (one for one in self.spec.values() if isinstance(one, Mapping))
        found = (one["action"].get("weightedTargets", ()) for one in members if "action" in one)
        return tuple(str(target["virtualNode"]) for targets in found for target in targets)


@dataclass(frozen=True)
class Instance:
    """A Cloud Map instance. ``attributes`` are sorted (name, value) pairs.

    ``healthy`` is Cloud Map's own health status; ``draining`` is set by the engine before a task
    is stopped: Envoy is then told DRAINING and takes no new request there.
    """

    id: str
    attributes: tuple[tuple[str, str], ...]
    healthy: bool = True
    draining: bool = False


@dataclass(frozen=True)
class MeshSnapshot:
    """All that Envoys of one mesh are configured from, at one revision.

    ``routes`` and ``gateway_routes`` are keyed by parent, then name. ``cloud_map`` is keyed by
    (namespace name, service name), ``material`` by the ARNs of ACM that the mesh names.
    """

    revision: int
    mesh: MeshResource[MeshSpec]
    virtual_nodes: Mapping[str, MeshResource[VirtualNodeSpec]] = field(default_factory=dict)
    virtual_services: Mapping[str, MeshResource[VirtualServiceSpec]] = field(default_factory=dict)
    virtual_routers: Mapping[str, MeshResource[VirtualRouterSpec]] = field(default_factory=dict)
    routes: Mapping[str, Mapping[str, MeshResource[RouteSpec]]] = field(default_factory=dict)
    virtual_gateways: Mapping[str, MeshResource[VirtualGatewaySpec]] = field(default_factory=dict)
    gateway_routes: Mapping[str, Mapping[str, MeshResource[GatewayRouteSpec]]] = field(
        default_factory=dict
    )
    cloud_map: Mapping[tuple[str, str], tuple[Instance, ...]] = field(default_factory=dict)
    material: Mapping[str, Material] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Proxy:
    """Which Envoy resources are asked for: the frozen input of the translation beside a snapshot.

    ``address``: empty when traffic is redirected to Envoy (containers: listeners on
    0.0.0.0:15000/15001 with the original destination); otherwise the task's own address, which
    the ingress listeners bind at their own ports, with an HTTP proxy on ``address``:15001.
    ``app_address``: where the application listens (127.0.0.1, or the task's private localhost).
    ``publish_address``: a further address that ingress listeners bind, for gateways that a user
    reaches from outside the mesh; empty for none. ``proxyless``: no Envoy but a gRPC client that
    speaks xDS itself.
    """

    mesh: str
    kind: Kind
    name: str
    address: str = ""
    app_address: str = "127.0.0.1"
    publish_address: str = ""
    proxyless: bool = False

    @property
    def redirected(self) -> bool:
        return not self.address

    @property
    def resource(self) -> str:
        """``mesh/M/virtualNode/N``, as in APPMESH_RESOURCE_ARN."""
        return f"mesh/{self.mesh}/{self.kind.value}/{self.name}"
