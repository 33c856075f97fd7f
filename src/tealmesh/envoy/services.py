"""A virtual service gathered with all that decides where its requests go."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from tealmesh.envoy import discovery, names
from tealmesh.envoy.protos import Spec
from tealmesh.envoy.weights import WeightedTarget
from tealmesh.model.mesh import MeshResource, MeshSnapshot


@dataclass(frozen=True)
class Service:
    """A virtual service with all that decides where its requests go.

    ``router`` is None when a node provides the service; ``nodes`` are the nodes that it leads to,
    and ``capable`` names those which have an instance that can answer.
    """

    resource: MeshResource
    router: MeshResource | None
    routes: tuple[MeshResource, ...]
    nodes: tuple[MeshResource, ...]
    capable: frozenset[str]

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        return hash((self.resource, self.router, self.routes, self.nodes, self.capable))

    @cached_property
    def ports(self) -> tuple[int, ...]:
        """The ports that it listens at: its router's, or its node's."""
        found = (int(listener["portMapping"]["port"]) for listener in self._listeners())
        return tuple(dict.fromkeys(found))

    def _listeners(self) -> Iterator[Spec]:
        for holder in (self.router,) if self.router else self.nodes:
            yield from holder.spec.get("listeners", ())

    @cached_property
    def tcp_ports(self) -> tuple[int, ...]:
        """Those of its ports that are for TCP."""
        found = (listener["portMapping"] for listener in self._listeners())
        return tuple(dict.fromkeys(int(one["port"]) for one in found if one["protocol"] == "tcp"))

    @cached_property
    def by_name(self) -> dict[str, MeshResource]:
        """The nodes by name."""
        return {node.name: node for node in self.nodes}


class Services:
    """The virtual services of one snapshot, each gathered once however many Envoys ask."""

    def __init__(self, snapshot: MeshSnapshot) -> None:
        self.snapshot = snapshot
        self._gathered: dict[str, Service] = {}
        self._capable: dict[str, bool] = {}

    def named(self, wanted: Iterable[str]) -> list[Service]:
        """Each wanted service that exists, once, by name."""
        present = self.snapshot.virtual_services
        return [self._service(name) for name in sorted(set(wanted)) if name in present]

    def _service(self, name: str) -> Service:
        if name not in self._gathered:
            self._gathered[name] = self._gather(self.snapshot.virtual_services[name])
        return self._gathered[name]

    def _gather(self, resource: MeshResource) -> Service:
        snapshot, provider = self.snapshot, resource.spec.get("provider") or {}
        router = None
        own: tuple[MeshResource, ...] = ()
        found: set[str] = set()
        if "virtualRouter" in provider:
            router = snapshot.virtual_routers.get(provider["virtualRouter"]["virtualRouterName"])
            routes = snapshot.routes.get(router.name, {}) if router else {}
            own = tuple(routes[name] for name in sorted(routes))
            found = {name for route in own for name in route.targets}
        elif "virtualNode" in provider:
            found = {provider["virtualNode"]["virtualNodeName"]}
        nodes = [snapshot.virtual_nodes[n] for n in sorted(found) if n in snapshot.virtual_nodes]
        able = frozenset(node.name for node in nodes if self._is_capable(node))
        return Service(resource, router, own, tuple(nodes), able)

    def _is_capable(self, node: MeshResource) -> bool:
        if node.name not in self._capable:
            instances = discovery.instances(self.snapshot, node)
            self._capable[node.name] = discovery.capable(node, instances)
        return self._capable[node.name]


def targets(
    service: Service, specs: Iterable[Spec], asked: int | None, *, tcp: bool = False
) -> list[WeightedTarget]:
    """The weighted targets that have a listener to go to.

    Without a port the target's listener at the port that was asked for is meant, else its first
    (https://docs.aws.amazon.com/app-mesh/latest/APIReference/API_WeightedTarget.html).
    """
    found = []
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
        found.append(WeightedTarget(cluster, spec["weight"], node.name in service.capable))
    return found
