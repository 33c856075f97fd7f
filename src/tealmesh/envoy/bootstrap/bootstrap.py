"""The bootstrap of an Envoy, and the identity that it states when it connects.

The environment is that of the App Mesh Envoy image, so that its users' task definitions keep
working: https://docs.aws.amazon.com/app-mesh/latest/userguide/envoy-config.html
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

from envoy.config.core.v3 import base_pb2

from tealmesh.envoy import reporting
from tealmesh.envoy.bootstrap import statistics
from tealmesh.envoy.bootstrap.admin import admin, at_port, at_socket, own_admin, questions
from tealmesh.envoy.bootstrap.announcing import announcing
from tealmesh.envoy.bootstrap.environment import (
    Environment,
    Json,
    Read,
    number,
    seconds,
    socket_address,
    static_cluster,
)
from tealmesh.envoy.bootstrap.identity import injected, stated
from tealmesh.envoy.bootstrap.metadata import is_address, plain
from tealmesh.envoy.bootstrap.runtime import runtime
from tealmesh.envoy.bootstrap.tracing import exported, sampling, tracing
from tealmesh.envoy.bootstrap.transport import Transport
from tealmesh.envoy.extensions import parts
from tealmesh.envoy.tls import SDS_CLUSTER
from tealmesh.model.errors import TealError
from tealmesh.model.mesh import Kind, Proxy, load_balancer_proxy

CONTROL_PLANE = "tealmesh"
"""The name of the control plane's static cluster, and of our member in the node's metadata."""

BALANCER = "loadbalancer"
"""The first part of a load balancer's node id."""

REGEX_SIZE = 1000
"""Instructions of a compiled regular expression that users may write for a mesh, at most: Envoy's
own limit of 100 refuses patterns that App Mesh accepted."""

_KINDS = {kind.value: kind for kind in (Kind.VIRTUAL_NODE, Kind.VIRTUAL_GATEWAY)}
_NAMES = {
    name: bytes((0x0A, len(name))) + name.encode() for name in (parts.EXTENSION, parts.FILTER)
}
"""As the first field of a message, which the name of an extension is."""
_ADDRESSES = ("address", "app_address", "publish_address")
REPORTS_AT = "reports_at"
"""The member of the node's metadata that says where an Envoy can ask itself to report."""
_LIMITS = {"request_timeout": "TEAL_REQUEST_TIMEOUT", "idle_timeout": "TEAL_IDLE_TIMEOUT"}
"""Times of a gateway, and the variables that set them, in seconds."""
_LONGEST_SECONDS = 7 * 24 * 3600
_FORMS = "mesh/MESH/virtualNode/NAME or mesh/MESH/virtualGateway/NAME (or the full ARN)"

RESOURCE_VARIABLES = (
    "APPMESH_RESOURCE_ARN",
    "APPMESH_VIRTUAL_NODE_NAME",
    "APPMESH_RESOURCE_NAME",
)
"""The variables that name an Envoy's resource. The first one that is set counts; the others are the
image's older names."""


def _nothing_to_read(path: str) -> str:
    raise FileNotFoundError(f"no file can be read here: {path}")


def bootstrap(
    environment: Environment,
    *,
    xds_address: tuple[str, int],
    token_file: str = "",
    token: str = "",
    task: str = "",
    address: str = "",
    app_address: str = "127.0.0.1",
    publish_address: str = "",
    admin_address: str = "127.0.0.1",
    admin_socket: str = "",
    agent_socket: str = "",
    dns_address: tuple[str, int] | None = None,
    delta: bool = True,
    stats_flush_seconds: float | None = None,
    forgetting: bool = False,
    transport: Transport | None = None,
    traced: float = 0.0,
    read: Read = _nothing_to_read,
) -> dict[str, Json]:
    """A static bootstrap, ready for ``json.dumps``. The Envoy reads its token from ``token_file``
    (see `identity.token_secret`), where it finds new ones too, so the bootstrap holds no secret;
    one that cannot (see `version.injects`) is given the ``token`` in the bootstrap itself. The host
    of ``xds_address`` may be the path of a Unix socket.

    ``task`` and the addresses become node metadata (see `model.mesh.Proxy`). The Envoy asks for
    resources incrementally if ``delta``, else as state of the world. It streams its counters to the
    control plane, cumulative and under their full names: whenever the control plane's configuration
    lets it ask itself (see `reporting`), or every ``stats_flush_seconds``, which a variable may say
    too. With ``forgetting``, which some refuse (see `version.forgets`), it
    forgets those of tasks that have gone. It asks the name server at ``dns_address``, None for
    those of its resolv.conf. With a ``transport`` it connects by TLS. Its admin interface is at
    ``admin_address``, or at the Unix socket ``admin_socket`` with a few harmless questions answered
    at ``admin_address`` (see `admin`). At ``agent_socket`` its agent reaches the control plane
    through it (see `announcing`). It exports this share of its requests, ``traced``, to the
    control plane as traces, unless a variable says where its traces go. ``read`` reads the files
    that variables name. Raises TealError for a variable that cannot be used.
    """
    resource = resource_of(environment)
    flush = statistics.flush(environment, stats_flush_seconds)
    at_admin = "" if flush else admin_socket or own_admin(environment, admin_address)
    metadata: dict[str, Json] = {
        "task": task,
        "address": address,
        "app_address": app_address,
        "publish_address": publish_address,
        **({REPORTS_AT: at_admin} if at_admin else {}),
        **_limits(environment),
    }
    _, mesh, _, name = resource.split("/")
    traces, collectors = tracing(environment, mesh, name, app_address, read)
    samples = traced > 0 and traces is None
    if samples:
        traces = exported(resource, _grpc_service(token))
    own_sinks, sink_clusters = statistics.sinks(environment, app_address, read)
    plane = _control_plane(*xds_address, token_file)
    if transport is not None:
        plane["transport_socket"] = transport.socket()
    clusters = [plane, *_secret_service(environment)]
    at = at_port(environment, admin_address)
    listeners: list[Json] = []
    if admin_socket:
        listener, cluster = questions(admin_socket, at)
        listeners.append(listener)
        clusters.append(cluster)
        at = at_socket(admin_socket)
    if agent_socket:
        listeners.append(announcing(agent_socket, CONTROL_PLANE))
    result: dict[str, Json] = {
        "node": {
            "id": resource,
            "cluster": environment.get("APPMESH_RESOURCE_CLUSTER") or resource,
            "metadata": {CONTROL_PLANE: metadata},
        },
        "admin": admin(environment, at),
        "dynamic_resources": _dynamic(environment, delta, token),
        "static_resources": {
            "clusters": [*clusters, *collectors, *sink_clusters],
            "listeners": listeners,
        },
        "stats_sinks": [_metrics(token), *own_sinks],
        **statistics.kept(environment, resource, flush, forgetting, read),
        "layered_runtime": runtime(environment, sampling(traced) if samples else {}),
    }
    if traces:
        result["tracing"] = traces
    if dns_address is not None:
        result["typed_dns_resolver_config"] = _name_server(*dns_address)
    return result


def load_balancer_bootstrap(
    name: str,
    *,
    xds_address: tuple[str, int],
    token_file: str = "",
    token: str = "",
    admin_address: str = "",
    admin_socket: str = "",
) -> dict[str, Json]:
    """The bootstrap of the Envoy of the load balancer ``name``, ready for ``json.dumps``, with its
    token as in `bootstrap`. Its admin interface is at ``admin_socket``, or at port 9901 of
    ``admin_address``.

    The Envoy's node id, and its identity where it must acknowledge, is ``loadbalancer/NAME``.
    """
    resource = load_balancer_proxy(name).resource
    at = at_socket(admin_socket) if admin_socket else at_port({}, admin_address)
    return {
        "node": {
            "id": resource,
            "cluster": resource,
            "metadata": {CONTROL_PLANE: {"task": resource}},
        },
        "admin": admin({}, at),
        "dynamic_resources": _dynamic({}, delta=True, token=token),
        "static_resources": {"clusters": [_control_plane(*xds_address, token_file)]},
        "stats_config": statistics.load_balancer_stats(),
        "layered_runtime": runtime({}, {}),
    }


def _name_server(host: str, at_port: int) -> dict[str, Json]:
    """https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/network/dns_resolver/cares/v3/cares_dns_resolver.proto"""
    kind = "envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig"
    resolver: Json = {"socket_address": socket_address(host, at_port)}
    return {
        "name": "envoy.network.dns_resolver.cares",
        "typed_config": {"@type": f"type.googleapis.com/{kind}", "resolvers": [resolver]},
    }


def _secret_service(environment: Environment) -> list[Json]:
    """The cluster of the local secret service, or none.

    https://docs.aws.amazon.com/app-mesh/latest/userguide/tls.html#authentication-certificates
    """
    path = environment.get("APPMESH_SDS_SOCKET_PATH")
    return [static_cluster(SDS_CLUSTER, {"pipe": {"path": path}}, http2={})] if path else []


def proxy_of(node: base_pb2.Node) -> Proxy:
    """The Envoy that a node describes. Raises TealError when its id names no virtual node or
    gateway, or an address in its metadata is not one.
    """
    owner, _, name = node.id.partition("/")
    if owner == BALANCER and name and "/" not in name:
        return load_balancer_proxy(name)
    mesh, kind, name = _parse(node.id, "the Envoy's node id")
    metadata = _ours(node)
    addresses = {key: str(metadata[key]) for key in _ADDRESSES if metadata.get(key)}
    for key, value in addresses.items():
        if not is_address(value):
            raise TealError(
                f"{node.id}: node metadata {CONTROL_PLANE}.{key} = {value!r}: must be an IP address"
            )
    # "gRPC C-core linux", "gRPC Go", "gRPC Java": Envoy says "envoy".
    can = _extensions(node)
    proxyless = node.user_agent_name.startswith("gRPC")
    return Proxy(
        mesh,
        kind,
        name,
        address=addresses.get("address", ""),
        app_address=addresses.get("app_address", Proxy.app_address),
        publish_address=addresses.get("publish_address", ""),
        request_timeout=_time(metadata, "request_timeout"),
        idle_timeout=_time(metadata, "idle_timeout"),
        counts_parts=parts.EXTENSION in can,
        times_parts=can >= {parts.EXTENSION, parts.FILTER},
        proxyless=proxyless,
        reports_at=_reports_at(node.id, metadata),
    )


def _extensions(node: base_pb2.Node) -> frozenset[str]:
    """The extensions of an Envoy that can have the access logs of parts; none for older ones, which
    refuse them with the whole listener. Envoys name all their extensions when they connect: some
    500, so they are looked for as bytes. An Envoy that has these bytes elsewhere says it too.
    """
    version = node.user_agent_build_version.version
    if (version.major_number, version.minor_number) < parts.FIRST_VERSION:
        return frozenset()
    if not node.extensions:
        return frozenset()
    said = node.SerializeToString()
    return frozenset(name for name, encoded in _NAMES.items() if encoded in said)


def _ours(node: base_pb2.Node) -> Mapping[str, Json]:
    """Our member of a node's metadata. Whoever connects writes what they like there."""
    try:
        metadata = plain(node.metadata)
    except ValueError as error:
        raise TealError(f"{node.id}: node metadata: {error}") from error
    ours = metadata.get(CONTROL_PLANE) or {}
    if not isinstance(ours, dict):
        raise TealError(f"{node.id}: node metadata {CONTROL_PLANE} must be an object")
    return ours


def _reports_at(node_id: str, metadata: Mapping[str, Json]) -> str:
    at = metadata.get(REPORTS_AT) or ""
    try:
        if at:
            reporting.place(str(at))
    except TealError as error:
        raise TealError(
            f"{node_id}: node metadata {CONTROL_PLANE}.{REPORTS_AT} = {error}"
        ) from error
    return str(at)


def _time(metadata: Mapping[str, Json], key: str) -> float | None:
    value = metadata.get(key)
    if value is None:
        return None
    if not isinstance(value, int | float) or not 0 <= value <= _LONGEST_SECONDS:
        raise TealError(
            f"node metadata {CONTROL_PLANE}.{key} = {value!r}: must be seconds, at most "
            f"{_LONGEST_SECONDS}"
        )
    return float(value)


def _limits(environment: Environment) -> dict[str, Json]:
    """The times that the variables set, by the names that node metadata has for them."""
    return {
        key: number(environment, variable, 0, (0, _LONGEST_SECONDS))
        for key, variable in _LIMITS.items()
        if environment.get(variable)
    }


def resource_of(environment: Environment) -> str:
    """The resource's name in its short form, from the first of RESOURCE_VARIABLES that is set."""
    for variable in RESOURCE_VARIABLES:
        if environment.get(variable):
            mesh, kind, name = _parse(environment[variable], variable)
            return f"mesh/{mesh}/{kind.value}/{name}"
    raise TealError(f"APPMESH_RESOURCE_ARN is not set: must be {_FORMS}")


def _parse(text: str, source: str) -> tuple[str, Kind, str]:
    parts = text.rpartition(":")[2].split("/")
    if len(parts) != 4 or parts[0] != "mesh" or parts[2] not in _KINDS or not all(parts):
        raise TealError(f"{source} = {text!r}: must be {_FORMS}")
    # The mesh of another account that shares it is written MESH@OWNER.
    return parts[1].partition("@")[0], _KINDS[parts[2]], parts[3]


def _dynamic(environment: Environment, delta: bool, token: str) -> dict[str, Json]:
    # 0 is App Mesh's default and waits without limit: an Envoy without configuration serves
    # nothing, but one with half of it fails requests.
    wait = number(environment, "ENVOY_INITIAL_FETCH_TIMEOUT", 0, (0, 86_400))
    source: Json = {
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


def _grpc_service(token: str) -> dict[str, Json]:
    # A control plane that was killed is back within a second or two; with Envoy's own back-off
    # some Envoys would stay unconnected for half a minute.
    backoff: Json = {"base_interval": "0.100s", "max_interval": "1s"}
    service: dict[str, Json] = {
        "envoy_grpc": {
            "cluster_name": CONTROL_PLANE,
            "retry_policy": {"retry_back_off": backoff},
        }
    }
    if token:
        service["initial_metadata"] = [stated(token)]
    return service


def _control_plane(host: str, at_port: int, token_file: str) -> dict[str, Json]:
    kind = "STATIC"
    address: dict[str, Json] = {"socket_address": socket_address(host, at_port)}
    if host.startswith("/"):
        address = {"pipe": {"path": host}}
    else:
        try:
            ipaddress.ip_address(host)
        except ValueError:
            kind = "STRICT_DNS"
    keepalive: Json = {"interval": "10s", "timeout": "5s"}
    http2: Json = {"connection_keepalive": keepalive}
    filters = injected(token_file) if token_file else []
    cluster = static_cluster(CONTROL_PLANE, address, kind, http2, filters)
    if "socket_address" in address:
        # For networks that forget connections on which nothing but HTTP/2's own pings are sent.
        probes: Json = {"keepalive_time": 30, "keepalive_interval": 5, "keepalive_probes": 3}
        cluster["upstream_connection_options"] = {"tcp_keepalive": probes}
    return cluster


def _metrics(token: str) -> dict[str, Json]:
    kind = "type.googleapis.com/envoy.config.metrics.v3.MetricsServiceConfig"
    return {
        "name": "envoy.stat_sinks.metrics_service",
        "typed_config": {
            "@type": kind,
            "transport_api_version": "V3",
            "grpc_service": _grpc_service(token),
            "report_counters_as_deltas": False,
            "emit_tags_as_labels": False,
            "histogram_emit_mode": "HISTOGRAM",
        },
    }
