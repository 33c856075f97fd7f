"""The bootstrap of an Envoy, and who an Envoy says it is when it connects.

The environment is that of the App Mesh Envoy image, so that its users' task definitions go on
working: https://docs.aws.amazon.com/app-mesh/latest/userguide/envoy-config.html
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Mapping
from typing import Any, Literal

from google.protobuf import json_format

from tealmesh.envoy.statistics import stats_config
from tealmesh.model.errors import TealError
from tealmesh.model.mesh import Kind, Proxy

CONTROL_PLANE = "tealmesh"
"""Name of the static cluster of the control plane, and of our member in the node's metadata."""

ADMIN_PORT = 9901
XRAY_PORT = 2000
REGEX_SIZE = 1000
"""Instructions of a compiled regular expression: Envoy's own limit of 100 is met by patterns that
App Mesh took."""

_KINDS = {kind.value: kind for kind in (Kind.VIRTUAL_NODE, Kind.VIRTUAL_GATEWAY)}
_ADDRESSES = ("address", "app_address", "publish_address")
_FORMS = "mesh/MESH/virtualNode/NAME or mesh/MESH/virtualGateway/NAME (or the full ARN)"


def bootstrap(
    environment: Mapping[str, str],
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
) -> dict[str, Any]:
    """A static bootstrap, ready for ``json.dumps``. With a ``token`` it holds a credential: keep
    the file to yourself (0600).

    ``task`` and the addresses become node metadata (see `model.mesh.Proxy`). Resources come
    incrementally unless ``delta`` is false: then an update names all resources of its type again.
    Counters are streamed to the control plane every ``stats_flush_seconds``, cumulative, under
    their full names. Raises TealError for a variable that cannot be used.
    """
    resource = _resource(environment)
    metadata = {
        "task": task,
        "address": address,
        "app_address": app_address,
        "publish_address": publish_address,
    }
    made: dict[str, Any] = {
        "node": {
            "id": resource,
            "cluster": environment.get("APPMESH_RESOURCE_CLUSTER") or resource,
            "metadata": {CONTROL_PLANE: metadata},
        },
        "admin": _admin(environment, admin_address),
        "dynamic_resources": _dynamic(environment, token, delta),
        "static_resources": {"clusters": [_control_plane(*xds_address)]},
        "stats_sinks": [_metrics(token)],
        "stats_flush_interval": _seconds(stats_flush_seconds),
        "stats_config": stats_config(resource, _flag(environment, "ENABLE_ENVOY_STATS_TAGS")),
        "layered_runtime": {
            "layers": [
                {
                    "name": "tealmesh",
                    "static_layer": {"re2.max_program_size.error_level": REGEX_SIZE},
                },
                {"name": "admin", "admin_layer": {}},
            ]
        },
    }
    if _flag(environment, "ENABLE_ENVOY_XRAY_TRACING"):
        made["tracing"] = _xray(environment, resource, app_address)
    return made


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
    return Proxy(mesh, kind, name, **addresses)


def _resource(environment: Mapping[str, str]) -> str:
    """The resource's name in its short form, by APPMESH_RESOURCE_ARN or the older variable."""
    for variable in ("APPMESH_RESOURCE_ARN", "APPMESH_VIRTUAL_NODE_NAME"):
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


def _flag(environment: Mapping[str, str], variable: str) -> bool:
    return environment.get(variable, "").strip().lower() in ("1", "true")


def _number(
    environment: Mapping[str, str], variable: str, default: float, allowed: tuple[float, float]
) -> float:
    text = environment.get(variable, "").strip()
    try:
        value = float(text) if text else float(default)
    except ValueError:
        value = float("nan")
    low, high = allowed
    if not low <= value <= high:
        raise TealError(f"{variable} = {text!r}: must be a number from {low:g} to {high:g}")
    return value


def _port(environment: Mapping[str, str], variable: str, default: int) -> int:
    return int(_number(environment, variable, default, (1, 65535)))


def _seconds(value: float) -> str:
    return f"{value:.3f}s"


def _socket(address: str, port: int, protocol: Literal["TCP", "UDP"] = "TCP") -> dict[str, Any]:
    return {"socket_address": {"protocol": protocol, "address": address, "port_value": port}}


def _admin(environment: Mapping[str, str], address: str) -> dict[str, Any]:
    admin: dict[str, Any] = {
        "address": _socket(address, _port(environment, "ENVOY_ADMIN_ACCESS_PORT", ADMIN_PORT))
    }
    path = environment.get("ENVOY_ADMIN_ACCESS_LOG_FILE")
    if path:
        log = "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog"
        admin["access_log"] = [
            {"name": "envoy.access_loggers.file", "typed_config": {"@type": log, "path": path}}
        ]
    return admin


def _dynamic(environment: Mapping[str, str], token: str | None, delta: bool) -> dict[str, Any]:
    # 0 is App Mesh's default and waits without limit: an Envoy without configuration serves
    # nothing, one with half of it fails requests.
    wait = _number(environment, "ENVOY_INITIAL_FETCH_TIMEOUT", 0, (0, 86_400))
    source = {
        "ads": {},
        "resource_api_version": "V3",
        "initial_fetch_timeout": _seconds(wait),
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


def _control_plane(host: str, port: int) -> dict[str, Any]:
    try:
        ipaddress.ip_address(host)
        kind = "STATIC"
    except ValueError:
        kind = "STRICT_DNS"
    options = "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
    keepalive = {"interval": "10s", "timeout": "5s"}
    return {
        "name": CONTROL_PLANE,
        "type": kind,
        "connect_timeout": "1s",
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": options,
                "explicit_http_config": {
                    "http2_protocol_options": {"connection_keepalive": keepalive}
                },
            }
        },
        "load_assignment": {
            "cluster_name": CONTROL_PLANE,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": _socket(host, port)}}]}],
        },
    }


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


def _xray(environment: Mapping[str, str], resource: str, daemon: str) -> dict[str, Any]:
    """https://docs.aws.amazon.com/app-mesh/latest/userguide/envoy-config.html#envoy-xray-config

    The rule manifest is X-Ray's own format for sampling without its service:
    https://docs.aws.amazon.com/xray/latest/devguide/xray-sdk-java-configuration.html
    """
    port = _port(environment, "XRAY_DAEMON_PORT", XRAY_PORT)
    rate = _number(environment, "XRAY_SAMPLING_RATE", 0.05, (0, 1))
    manifest = {"version": 2, "default": {"fixed_target": 1, "rate": rate}, "rules": []}
    _, _, name = _parse(resource, "the resource")
    config = {
        "@type": "type.googleapis.com/envoy.config.trace.v3.XRayConfig",
        "daemon_endpoint": _socket(daemon, port, "UDP")["socket_address"],
        "segment_name": environment.get("XRAY_SEGMENT_NAME") or f"{resource.split('/')[1]}/{name}",
        "sampling_rule_manifest": {"inline_string": json.dumps(manifest)},
    }
    return {"http": {"name": "envoy.tracers.xray", "typed_config": config}}
