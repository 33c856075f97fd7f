"""From a mesh and one of its Envoys, or a load balancer, to all resources of this Envoy.

Pure. A `Translator` caches its builders: each takes frozen inputs and one noun, so after a change
only what depends on it is built again. Resources are keyed by identity and revision
(`MeshResource.identity`), which is unambiguous only within one store: use one Translator per store.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from tealmesh.envoy import (
    clusters,
    endpoints,
    gateways,
    listeners,
    names,
    proxyless,
    reporting,
    self_check,
    tcp,
    tls,
)
from tealmesh.envoy.extensions import beside
from tealmesh.envoy.load_balancers import by_host
from tealmesh.envoy.load_balancers import translate as load_balancers
from tealmesh.envoy.recent import Recent
from tealmesh.envoy.resources import Resource, ResourceSet, by_name
from tealmesh.envoy.routing import routes
from tealmesh.envoy.services import Service, Services, backends, called
from tealmesh.envoy.tls import Secret
from tealmesh.model.errors import TranslationError
from tealmesh.model.load_balancers import ByHostSnapshot, LoadBalancerSnapshot
from tealmesh.model.mesh import Kind, MeshSnapshot, Proxy, Snapshot

if TYPE_CHECKING:
    from tealmesh.envoy.specs import ClientPolicyTls
    from tealmesh.model.mesh import GatewayRoute, Mesh, VirtualGateway, VirtualNode

TURN_SNAPSHOTS = 32
"""Each time that a mesh has had so many snapshots, what none of them needed is forgotten. A change
of a route leaves an old one behind for every caller, and that holds all that the caller reaches."""


class Translator:
    """Translates snapshots of the meshes of one store."""

    def __init__(self) -> None:
        self._meshes: dict[str, _OfMesh] = {}

    def translate(self, snapshot: Snapshot, proxy: Proxy) -> ResourceSet:
        """The resources of ``proxy``. Raises TranslationError when the snapshot has no such node,
        gateway or load balancer, or when ACM does not provide a certificate that they name.
        """
        if proxy.mesh != snapshot.scope:
            raise TranslationError(
                f"{proxy.resource} is not in mesh {snapshot.scope}: another mesh's snapshot"
            )
        if isinstance(snapshot, MeshSnapshot):
            if snapshot.scope not in self._meshes:
                self._meshes[snapshot.scope] = _OfMesh()
            return self._meshes[snapshot.scope].translate(snapshot, proxy)
        if isinstance(snapshot, ByHostSnapshot):
            return by_host.translate(snapshot)
        if isinstance(snapshot, LoadBalancerSnapshot):
            return load_balancers.translate(snapshot)
        raise TranslationError(f"{proxy.resource}: no translation of a {type(snapshot).__name__}")


class _OfMesh:
    """What was built for one mesh."""

    def __init__(self) -> None:
        self._gathered: Services | None = None
        self._newest = -1
        """Revision of the newest snapshot that was translated."""
        self._snapshots = 0
        self._egress_cluster = Recent(clusters.egress)
        self._ingress_cluster = Recent(clusters.ingress)
        self._outside = Recent(clusters.outside)
        self._load_assignment = Recent(endpoints.load_assignment)
        self._virtual_host = Recent(routes.virtual_host)
        self._ingress_routes = Recent(routes.ingress_routes)
        self._ways_out = Recent(_ways_out)
        self._egress_routes = Recent(routes.egress_routes)
        self._gateway_routes = Recent(_gateway_routes)
        self._tcp_routes = Recent(tcp.tcp_routes)
        self._ingress = Recent(listeners.ingress)
        self._egress = Recent(listeners.egress)
        self._gateway = Recent(listeners.gateway)
        self._secret = Recent(tls.secret)
        self._api_listeners = Recent(proxyless.listeners)
        self._api_routes = Recent(proxyless.route_configurations)
        self._api_cluster = Recent(proxyless.cluster)
        self._self_check = Recent(self_check.cluster)
        self._reporting = Recent(reporting.cluster)
        self._builders = [one for one in vars(self).values() if isinstance(one, Recent)]

    def translate(self, snapshot: MeshSnapshot, proxy: Proxy) -> ResourceSet:
        self._pass(snapshot)
        if proxy.kind is Kind.VIRTUAL_NODE and proxy.name in snapshot.virtual_nodes:
            node = snapshot.virtual_nodes[proxy.name]
            if proxy.proxyless:
                return self._grpc_client(snapshot, node)
            return self._node(snapshot, node, proxy)
        if proxy.kind is Kind.VIRTUAL_GATEWAY and proxy.name in snapshot.virtual_gateways:
            return self._virtual_gateway(snapshot, snapshot.virtual_gateways[proxy.name], proxy)
        raise TranslationError(f"{proxy.resource} does not exist: no {proxy.kind} of it")

    def _node(self, snapshot: MeshSnapshot, node: VirtualNode, proxy: Proxy) -> ResourceSet:
        services = self._services(snapshot, backends(node))
        connections = tuple(one for service in services for one in self._tcp_routes(service))
        hosts = tuple(self._virtual_host(service) for service in services)
        mappings = [listener["portMapping"] for listener in node.spec.get("listeners", ())]
        policies = tls.client_policies(node.spec, services)
        reached, assignments, secrets = self._reached(snapshot, services, policies)
        reached += [self._ingress_cluster(node, m["port"], proxy.app_address) for m in mappings]
        reached.append(self._outside(snapshot.mesh, proxy.redirected))
        reached += self._reports(snapshot, services, proxy)
        route_sets = [
            self._ingress_routes(node, m["port"]) for m in mappings if m["protocol"] != "tcp"
        ]
        route_sets.append(self._egress_routes(hosts, self._ways_out(snapshot.mesh)))
        return ResourceSet(
            clusters=by_name(reached),
            endpoints=by_name(assignments),
            listeners=by_name(
                [*self._ingress(node, proxy), self._egress(snapshot.mesh, node, proxy, connections)]
            ),
            routes=by_name(route_sets),
            secrets=self._secrets(snapshot, node, secrets),
        )

    def _grpc_client(self, snapshot: MeshSnapshot, node: VirtualNode) -> ResourceSet:
        """For a gRPC client that stands for ``node``: the ways to its backends, no way in."""
        known = self._services(snapshot, backends(node))
        services = [service for service in known if proxyless.speaks_grpc(service)]
        policies = tls.client_policies(node.spec, services)
        reached, assignments, secrets = self._reached(snapshot, services, policies)
        return ResourceSet(
            clusters=by_name(self._api_cluster(one) for one in reached),
            endpoints=by_name(assignments),
            listeners=by_name(one for service in services for one in self._api_listeners(service)),
            routes=by_name(one for service in services for one in self._api_routes(service)),
            secrets=self._secrets(snapshot, node, secrets),
        )

    def _virtual_gateway(
        self, snapshot: MeshSnapshot, gateway: VirtualGateway, proxy: Proxy
    ) -> ResourceSet:
        own = snapshot.gateway_routes.get(gateway.name, {})
        entries = tuple(own[name] for name in sorted(own))
        services = tuple(self._services(snapshot, called(entries)))
        policies = tls.client_policies(gateway.spec, services)
        reached, assignments, secrets = self._reached(snapshot, services, policies, gateway)
        ports = [listener["portMapping"]["port"] for listener in gateway.spec["listeners"]]
        limits = gateways.Limits(proxy.request_timeout, proxy.idle_timeout)
        previews = gateways.Previews(*beside.stripped(snapshot.extensions, gateway.name))
        checks = (self._self_check(gateway, port, proxy) for port in ports)
        reached += [check for check in checks if check]
        reached += self._reports(snapshot, services, proxy)
        return ResourceSet(
            clusters=by_name(reached),
            endpoints=by_name(assignments),
            listeners=by_name(self._gateway(gateway, proxy)),
            routes=by_name(
                self._gateway_routes(gateway, port, entries, services, limits, previews)
                for port in ports
            ),
            secrets=self._secrets(snapshot, gateway, secrets),
        )

    def _services(self, snapshot: MeshSnapshot, wanted: Iterable[str]) -> list[Service]:
        """Each wanted service that exists."""
        return self._known(snapshot).named(wanted)

    def _known(self, snapshot: MeshSnapshot) -> Services:
        """The snapshot's services, gathered once for all its Envoys."""
        known = self._gathered
        if known is None or known.snapshot is not snapshot:
            known = self._gathered = Services(snapshot)
        return known

    def _pass(self, snapshot: MeshSnapshot) -> None:
        """Forget now and then what newer snapshots have not needed."""
        if snapshot.revision <= self._newest:
            return
        self._newest, self._snapshots = snapshot.revision, self._snapshots + 1
        if self._snapshots % TURN_SNAPSHOTS == 0:
            for builder in self._builders:
                builder.turn()

    def _reached(
        self,
        snapshot: MeshSnapshot,
        services: Sequence[Service],
        policies: Mapping[str, ClientPolicyTls],
        gateway: VirtualGateway | None = None,
    ) -> tuple[list[Resource], list[Resource], set[Secret]]:
        """Clusters and endpoints of every node that the services lead to, at all its listeners,
        and the secrets that the caller, which has these client ``policies``, needs for TLS there.

        At all listeners, not only those that a route names: when a route changes to another port,
        its cluster is already warm.
        """
        known = self._known(snapshot)
        nodes = {node.name: node for service in services for node in service.nodes}
        besides = _besides(services)
        reached, assignments = [], []
        secrets: set[Secret] = set()
        for name in sorted(nodes):
            node = nodes[name]
            source = known.source(node)
            for listener in node.spec.get("listeners", ()):
                port = listener["portMapping"]["port"]
                client = tls.origination(policies.get(name), node, port)
                secrets.update(client.secrets if client else ())
                for kind in (None, *besides.get(name, ())):
                    cluster = self._egress_cluster(
                        snapshot.mesh, node, port, source.hostname, gateway, client, kind
                    )
                    reached.append(cluster)
                    if source.hostname is None:
                        assignment = self._load_assignment(
                            cluster.name, source.instances, port, source.preference
                        )
                        assignments.append(assignment)
        return reached, assignments, secrets

    def _reports(
        self, snapshot: MeshSnapshot, called: Sequence[Service], proxy: Proxy
    ) -> list[Resource]:
        """What lets the Envoy report: often if it calls a service that is deployed."""
        if not proxy.reports_at:
            return []
        known = self._known(snapshot)
        pause = reporting.seconds(known.envoys, reporting.IDLE_REPORTS, proxy.name)
        if any(service.deployed for service in called):
            judged = reporting.seconds(known.judged, reporting.JUDGED_REPORTS, proxy.name)
            pause = min(pause, judged)
        return [self._reporting(proxy.reports_at, pause)]

    def _secrets(
        self,
        snapshot: MeshSnapshot,
        resource: VirtualNode | VirtualGateway,
        wanted: set[Secret],
    ) -> Mapping[str, Resource]:
        """The secrets that come from us: ``wanted`` and those of the resource's own listeners."""
        servers = (tls.termination(one.get("tls")) for one in resource.spec.get("listeners", ()))
        needed = wanted.union(*(server.secrets for server in servers if server))
        return by_name(self._resource_of(snapshot, resource, one) for one in needed if one.ours)

    def _resource_of(
        self, snapshot: MeshSnapshot, resource: VirtualNode | VirtualGateway, secret: Secret
    ) -> Resource:
        arns = tls.arns(secret)
        for arn in arns:
            if arn not in snapshot.material:
                raise TranslationError(
                    f"{resource.kind.value} {resource.name}: ACM does not provide {arn}"
                )
        return self._secret(secret, tuple(snapshot.material[arn] for arn in arns))


def _ways_out(mesh: Mesh) -> tuple[routes.HostRoutes, ...]:
    return tuple(routes.ways_out(mesh))


def _gateway_routes(
    gateway: VirtualGateway,
    port: int,
    entries: tuple[GatewayRoute, ...],
    services: tuple[Service, ...],
    limits: gateways.Limits,
    previews: gateways.Previews,
) -> Resource:
    by_service = {service.resource.name: service for service in services}
    return gateways.gateway_routes(gateway, port, entries, by_service, limits, previews)


def _besides(services: Iterable[Service]) -> dict[str, tuple[names.BesideKind, ...]]:
    """The nodes that requests reach beside their weight, and in which ways."""
    extensions = (service.extension for service in services)
    return {one.node: beside.kinds(one) for one in extensions if one is not None}
