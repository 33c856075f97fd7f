"""The two variants of the protocol on the wire.

https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from envoy.service.discovery.v3 import discovery_pb2

from tealmesh.envoy.resources import ResourceType
from tealmesh.xds.protocol.exchange import Request

DiscoveryRequest: TypeAlias = discovery_pb2.DiscoveryRequest | discovery_pb2.DeltaDiscoveryRequest

_TYPES = frozenset(str(type_) for type_ in ResourceType)


@dataclass(frozen=True)
class Variant:
    """How one of them looks."""

    delta: bool
    message: type[DiscoveryRequest]
    parse: Callable[[DiscoveryRequest], Request]


def unknown_type(message: DiscoveryRequest) -> str:
    """What is wrong with the type of a request; empty if nothing is."""
    if message.type_url in _TYPES:
        return ""
    return f"type_url {message.type_url[:200]!r}: must be one of {', '.join(sorted(_TYPES))}"


def _sotw_request(message: discovery_pb2.DiscoveryRequest) -> Request:
    return Request(
        nonce=message.response_nonce,
        error=_error(message),
        names=tuple(message.resource_names),
        version=message.version_info,
    )


def _delta_request(message: discovery_pb2.DeltaDiscoveryRequest) -> Request:
    return Request(
        nonce=message.response_nonce,
        error=_error(message),
        subscribe=tuple(message.resource_names_subscribe),
        unsubscribe=tuple(message.resource_names_unsubscribe),
        initial_versions=dict(message.initial_resource_versions),
    )


def _error(message: DiscoveryRequest) -> str | None:
    return message.error_detail.message if message.HasField("error_detail") else None


VARIANTS = {
    "StreamAggregatedResources": Variant(False, discovery_pb2.DiscoveryRequest, _sotw_request),
    "DeltaAggregatedResources": Variant(True, discovery_pb2.DeltaDiscoveryRequest, _delta_request),
}
"""By method of the aggregated discovery service."""
