"""A virtual gateway's own health check: whether its listener answers.

In App Mesh a gateway checks itself through a cluster that leads back to its listener
(``cds_ingress_MESH_GATEWAY_self_redirect_PROTOCOL_PORT`` in
https://docs.aws.amazon.com/app-mesh/latest/userguide/envoy-metrics.html), so the result is in that
cluster's statistics. No route leads there. The listener itself answers the checks of this and of
any other Envoy, since they are not traffic for the services behind it; any other request to the
same path is routed as usual.

https://docs.aws.amazon.com/app-mesh/latest/APIReference/API_VirtualGatewayHealthCheckPolicy.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from envoy.config.route.v3 import route_components_pb2 as components
from envoy.extensions.filters.http.health_check.v3 import health_check_pb2
from google.protobuf import wrappers_pb2

from tealmesh.envoy import clusters, names, tls
from tealmesh.envoy.resources import Resource, encode
from tealmesh.envoy.routing import matches
from tealmesh.model.mesh import Proxy

if TYPE_CHECKING:
    from tealmesh.envoy.specs import GatewayListener
    from tealmesh.model.mesh import VirtualGateway

_CHECKER = "Envoy/HC"
"""The ``user-agent`` of Envoy's health checks."""


def cluster(gateway: VirtualGateway, port: int, proxy: Proxy) -> Resource | None:
    """The cluster that leads back to the gateway's listener at ``port``; None without a check."""
    listener = next(one for one in gateway.spec["listeners"] if one["portMapping"]["port"] == port)
    check = listener.get("healthCheck")
    if check is None:
        return None
    protocol = listener["portMapping"]["protocol"]
    name = names.self_cluster(gateway.mesh, gateway.name, protocol, port)
    asked = check["protocol"]
    # The listener understands HTTP/1.1 and HTTP/2 alike, so the check chooses.
    message = clusters.one_host(name, asked, proxy.address or "127.0.0.1", port)
    # The filter cannot answer in gRPC: such a check only tests that the listener accepts
    # connections.
    how = "tcp" if asked == "grpc" else asked
    message.health_checks.append(clusters.health_check(check, how, gateway.name))
    server = tls.termination(listener.get("tls"))
    if server is None:
        return encode(name, message)
    # The gateway trusts itself. Where clients must show a certificate, it shows its own.
    own = server.certificate if server.trust else None
    client = tls.Origination(certificate=own)
    message.transport_socket.CopyFrom(tls.upstream_socket(client, asked))
    return encode(name, message, tls.references(client.secrets))


def http_filter(listener: GatewayListener) -> health_check_pb2.HealthCheck | None:
    """The filter that answers the listener's health checks; None where it needs none."""
    check = listener.get("healthCheck")
    if check is None or check["protocol"] == "grpc":
        return None
    path = matches.exact_header(":path", check.get("path", "/"))
    answering = health_check_pb2.HealthCheck(pass_through_mode=wrappers_pb2.BoolValue(value=False))
    for encoded in (path, matches.exact_header("user-agent", _CHECKER)):
        answering.headers.append(components.HeaderMatcher.FromString(encoded))
    return answering
