"""The messages of OpenTelemetry's trace service that we read, built in code.

xds-protos has some of them, of a version before 1.0, whose names have changed since. Field numbers
from https://github.com/open-telemetry/opentelemetry-proto/tree/v1.3.2/opentelemetry/proto
(collector/trace/v1, trace/v1, common/v1, resource/v1). Fields that we do not read are left out;
protobuf ignores unknown fields. The Protocols at the end type the messages, whose classes exist
only at run time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import Message

_PACKAGE = "tealmesh.traces"
_F = descriptor_pb2.FieldDescriptorProto

METHOD = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
SERVER, CLIENT, PRODUCER, CONSUMER = 2, 3, 4, 5
"""Of Span.SpanKind."""
ERROR = 2
"""Of Status.StatusCode."""

_Field = tuple[str, int, int, str, bool]
"""Name, number, type, name of the message type or empty, whether repeated."""


def _message(name: str, number: int, of: str, *, repeated: bool = True) -> _Field:
    return (name, number, _F.TYPE_MESSAGE, f".{_PACKAGE}.{of}", repeated)


def _scalar(name: str, number: int, kind: int) -> _Field:
    return (name, number, kind, "", False)


_VALUE = "value"
"""The one choice among several members that there is: that of AnyValue."""
_MESSAGES: dict[str, list[_Field]] = {
    "ExportTraceServiceRequest": [_message("resource_spans", 1, "ResourceSpans")],
    "ExportTraceServiceResponse": [
        _message("partial_success", 1, "ExportTracePartialSuccess", repeated=False)
    ],
    "ExportTracePartialSuccess": [
        _scalar("rejected_spans", 1, _F.TYPE_INT64),
        _scalar("error_message", 2, _F.TYPE_STRING),
    ],
    "ResourceSpans": [
        _message("resource", 1, "Resource", repeated=False),
        _message("scope_spans", 2, "ScopeSpans"),
    ],
    "Resource": [_message("attributes", 1, "KeyValue")],
    "ScopeSpans": [_message("spans", 2, "Span")],
    "Span": [
        _scalar("trace_id", 1, _F.TYPE_BYTES),
        _scalar("span_id", 2, _F.TYPE_BYTES),
        _scalar("parent_span_id", 4, _F.TYPE_BYTES),
        _scalar("name", 5, _F.TYPE_STRING),
        _scalar("kind", 6, _F.TYPE_INT32),
        _scalar("start_time_unix_nano", 7, _F.TYPE_FIXED64),
        _scalar("end_time_unix_nano", 8, _F.TYPE_FIXED64),
        _message("attributes", 9, "KeyValue"),
        _message("events", 11, "Event"),
        _message("status", 15, "Status", repeated=False),
    ],
    "Event": [_scalar("name", 2, _F.TYPE_STRING), _message("attributes", 3, "KeyValue")],
    "Status": [_scalar("message", 2, _F.TYPE_STRING), _scalar("code", 3, _F.TYPE_INT32)],
    "KeyValue": [
        _scalar("key", 1, _F.TYPE_STRING),
        _message("value", 2, "AnyValue", repeated=False),
    ],
    # Lists, maps and bytes are left out: such a value is none of these.
    "AnyValue": [
        _scalar("string_value", 1, _F.TYPE_STRING),
        _scalar("bool_value", 2, _F.TYPE_BOOL),
        _scalar("int_value", 3, _F.TYPE_INT64),
        _scalar("double_value", 4, _F.TYPE_DOUBLE),
    ],
}


def _build() -> dict[str, type[Message]]:
    file = descriptor_pb2.FileDescriptorProto(
        name="tealmesh/traces.proto", package=_PACKAGE, syntax="proto3"
    )
    for name, members in _MESSAGES.items():
        message = file.message_type.add(name=name)
        if name == "AnyValue":
            message.oneof_decl.add(name=_VALUE)
        for field, number, kind, type_name, repeated in members:
            added = message.field.add(
                name=field,
                number=number,
                type=kind,
                type_name=type_name or None,
                label=_F.LABEL_REPEATED if repeated else _F.LABEL_OPTIONAL,
            )
            if name == "AnyValue":
                added.oneof_index = 0
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}"))
        for name in _MESSAGES
    }


_CLASSES = _build()
ExportTraceServiceRequest = _CLASSES["ExportTraceServiceRequest"]
ExportTraceServiceResponse = _CLASSES["ExportTraceServiceResponse"]


class AnyValue(Protocol):
    string_value: str
    bool_value: bool
    int_value: int
    double_value: float

    def WhichOneof(self, oneof_group: str) -> str | None: ...  # noqa: N802 - protobuf's name


class KeyValue(Protocol):
    key: str
    value: AnyValue


class Resource(Protocol):
    attributes: Sequence[KeyValue]


class Status(Protocol):
    message: str
    code: int


class Event(Protocol):
    name: str
    attributes: Sequence[KeyValue]


class OtlpSpan(Protocol):
    trace_id: bytes
    span_id: bytes
    parent_span_id: bytes
    name: str
    kind: int
    start_time_unix_nano: int
    end_time_unix_nano: int
    attributes: Sequence[KeyValue]
    events: Sequence[Event]
    status: Status


class ScopeSpans(Protocol):
    spans: Sequence[OtlpSpan]


class ResourceSpans(Protocol):
    resource: Resource
    scope_spans: Sequence[ScopeSpans]


class Exported(Protocol):
    """An ExportTraceServiceRequest."""

    resource_spans: Sequence[ResourceSpans]
