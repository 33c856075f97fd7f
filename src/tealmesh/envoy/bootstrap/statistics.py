"""Which statistics an Envoy keeps: those that deployments and drains are judged by, and no more;
and when it reports them.

An Envoy streams all of them, up to several times a second, and a mesh has thousands of Envoys.
Users who want more set ENVOY_STATS_CONFIG_FILE.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import Any

from tealmesh.envoy.bootstrap.environment import (
    Environment,
    Json,
    Read,
    flag,
    fragment,
    interval,
    port,
    seconds,
    socket_address,
)
from tealmesh.envoy.extensions import tasks
from tealmesh.model.errors import TealError
from tealmesh.model.traffic.windows import REPORT_SECONDS

STATSD_PORT = 8125
STATS_FILE = "ENVOY_STATS_CONFIG_FILE"
_DEFAULT_FLUSH_SECONDS = 5.0
"""Envoy's, by which it counts where none is set."""

# A cluster's name ends with its port. A statistic directly after it is a total; further parts
# (.external., .retry., .zone.) count the same requests again, but for gRPC's statuses (.grpc.).
_CLUSTER = r"^cluster\.cds_(?:ingress|egress|preview|mirror|cohort)_.*_[0-9]+\."
_REQUESTS = (
    "total",
    "completed",
    "active",
    "pending_active",
    "pending_overflow",
    "pending_failure_eject",
    "active_overflow",
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
    "50[34]",
)
_CONNECTIONS = (
    "active",
    "connect_fail",
    "connect_attempts_exceeded",
    "overflow",
    "none_healthy",
    "destroy_(?:local|remote)_with_active_rq",
)
_TLS = r"(?:handshake|connection_error|no_certificate|fail_verify_(?:no_cert|error|san))"
_INCLUDED = (
    rf"{_CLUSTER}upstream_rq_(?:{'|'.join(_REQUESTS)})$",
    rf"{_CLUSTER}upstream_cx_(?:{'|'.join(_CONNECTIONS)})$",
    rf"{_CLUSTER}grpc\.(?:total|success|failure|[0-9]+)$",
    rf"{_CLUSTER}membership_(?:total|healthy|degraded|excluded)$",
    rf"{_CLUSTER}outlier_detection\.ejections_(?:active|enforced_total)$",
    rf"{_CLUSTER}health_check\.(?:attempt|failure|healthy)$",
    # The requests to parts of services that are deployed with a `watch` (`envoy.parts`).
    r"^teal\.parts\.cluster\.cds_egress_.*\.part\.(?:rest|[0-9_]+)\..*$",
    r"^teal\.part_times\.cluster\.cds_egress_.*\.part\.(?:rest|[0-9_]+)$",
    # The requests to tasks of services while they are deployed (`envoy.extensions.tasks`).
    r"^teal\.(?:tasks|took)\.cluster\.cds_egress_.*\.on\.1\.host\..*$",
    # App Mesh's guide uses these to tell whether a connection was encrypted, and if not, why.
    rf"{_CLUSTER}ssl\.{_TLS}$",
    rf"^listener\.[^/]*\.ssl\.{_TLS}$",
    r"^http\.(?:in|e)gress\.downstream_rq_(?:active|total|completed|time|rx_reset|[1-5]xx)$",
    r"^http\.(?:in|e)gress\.(?:no_route|no_cluster|downstream_cx_active)$",
    r"^listener_manager\.(?:listener_create_(?:success|failure)|total_listeners_[a-z]+|lds\.update_"
    r"(?:attempt|success|failure|rejected))$",
    r"^cluster_manager\.(?:active_clusters|warming_clusters|cds\.update_"
    r"(?:attempt|success|failure|rejected))$",
    r"^control_plane\..*$",
    r"^server\.(?:live|state|uptime|memory_allocated|total_connections|initialization_time_ms)$",
)

_BALANCERS = (
    # A regular expression must match the whole name.
    r"cluster\.elb_[^.]+\.(?:upstream_(?:rq|cx)_|membership_|health_check\.|ssl\.).*",
    r"(?:http|tcp)\.elb\..*",
    # A deleted one waits for its clients by these.
    r"listener\..*downstream_cx_active",
    r"(?:listener_manager|cluster_manager|control_plane|server)\..*",
)


def load_balancer_stats() -> dict[str, Json]:
    """The ``stats_config`` of a load balancer's Envoy."""
    patterns: list[Json] = [{"safe_regex": {"regex": pattern}} for pattern in _BALANCERS]
    return {"stats_matcher": {"inclusion_list": {"patterns": patterns}}}


def stats_config(
    resource: str, tagged: bool, own: Mapping[str, Any] | None = None
) -> dict[str, Json]:
    """The bootstrap's ``stats_config``. ``tagged`` adds App Mesh's tags to every statistic. ``own``
    is the user's: its tags, buckets and further statistics are added to ours, by which deployments
    are judged. Raises TealError for a filter that would hide ours.

    https://docs.aws.amazon.com/app-mesh/latest/userguide/envoy-config.html#envoy-stats-config
    """
    user = own or {}
    patterns: list[Json] = [{"safe_regex": {"regex": pattern}} for pattern in _INCLUDED]
    matcher = user.get("stats_matcher", {})
    if matcher.keys() - {"inclusion_list"}:
        raise TealError(
            f"{STATS_FILE}: stats_config.stats_matcher = {sorted(matcher)}: must be an "
            "inclusion_list, which adds to what deployments need"
        )
    patterns += matcher.get("inclusion_list", {}).get("patterns", [])
    config: dict[str, Json] = {**user, "stats_matcher": {"inclusion_list": {"patterns": patterns}}}
    if tagged:
        _, mesh, kind, name = resource.split("/")
        tag = "appmesh.virtual_node" if kind == "virtualNode" else "appmesh.virtual_gateway"
        tags: list[Json] = [
            {"tag_name": "appmesh.mesh", "fixed_value": mesh},
            {"tag_name": tag, "fixed_value": name},
        ]
        config["stats_tags"] = [*tags, *user.get("stats_tags", [])]
    return config


def flush(environment: Environment, given: float | None) -> float | None:
    """Every how many seconds the Envoy flushes its statistics; None for whenever it is asked to, as
    the control plane's configuration lets it. Sinks of the user want a steady interval, and the
    admin interface's access log would have a line of each question. Raises TealError for a time
    that Envoy cannot have.
    """
    asked = interval(environment, "ENVOY_STATS_FLUSH_INTERVAL", given or 0.0)
    steady = (
        environment.get("ENVOY_STATS_SINKS_CFG_FILE")
        or flag(environment, "ENABLE_ENVOY_DOG_STATSD")
        or environment.get("ENVOY_ADMIN_ACCESS_LOG_FILE")
    )
    return asked or (REPORT_SECONDS if steady else None)


def kept(
    environment: Environment, resource: str, every: float | None, forgetting: bool, read: Read
) -> dict[str, Json]:
    """The members of the bootstrap that say what the Envoy of ``resource`` counts, and how often it
    tells: see `flush`. ``forgetting``: whether it forgets statistics of tasks that have gone.
    """
    tagged = flag(environment, "ENABLE_ENVOY_STATS_TAGS")
    own = fragment(environment, STATS_FILE, read).get("stats_config")
    made: dict[str, Json] = {"stats_config": stats_config(resource, tagged, own)}
    if every is None:
        made["stats_flush_on_admin"] = True
    else:
        made["stats_flush_interval"] = seconds(every)
    if forgetting:
        # Envoy wants a multiple of the other interval, and counts flushes: so many are the same
        # time for an Envoy that a deployment is judged by.
        real, taken = every or REPORT_SECONDS, every or _DEFAULT_FLUSH_SECONDS
        made["stats_eviction_interval"] = seconds(taken * ceil(tasks.EVICTION_SECONDS / real))
    return made


def sinks(environment: Environment, daemon: str, read: Read) -> tuple[list[Json], list[Json]]:
    """The user's own sinks and the clusters that they need: those of a file, else DogStatsD if it
    is switched on.

    https://docs.aws.amazon.com/app-mesh/latest/userguide/envoy-config.html#envoy-dogstatsd-config
    """
    variable = "ENVOY_STATS_SINKS_CFG_FILE"
    own = fragment(environment, variable, read)
    if own:
        if not isinstance(own.get("stats_sinks"), list):
            raise TealError(f"{variable}: must hold the member 'stats_sinks', a list")
        return own["stats_sinks"], own.get("static_resources", {}).get("clusters", [])
    if not flag(environment, "ENABLE_ENVOY_DOG_STATSD"):
        return [], []
    path = environment.get("STATSD_SOCKET_PATH")
    address: dict[str, Json]
    if path:
        address = {"pipe": {"path": path}}
    else:
        host, at = environment.get("STATSD_ADDRESS") or daemon, "STATSD_PORT"
        address = {
            "socket_address": socket_address(host, port(environment, at, STATSD_PORT), "UDP")
        }
    kind = "type.googleapis.com/envoy.config.metrics.v3.DogStatsdSink"
    config: dict[str, Json] = {"@type": kind, "address": address}
    return [{"name": "envoy.stat_sinks.dog_statsd", "typed_config": config}], []
