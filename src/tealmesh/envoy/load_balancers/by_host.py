"""The Envoy at whose one port the Host header selects the load balancer.

It adds nothing to requests and takes nothing from them: the load balancer behind it is the one that
the client meant. It speaks plain HTTP, so it leads to listeners without TLS: HTTP and TCP.
"""

from __future__ import annotations

from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.endpoint.v3 import endpoint_components_pb2, endpoint_pb2
from envoy.config.listener.v3 import listener_components_pb2, listener_pb2
from envoy.config.route.v3 import route_components_pb2, route_pb2
from envoy.extensions.filters.http.router.v3 import router_pb2
from envoy.extensions.filters.network.http_connection_manager.v3 import (
    http_connection_manager_pb2 as manager_pb2,
)
from envoy.extensions.upstreams.http.v3 import http_protocol_options_pb2 as options_pb2

from tealmesh.envoy.clusters import HTTP_OPTIONS
from tealmesh.envoy.protos import ads, milliseconds, packed, socket_address
from tealmesh.envoy.resources import Resource, ResourceSet, by_name, encode
from tealmesh.model.load_balancers import ByHostSnapshot

_ADDRESS = "127.0.0.1"
_LISTENER = "lds_elb_by_host"
_ROUTES = "rds_elb_by_host"
_UNKNOWN = (
    "The Host header names no load balancer that has an HTTP or TCP listener. `teal status` shows "
    "the DNS names of all.\n"
)


def translate(snapshot: ByHostSnapshot) -> ResourceSet:
    """The resources of the Envoy."""
    ends = sorted({*snapshot.addresses.values(), *snapshot.further.values()})
    return ResourceSet(
        clusters=by_name(_cluster(*end) for end in ends),
        listeners=by_name([_listener(snapshot.port)]),
        routes=by_name([_routes(snapshot)]),
    )


def _cluster_name(address: str, port: int) -> str:
    return f"elb_by_host_{address}_{port}"


def _cluster(address: str, port: int) -> Resource:
    name = _cluster_name(address, port)
    cluster = cluster_pb2.Cluster(
        name=name,
        type=cluster_pb2.Cluster.DiscoveryType.STATIC,
        connect_timeout=milliseconds(1000),
        load_assignment=endpoint_pb2.ClusterLoadAssignment(
            cluster_name=name,
            endpoints=[
                endpoint_components_pb2.LocalityLbEndpoints(
                    lb_endpoints=[
                        endpoint_components_pb2.LbEndpoint(
                            endpoint=endpoint_components_pb2.Endpoint(
                                address=socket_address(address, port)
                            )
                        )
                    ]
                )
            ],
        ),
    )
    options = options_pb2.HttpProtocolOptions()
    options.use_downstream_protocol_config.SetInParent()
    options.use_downstream_protocol_config.http2_protocol_options.SetInParent()
    cluster.typed_extension_protocol_options[HTTP_OPTIONS].CopyFrom(packed(options))
    return encode(name, cluster)


def _routes(snapshot: ByHostSnapshot) -> Resource:
    configuration = route_pb2.RouteConfiguration(name=_ROUTES)
    for name, end in sorted(snapshot.addresses.items()):
        # Clients add the port that they connect to: it says nothing of the listener.
        _add_host(configuration, name, [name, f"{name}:*"], end)
    for name, end in sorted(snapshot.further.items()):
        _add_host(configuration, name, [name], end)
    unknown = configuration.virtual_hosts.add(name="unknown", domains=["*"]).routes.add()
    unknown.match.prefix = "/"
    unknown.direct_response.status = 404
    unknown.direct_response.body.inline_string = _UNKNOWN
    used = {_cluster_name(*e) for e in (*snapshot.addresses.values(), *snapshot.further.values())}
    return encode(_ROUTES, configuration, used)


def _add_host(
    configuration: route_pb2.RouteConfiguration, name: str, domains: list[str], end: tuple[str, int]
) -> None:
    route = configuration.virtual_hosts.add(name=name, domains=domains).routes.add(
        match=route_components_pb2.RouteMatch(prefix="/"),
        route=route_components_pb2.RouteAction(cluster=_cluster_name(*end)),
    )
    # The load balancer's own idle timeout counts.
    route.route.timeout.SetInParent()


def _listener(port: int) -> Resource:
    manager = manager_pb2.HttpConnectionManager(
        stat_prefix="elb_by_host",
        codec_type=manager_pb2.HttpConnectionManager.CodecType.AUTO,
        rds=manager_pb2.Rds(config_source=ads(), route_config_name=_ROUTES),
        stream_idle_timeout=milliseconds(0),
        skip_xff_append=True,
        preserve_external_request_id=True,
        server_header_transformation=manager_pb2.HttpConnectionManager.PASS_THROUGH,
    )
    manager.generate_request_id.value = False
    manager.use_remote_address.value = False
    manager.upgrade_configs.add(upgrade_type="websocket")
    router = router_pb2.Router(suppress_envoy_headers=True)
    manager.http_filters.add(name="envoy.filters.http.router", typed_config=packed(router))
    listener = listener_pb2.Listener(name=_LISTENER, address=socket_address(_ADDRESS, port))
    # Two control planes must not share the port, each answering some of the connections.
    listener.enable_reuse_port.value = False
    chain = listener_components_pb2.FilterChain(
        filters=[
            listener_components_pb2.Filter(
                name="envoy.filters.network.http_connection_manager", typed_config=packed(manager)
            )
        ]
    )
    listener.filter_chains.append(chain)
    return encode(_LISTENER, listener, [_ROUTES])
