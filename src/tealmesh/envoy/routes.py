"""Virtual services and their routes as Envoy virtual hosts and route configurations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from envoy.config.route.v3 import route_components_pb2 as components
from envoy.config.route.v3 import route_pb2
from envoy.extensions.retry.host.previous_hosts.v3 import previous_hosts_pb2
from google.protobuf import wrappers_pb2

from tealmesh.envoy import discovery, matches, names
from tealmesh.envoy.matches import Match
from tealmesh.envoy.protos import Spec, duration, milliseconds, packed
from tealmesh.envoy.resources import Resource, ResourceType, encoded
from tealmesh.envoy.services import Service, targets
from tealmesh.envoy.tcp import connect_route, tcp_routes
from tealmesh.envoy.weights import WeightedTarget, effective_weights
from tealmesh.model.mesh import MeshResource

PER_REQUEST_MS = 15_000
"""https://docs.aws.amazon.com/app-mesh/latest/APIReference/API_HttpTimeout.html"""

HTTP_ROUTES = ("httpRoute", "http2Route", "grpcRoute")

_HTTP_EVENTS = {
    "server-error": "5xx",
    "gateway-error": "gateway-error",
    "client-error": "retriable-4xx",
    "stream-error": "refused-stream",
}
_PER_REQUEST = milliseconds(PER_REQUEST_MS)
_TCP_EVENTS = {"connection-error": "connect-failure"}

# A retry is for another host than the one that has just failed.
_PREVIOUS_HOSTS = components.RetryPolicy.RetryHostPredicate(
    name="envoy.retry_host_predicates.previous_hosts",
    typed_config=packed(previous_hosts_pb2.PreviousHostsPredicate()),
)


@dataclass(frozen=True)
class ServiceRoute:
    """One route of a service: what it matches and where it leads (an Envoy RouteAction, encoded;
    None when no target has a listener or weight).
    """

    name: str
    match: Match
    action: bytes | None
    clusters: frozenset[str]


@dataclass(frozen=True)
class HostRoutes:
    """A virtual host and the clusters that it leads to.

    ``body`` is an encoded RouteConfiguration with this host alone: encoded messages put one after
    the other are one message with the repeated fields of all
    (https://protobuf.dev/programming-guides/encoding/#last-one-wins), so that a configuration is
    put together without decoding the hosts that have not changed.
    """

    domains: tuple[str, ...]
    body: bytes
    clusters: frozenset[str]

    @classmethod
    def of(cls, host: Any, clusters: Iterable[str]) -> HostRoutes:
        """From Envoy's VirtualHost."""
        message = route_pb2.RouteConfiguration(virtual_hosts=[host])
        body = message.SerializeToString(deterministic=True)
        return cls(tuple(host.domains), body, frozenset(clusters))

    def only(self, domains: list[str]) -> HostRoutes:
        """The same for some of its domains."""
        host = route_pb2.RouteConfiguration.FromString(self.body).virtual_hosts[0]
        del host.domains[:]
        host.domains.extend(domains)
        return HostRoutes.of(host, self.clusters)


def service_routes(service: Service) -> tuple[ServiceRoute, ...]:
    """The routes of a service in the order in which they are tried."""
    if service.router is None:
        return tuple(_node_routes(service))
    found = []
    for route in service.routes:
        for member in HTTP_ROUTES:
            if member in route.spec:
                made = _route(service, route.name, route.spec[member], member == "grpcRoute")
                found.append((matches.order(route.spec, made.match, route.name), made))
    return tuple(made for _, made in sorted(found, key=lambda pair: pair[0]))


def virtual_host(service: Service) -> HostRoutes:
    """The virtual host of ``service`` for its callers; without a route it answers 404."""
    name = service.resource.name
    host = components.VirtualHost(name=name, domains=domains(name, service.ports))
    clusters: set[str] = set()
    for connection in tcp_routes(service):
        if connection.weights:
            host.routes.append(connect_route(connection))
            clusters |= connection.clusters
    for route in service_routes(service):
        found = at_port(route.match, service.ports)
        if found is not None:
            host.routes.append(envoy_route(route.name, found, route.action))
            clusters |= route.clusters
    return HostRoutes.of(host, clusters)


def egress_routes(hosts: Iterable[HostRoutes], more: Iterable[HostRoutes]) -> Resource:
    """The one route configuration of an egress listener: the backends, then the ways out."""
    return configuration(names.EGRESS_ROUTES, [*hosts, *more])


def configuration(name: str, hosts: Iterable[HostRoutes]) -> Resource:
    """A route configuration. A domain belongs to the first host that has it: Envoy compares them
    without regard to case and refuses a whole configuration for one that stands twice.
    """
    parts = [route_pb2.RouteConfiguration(name=name).SerializeToString()]
    taken: set[str] = set()
    clusters: set[str] = set()
    for one in hosts:
        free = [domain for domain in one.domains if domain.lower() not in taken]
        if not free:
            continue
        taken.update(domain.lower() for domain in free)
        parts.append((one if len(free) == len(one.domains) else one.only(free)).body)
        clusters |= one.clusters
    return encoded(name, ResourceType.ROUTE, b"".join(parts), clusters)


def ingress_routes(node: MeshResource, port: int) -> Resource:
    """Everything that arrives at one listener goes to the application, within its timeouts."""
    listener = discovery.listener(node, port) or {}
    protocol = listener["portMapping"]["protocol"]
    cluster = names.ingress_cluster(node.mesh, node.name, protocol, port)
    action = components.RouteAction(cluster=cluster)
    set_timeouts(action, next(iter(listener.get("timeout", {}).values()), {}))
    # Only what surely never reached the application is sent again here: the policy of the caller
    # decides on everything else.
    action.retry_policy.retry_on = "connect-failure,refused-stream,reset-before-request"
    action.retry_policy.num_retries.value = 1
    host = components.VirtualHost(name=node.name, domains=["*"])
    host.routes.append(
        components.Route(match=matches.route_match(Match(matches.ANY_PATH)), route=action)
    )
    routes = HostRoutes.of(host, [cluster])
    return configuration(names.ingress_routes(protocol, port), [routes])


def at_port(found: Match, ports: tuple[int, ...]) -> Match | None:
    """``found`` with its port as a condition on the Host; None when nothing listens there."""
    if found.port is None or ports == (found.port,):
        return found
    if found.port not in ports:
        return None
    headers = (*found.headers, matches.authority_at(found.port))
    return Match(found.path, headers, found.query, found.port, found.grpc)


def envoy_route(name: str, found: Match, action: bytes | None) -> Any:
    """Envoy's Route; 503 for a route that leads nowhere."""
    route = components.Route(name=name, match=matches.route_match(found))
    if action is None:
        route.direct_response.status = 503
    else:
        route.route.MergeFromString(action)
    return route


def domains(name: str, ports: Iterable[int]) -> list[str]:
    """How callers may write a service's name in Host."""
    return [name, *(f"{name}:{port}" for port in ports)]


def set_timeouts(action: Any, timeout: Spec) -> None:
    """Per request 15 s unless set, 0 meaning none; idle as set, else the listener's 300 s."""
    per_request = timeout.get("perRequest")
    action.timeout.CopyFrom(_PER_REQUEST if per_request is None else duration(per_request))
    if timeout.get("idle") is not None:
        action.idle_timeout.CopyFrom(duration(timeout["idle"]))


def retry_policy(spec: Spec | None) -> Any:
    """A user's policy, or App Mesh's default for routes that have none.

    https://docs.aws.amazon.com/app-mesh/latest/userguide/envoy-defaults.html
    """
    if spec is None:
        policy = components.RetryPolicy(
            retry_on="connect-failure,refused-stream,reset,unavailable,retriable-status-codes",
            num_retries=wrappers_pb2.UInt32Value(value=2),
            retriable_status_codes=[503],
        )
    else:
        policy = components.RetryPolicy(
            retry_on=",".join(_retry_on(spec)),
            num_retries=wrappers_pb2.UInt32Value(value=spec["maxRetries"]),
        )
        limit = duration(spec["perRetryTimeout"])
        if limit.seconds or limit.nanos:
            policy.per_try_timeout.CopyFrom(limit)
    policy.retry_host_predicate.append(_PREVIOUS_HOSTS)
    policy.host_selection_retry_max_attempts = 5
    return policy


_DEFAULT_RETRIES = retry_policy(None)


def _retry_on(spec: Spec) -> Iterator[str]:
    yield from (_HTTP_EVENTS[event] for event in spec.get("httpRetryEvents", ()))
    yield from (_TCP_EVENTS[event] for event in spec.get("tcpRetryEvents", ()))
    yield from spec.get("grpcRetryEvents", ())


def _route(service: Service, name: str, spec: Spec, grpc: bool) -> ServiceRoute:
    found = matches.match(spec.get("match", {}), grpc=grpc)
    chosen = targets(service, spec["action"]["weightedTargets"], found.port)
    action = _action(chosen, spec.get("timeout", {}), spec.get("retryPolicy"))
    return ServiceRoute(name, found, action, frozenset(one.cluster for one in chosen))


def _node_routes(service: Service) -> Iterator[ServiceRoute]:
    """A service that a node provides: each of its listeners, at its own port."""
    for node in service.nodes:
        for listener in node.spec.get("listeners", ()):
            port, protocol = listener["portMapping"]["port"], listener["portMapping"]["protocol"]
            if protocol == "tcp":
                continue
            cluster = names.egress_cluster(node.mesh, node.name, protocol, port)
            target = WeightedTarget(cluster, 1, True)
            timeout: Spec = next(iter(listener.get("timeout", {}).values()), {})
            action = _action([target], timeout, None)
            found = Match(matches.ANY_PATH, port=port)
            yield ServiceRoute(f"{node.name}_{port}", found, action, frozenset([cluster]))


def _action(chosen: list[WeightedTarget], timeout: Spec, retry: Spec | None) -> bytes | None:
    weights = effective_weights(chosen)
    if not any(weights):
        # Envoy refuses a route whose weights are all zero; the API does so before us.
        return None
    action = components.RouteAction()
    action.retry_policy.CopyFrom(_DEFAULT_RETRIES if retry is None else retry_policy(retry))
    for target, weight in zip(chosen, weights, strict=True):
        action.weighted_clusters.clusters.add(name=target.cluster).weight.value = weight
    set_timeouts(action, timeout)
    encoded: bytes = action.SerializeToString(deterministic=True)
    return encoded


def wider(name: str, hosts: list[str], action: Any, clusters: frozenset[str]) -> HostRoutes:
    """A virtual host with one action for every request, CONNECT included (ways out of the mesh)."""
    host = components.VirtualHost(name=name, domains=hosts)
    connect = components.RouteMatch(connect_matcher=components.RouteMatch.ConnectMatcher())
    through = components.RouteAction()
    through.CopyFrom(action)
    through.upgrade_configs.add(upgrade_type="CONNECT").connect_config.SetInParent()
    host.routes.append(components.Route(match=connect, route=through))
    host.routes.append(
        components.Route(match=matches.route_match(Match(matches.ANY_PATH)), route=action)
    )
    return HostRoutes.of(host, clusters)


def ways_out(mesh: MeshResource) -> Iterator[HostRoutes]:
    """What may leave the mesh: AWS's own APIs always, anything with an ALLOW_ALL egress filter.

    https://docs.aws.amazon.com/app-mesh/latest/APIReference/API_EgressFilter.html
    """
    cluster = names.amazon_cluster(mesh.name)
    action = components.RouteAction(cluster=cluster)
    action.timeout.CopyFrom(milliseconds(0))
    used = frozenset([cluster])
    amazon = ["*.amazonaws.com", "*.amazonaws.com:80", "*.amazonaws.com:443"]
    yield wider("amazonaws", amazon, action, used)
    if allows_all(mesh):
        yield wider("allow_all", ["*"], action, used)


def allows_all(mesh: MeshResource) -> bool:
    """Whether the mesh's egress filter is ALLOW_ALL; the default is DROP_ALL."""
    return (mesh.spec.get("egressFilter") or {}).get("type") == "ALLOW_ALL"
