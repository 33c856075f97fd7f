"""Small pieces of Envoy configuration that several builders need."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from envoy.config.core.v3 import address_pb2, config_source_pb2
from google.protobuf import any_pb2, duration_pb2

Spec = Mapping[str, Any]


def packed(message: Any) -> Any:
    """``message`` as a ``google.protobuf.Any`` whose bytes depend on the content alone."""
    holder = any_pb2.Any()
    holder.Pack(message, deterministic=True)
    return holder


def milliseconds(value: int) -> Any:
    """A ``google.protobuf.Duration`` of ``value`` milliseconds."""
    return duration_pb2.Duration(seconds=value // 1000, nanos=value % 1000 * 1_000_000)


def duration(spec: Spec) -> Any:
    """A Duration from App Mesh's: https://docs.aws.amazon.com/app-mesh/latest/APIReference/API_Duration.html"""
    value = int(spec.get("value", 0))
    return milliseconds(value if spec.get("unit", "ms") == "ms" else value * 1000)


def socket_address(address: str, port: int) -> Any:
    """A TCP address."""
    socket = address_pb2.SocketAddress(address=address, port_value=port)
    return address_pb2.Address(socket_address=socket)


def ads() -> Any:
    """A configuration source: the one aggregated stream that the Envoy already has."""
    return config_source_pb2.ConfigSource(
        ads=config_source_pb2.AggregatedConfigSource(),
        resource_api_version=config_source_pb2.ApiVersion.V3,
    )
