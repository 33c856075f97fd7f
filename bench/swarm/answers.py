"""What an Envoy says to a response, worked out once for all that get the same.

A response is known by what stands before its nonce, without the Envoy's own address. So the swarm
decodes as little as it can, whatever it is sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.listener.v3 import listener_pb2
from envoy.extensions.filters.network.http_connection_manager.v3 import (
    http_connection_manager_pb2 as manager_pb2,
)
from envoy.service.discovery.v3 import discovery_pb2

from tealmesh.envoy.resources import ResourceType

CDS, EDS = ResourceType.CLUSTER.value, ResourceType.ENDPOINT.value
LDS, RDS = ResourceType.LISTENER.value, ResourceType.ROUTE.value
_NONCE = b"\x2a"
"""The field of the nonce, of either variant's responses."""


@dataclass(frozen=True)
class Answer:
    """To one response."""

    type_url: str
    version: str
    """Of the state of the world."""
    names: tuple[str, ...]
    """What clusters and listeners make the Envoy ask for next."""


class Answers:
    """Of all Envoys, which speak one variant."""

    def __init__(self, *, delta: bool) -> None:
        self._delta = delta
        self._known: dict[bytes, Answer] = {}
        self._requests: dict[tuple[str, str, tuple[str, ...]], bytes] = {}

    def read(self, message: bytes, address: bytes) -> tuple[Answer, bytes]:
        """What to say to a response, and its nonce."""
        head, nonce = _parted(message)
        if address:
            head = head.replace(address, b"")
        known = self._known.get(head)
        if known is None or not nonce:
            known, nonce = self._decoded(message)
            self._known[head] = known
        return known, nonce

    def request(
        self, type_url: str, names: tuple[str, ...] = (), version: str = "", nonce: bytes = b""
    ) -> bytes:
        """A request, which acknowledges the response ``nonce`` if there is one."""
        key = (type_url, version, names)
        known = self._requests.get(key)
        if known is None:
            known = self._requests[key] = self._encoded(type_url, names, version)
        if not nonce:
            return known
        tag = b"\x32" if self._delta else b"\x2a"
        return known + tag + bytes((len(nonce),)) + nonce

    def first(self, type_url: str, node_id: str, metadata: dict[str, str]) -> bytes:
        """The first request of a stream, which says who the Envoy is."""
        delta = self._delta
        made: Any = (
            discovery_pb2.DeltaDiscoveryRequest if delta else discovery_pb2.DiscoveryRequest
        )(type_url=type_url)
        made.node.id = node_id
        made.node.metadata.update({"tealmesh": metadata})
        data: bytes = made.SerializeToString()
        return data

    def _encoded(self, type_url: str, names: tuple[str, ...], version: str) -> bytes:
        made: Any
        if self._delta:
            made = discovery_pb2.DeltaDiscoveryRequest(
                type_url=type_url, resource_names_subscribe=names
            )
        else:
            made = discovery_pb2.DiscoveryRequest(
                type_url=type_url, version_info=version, resource_names=names
            )
        data: bytes = made.SerializeToString()
        return data

    def _decoded(self, message: bytes) -> tuple[Answer, bytes]:
        delta = self._delta
        kind = discovery_pb2.DeltaDiscoveryResponse if delta else discovery_pb2.DiscoveryResponse
        answer: Any = kind.FromString(message)
        bodies = [(one.resource if delta else one).value for one in answer.resources]
        names = {name for body in bodies for name in _named(answer.type_url, body)}
        version = "" if delta else answer.version_info
        made = Answer(answer.type_url, version, tuple(sorted(names)))
        return made, answer.nonce.encode()


def _parted(message: bytes) -> tuple[bytes, bytes]:
    """A response without its nonce, and that; both whole if it does not end with one."""
    for length in (8, 1, 2, 3, 4, 5, 6, 7):
        nonce = message[-length:]
        if message[-length - 2 : -length] == _NONCE + bytes((length,)) and nonce.isdigit():
            return message[: -length - 2], nonce
    return message, b""


def _named(type_url: str, body: bytes) -> list[str]:
    if type_url == CDS:
        cluster = cluster_pb2.Cluster.FromString(body)
        eds = cluster.HasField("eds_cluster_config")
        return [cluster.eds_cluster_config.service_name or cluster.name] if eds else []
    if type_url != LDS:
        return []
    found = []
    for chain in listener_pb2.Listener.FromString(body).filter_chains:
        for one in chain.filters:
            manager = _manager(one.typed_config)
            if manager:
                found.append(manager)
    return found


def _manager(config: Any) -> str:
    manager = manager_pb2.HttpConnectionManager()
    return manager.rds.route_config_name if config.Unpack(manager) else ""
