"""An Envoy's admin interface: all of it at a Unix socket, and what is harmless at a port.

The whole interface can stop Envoy, change its log level and show its configuration, so it is at a
socket for the Envoy's user alone. Health checks of task definitions ask the port that App Mesh's
image has it at (``curl localhost:9901/server_info``): there a listener lets four questions through.
https://www.envoyproxy.io/docs/envoy/latest/operations/admin
"""

from __future__ import annotations

from tealmesh.envoy.bootstrap.environment import (
    Environment,
    Json,
    flag,
    port,
    socket_address,
    static_cluster,
)
from tealmesh.envoy.names import ANYWHERE

ADMIN_PORT = 9901
SOCKET_MODE = 0o600
QUESTIONS = ("/ready", "/server_info", "/stats", "/stats/prometheus")
"""What the port answers."""

_NAME = "tealmesh_admin"
_TYPE = "type.googleapis.com/envoy"
_REFUSED = (
    f"this port answers GET of {', '.join(QUESTIONS)}; the rest of Envoy's admin interface is at a "
    "socket of its control plane\n"
)


def admin_port(environment: Environment) -> int:
    """Where users ask the Envoy how it is. Raises TealError for what is no port."""
    return port(environment, "ENVOY_ADMIN_ACCESS_PORT", ADMIN_PORT)


def at_socket(path: str) -> Json:
    """Envoy's Address of a Unix socket; a relative path begins at Envoy's working directory."""
    return {"pipe": {"path": path, "mode": SOCKET_MODE}}


def at_port(environment: Environment, address: str) -> Json:
    """Envoy's Address of the port where users look for the admin interface."""
    both = address == ANYWHERE and flag(environment, "ENVOY_ADMIN_ACCESS_ENABLE_IPV6")
    at = socket_address("::" if both else address, admin_port(environment))
    return {"socket_address": {**at, "ipv4_compat": both}}


def own_admin(environment: Environment, address: str) -> str:
    """Where an Envoy with its admin interface at a port of ``address`` reaches it itself."""
    host = "127.0.0.1" if address == ANYWHERE else address
    return (
        f"[{host}]:{admin_port(environment)}"
        if ":" in host
        else f"{host}:{admin_port(environment)}"
    )


def admin(environment: Environment, at: Json) -> dict[str, Json]:
    """The bootstrap's ``admin``, with its access log if a variable asks for one."""
    made: dict[str, Json] = {"address": at}
    path = environment.get("ENVOY_ADMIN_ACCESS_LOG_FILE")
    if path:
        log: Json = {
            "@type": f"{_TYPE}.extensions.access_loggers.file.v3.FileAccessLog",
            "path": path,
        }
        made["access_log"] = [{"name": "envoy.access_loggers.file", "typed_config": log}]
    return made


def questions(socket: str, at: Json) -> tuple[Json, Json]:
    """A listener that passes `QUESTIONS` to the admin interface at ``socket``, and its cluster."""
    get: Json = {"name": ":method", "string_match": {"exact": "GET"}}
    routes: list[Json] = [
        {"match": {"path": path, "headers": [get]}, "route": {"cluster": _NAME}}
        for path in QUESTIONS
    ]
    refusal: Json = {"status": 403, "body": {"inline_string": _REFUSED}}
    routes.append({"match": {"prefix": "/"}, "direct_response": refusal})
    router: Json = {"@type": f"{_TYPE}.extensions.filters.http.router.v3.Router"}
    manager: Json = {
        "@type": f"{_TYPE}.extensions.filters.network.http_connection_manager.v3."
        "HttpConnectionManager",
        # Envoy's own listener for it counts under this name, which nothing here looks at.
        "stat_prefix": "admin",
        "server_header_transformation": "PASS_THROUGH",
        "route_config": {
            "name": _NAME,
            "virtual_hosts": [{"name": _NAME, "domains": ["*"], "routes": routes}],
        },
        "http_filters": [{"name": "envoy.filters.http.router", "typed_config": router}],
    }
    connection: Json = {
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": manager,
    }
    listener: Json = {
        "name": _NAME,
        "stat_prefix": _NAME,
        "address": at,
        "filter_chains": [{"filters": [connection]}],
    }
    return listener, static_cluster(_NAME, {"pipe": {"path": socket}})
