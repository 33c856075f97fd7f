"""Responses as bytes, encoded once for all streams that get the same content.

Only the nonce differs between streams. It is encoded alone and appended: the concatenation of two
encodings of a message is the encoding of their merge, see
https://protobuf.dev/programming-guides/encoding/#last-one-wins
"""

from __future__ import annotations

from collections import OrderedDict

from envoy.service.discovery.v3 import discovery_pb2

from tealmesh.xds.session import Send

CACHE_BYTES = 64 * 1024 * 1024
"""How much of the encoded responses is kept for other streams; the least recently used go first."""

_Key = tuple[bool, str, str, tuple[tuple[str, str], ...], tuple[str, ...]]
"""(delta, type URL, version, names and versions of the resources, names removed)."""


class Encoder:
    """Encodes responses and keeps the newest ``limit`` bytes of them."""

    def __init__(self, limit: int = CACHE_BYTES) -> None:
        self.encodes = 0
        """Responses that were encoded."""
        self.served = 0
        """Responses that were asked for."""
        self._limit = limit
        self._size = 0
        self._cache: OrderedDict[_Key, bytes] = OrderedDict()

    def encode(self, send: Send, *, delta: bool) -> bytes:
        """A serialized DiscoveryResponse, or DeltaDiscoveryResponse where ``delta``."""
        self.served += 1
        change = send.change
        versions = tuple(sorted((name, r.version) for name, r in change.resources.items()))
        removed = tuple(sorted(change.removed)) if delta else ()
        key: _Key = (delta, send.type_url, change.version, versions, removed)
        body = self._cache.get(key)
        if body is None:
            self.encodes += 1
            body = _delta(send) if delta else _state_of_the_world(send)
            self._keep(key, body)
        else:
            self._cache.move_to_end(key)
        message = discovery_pb2.DeltaDiscoveryResponse if delta else discovery_pb2.DiscoveryResponse
        nonce: bytes = message(nonce=send.nonce).SerializeToString()
        return body + nonce

    def _keep(self, key: _Key, body: bytes) -> None:
        self._cache[key] = body
        self._size += len(body)
        while self._size > self._limit:
            _, dropped = self._cache.popitem(last=False)
            self._size -= len(dropped)


def _state_of_the_world(send: Send) -> bytes:
    message = discovery_pb2.DiscoveryResponse(
        version_info=send.change.version, type_url=send.type_url
    )
    for name in sorted(send.change.resources):
        message.resources.add().MergeFromString(send.change.resources[name].body)
    encoded: bytes = message.SerializeToString()
    return encoded


def _delta(send: Send) -> bytes:
    message = discovery_pb2.DeltaDiscoveryResponse(
        system_version_info=send.change.version,
        type_url=send.type_url,
        removed_resources=sorted(send.change.removed),
    )
    for name, resource in sorted(send.change.resources.items()):
        entry = message.resources.add(name=name, version=resource.version)
        entry.resource.MergeFromString(resource.body)
    encoded: bytes = message.SerializeToString()
    return encoded
