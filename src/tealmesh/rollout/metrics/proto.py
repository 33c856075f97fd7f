"""The messages of Envoy's metrics service that we read, built in code: xds-protos has none.

Field numbers from
https://github.com/envoyproxy/envoy/blob/v1.35.0/api/envoy/service/metrics/v3/metrics_service.proto
and
https://github.com/prometheus/client_model/blob/v0.6.1/io/prometheus/client/metrics.proto
Fields that we do not read are left out; protobuf ignores unknown fields. The Protocols at the end
type the messages, whose classes exist only at run time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, struct_pb2
from google.protobuf.message import Message

_PACKAGE = "tealmesh.metrics"
_F = descriptor_pb2.FieldDescriptorProto

METHOD = "/envoy.service.metrics.v3.MetricsService/StreamMetrics"
HISTOGRAM = 4
"""Of io.prometheus.client.MetricType."""

_Field = tuple[str, int, int, str, bool]
"""Name, number, type, name of the message type or empty, whether repeated."""
_MESSAGES: dict[str, list[_Field]] = {
    # envoy.config.core.v3.Node:
    # https://github.com/envoyproxy/envoy/blob/v1.35.0/api/envoy/config/core/v3/base.proto
    "Node": [
        ("id", 1, _F.TYPE_STRING, "", False),
        ("metadata", 3, _F.TYPE_MESSAGE, ".google.protobuf.Struct", False),
    ],
    "Identifier": [("node", 1, _F.TYPE_MESSAGE, f".{_PACKAGE}.Node", False)],
    "StreamMetricsMessage": [
        ("identifier", 1, _F.TYPE_MESSAGE, f".{_PACKAGE}.Identifier", False),
        ("envoy_metrics", 2, _F.TYPE_MESSAGE, f".{_PACKAGE}.MetricFamily", True),
    ],
    "StreamMetricsResponse": [],
    "MetricFamily": [
        ("name", 1, _F.TYPE_STRING, "", False),
        ("type", 3, _F.TYPE_INT32, "", False),
        ("metric", 4, _F.TYPE_MESSAGE, f".{_PACKAGE}.Metric", True),
    ],
    "Metric": [
        ("gauge", 2, _F.TYPE_MESSAGE, f".{_PACKAGE}.Value", False),
        ("counter", 3, _F.TYPE_MESSAGE, f".{_PACKAGE}.Value", False),
        ("histogram", 7, _F.TYPE_MESSAGE, f".{_PACKAGE}.Histogram", False),
    ],
    # Counter and Gauge are both {double value = 1}.
    "Value": [("value", 1, _F.TYPE_DOUBLE, "", False)],
    "Histogram": [
        ("sample_count", 1, _F.TYPE_UINT64, "", False),
        ("bucket", 3, _F.TYPE_MESSAGE, f".{_PACKAGE}.Bucket", True),
    ],
    "Bucket": [
        ("cumulative_count", 1, _F.TYPE_UINT64, "", False),
        ("upper_bound", 2, _F.TYPE_DOUBLE, "", False),
    ],
}


def _build() -> dict[str, type[Message]]:
    file = descriptor_pb2.FileDescriptorProto(
        name="tealmesh/metrics.proto",
        package=_PACKAGE,
        syntax="proto3",
        dependency=[struct_pb2.DESCRIPTOR.name],
    )
    for name, members in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, number, kind, type_name, repeated in members:
            message.field.add(
                name=field,
                number=number,
                type=kind,
                type_name=type_name or None,
                label=_F.LABEL_REPEATED if repeated else _F.LABEL_OPTIONAL,
            )
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(struct_pb2.DESCRIPTOR.serialized_pb)
    pool.AddSerializedFile(file.SerializeToString())
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}"))
        for name in _MESSAGES
    }


_CLASSES = _build()
StreamMetricsMessage = _CLASSES["StreamMetricsMessage"]
StreamMetricsResponse = _CLASSES["StreamMetricsResponse"]


class Counter(Protocol):
    value: float


class Bucket(Protocol):
    cumulative_count: int
    upper_bound: float


class Histogram(Protocol):
    sample_count: int
    bucket: Sequence[Bucket]


class Metric(Protocol):
    counter: Counter
    gauge: Counter
    histogram: Histogram


class MetricFamily(Protocol):
    name: str
    type: int
    metric: Sequence[Metric]


class Node(Protocol):
    id: str
    metadata: struct_pb2.Struct


class Identifier(Protocol):
    node: Node


class MetricsMessage(Protocol):
    """A StreamMetricsMessage."""

    identifier: Identifier
    envoy_metrics: Sequence[MetricFamily]
