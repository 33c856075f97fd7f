"""A virtual service gathered with all that decides where its requests go."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from tealmesh.envoy import discovery, names
from tealmesh.envoy.protos import Spec
from tealmesh.envoy.weights import WeightedTarget
from tealmesh.model.mesh import MeshResource


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
