"""Which statistics an Envoy keeps: those by which deployments and drains are judged, no more.

An Envoy streams all of them every second, and a mesh has thousands of Envoys.
"""

from __future__ import annotations

from typing import Any

# A cluster's name ends with its port; what follows it directly is a total, while further parts
# (.external., .retry., .zone.) count the same requests again.
_CLUSTER = r"^cluster\.cds_(?:in|e)gress_.*_[0-9]+\."
_REQUESTS = (
    "total",
    "completed",
    "active",
    "pending_active",
    "pending_overflow",
    "cancelled",
    "timeout",
    "per_try_timeout",
    "rx_reset",
    "tx_reset",
    "retry",
    "retry_success",
    "retry_overflow",
    "retry_limit_exceeded",
    "time",
    "[1-5]xx",
    "503",
)
_TLS = r"(?:handshake|connection_error|no_certificate|fail_verify_(?:no_cert|error|san))"
_INCLUDED = (
    rf"{_CLUSTER}upstream_rq_(?:{'|'.join(_REQUESTS)})$",
    rf"{_CLUSTER}upstream_cx_(?:active|connect_fail|overflow)$",
    rf"{_CLUSTER}membership_(?:total|healthy|degraded|excluded)$",
    rf"{_CLUSTER}outlier_detection\.ejections_(?:active|enforced_total)$",
    rf"{_CLUSTER}health_check\.(?:attempt|failure|healthy)$",
    # TLS: by these App Mesh's guide says whether and why not a connection was encrypted.
    rf"{_CLUSTER}ssl\.{_TLS}$",
    rf"^listener\.[^/]*\.ssl\.{_TLS}$",
    r"^http\.(?:in|e)gress\.downstream_rq_(?:active|total|completed|time|rx_reset|[1-5]xx)$",
    r"^http\.(?:in|e)gress\.(?:no_route|no_cluster|downstream_cx_active)$",
    r"^listener_manager\.(?:listener_create_(?:success|failure)|total_listeners_[a-z]+|lds\.update_"
    r"(?:attempt|success|failure|rejected))$",
    r"^cluster_manager\.(?:active_clusters|warming_clusters|cds\.update_"
    r"(?:attempt|success|failure|rejected))$",
    r"^control_plane\.",
    r"^server\.(?:live|state|uptime|memory_allocated|total_connections|initialization_time_ms)$",
)


def stats_config(resource: str, tagged: bool) -> dict[str, Any]:
    """The bootstrap's ``stats_config``. ``tagged`` adds App Mesh's tags to every statistic.

    https://docs.aws.amazon.com/app-mesh/latest/userguide/envoy-config.html#envoy-stats-config
    """
    patterns = [{"safe_regex": {"regex": pattern}} for pattern in _INCLUDED]
    made: dict[str, Any] = {"stats_matcher": {"inclusion_list": {"patterns": patterns}}}
    if tagged:
        _, mesh, kind, name = resource.split("/")
        tag = "appmesh.virtual_node" if kind == "virtualNode" else "appmesh.virtual_gateway"
        made["stats_tags"] = [
            {"tag_name": "appmesh.mesh", "fixed_value": mesh},
            {"tag_name": tag, "fixed_value": name},
        ]
    return made
