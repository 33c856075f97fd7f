"""Counts the requests to parts of a service, by side: what callers' Envoys do for `watch`.

Envoy's own statistics count by cluster (so by side) or by virtual cluster (so by part), never by
both. Two pieces together do. Each route of a watched service is divided into one for every
combination of parts that a request can be in, which its metadata names; they lead to where the
route led. And the listeners' access log makes a counter of every request that ended, by cluster and
that name, which has the number of each part (`Part.key`):

    teal.parts.cluster.CLUSTER.part.KEY_KEY.code.503.grpc..flags.UC

and a second log a histogram of how long the answers took, teal.part_times.cluster.CLUSTER.part.KEY.

The logs are the same whatever is watched, so that a deployment changes routes alone: a listener
that changes drains, which ends WebSockets and streams. docs/design/029-parts-of-a-service.md
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import combinations

from envoy.config.accesslog.v3 import accesslog_pb2
from envoy.config.route.v3 import route_components_pb2 as components
from envoy.extensions.access_loggers.filters.cel.v3 import cel_pb2
from envoy.extensions.access_loggers.stats.v3 import stats_pb2
from google.protobuf import any_pb2, wrappers_pb2

from tealmesh.envoy.protos import packed
from tealmesh.envoy.routing import matches
from tealmesh.envoy.routing.matches import Match, Path
from tealmesh.model.mesh import Proxy
from tealmesh.model.traffic.parts import Part

EXTENSION = "envoy.access_loggers.stats"
FILTER = "envoy.access_loggers.extension_filters.cel"
FIRST_VERSION = (1, 39)
"""The first Envoy whose log of this name has a scope for its counters."""

SCOPE = "teal"
COUNTER = "parts"
TIMES = "part_times"
"""The histogram of how long the answers to parts took, in milliseconds."""
METADATA = "tealmesh"
"""The namespace of the metadata of routes; its key is `LABEL`."""
LABEL = "part"
REST = "rest"
"""The label of requests that are in no part."""

Conditions = tuple[bytes, ...]
"""Envoy's HeaderMatchers, serialized; all must match."""
Below = Callable[[Path], Conditions | None]
"""(a prefix of the path as the service receives it) -> the conditions on the request as the route
sees it; None if it never has the prefix."""

_TAGS = (
    ("cluster", "%UPSTREAM_CLUSTER_RAW%"),
    ("part", f"%METADATA(ROUTE:{METADATA}:{LABEL})%"),
    ("code", "%RESPONSE_CODE%"),
    ("grpc", "%GRPC_STATUS_NUMBER%"),
    ("flags", "%RESPONSE_FLAGS%"),
)
_TIME = "%COMMON_DURATION(DS_RX_END:US_RX_END:ms)%"
"""From the end of the request to the end of the answer, as upstream_rq_time has it."""
_TIMED = f"response.flags == 0 && '{METADATA}' in xds.route_metadata.filter_metadata"
"""Which requests are timed: those with a label that were answered, and not by Envoy itself."""


def divided(match: Match, watch: Sequence[Part], below: Below) -> Iterator[tuple[str, Match]]:
    """The routes that take the place of one with ``match``, in order, each with its label: the
    keys of the parts that its requests are in, or `REST`. Without a watch it is the same route,
    without a label.
    """
    if not watch:
        yield "", match
        return
    needed = {number: _conditions(part, below) for number, part in enumerate(watch)}
    always = [number for number, conditions in needed.items() if conditions == ()]
    sometimes = {number: conditions for number, conditions in needed.items() if conditions}
    for size in range(len(sometimes), -1, -1):
        for chosen in combinations(sometimes, size):
            if _contradictory([watch[number] for number in chosen]):
                continue
            numbers = sorted([*always, *chosen])
            label = "_".join(watch[number].key for number in numbers) or REST
            conditions = tuple(one for number in chosen for one in sometimes[number])
            yield label, replace(match, headers=(*match.headers, *conditions))


def labelled(route: components.Route, label: str) -> components.Route:
    """``route``, whose requests are counted under ``label`` if there is one."""
    if label:
        route.metadata.filter_metadata[METADATA].update({LABEL: label})
    return route


def on_path(path: Path) -> Below:
    """For a route with this condition on the path, which the service receives as it is."""

    def below(prefix: Path) -> Conditions | None:
        if path.kind == "regex":
            return (matches.prefix_header(":path", prefix.value),)
        if path.value.startswith(prefix.value):
            return ()
        if path.kind == "exact" or not prefix.value.startswith(path.value):
            return None
        return (matches.prefix_header(":path", prefix.value),)

    return below


def logs(proxy: Proxy) -> Iterator[accesslog_pb2.AccessLog]:
    """The access logs of a listener whose requests may be watched, as far as the Envoy has them."""
    if proxy.counts_parts:
        yield counting_log()
    if proxy.times_parts:
        yield timing_log()


def counting_log() -> accesslog_pb2.AccessLog:
    """The access log that makes a counter of each request that ended. Bootstraps keep those with a
    label only (`envoy.bootstrap.statistics`).

    https://www.envoyproxy.io/docs/envoy/v1.40.0/api-v3/extensions/access_loggers/stats/v3/stats.proto
    """
    one = wrappers_pb2.UInt64Value(value=1)
    counter = stats_pb2.Config.Counter(stat=_stat(COUNTER, _TAGS), value_fixed=one)
    return accesslog_pb2.AccessLog(
        name=EXTENSION, typed_config=_scoped(stats_pb2.Config(counters=[counter]))
    )


def timing_log() -> accesslog_pb2.AccessLog:
    """The access log that times the answers to requests with a label. Of others, and of requests
    that had no whole answer, there is nothing to be timed, which Envoy would log as an error.

    https://www.envoyproxy.io/docs/envoy/v1.40.0/api-v3/extensions/access_loggers/filters/cel/v3/cel.proto
    """
    times = stats_pb2.Config.Histogram(
        stat=_stat(TIMES, _TAGS[:2]),
        unit=stats_pb2.Config.Histogram.Milliseconds,
        value_format=_TIME,
    )
    log = accesslog_pb2.AccessLog(
        name=EXTENSION, typed_config=_scoped(stats_pb2.Config(histograms=[times]))
    )
    log.filter.extension_filter.name = FILTER
    log.filter.extension_filter.typed_config.CopyFrom(
        packed(cel_pb2.ExpressionFilter(expression=_TIMED))
    )
    return log


def _scoped(config: stats_pb2.Config) -> any_pb2.Any:
    """The configuration, with the scope of our statistics."""
    # xds-protos does not know stats_scope (6) yet, a Scope with its prefix (5), in whose place
    # Envoy 1.40 warns of stat_prefix.
    config.MergeFromString(_text_field(6, _text_field(5, SCOPE.encode())))
    return packed(config)


def _stat(name: str, tags: Sequence[tuple[str, str]]) -> stats_pb2.Config.Stat:
    made = [stats_pb2.Config.Tag(name=tag, value_format=value) for tag, value in tags]
    return stats_pb2.Config.Stat(name=name, tags=made)


def _text_field(number: int, value: bytes) -> bytes:
    """A field of bytes as on the wire: https://protobuf.dev/programming-guides/encoding/#structure.
    Short ones only.
    """
    return bytes([number << 3 | 2, len(value)]) + value


def _conditions(part: Part, below: Below) -> Conditions | None:
    """What makes a request one of the part; empty if each is, None if none is."""
    conditions: Conditions = ()
    if part.prefix:
        path = below(Path("prefix", part.prefix))
        if path is None:
            return None
        conditions += path
    if part.method:
        conditions += (matches.exact_header(":method", part.method),)
    if part.header:
        conditions += (matches.exact_header(part.header, part.value),)
    return conditions


def _contradictory(chosen: Sequence[Part]) -> bool:
    """Whether no request can be in all of these parts, as they name two methods."""
    return len({part.method for part in chosen if part.method}) > 1
