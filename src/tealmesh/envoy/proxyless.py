"""Resources for a gRPC client that speaks xDS itself, without an Envoy (``xds:///shop.local``).

It asks for one listener by the name that it dials, and follows that to routes, clusters and
endpoints. Clusters and endpoints are the same as an Envoy's. Each host name of a virtual service
has a listener and routes of its own, because a gRPC client knows no listening port, and no virtual
host but the one that it dials.

https://github.com/grpc/proposal/blob/master/A27-xds-global-load-balancing.md
"""

from __future__ import annotations

from dataclasses import replace

from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.listener.v3 import listener_pb2
from envoy.config.route.v3 import route_components_pb2 as components
from envoy.config.route.v3 import route_pb2
from envoy.extensions.filters.http.router.v3 import router_pb2
from envoy.extensions.filters.network.http_connection_manager.v3 import (
    http_connection_manager_pb2 as manager_pb2,
)
from google.protobuf import any_pb2

from tealmesh.envoy.protos import ads, packed
from tealmesh.envoy.resources import Resource, encode
from tealmesh.envoy.routing.routes import domains, envoy_route, service_routes
from tealmesh.envoy.services import Service


def listeners(service: Service) -> tuple[Resource, ...]:
    """An API listener for each host name of ``service``."""
    return tuple(_listener(domain) for domain in domains(service.resource.name, service.ports))


def route_configurations(service: Service) -> tuple[Resource, ...]:
    """The gRPC routes behind each of these listeners, for the port that was dialled."""
    name, ports = service.resource.name, service.ports
    first = ports[:1]
    asked = [(name, first[0] if first else None), *((f"{name}:{port}", port) for port in ports)]
    return tuple(_routes(service, domain, port) for domain, port in asked)


def cluster(resource: Resource) -> Resource:
    """An Envoy's cluster in the form that a gRPC client accepts: it knows only LOGICAL_DNS.

    https://github.com/grpc/proposal/blob/master/A37-xds-aggregate-and-logical-dns-clusters.md
    """
    message = cluster_pb2.Cluster()
    any_pb2.Any.FromString(resource.body).Unpack(message)
    if message.type != cluster_pb2.Cluster.DiscoveryType.STRICT_DNS:
        return resource
    message.type = cluster_pb2.Cluster.DiscoveryType.LOGICAL_DNS
    return encode(resource.name, message, resource.refers_to)


def _listener(domain: str) -> Resource:
    manager = manager_pb2.HttpConnectionManager(
        rds=manager_pb2.Rds(config_source=ads(), route_config_name=domain)
    )
    router = manager.http_filters.add(name="envoy.filters.http.router")
    router.typed_config.CopyFrom(packed(router_pb2.Router()))
    message = listener_pb2.Listener(name=domain)
    message.api_listener.api_listener.CopyFrom(packed(manager))
    return encode(domain, message, [domain])


def _routes(service: Service, domain: str, port: int | None) -> Resource:
    host = components.VirtualHost(name=service.resource.name, domains=[domain])
    clusters: set[str] = set()
    for route in service_routes(service):
        if route.match.grpc and route.match.port in (None, port) and route.action is not None:
            # The port is in the name that was dialled: it is not a condition on the request.
            grpc_route = envoy_route(route.name, replace(route.match, port=None), route.action)
            _fit(grpc_route.route)
            host.routes.append(grpc_route)
            clusters |= route.clusters
    message = route_pb2.RouteConfiguration(name=domain, virtual_hosts=[host])
    return encode(domain, message, clusters)


def _fit(action: components.RouteAction) -> None:
    """Change what a gRPC client reads from another field than Envoy does, or refuses.

    It takes its time limit from ``max_stream_duration`` (proposal A31), and refuses a policy
    without retries (A44).
    """
    action.max_stream_duration.max_stream_duration.CopyFrom(action.timeout)
    if not action.retry_policy.num_retries.value:
        action.ClearField("retry_policy")


def speaks_grpc(service: Service) -> bool:
    """Whether a gRPC client has any use for the service."""
    return any(route.match.grpc for route in service_routes(service))
