"""A virtual gateway's own health check: whether its listener answers.

App Mesh lets a gateway check itself by a cluster that leads back to its listener
(``cds_ingress_MESH_GATEWAY_self_redirect_PROTOCOL_PORT`` in
https://docs.aws.amazon.com/app-mesh/latest/userguide/envoy-metrics.html), so the result is in that
cluster's statistics. No route leads there. Envoy's checks are answered by the listener itself, and
so are those of Envoys in other meshes: they are no traffic of the services behind it, whereas a
request of anybody else to the same path is routed as ever.

https://docs.aws.amazon.com/app-mesh/latest/APIReference/API_VirtualGatewayHealthCheckPolicy.html
"""

from __future__ import annotations

from typing import Any

from envoy.config.route.v3 import route_components_pb2 as components
from envoy.extensions.filters.http.health_check.v3 import health_check_pb2
from google.protobuf import wrappers_pb2

from tealmesh.envoy import clusters, matches, names, tls
from tealmesh.envoy.protos import Spec
from tealmesh.envoy.resources import Resource, encode
from tealmesh.model.mesh import MeshResource, Proxy

_CHECKER = "Envoy/HC"
"""What Envoy's health checks say they are (``user-agent``)."""


def cluster(gateway: MeshResource, port: int, proxy: Proxy) -> Resource | None:
    """The cluster that leads back to the gateway's listener at ``port``; None without a check."""
    listener = _listener(gateway, port)
    check = listener.get("healthCheck")
    if check is None:
        return None
    protocol = listener["portMapping"]["protocol"]
    name = names.self_cluster(gateway.mesh, gateway.name, protocol, port)
    asked = check["protocol"]
    # The listener understands HTTP/1.1 and HTTP/2 alike, so the check chooses.
    made = clusters.one_host(name, asked, proxy.address or "127.0.0.1", port)
    # A filter cannot answer in gRPC: such a check is that the listener takes connections.
    how = "tcp" if asked == "grpc" else asked
    made.health_checks.append(clusters.health_check({**check, "protocol": how}, gateway.name))
    server = tls.termination(listener)
    if server is None:
        return encode(name, made)
    # It need not prove itself to itself. Where clients have to, it shows its own certificate.
    own = server.certificate if server.trust else None
    client = tls.Origination(certificate=own)
    made.transport_socket.CopyFrom(tls.upstream_socket(client, asked))
    return encode(name, made, tls.references(client.secrets))


def http_filter(listener: Spec) -> Any | None:
    """The filter that answers the checks of a gateway's listener; None where there are none."""
    check = listener.get("healthCheck")
    if check is None or check["protocol"] == "grpc":
        return None
    path = matches.exact_header(":path", check.get("path", "/"))
    made = health_check_pb2.HealthCheck(pass_through_mode=wrappers_pb2.BoolValue(value=False))
    for encoded in (path, matches.exact_header("user-agent", _CHECKER)):
        made.headers.append(components.HeaderMatcher.FromString(encoded))
    return made


def _listener(gateway: MeshResource, port: int) -> Spec:
    listeners = gateway.spec["listeners"]
    found: Spec = next(one for one in listeners if one["portMapping"]["port"] == port)
    return found
