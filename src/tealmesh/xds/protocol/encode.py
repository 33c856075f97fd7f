"""Responses as bytes, encoded once for all streams that get the same content.

Only the nonce differs between streams, and what bears an address of the Envoy's task. That is
encoded alone and appended: the concatenation of two encodings of a message is the encoding of their
merge, see https://protobuf.dev/programming-guides/encoding/#last-one-wins
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from functools import partial

from envoy.service.discovery.v3 import discovery_pb2

from tealmesh.envoy.placing import ADDRESS, bears
from tealmesh.model.clock import Steady, SteadyClock, steady_clock
from tealmesh.xds.protocol.exchange import NONCE_LENGTH, Change
from tealmesh.xds.protocol.own import NOTHING_OWN, Own
from tealmesh.xds.protocol.session import Send
from tealmesh.xds.protocol.stencil import Stencils

_MESSAGES = {True: discovery_pb2.DeltaDiscoveryResponse, False: discovery_pb2.DiscoveryResponse}
"""By whether it is incremental."""
_NONCES = {
    delta: bytes((message.DESCRIPTOR.fields_by_name["nonce"].number << 3 | 2,))
    for delta, message in _MESSAGES.items()
}
"""The tag of the nonce in each."""
_NONCE_TAGS = {delta: tag + bytes((NONCE_LENGTH,)) for delta, tag in _NONCES.items()}
"""The same with the length of nearly every one."""
_CHANGES = 1024
"""Changes that are found without a look at what they contain; then all are forgotten."""

CACHE_BYTES = 64 * 1024 * 1024
"""How much of the encoded responses is kept for other streams; the least recently used go first."""

KEPT_SECONDS = 300.0
"""What nobody has asked for this long is a former content, which nobody will ask for."""

_Key = tuple[bool, str, str, tuple[tuple[str, str], ...], tuple[str, ...]]
"""(delta, type URL, version, names and versions of the resources, names removed)."""


@dataclass(frozen=True)
class _Shared:
    """What all Envoys get alike of a response."""

    body: bytes
    own: Stencils | None
    """What bears an address, so that each Envoy gets its own; None if nothing does."""


def _field(delta: bool, nonce: bytes) -> bytes:
    return _NONCES[delta] + bytes((len(nonce),)) + nonce


class Encoder:
    """Encodes responses, and keeps the newest ``limit`` bytes of those that were used lately."""

    def __init__(self, limit: int = CACHE_BYTES, clock: SteadyClock = steady_clock) -> None:
        self.encodes = 0
        """Responses that were encoded."""
        self.served = 0
        """Responses that were asked for."""
        self._limit = limit
        self._clock = clock
        self._size = 0
        self._cache: OrderedDict[_Key, _Shared] = OrderedDict()
        self._used: dict[_Key, Steady] = {}
        self._changes: dict[tuple[int, str, bool], tuple[Change, _Shared]] = {}
        """By its id, what was encoded of a change; streams that stand together send the same."""

    def encode(
        self, send: Send, own: Own = NOTHING_OWN, *, delta: bool, nonce: str | None = None
    ) -> bytes:
        """A serialized DiscoveryResponse, or DeltaDiscoveryResponse where ``delta``, to the Envoy
        that ``own`` is of; under another ``nonce`` than its own if there is one.
        """
        self.served += 1
        found = self._changes.get((id(send.change), send.type_url, delta))
        known = self._known(send, delta=delta) if found is None else found[1]
        name = (send.nonce if nonce is None else nonce).encode()
        tail = _NONCE_TAGS[delta] + name if len(name) == NONCE_LENGTH else _field(delta, name)
        if known.own is None:
            return known.body + tail
        return b"".join((known.body, known.own.filled(own), tail))

    def alike(self, send: Send, *, delta: bool) -> bytes | None:
        """What all streams are sent of a response, up to the nonce, which has `NONCE_LENGTH`; None
        if something in it is an Envoy's own.
        """
        known = self._known(send, delta=delta)
        return known.body + _NONCE_TAGS[delta] if known.own is None else None

    def _known(self, send: Send, *, delta: bool) -> _Shared:
        change = send.change
        versions = tuple(sorted((name, r.version) for name, r in change.resources.items()))
        removed = tuple(sorted(change.removed)) if delta else ()
        key: _Key = (delta, send.type_url, change.version, versions, removed)
        known = self._cache.get(key)
        if known is None:
            self.encodes += 1
            known = _shared(send, delta=delta)
            self._keep(key, known)
        else:
            self._cache.move_to_end(key)
            self._used[key] = self._clock()
        if len(self._changes) >= _CHANGES:
            self._changes.clear()
        self._changes[id(change), send.type_url, delta] = (change, known)
        return known

    def _keep(self, key: _Key, made: _Shared) -> None:
        # Who is asked for again is looked up anew, and so counts as used.
        self._changes.clear()
        now = self._used[key] = self._clock()
        self._cache[key] = made
        self._size += len(made.body)
        while self._cache and self._is_too_much(now):
            oldest, dropped = self._cache.popitem(last=False)
            del self._used[oldest]
            self._size -= len(dropped.body)

    def _is_too_much(self, now: Steady) -> bool:
        oldest = next(iter(self._cache))
        return self._size > self._limit or self._used[oldest] < now - KEPT_SECONDS


def _shared(send: Send, *, delta: bool) -> _Shared:
    change = send.change
    own = {name: one for name, one in sorted(change.resources.items()) if bears(one)}
    same = {name: one for name, one in sorted(change.resources.items()) if name not in own}
    gone = frozenset(name for name in change.removed if ADDRESS in name)
    message = _MESSAGES[delta](type_url=send.type_url)
    if delta:
        message.system_version_info = change.version
    else:
        message.version_info = change.version
    _add(message, Change(same, change.removed - gone, change.version), delta=delta)
    borne = Change(own, gone, change.version)
    stencils = Stencils(partial(_borne, borne, delta)) if own or gone else None
    return _Shared(message.SerializeToString(), stencils)


def _borne(change: Change, delta: bool, own: Own) -> bytes:
    """What bears addresses, as one Envoy gets it."""
    message = _MESSAGES[delta]()
    _add(message, own.change(change), delta=delta)
    encoded: bytes = message.SerializeToString()
    return encoded


def _add(
    message: discovery_pb2.DeltaDiscoveryResponse | discovery_pb2.DiscoveryResponse,
    change: Change,
    *,
    delta: bool,
) -> None:
    """Add what changed. In the state of the world, what a response leaves out is gone."""
    for resource in change.resources.values():
        if delta:
            entry = message.resources.add(name=resource.name, version=resource.version)
            entry.resource.MergeFromString(resource.body)
        else:
            message.resources.add().MergeFromString(resource.body)
    if delta:
        message.removed_resources.extend(sorted(change.removed))
