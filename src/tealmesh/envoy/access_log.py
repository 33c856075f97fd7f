"""A virtual node's or gateway's access log.

https://docs.aws.amazon.com/app-mesh/latest/APIReference/API_FileAccessLog.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from envoy.config.accesslog.v3 import accesslog_pb2
from envoy.config.core.v3 import substitution_format_string_pb2 as format_pb2
from envoy.extensions.access_loggers.file.v3 import file_pb2
from envoy.extensions.access_loggers.stream.v3 import stream_pb2

from tealmesh.envoy.protos import packed

if TYPE_CHECKING:
    from tealmesh.envoy.specs import Logging, LoggingFormat

_STREAMS = {
    # Written through the open descriptor: opening /dev/stdout again fails when it is a socket, and
    # starts over when it is a file that was not opened for appending.
    "/dev/stdout": ("envoy.access_loggers.stdout", stream_pb2.StdoutAccessLog),
    "/dev/stderr": ("envoy.access_loggers.stderr", stream_pb2.StderrAccessLog),
}


def access_logs(logging: Logging | None) -> list[accesslog_pb2.AccessLog]:
    """The access logs that a node's or gateway's ``logging`` asks for, one or none."""
    file = ((logging or {}).get("accessLog") or {}).get("file")
    if file is None:
        return []
    name, kind = _STREAMS.get(file["path"], ("envoy.access_loggers.file", file_pb2.FileAccessLog))
    config = kind()
    if kind is file_pb2.FileAccessLog:
        config.path = file["path"]
    if "format" in file:
        config.log_format.CopyFrom(_format(file["format"]))
    return [accesslog_pb2.AccessLog(name=name, typed_config=packed(config))]


def _format(spec: LoggingFormat) -> format_pb2.SubstitutionFormatString:
    """https://docs.aws.amazon.com/app-mesh/latest/APIReference/API_LoggingFormat.html"""
    log_format = format_pb2.SubstitutionFormatString()
    if "json" in spec:
        log_format.json_format.update({pair["key"]: pair["value"] for pair in spec["json"]})
    else:
        log_format.text_format_source.inline_string = spec["text"]
    return log_format
