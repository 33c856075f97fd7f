"""Small pieces of Envoy configuration that several builders need.

xds-protos has no type stubs, so mypy takes every message for Any: the annotations in this package
name the message's class for the reader.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from envoy.config.core.v3 import address_pb2, config_source_pb2
from google.protobuf import any_pb2, duration_pb2, message, wrappers_pb2

if TYPE_CHECKING:
    from tealmesh.envoy.specs import Duration


def packed(content: message.Message) -> any_pb2.Any:
    """``content`` in an Any whose bytes depend on the content alone."""
    holder = any_pb2.Any()
    holder.Pack(content, deterministic=True)
    return holder


def serialized(content: message.Message) -> bytes:
    """``content`` as bytes that depend on the content alone."""
    encoded: bytes = content.SerializeToString(deterministic=True)
    return encoded


def milliseconds(value: int) -> duration_pb2.Duration:
    """A Duration of ``value`` milliseconds."""
    return duration_pb2.Duration(seconds=value // 1000, nanos=value % 1000 * 1_000_000)


def duration(spec: Duration) -> duration_pb2.Duration:
    """A Duration from App Mesh's: https://docs.aws.amazon.com/app-mesh/latest/APIReference/API_Duration.html"""
    value = int(spec.get("value", 0))
    return milliseconds(value if spec.get("unit", "ms") == "ms" else value * 1000)


def uint32(value: int) -> wrappers_pb2.UInt32Value:
    """A number in a field that tells 0 from unset."""
    return wrappers_pb2.UInt32Value(value=value)


def socket_address(address: str, port: int) -> address_pb2.Address:
    """A TCP address."""
    socket = address_pb2.SocketAddress(address=address, port_value=port)
    return address_pb2.Address(socket_address=socket)


def ads() -> config_source_pb2.ConfigSource:
    """A configuration source: the aggregated stream that the Envoy already has."""
    return config_source_pb2.ConfigSource(
        ads=config_source_pb2.AggregatedConfigSource(),
        resource_api_version=config_source_pb2.ApiVersion.V3,
    )
