"""Counts the requests to each task of a service while a deployment runs, for its evidence.

Callers' Envoys make a counter of every request that ended, and a histogram of how long it took, by
cluster (so by side) and host (so by task):

    teal.tasks.cluster.CLUSTER.on.1.host.10.0.1.17:8080.code.503.grpc..flags.UC
    teal.took.cluster.CLUSTER.on.1.host.10.0.1.17:8080

Only those with the label of a deployed service's routes are kept (`envoy.bootstrap.statistics`), so
that nothing is counted where nothing is deployed. The log never changes, as that of
`envoy.extensions.parts`. Tasks come and go: the scope holds at most so many, and Envoys with a
``stats_eviction_interval`` forget those that nobody counts any more.
docs/design/029-parts-of-a-service.md
"""

from __future__ import annotations

from envoy.config.accesslog.v3 import accesslog_pb2
from envoy.config.route.v3 import route_components_pb2 as components
from envoy.extensions.access_loggers.stats.v3 import stats_pb2
from google.protobuf import wrappers_pb2

from tealmesh.envoy.extensions.parts import EXTENSION, METADATA, SCOPE
from tealmesh.envoy.protos import packed, serialized

COUNTER = "tasks"
HISTOGRAM = "took"
LABEL = "tasks"
"""The key of the label in the metadata of routes."""

MOST_COUNTERS = 2000
"""Each task has one for each code that it answers with."""
MOST_HISTOGRAMS = 300
"""Each task has one."""
EVICTION_SECONDS = 300
"""Statistics of tasks that nobody has sent requests to for so long, up to twice this, are
forgotten."""

_WHICH = (
    ("cluster", "%UPSTREAM_CLUSTER_RAW%"),
    ("on", f"%METADATA(ROUTE:{METADATA}:{LABEL})%"),
    ("host", "%UPSTREAM_HOST%"),
)
_HOW = (
    ("code", "%RESPONSE_CODE%"),
    ("grpc", "%GRPC_STATUS_NUMBER%"),
    ("flags", "%RESPONSE_FLAGS%"),
)


def labelled(route: components.Route) -> components.Route:
    """``route``, whose requests are counted by task."""
    route.metadata.filter_metadata[METADATA].update({LABEL: "1"})
    return route


def counting_log() -> accesslog_pb2.AccessLog:
    """The access log that counts by task.

    https://www.envoyproxy.io/docs/envoy/v1.40.0/api-v3/extensions/access_loggers/stats/v3/stats.proto
    """
    config = stats_pb2.Config()
    counter = config.counters.add(value_fixed=wrappers_pb2.UInt64Value(value=1))
    counter.stat.CopyFrom(_stat(COUNTER, *_WHICH, *_HOW))
    took = config.histograms.add(value_format="%DURATION%")
    took.unit = stats_pb2.Config.Histogram.Milliseconds
    took.stat.CopyFrom(_stat(HISTOGRAM, *_WHICH))
    # xds-protos does not know stats_scope (6) yet: a Scope with max_counters (1), max_histograms
    # (3), enable_eviction (4) and prefix (5).
    scope = (
        _message(1, _number(MOST_COUNTERS))
        + _message(3, _number(MOST_HISTOGRAMS))
        + bytes([4 << 3, 1])
        + _message(5, SCOPE.encode())
    )
    config.MergeFromString(_message(6, scope))
    return accesslog_pb2.AccessLog(name=EXTENSION, typed_config=packed(config))


def _stat(name: str, *tags: tuple[str, str]) -> stats_pb2.Config.Stat:
    stat = stats_pb2.Config.Stat(name=name)
    for tag, value in tags:
        stat.tags.add(name=tag, value_format=value)
    return stat


def _number(value: int) -> bytes:
    """A UInt32Value."""
    return serialized(wrappers_pb2.UInt32Value(value=value))


def _message(number: int, value: bytes) -> bytes:
    """A field of bytes as on the wire: https://protobuf.dev/programming-guides/encoding/#structure.
    Short ones only.
    """
    return bytes([number << 3 | 2, len(value)]) + value
