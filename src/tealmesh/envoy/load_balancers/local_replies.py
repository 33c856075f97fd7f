"""The answers that a load balancer makes itself when a target does not.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html
"""

from __future__ import annotations

from collections.abc import Iterable

from envoy.config.accesslog.v3 import accesslog_pb2
from envoy.extensions.access_loggers.filters.cel.v3 import cel_pb2
from envoy.extensions.filters.network.http_connection_manager.v3 import (
    http_connection_manager_pb2 as manager_pb2,
)

from tealmesh.envoy.load_balancers.actions import SERVER, header
from tealmesh.envoy.protos import packed

_TITLES = {502: "Bad Gateway", 503: "Service Temporarily Unavailable", 504: "Gateway Time-out"}


def local_replies() -> manager_pb2.LocalReplyConfig:
    """Which of Envoy's own answers become which of ELB's.

    A target that cannot be connected to in time is 504; one that refuses a connection, closes it
    before it has answered, or answers what is not HTTP is 502; no target is 503. Envoy says 503
    for most of these.
    """
    config = manager_pb2.LocalReplyConfig()
    config.mappers.append(_mapper(_connect_timeout(), 504))
    config.mappers.append(_mapper(_flags("UF", "UC", "UR", "LR", "UPE"), 502))
    config.mappers.append(_mapper(_flags("UH", "UO", "NC"), 503))
    config.mappers.append(_mapper(_flags("UT", "SI"), 504))
    return config


def _flags(*flags: str) -> accesslog_pb2.AccessLogFilter:
    """Answers with one of Envoy's response flags:
    https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage#response-flags
    """
    return accesslog_pb2.AccessLogFilter(
        response_flag_filter=accesslog_pb2.ResponseFlagFilter(flags=_sorted(flags))
    )


def _sorted(flags: Iterable[str]) -> list[str]:
    return sorted(flags)


def _connect_timeout() -> accesslog_pb2.AccessLogFilter:
    expression = "response.code_details.contains('connection_timeout')"
    chosen = accesslog_pb2.AccessLogFilter()
    chosen.extension_filter.name = "envoy.access_loggers.extension_filters.cel"
    chosen.extension_filter.typed_config.CopyFrom(
        packed(cel_pb2.ExpressionFilter(expression=expression))
    )
    return chosen


def _mapper(which: accesslog_pb2.AccessLogFilter, status: int) -> manager_pb2.ResponseMapper:
    title = f"{status} {_TITLES[status]}"
    page = (
        f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n"
        f"<center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n"
    )
    mapper = manager_pb2.ResponseMapper(filter=which)
    mapper.status_code.value = status
    mapper.body_format_override.text_format_source.inline_string = page
    mapper.body_format_override.content_type = "text/html"
    mapper.headers_to_add.append(header("server", SERVER))
    return mapper
