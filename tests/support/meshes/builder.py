"""Snapshots of meshes from specifications, for tests of the translation and of its users."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tealmesh.model.cloudmap import DnsService
from tealmesh.model.extensions import RouterExtension
from tealmesh.model.mesh import Instance, Kind, MeshResource, MeshSnapshot, Proxy

Spec = Mapping[str, Any]


@dataclass
class MeshBuilder:
    """Builds a mesh; every `put` is a new revision, as in a store."""

    name: str = "m"
    spec: Spec = field(default_factory=dict)
    cloud_map: dict[tuple[str, str], tuple[Instance, ...]] = field(default_factory=dict)
    zones: dict[str, dict[str, DnsService]] = field(default_factory=dict)
    extensions: dict[str, RouterExtension] = field(default_factory=dict)
    made: dict[tuple[Kind, str, str], MeshResource[Any]] = field(default_factory=dict)
    revisions: Any = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        self.put(Kind.MESH, self.name, self.spec)

    def put(self, kind: Kind, name: str, spec: Spec, parent: str = "") -> MeshResource[Any]:
        """Create or update the resource."""
        revision = next(self.revisions)
        old = self.made.get((kind, parent, name))
        resource = MeshResource[Any](
            kind=kind,
            mesh=self.name,
            parent=parent,
            name=name,
            arn=f"arn:aws:appmesh:us-east-1:123456789012:mesh/{self.name}/{kind.value}/{name}",
            uid=old.uid if old else f"{kind.value}-{parent}-{name}",
            version=old.version + 1 if old else 1,
            revision=revision,
            spec=spec,
        )
        self.made[kind, parent, name] = resource
        return resource

    def node(self, name: str, port: int = 8080, protocol: str = "http", **more: Any) -> None:
        """A virtual node with one listener, found in Cloud Map (namespace `ns`, service NAME).

        ``listener`` has further members of the listener, ``more`` those of the spec.
        """
        listener = {"portMapping": {"port": port, "protocol": protocol}, **more.pop("listener", {})}
        cloud_map = {"awsCloudMap": {"namespaceName": "ns", "serviceName": name}}
        spec = {"listeners": [listener], "serviceDiscovery": cloud_map, **more}
        self.put(Kind.VIRTUAL_NODE, name, spec)

    def caller(self, name: str, *services: str, **more: Any) -> None:
        """A virtual node without a listener that calls services."""
        backends = [{"virtualService": {"virtualServiceName": one}} for one in services]
        self.put(Kind.VIRTUAL_NODE, name, {"backends": backends, **more})

    def service(self, name: str, router: str, port: int = 8080, protocol: str = "http") -> None:
        """A virtual service provided by a router of one listener."""
        listener = {"portMapping": {"port": port, "protocol": protocol}}
        self.put(Kind.VIRTUAL_ROUTER, router, {"listeners": [listener]})
        provider = {"virtualRouter": {"virtualRouterName": router}}
        self.put(Kind.VIRTUAL_SERVICE, name, {"provider": provider})

    def route(self, router: str, name: str, weights: Mapping[str, int], **more: Any) -> None:
        """An http route; ``match`` defaults to prefix "/", ``priority`` is the spec's."""
        targets = [{"virtualNode": node, "weight": weight} for node, weight in weights.items()]
        spec: dict[str, Any] = {}
        if "priority" in more:
            spec["priority"] = more.pop("priority")
        member = more.pop("member", "httpRoute")
        match = more.pop("match", {"prefix": "/"})
        spec[member] = {"match": match, "action": {"weightedTargets": targets}, **more}
        self.put(Kind.ROUTE, name, spec, router)

    def gateway(self, name: str, port: int = 8080, protocol: str = "http", **more: Any) -> None:
        """A virtual gateway with one listener."""
        listener = {"portMapping": {"port": port, "protocol": protocol}, **more.pop("listener", {})}
        self.put(Kind.VIRTUAL_GATEWAY, name, {"listeners": [listener], **more})

    def gateway_route(self, gateway: str, name: str, service: str, **more: Any) -> None:
        """An http gateway route; ``match`` defaults to prefix "/"."""
        spec: dict[str, Any] = {}
        if "priority" in more:
            spec["priority"] = more.pop("priority")
        action: dict[str, Any] = {"target": {"virtualService": {"virtualServiceName": service}}}
        if "rewrite" in more:
            action["rewrite"] = more.pop("rewrite")
        member = more.pop("member", "httpRoute")
        spec[member] = {"match": more.pop("match", {"prefix": "/"}), "action": action, **more}
        self.put(Kind.GATEWAY_ROUTE, name, spec, gateway)

    def instances(self, node: str, *addresses: str, **more: Any) -> None:
        """The Cloud Map instances of a node made by `node`; ``more`` are members of Instance."""
        self.cloud_map["ns", node] = tuple(
            Instance(address, (("AWS_INSTANCE_IPV4", address),), **more) for address in addresses
        )
        next(self.revisions)

    def snapshot(self) -> MeshSnapshot:
        """A snapshot of the mesh as it is now."""
        flat: dict[Kind, dict[str, MeshResource[Any]]] = {kind: {} for kind in Kind}
        nested: dict[Kind, dict[str, dict[str, MeshResource[Any]]]] = {kind: {} for kind in Kind}
        for (kind, parent, name), resource in self.made.items():
            flat[kind][name] = resource
            nested[kind].setdefault(parent, {})[name] = resource
        return MeshSnapshot(
            revision=next(self.revisions),
            mesh=flat[Kind.MESH][self.name],
            virtual_nodes=flat[Kind.VIRTUAL_NODE],
            virtual_services=flat[Kind.VIRTUAL_SERVICE],
            virtual_routers=flat[Kind.VIRTUAL_ROUTER],
            routes=nested[Kind.ROUTE],
            virtual_gateways=flat[Kind.VIRTUAL_GATEWAY],
            gateway_routes=nested[Kind.GATEWAY_ROUTE],
            extensions=dict(self.extensions),
            cloud_map=dict(self.cloud_map),
            zones={name: dict(services) for name, services in self.zones.items()},
        )

    def proxy(self, name: str, kind: Kind = Kind.VIRTUAL_NODE, **more: Any) -> Proxy:
        """The Envoy of a node or gateway; redirected unless ``address`` is given."""
        return replace(Proxy(self.name, kind, name), **more)
