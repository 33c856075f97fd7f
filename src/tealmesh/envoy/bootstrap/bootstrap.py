"""The bootstrap of an Envoy, and who an Envoy says it is when it connects.

The environment is that of the App Mesh Envoy image, so that its users' task definitions go on
working: https://docs.aws.amazon.com/app-mesh/latest/userguide/envoy-config.html
"""

from __future__ import annotations

import ipaddress
from typing import Any

from google.protobuf import json_format

from tealmesh.envoy.bootstrap.environment import (
    Environment,
    Read,
    flag,
    fragment,
    http2_options,
    interval,
    number,
    port,
    seconds,
    socket,
    static_cluster,
)
from tealmesh.envoy.bootstrap.statistics import STATS_FILE, sinks, stats_config
from tealmesh.envoy.bootstrap.tracing import tracing
from tealmesh.envoy.names import ANYWHERE
from tealmesh.envoy.tls import SDS_CLUSTER
from tealmesh.model.errors import TealError
from tealmesh.model.mesh import Kind, Proxy

CONTROL_PLANE = "tealmesh"
"""Name of the static cluster of the control plane, and of our member in the node's metadata."""

ADMIN_PORT = 9901
REGEX_SIZE = 1000
"""Instructions of a compiled regular expression: Envoy's own limit of 100 is met by patterns that
App Mesh took."""

_KINDS = {kind.value: kind for kind in (Kind.VIRTUAL_NODE, Kind.VIRTUAL_GATEWAY)}
_ADDRESSES = ("address", "app_address", "publish_address")
_FORMS = "mesh/MESH/virtualNode/NAME or mesh/MESH/virtualGateway/NAME (or the full ARN)"


RESOURCE_VARIABLES = (
    "APPMESH_RESOURCE_ARN",
    "APPMESH_VIRTUAL_NODE_NAME",
    "APPMESH_RESOURCE_NAME",
)
"""Those that say which resource an Envoy is; the first that is set counts, the others are old."""


def _nothing_to_read(path: str) -> str:
    raise FileNotFoundError(f"no file can be read here: {path}")


def bootstrap(
    environment: Environment,
    *,
    xds_address: tuple[str, int],
    token: str | None = None,
    task: str = "",
    address: str = "",
    app_address: str = "127.0.0.1",
    publish_address: str = "",
    admin_address: str = "127.0.0.1",
    delta: bool = True,
    stats_flush_seconds: float = 1.0,
    read: Read = _nothing_to_read,
) -> dict[str, Any]:
    """A static bootstrap, ready for ``json.dumps``. With a ``token`` it holds a credential: keep
    the file to yourself (0600). The host of ``xds_address`` may be the path of a Unix socket.

    ``task`` and the addresses become node metadata (see `model.mesh.Proxy`). Resources come
    incrementally unless ``delta`` is false: then an update names all resources of its type again.
    Counters are streamed to the control plane every ``stats_flush_seconds`` unless a variable says
    otherwise, cumulative, under their full names. ``read`` reads the files that variables name.
    Raises TealError for a variable that cannot be used.
    """
    resource = _resource(environment)
    metadata = {
        "task": task,
        "address": address,
        "app_address": app_address,
        "publish_address": publish_address,
    }
    _, mesh, _, name = resource.split("/")
    traces, collectors = tracing(environment, mesh, name, app_address, read)
    own_sinks, sink_clusters = sinks(environment, app_address, read)
    flush = interval(environment, "ENVOY_STATS_FLUSH_INTERVAL", stats_flush_seconds)
    tagged = flag(environment, "ENABLE_ENVOY_STATS_TAGS")
    own_stats = fragment(environment, STATS_FILE, read).get("stats_config")
    clusters = [_control_plane(*xds_address), *_secret_service(environment)]
    made: dict[str, Any] = {
        "node": {
            "id": resource,
            "cluster": environment.get("APPMESH_RESOURCE_CLUSTER") or resource,
            "metadata": {CONTROL_PLANE: metadata},
        },
        "admin": _admin(environment, admin_address),
        "dynamic_resources": _dynamic(environment, token, delta),
        "static_resources": {"clusters": [*clusters, *collectors, *sink_clusters]},
        "stats_sinks": [_metrics(token), *own_sinks],
        "stats_flush_interval": seconds(flush),
        "stats_config": stats_config(resource, tagged, own_stats),
        "layered_runtime": _runtime(environment),
    }
    if traces:
        made["tracing"] = traces
    return made


def _runtime(environment: Environment) -> dict[str, Any]:
    keys: dict[str, Any] = {"re2.max_program_size.error_level": REGEX_SIZE}
    cycle = "MAX_REQUESTS_PER_IO_CYCLE"
    if environment.get(cycle):
        keys["http.max_requests_per_io_cycle"] = int(number(environment, cycle, 1, (1, 2**31)))
    return {
        "layers": [
            {"name": "tealmesh", "static_layer": keys},
            {"name": "admin", "admin_layer": {}},
        ]
    }


def _secret_service(environment: Environment) -> list[dict[str, Any]]:
    """The cluster of the local secret service, if there is one.

    https://docs.aws.amazon.com/app-mesh/latest/userguide/tls.html#authentication-certificates
    """
    path = environment.get("APPMESH_SDS_SOCKET_PATH")
    return [static_cluster(SDS_CLUSTER, {"pipe": {"path": path}}, http2=True)] if path else []


def proxy_of(node: Any) -> Proxy:
    """Which Envoy a ``envoy.config.core.v3.Node`` is. Raises TealError when its id names no
    virtual node or gateway, or its metadata holds something that is no address.
    """
    mesh, kind, name = _parse(node.id, "the Envoy's node id")
    found = json_format.MessageToDict(node.metadata).get(CONTROL_PLANE) or {}
    addresses = {key: str(found[key]) for key in _ADDRESSES if found.get(key)}
    for key, value in addresses.items():
        try:
            ipaddress.ip_address(value)
        except ValueError as error:
            raise TealError(
                f"{node.id}: node metadata {CONTROL_PLANE}.{key} = {value!r}: must be an IP address"
            ) from error
    # "gRPC C-core linux", "gRPC Go", "gRPC Java": Envoy says "envoy".
    return Proxy(mesh, kind, name, **addresses, proxyless=node.user_agent_name.startswith("gRPC"))


def _resource(environment: Environment) -> str:
    """The resource's name in its short form, by APPMESH_RESOURCE_ARN or the older variable."""
    for variable in RESOURCE_VARIABLES:
        if environment.get(variable):
            mesh, kind, name = _parse(environment[variable], variable)
            return f"mesh/{mesh}/{kind.value}/{name}"
    raise TealError(f"APPMESH_RESOURCE_ARN is not set: must be {_FORMS}")


def _parse(text: str, source: str) -> tuple[str, Kind, str]:
    parts = text.rpartition(":")[2].split("/")
    if len(parts) != 4 or parts[0] != "mesh" or parts[2] not in _KINDS or not all(parts):
        raise TealError(f"{source} = {text!r}: must be {_FORMS}")
    # A mesh that another account shares is written MESH@OWNER.
    return parts[1].partition("@")[0], _KINDS[parts[2]], parts[3]


def _admin(environment: Environment, address: str) -> dict[str, Any]:
    both = address == ANYWHERE and flag(environment, "ENVOY_ADMIN_ACCESS_ENABLE_IPV6")
    at = socket("::" if both else address, port(environment, "ENVOY_ADMIN_ACCESS_PORT", ADMIN_PORT))
    at["socket_address"]["ipv4_compat"] = both
    admin: dict[str, Any] = {"address": at}
    path = environment.get("ENVOY_ADMIN_ACCESS_LOG_FILE")
    if path:
        log = "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog"
        admin["access_log"] = [
            {"name": "envoy.access_loggers.file", "typed_config": {"@type": log, "path": path}}
        ]
    return admin


def _dynamic(environment: Environment, token: str | None, delta: bool) -> dict[str, Any]:
    # 0 is App Mesh's default and waits without limit: an Envoy without configuration serves
    # nothing, one with half of it fails requests.
    wait = number(environment, "ENVOY_INITIAL_FETCH_TIMEOUT", 0, (0, 86_400))
    source = {
        "ads": {},
        "resource_api_version": "V3",
        "initial_fetch_timeout": seconds(wait),
    }
    return {
        "ads_config": {
            "api_type": "DELTA_GRPC" if delta else "GRPC",
            "transport_api_version": "V3",
            "grpc_services": [_grpc_service(token)],
            "set_node_on_first_message_only": True,
        },
        "cds_config": source,
        "lds_config": source,
    }


def _grpc_service(token: str | None) -> dict[str, Any]:
    # A control plane that was killed is back within a second or two; Envoy's own back-off would
    # leave some Envoys unconnected for half a minute.
    backoff = {"base_interval": "0.100s", "max_interval": "1s"}
    service: dict[str, Any] = {
        "envoy_grpc": {
            "cluster_name": CONTROL_PLANE,
            "retry_policy": {"retry_back_off": backoff},
        }
    }
    if token is not None:
        service["initial_metadata"] = [{"key": "authorization", "value": f"Bearer {token}"}]
    return service


def _control_plane(host: str, number_: int) -> dict[str, Any]:
    kind, address = "STATIC", socket(host, number_)
    if host.startswith("/"):
        address = {"pipe": {"path": host}}
    else:
        try:
            ipaddress.ip_address(host)
        except ValueError:
            kind = "STRICT_DNS"
    made = static_cluster(CONTROL_PLANE, address, kind)
    keepalive = {"interval": "10s", "timeout": "5s"}
    made["typed_extension_protocol_options"] = http2_options({"connection_keepalive": keepalive})
    return made


def _metrics(token: str | None) -> dict[str, Any]:
    kind = "type.googleapis.com/envoy.config.metrics.v3.MetricsServiceConfig"
    return {
        "name": "envoy.stat_sinks.metrics_service",
        "typed_config": {
            "@type": kind,
            "transport_api_version": "V3",
            "grpc_service": _grpc_service(token),
            "report_counters_as_deltas": False,
            "emit_tags_as_labels": False,
        },
    }
