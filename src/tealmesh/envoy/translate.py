"""From a mesh and one of its Envoys to everything that this Envoy shall run with.

Pure. A `Translator` remembers what its builders made: each builder takes frozen inputs and one
noun, so after a change only what depends on it is built again. Resources are known by identity and
revision (`MeshResource.identity`), which is unambiguous within one store alone: use one Translator
for one store.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from tealmesh.envoy import (
    clusters,
    discovery,
    endpoints,
    gateways,
    listeners,
    proxyless,
    routes,
    self_check,
    tcp,
    tls,
)
from tealmesh.envoy.resources import Resource, ResourceSet, by_name
from tealmesh.envoy.services import Service, Services
from tealmesh.envoy.tls import Secret
from tealmesh.model.errors import TranslationError
from tealmesh.model.mesh import Kind, MeshResource, MeshSnapshot, Proxy

CACHED = 16_384
"""Entries kept by each builder's cache: a mesh at App Mesh's quotas has a few thousand."""


class Translator:
    """Translates snapshots of one store's meshes."""

    def __init__(self) -> None:
        self._gathered: dict[str, Services] = {}

        def cached(builder: Any) -> Any:
            return lru_cache(maxsize=CACHED)(builder)

        self._egress_cluster = cached(clusters.egress)
        self._ingress_cluster = cached(clusters.ingress)
        self._outside = cached(clusters.outside)
        self._load_assignment = cached(endpoints.load_assignment)
        self._virtual_host = cached(routes.virtual_host)
        self._ingress_routes = cached(routes.ingress_routes)
        self._ways_out = cached(lambda mesh: tuple(routes.ways_out(mesh)))
        self._egress_routes = cached(routes.egress_routes)
        self._gateway_routes = cached(_gateway_routes)
        self._tcp_routes = cached(tcp.tcp_routes)
        self._ingress = cached(listeners.ingress)
        self._egress = cached(listeners.egress)
        self._gateway = cached(listeners.gateway)
        self._secret = cached(tls.secret)
        self._dialled = cached(proxyless.listeners)
        self._dialled_routes = cached(proxyless.route_configurations)
        self._dialled_cluster = cached(proxyless.cluster)
        self._self_check = cached(self_check.cluster)

    def translate(self, snapshot: MeshSnapshot, proxy: Proxy) -> ResourceSet:
        """The resources of ``proxy``. Raises TranslationError when the mesh has no such node or
        gateway, or when a reference between the resources leads nowhere.
        """
        if proxy.mesh != snapshot.mesh.name:
            raise TranslationError(
                f"{proxy.resource} is not in mesh {snapshot.mesh.name}: another mesh's snapshot"
            )
        if proxy.kind is Kind.VIRTUAL_NODE and proxy.name in snapshot.virtual_nodes:
            build = self._proxyless if proxy.proxyless else self._node
            made = build(snapshot, snapshot.virtual_nodes[proxy.name], proxy)
        elif proxy.kind is Kind.VIRTUAL_GATEWAY and proxy.name in snapshot.virtual_gateways:
            made = self._gateway_set(snapshot, snapshot.virtual_gateways[proxy.name], proxy)
        else:
            raise TranslationError(f"{proxy.resource} does not exist: no {proxy.kind.value} of it")
        return made

    def _node(self, snapshot: MeshSnapshot, node: MeshResource, proxy: Proxy) -> ResourceSet:
        services = self._services(snapshot, _backends(node))
        connections = tuple(one for service in services for one in self._tcp_routes(service))
        hosts = tuple(self._virtual_host(service) for service in services)
        ports = [listener["portMapping"]["port"] for listener in node.spec.get("listeners", ())]
        made, found, secrets = self._reached(snapshot, services, node)
        made += [self._ingress_cluster(node, port, proxy.app_address) for port in ports]
        made.append(self._outside(snapshot.mesh, proxy.redirected))
        route_sets = [
            self._ingress_routes(node, listener["portMapping"]["port"])
            for listener in node.spec.get("listeners", ())
            if listener["portMapping"]["protocol"] != "tcp"
        ]
        route_sets.append(self._egress_routes(hosts, self._ways_out(snapshot.mesh)))
        return ResourceSet(
            clusters=by_name(made),
            endpoints=by_name(found),
            listeners=by_name(
                [*self._ingress(node, proxy), self._egress(snapshot.mesh, node, proxy, connections)]
            ),
            routes=by_name(route_sets),
            secrets=self._secrets(snapshot, node, secrets),
        )

    def _proxyless(self, snapshot: MeshSnapshot, node: MeshResource, _: Proxy) -> ResourceSet:
        """For a gRPC client that stands for ``node``: the ways to its backends, no way in."""
        found = self._services(snapshot, _backends(node))
        services = [service for service in found if proxyless.speaks_grpc(service)]
        made, assigned, secrets = self._reached(snapshot, services, node)
        return ResourceSet(
            clusters=by_name(self._dialled_cluster(one) for one in made),
            endpoints=by_name(assigned),
            listeners=by_name(one for service in services for one in self._dialled(service)),
            routes=by_name(one for service in services for one in self._dialled_routes(service)),
            secrets=self._secrets(snapshot, node, secrets),
        )

    def _gateway_set(
        self, snapshot: MeshSnapshot, gateway: MeshResource, proxy: Proxy
    ) -> ResourceSet:
        own = snapshot.gateway_routes.get(gateway.name, {})
        entries = tuple(own[name] for name in sorted(own))
        services = tuple(self._services(snapshot, _targets(entries)))
        made, found, secrets = self._reached(snapshot, services, gateway)
        ports = [listener["portMapping"]["port"] for listener in gateway.spec["listeners"]]
        checks = (self._self_check(gateway, port, proxy) for port in ports)
        made += [check for check in checks if check]
        return ResourceSet(
            clusters=by_name(made),
            endpoints=by_name(found),
            listeners=by_name(self._gateway(gateway, proxy)),
            routes=by_name(
                self._gateway_routes(gateway, port, entries, services) for port in ports
            ),
            secrets=self._secrets(snapshot, gateway, secrets),
        )

    def _services(self, snapshot: MeshSnapshot, wanted: Iterable[str]) -> list[Service]:
        """Each wanted service that exists; gathered once for all Envoys of one snapshot."""
        known = self._gathered.get(snapshot.mesh.name)
        if known is None or known.snapshot is not snapshot:
            known = self._gathered[snapshot.mesh.name] = Services(snapshot)
        return known.named(wanted)

    def _reached(
        self, snapshot: MeshSnapshot, services: Sequence[Service], caller: MeshResource
    ) -> tuple[list[Resource], list[Resource], set[Secret]]:
        """Clusters and endpoints of every node that the services lead to, at all its listeners,
        and the secrets by which ``caller`` speaks TLS there.

        All listeners, not just those that a route names: a route that changes to another port
        then finds its cluster warm.
        """
        gateway = caller if caller.kind is Kind.VIRTUAL_GATEWAY else None
        nodes = {node.name: node for service in services for node in service.nodes}
        policies = tls.client_policies(caller.spec, services)
        made, found = [], []
        secrets: set[Secret] = set()
        for name in sorted(nodes):
            node = nodes[name]
            instances = discovery.instances(snapshot, node)
            preference = discovery.ip_preference(snapshot.mesh, node)
            for listener in node.spec.get("listeners", ()):
                port = listener["portMapping"]["port"]
                client = tls.origination(policies.get(name), node, port)
                secrets.update(client.secrets if client else ())
                cluster = self._egress_cluster(snapshot.mesh, node, port, gateway, client)
                made.append(cluster)
                if discovery.by_eds(node):
                    found.append(self._load_assignment(cluster.name, instances, port, preference))
        return made, found, secrets

    def _secrets(
        self, snapshot: MeshSnapshot, resource: MeshResource, wanted: set[Secret]
    ) -> Mapping[str, Resource]:
        """The secrets that come from us: ``wanted`` and those of the resource's own listeners."""
        servers = (tls.termination(one) for one in resource.spec.get("listeners", ()))
        needed = wanted.union(*(server.secrets for server in servers if server))
        made = []
        for secret in needed:
            if secret.ours:
                absent = [arn for arn in tls.arns(secret) if arn not in snapshot.material]
                if absent:
                    raise TranslationError(
                        f"{resource.kind.value} {resource.name}: ACM does not give {absent[0]}"
                    )
                material = tuple(snapshot.material[arn] for arn in tls.arns(secret))
                made.append(self._secret(secret, material))
        return by_name(made)


def _gateway_routes(
    gateway: MeshResource,
    port: int,
    entries: tuple[MeshResource, ...],
    services: tuple[Service, ...],
) -> Resource:
    by_service = {service.resource.name: service for service in services}
    return gateways.gateway_routes(gateway, port, entries, by_service)


def _backends(node: MeshResource) -> list[str]:
    """The virtual services that the node calls."""
    backends = node.spec.get("backends", ())
    return [one["virtualService"]["virtualServiceName"] for one in backends]


def _targets(entries: Iterable[MeshResource]) -> Iterator[str]:
    """The virtual services that the gateway's routes lead to."""
    for entry in entries:
        for member in gateways.PROTOCOLS:
            if member in entry.spec:
                target = entry.spec[member]["action"]["target"]
                yield target["virtualService"]["virtualServiceName"]
