"""A virtual service together with everything that decides where its requests go."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from tealmesh.envoy import discovery, names
from tealmesh.envoy.discovery import Source
from tealmesh.envoy.routing.weights import WeightedTarget
from tealmesh.model.extensions import RouterExtension
from tealmesh.model.mesh import MeshSnapshot
from tealmesh.model.traffic.parts import Part

if TYPE_CHECKING:
    from tealmesh.envoy.specs import PortMapping, WeightedTargetSpec
    from tealmesh.model.mesh import GatewayRoute, Route, VirtualNode, VirtualRouter, VirtualService


_GATEWAY_PROTOCOLS: tuple[Literal["httpRoute", "http2Route", "grpcRoute"], ...] = (
    "httpRoute",
    "http2Route",
    "grpcRoute",
)
"""The members of a gateway route's specification, of which it has one."""


@dataclass(frozen=True)
class Service:
    """A virtual service together with everything that decides where its requests go."""

    resource: VirtualService

    router: VirtualRouter | None
    """None when a node provides the service, or nothing does."""

    routes: tuple[Route, ...]
    """The router's, by name."""

    nodes: tuple[VirtualNode, ...]
    """The nodes that the service leads to, by name."""

    capable: frozenset[str]
    """Names of the nodes with an instance that can answer."""

    extension: RouterExtension | None = None
    """What a running deployment adds to the router's routes."""

    watch: tuple[Part, ...] = ()
    """The parts whose requests are counted."""

    deployed: bool = False
    """Whether a deployment runs, whose evidence tells tasks apart."""

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        parts = (self.resource, self.router, self.routes, self.nodes, self.capable)
        return hash((*parts, self.extension, self.watch, self.deployed))

    @cached_property
    def ports(self) -> tuple[int, ...]:
        """The ports that it listens at: its router's, or its node's."""
        return tuple(dict.fromkeys(mapping["port"] for mapping in self._port_mappings()))

    @cached_property
    def tcp_ports(self) -> tuple[int, ...]:
        """Its ports for TCP."""
        mappings = self._port_mappings()
        return tuple(dict.fromkeys(one["port"] for one in mappings if one["protocol"] == "tcp"))

    @cached_property
    def by_name(self) -> dict[str, VirtualNode]:
        """The nodes by name."""
        return {node.name: node for node in self.nodes}

    def _port_mappings(self) -> Iterator[PortMapping]:
        if self.router:
            yield from (one["portMapping"] for one in self.router.spec.get("listeners", ()))
        else:
            for node in self.nodes:
                yield from (one["portMapping"] for one in node.spec.get("listeners", ()))


class Services:
    """The virtual services of one snapshot; each is gathered once, however many Envoys ask."""

    def __init__(self, snapshot: MeshSnapshot) -> None:
        self.snapshot = snapshot
        self._gathered: dict[str, Service] = {}
        self._sources: dict[str, Source] = {}

    def named(self, wanted: Iterable[str]) -> list[Service]:
        """Each wanted service that exists, once, by name."""
        present = self.snapshot.virtual_services
        return [self._service(name) for name in sorted(set(wanted)) if name in present]

    def source(self, node: VirtualNode) -> Source:
        """Where the node's hosts are."""
        if node.name not in self._sources:
            self._sources[node.name] = discovery.source(self.snapshot, node)
        return self._sources[node.name]

    @cached_property
    def envoys(self) -> int:
        """How many Envoys the control plane has, by the instances that are registered: those of
        all meshes, which report to the same place.
        """
        return sum(map(len, self.snapshot.cloud_map.values()))

    @cached_property
    def judged(self) -> int:
        """How many Envoys of this mesh call a service that is deployed now, by the instances of
        their nodes; a node without any, and a gateway, counts as one.
        """
        snapshot = self.snapshot
        deployed = {
            one.resource.name for one in self.named(snapshot.virtual_services) if one.deployed
        }
        if not deployed:
            return 0
        calling = [
            node
            for node in snapshot.virtual_nodes.values()
            if not deployed.isdisjoint(backends(node))
        ]
        gateways = [
            gateway
            for gateway in snapshot.virtual_gateways
            if not deployed.isdisjoint(called(snapshot.gateway_routes.get(gateway, {}).values()))
        ]
        return len(gateways) + sum(max(1, len(self.source(node).instances)) for node in calling)

    def _service(self, name: str) -> Service:
        if name not in self._gathered:
            self._gathered[name] = self._gather(self.snapshot.virtual_services[name])
        return self._gathered[name]

    def _gather(self, resource: VirtualService) -> Service:
        snapshot, provider = self.snapshot, resource.spec.get("provider") or {}
        router = None
        routes: tuple[Route, ...] = ()
        targets: set[str] = set()
        if "virtualRouter" in provider:
            router = snapshot.virtual_routers.get(provider["virtualRouter"]["virtualRouterName"])
            by_name = snapshot.routes.get(router.name, {}) if router else {}
            routes = tuple(by_name[name] for name in sorted(by_name))
            targets = {name for route in routes for name in route.targets}
        elif "virtualNode" in provider:
            targets = {provider["virtualNode"]["virtualNodeName"]}
        nodes = [snapshot.virtual_nodes[n] for n in sorted(targets) if n in snapshot.virtual_nodes]
        able = frozenset(node.name for node in nodes if self.source(node).capable)
        extension = snapshot.extensions.get(router.name) if router else None
        watch = snapshot.watched.get(router.name, ()) if router else ()
        return Service(
            resource,
            router,
            routes,
            tuple(nodes),
            able,
            extension,
            watch=watch,
            deployed=router is not None and router.name in snapshot.deployed,
        )


def backends(node: VirtualNode) -> list[str]:
    """The virtual services that the node calls."""
    own = node.spec.get("backends", ())
    return [one["virtualService"]["virtualServiceName"] for one in own]


def called(entries: Iterable[GatewayRoute]) -> Iterator[str]:
    """The virtual services that a gateway's routes lead to."""
    for entry in entries:
        for member in _GATEWAY_PROTOCOLS:
            if member in entry.spec:
                target = entry.spec[member]["action"]["target"]
                yield target["virtualService"]["virtualServiceName"]


def targets(
    service: Service, specs: Iterable[WeightedTargetSpec], asked: int | None, *, tcp: bool = False
) -> list[WeightedTarget]:
    """The weighted targets that have a listener to go to.

    A target without a port means its node's listener at the port ``asked`` for, else at one of the
    service's ports, else the node's first listener
    (https://docs.aws.amazon.com/app-mesh/latest/APIReference/API_WeightedTarget.html).
    """
    weighted = []
    for spec in specs:
        node = service.by_name.get(spec["virtualNode"])
        if node is None:
            continue
        if "port" in spec:
            listener = discovery.listener(node, spec["port"])
        else:
            wished = (asked, *service.ports)
            same = (discovery.listener(node, port) for port in wished if port is not None)
            listener = next(filter(None, same), None) or discovery.listener(node, None)
        if listener is None or (listener["portMapping"]["protocol"] == "tcp") != tcp:
            continue
        port, protocol = listener["portMapping"]["port"], listener["portMapping"]["protocol"]
        cluster = names.egress_cluster(node.mesh, node.name, protocol, port)
        capable = node.name in service.capable
        weighted.append(WeightedTarget(cluster, spec["weight"], capable, node.name))
    return weighted
