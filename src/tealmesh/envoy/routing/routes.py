"""Virtual services and their routes as Envoy virtual hosts and route configurations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from envoy.config.route.v3 import route_components_pb2 as components
from envoy.config.route.v3 import route_pb2
from envoy.extensions.retry.host.previous_hosts.v3 import previous_hosts_pb2

from tealmesh.envoy import discovery, names
from tealmesh.envoy.extensions import beside, parts, tasks
from tealmesh.envoy.protos import duration, milliseconds, packed, serialized, uint32
from tealmesh.envoy.resources import Resource, ResourceType, encoded
from tealmesh.envoy.routing import matches
from tealmesh.envoy.routing.matches import Match
from tealmesh.envoy.routing.weights import WeightedTarget, effective_weights
from tealmesh.envoy.services import Service, targets
from tealmesh.envoy.tcp import connect_route, tcp_routes

if TYPE_CHECKING:
    from tealmesh.envoy.specs import GrpcRoute, HttpRoute, HttpTimeout, Listener, RetryPolicy
    from tealmesh.model.mesh import Mesh, Route, VirtualNode

PER_REQUEST_MS = 15_000
"""App Mesh's default request timeout:
https://docs.aws.amazon.com/app-mesh/latest/APIReference/API_HttpTimeout.html"""

_HTTP_EVENTS = {
    "server-error": "5xx",
    "gateway-error": "gateway-error",
    "client-error": "retriable-4xx",
    "stream-error": "refused-stream",
}
_PER_REQUEST = milliseconds(PER_REQUEST_MS)
_TCP_EVENTS = {"connection-error": "connect-failure"}

# A retry goes to another host than the one that has just failed.
_PREVIOUS_HOSTS = components.RetryPolicy.RetryHostPredicate(
    name="envoy.retry_host_predicates.previous_hosts",
    typed_config=packed(previous_hosts_pb2.PreviousHostsPredicate()),
)


@dataclass(frozen=True)
class ServiceRoute:
    """One route of a service."""

    name: str
    match: Match
    action: bytes | None
    """Envoy's RouteAction, serialized; None when no target has a listener and weight."""
    clusters: frozenset[str]
    """The clusters that it leads to."""
    more: bytes = b""
    """Further members of Envoy's Route, serialized."""


@dataclass(frozen=True)
class HostRoutes:
    """A virtual host and the clusters that it leads to."""

    domains: tuple[str, ...]

    body: bytes
    """A serialized RouteConfiguration with this host alone. The concatenation of such bodies is one
    RouteConfiguration with all their hosts
    (https://protobuf.dev/programming-guides/encoding/#last-one-wins), so that unchanged hosts need
    not be decoded to build it."""

    clusters: frozenset[str]

    @classmethod
    def of(cls, host: components.VirtualHost, clusters: Iterable[str]) -> HostRoutes:
        """From Envoy's VirtualHost."""
        body = serialized(route_pb2.RouteConfiguration(virtual_hosts=[host]))
        return cls(tuple(host.domains), body, frozenset(clusters))

    def only(self, domains: list[str]) -> HostRoutes:
        """The same host with some of its domains."""
        host = route_pb2.RouteConfiguration.FromString(self.body).virtual_hosts[0]
        del host.domains[:]
        host.domains.extend(domains)
        return HostRoutes.of(host, self.clusters)


def service_routes(
    service: Service, previews: frozenset[str] | None = None
) -> tuple[ServiceRoute, ...]:
    """The routes of a service in the order in which they are tried. ``previews``: the headers by
    which callers may choose a side before it has weight; None for any.
    """
    if service.router is None:
        return tuple(_node_routes(service))
    ordered = []
    for route in service.routes:
        translated = _route(service, route, previews)
        if translated:
            order = matches.order(route.spec, translated[-1].match, route.name)
            ordered.append((order, translated))
    in_order = sorted(ordered, key=lambda pair: pair[0])
    return tuple(one for _, translated in in_order for one in translated)


def virtual_host(service: Service) -> HostRoutes:
    """The virtual host of ``service`` for its callers. A request that no route matches gets 404."""
    name = service.resource.name
    host = components.VirtualHost(name=name, domains=domains(name, service.ports))
    clusters: set[str] = set()
    for connection in tcp_routes(service):
        if connection.weights:
            host.routes.append(connect_route(connection))
            clusters |= connection.clusters
    for route in service_routes(service):
        match = at_port(route.match, service.ports)
        if match is not None:
            below = parts.on_path(match.path)
            host.routes.extend(envoy_routes(replace(route, match=match), service, below))
            clusters |= route.clusters
    return HostRoutes.of(host, clusters)


def egress_routes(hosts: Iterable[HostRoutes], more: Iterable[HostRoutes]) -> Resource:
    """The one route configuration of an egress listener: the backends, then the ways out."""
    return configuration(names.EGRESS_ROUTES, [*hosts, *more])


def configuration(
    name: str, hosts: Iterable[HostRoutes], more: route_pb2.RouteConfiguration | None = None
) -> Resource:
    """A route configuration, with ``more`` members. A domain belongs to the first host that has it:
    Envoy ignores case and refuses a whole configuration in which a domain occurs twice.
    """
    whole = route_pb2.RouteConfiguration(name=name)
    if more is not None:
        whole.MergeFrom(more)
    parts = [serialized(whole)]
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


def ingress_routes(node: VirtualNode, port: int) -> Resource:
    """Route everything that arrives at one listener to the application, within its timeouts."""
    listener = discovery.own_listener(node, port)
    protocol = listener["portMapping"]["protocol"]
    cluster = names.ingress_cluster(node.mesh, node.name, protocol, port)
    action = components.RouteAction(cluster=cluster)
    set_timeouts(action, _timeout(listener))
    # Retry here only what certainly never reached the application: the caller's policy decides
    # about everything else.
    action.retry_policy.retry_on = "connect-failure,refused-stream,reset-before-request"
    action.retry_policy.num_retries.value = 1
    host = components.VirtualHost(name=node.name, domains=["*"])
    host.routes.append(
        components.Route(match=matches.route_match(Match(matches.ANY_PATH)), route=action)
    )
    routes = HostRoutes.of(host, [cluster])
    return configuration(names.ingress_routes(protocol, port), [routes])


def at_port(match: Match, ports: tuple[int, ...]) -> Match | None:
    """``match`` with its port as a condition on the Host; None when nothing listens there."""
    if match.port is None or ports == (match.port,):
        return match
    if match.port not in ports:
        return None
    headers = (*match.headers, matches.authority_at(match.port))
    return Match(match.path, headers, match.query, match.port, match.grpc)


def envoy_route(
    name: str, match: Match, action: bytes | None, more: bytes = b""
) -> components.Route:
    """Envoy's Route; it answers 503 when there is no ``action``."""
    route = components.Route(name=name, match=matches.route_match(match))
    route.MergeFromString(more)
    if action is None:
        route.direct_response.status = 503
    else:
        route.route.MergeFromString(action)
    return route


def envoy_routes(
    route: ServiceRoute, service: Service, below: parts.Below
) -> Iterator[components.Route]:
    """`envoy_route`, divided into the parts of the service that are watched."""
    if route.action is None:
        yield envoy_route(route.name, route.match, None, route.more)
        return
    for label, narrower in parts.divided(route.match, service.watch, below):
        envoy = envoy_route(route.name, narrower, route.action, route.more)
        labelled = parts.labelled(envoy, label)
        yield tasks.labelled(labelled) if service.deployed else labelled


def domains(name: str, ports: Iterable[int]) -> list[str]:
    """How callers may write a service's name in Host."""
    return [name, *(f"{name}:{port}" for port in ports)]


def set_timeouts(action: components.RouteAction, timeout: HttpTimeout) -> None:
    """Set the request timeout, 15 s by default and 0 for none, and the idle timeout, by default
    the listener's 300 s.
    """
    per_request, idle = timeout.get("perRequest"), timeout.get("idle")
    action.timeout.CopyFrom(_PER_REQUEST if per_request is None else duration(per_request))
    if idle is not None:
        action.idle_timeout.CopyFrom(duration(idle))


def _timeout(listener: Listener) -> HttpTimeout:
    """The timeouts of a listener for HTTP: the API takes them for its own protocol alone."""
    timeout = listener.get("timeout", {})
    return timeout.get("http") or timeout.get("http2") or timeout.get("grpc") or {}


def retry_policy(
    spec: RetryPolicy | None, grpc_events: Iterable[str] = ()
) -> components.RetryPolicy:
    """A user's policy, or App Mesh's default for routes that have none.

    https://docs.aws.amazon.com/app-mesh/latest/userguide/envoy-defaults.html
    """
    if spec is None:
        policy = components.RetryPolicy(
            retry_on="connect-failure,refused-stream,reset,unavailable,retriable-status-codes",
            num_retries=uint32(2),
            retriable_status_codes=[503],
        )
    else:
        policy = components.RetryPolicy(
            retry_on=",".join([*_retry_on(spec), *grpc_events]),
            num_retries=uint32(spec["maxRetries"]),
        )
        limit = duration(spec["perRetryTimeout"])
        if limit.seconds or limit.nanos:
            policy.per_try_timeout.CopyFrom(limit)
    policy.retry_host_predicate.append(_PREVIOUS_HOSTS)
    policy.host_selection_retry_max_attempts = 5
    return policy


_DEFAULT_RETRIES = retry_policy(None)


def _retry_on(spec: RetryPolicy) -> Iterator[str]:
    yield from (_HTTP_EVENTS[event] for event in spec.get("httpRetryEvents", ()))
    yield from (_TCP_EVENTS[event] for event in spec.get("tcpRetryEvents", ()))


def _route(
    service: Service, route: Route, previews: frozenset[str] | None
) -> tuple[ServiceRoute, ...]:
    """The route and those that a deployment adds before it; nothing for a TCP route."""
    spec = route.spec
    if "grpcRoute" in spec:
        grpc = spec["grpcRoute"]
        events = grpc["retryPolicy"].get("grpcRetryEvents", ()) if "retryPolicy" in grpc else ()
        match = matches.grpc_match(grpc["match"])
        return _service_route(service, route.name, match, grpc, previews, events)
    http = spec.get("httpRoute") or spec.get("http2Route")
    if http is None:
        return ()
    return _service_route(service, route.name, matches.http_match(http["match"]), http, previews)


def _service_route(
    service: Service,
    name: str,
    match: Match,
    spec: HttpRoute | GrpcRoute,
    previews: frozenset[str] | None,
    grpc_events: Iterable[str] = (),
) -> tuple[ServiceRoute, ...]:
    chosen = targets(service, spec["action"]["weightedTargets"], match.port)
    retries = spec.get("retryPolicy")
    policy = retry_policy(retries, grpc_events) if retries else _DEFAULT_RETRIES
    action = _action(chosen, spec.get("timeout", {}), policy)
    clusters = frozenset(one.cluster for one in chosen)
    extension = service.extension
    new = next((one for one in chosen if extension and one.node == extension.node), None)
    if extension is None or new is None or action is None:
        return (ServiceRoute(name, match, action, clusters),)
    itself = beside.Way(name, match, action, clusters)
    return tuple(
        ServiceRoute(way.name, way.match, way.action, way.clusters, way.more)
        for way in beside.ways(extension, itself, new, previews)
    )


def _node_routes(service: Service) -> Iterator[ServiceRoute]:
    """The routes of a service that a node provides: one for each listener, at its own port."""
    for node in service.nodes:
        for listener in node.spec.get("listeners", ()):
            port, protocol = listener["portMapping"]["port"], listener["portMapping"]["protocol"]
            if protocol == "tcp":
                continue
            cluster = names.egress_cluster(node.mesh, node.name, protocol, port)
            target = WeightedTarget(cluster, 1, True)
            action = _action([target], _timeout(listener), _DEFAULT_RETRIES)
            match = Match(matches.ANY_PATH, port=port)
            yield ServiceRoute(f"{node.name}_{port}", match, action, frozenset([cluster]))


def _action(
    chosen: list[WeightedTarget], timeout: HttpTimeout, retries: components.RetryPolicy
) -> bytes | None:
    weights = effective_weights(chosen)
    if not any(weights):
        # Envoy refuses a route whose weights are all zero, and so does the API.
        return None
    action = components.RouteAction()
    action.retry_policy.CopyFrom(retries)
    for target, weight in zip(chosen, weights, strict=True):
        action.weighted_clusters.clusters.add(name=target.cluster).weight.value = weight
    set_timeouts(action, timeout)
    return serialized(action)


def wider(
    name: str, hosts: list[str], action: components.RouteAction, clusters: frozenset[str]
) -> HostRoutes:
    """A virtual host with one action for every request, CONNECT included: a way out of the mesh."""
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


def ways_out(mesh: Mesh) -> Iterator[HostRoutes]:
    """Virtual hosts for requests that leave the mesh: to AWS's own APIs always, anywhere with an
    ALLOW_ALL egress filter.

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


def allows_all(mesh: Mesh) -> bool:
    """Whether the mesh's egress filter is ALLOW_ALL; the default is DROP_ALL."""
    egress = mesh.spec.get("egressFilter")
    return egress is not None and egress["type"] == "ALLOW_ALL"
