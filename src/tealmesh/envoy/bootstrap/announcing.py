"""The way of an Envoy's agent to the control plane: through the Envoy itself.

A listener at a Unix socket takes calls by HTTP/1.1 and passes them on as gRPC, over the connection
by which the Envoy is configured: with its TLS, its token and its choice of a replica. So the agent
needs none of these.
https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/grpc_http1_bridge_filter
"""

from __future__ import annotations

from tealmesh.envoy.bootstrap.environment import Json
from tealmesh.model.leaving import LONGEST_WAIT_SECONDS, SERVICE

ANNOUNCING = "tealmesh_agent"
"""The name of the listener."""
_TYPE = "type.googleapis.com/envoy.extensions.filters"
_SOCKET_MODE = 0o600
_MARGIN_SECONDS = 5


def announcing(socket: str, cluster: str) -> Json:
    """The listener at ``socket`` that leads to the control plane, the static ``cluster``."""
    seconds = f"{LONGEST_WAIT_SECONDS + _MARGIN_SECONDS:g}s"
    route: Json = {
        "match": {"prefix": f"/{SERVICE}/"},
        "route": {"cluster": cluster, "timeout": seconds},
    }
    bridge: Json = {"@type": f"{_TYPE}.http.grpc_http1_bridge.v3.Config"}
    router: Json = {"@type": f"{_TYPE}.http.router.v3.Router"}
    manager: Json = {
        "@type": f"{_TYPE}.network.http_connection_manager.v3.HttpConnectionManager",
        # What counts under this name is nobody's traffic: see `admin.questions`.
        "stat_prefix": "admin",
        "route_config": {
            "name": ANNOUNCING,
            "virtual_hosts": [{"name": ANNOUNCING, "domains": ["*"], "routes": [route]}],
        },
        "http_filters": [
            {"name": "envoy.filters.http.grpc_http1_bridge", "typed_config": bridge},
            {"name": "envoy.filters.http.router", "typed_config": router},
        ],
    }
    connection: Json = {
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": manager,
    }
    return {
        "name": ANNOUNCING,
        "stat_prefix": ANNOUNCING,
        "address": {"pipe": {"path": socket, "mode": _SOCKET_MODE}},
        "filter_chains": [{"filters": [connection]}],
    }
