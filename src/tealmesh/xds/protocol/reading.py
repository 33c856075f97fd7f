"""Requests as bytes: what was said before is known again, without being decoded.

Thousands of Envoys ask for the same and acknowledge the same; their requests differ in the nonce
alone, which Envoy writes last. So a request is taken apart into what stands before its nonce and
the nonce. Both are messages of their own: to read one after the other is to read the whole, see
https://protobuf.dev/programming-guides/encoding/#last-one-wins
"""

from __future__ import annotations

from dataclasses import dataclass

from google.protobuf.message import DecodeError

from tealmesh.xds.protocol.exchange import NONCE_LENGTH, Request
from tealmesh.xds.protocol.own import is_common
from tealmesh.xds.protocol.variants import DiscoveryRequest, Variant, unknown_type

_TAIL = NONCE_LENGTH + 2
"""Bytes of a nonce as a field: its tag, its length and itself."""
_MOST = 8 * 1024 * 1024
"""Bytes of requests that are known again; then all are forgotten."""


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """What a request says. The same object for those that say the same, as far as they are known
    again.
    """

    type_url: str
    node_id: str
    """Of the node that it names; empty for none."""
    request: Request
    wrong: str
    """Why it cannot be answered; empty if it can."""
    common: bool
    """As of `is_common`."""


class Reader:
    """Reads the requests of all streams of one variant."""

    def __init__(self, variant: Variant) -> None:
        self.decoded = 0
        """Requests that were not known."""
        self._variant = variant
        field = variant.message.DESCRIPTOR.fields_by_name["response_nonce"]
        self._tail = bytes((field.number << 3 | 2, NONCE_LENGTH))
        self._known: dict[bytes, Heard] = {}
        self._size = 0

    def read(self, data: bytes) -> tuple[Heard, str]:
        """What a request says, and the nonce that it is about, which counts instead of the one in
        `Heard`. Raises DecodeError if it is no request.
        """
        nonce = data[-NONCE_LENGTH:]
        if nonce.isdigit() and data[-_TAIL:-NONCE_LENGTH] == self._tail:
            said = data[:-_TAIL]
            known = self._known.get(said)
            try:
                return self._heard(said) if known is None else known, nonce.decode()
            except DecodeError:
                pass  # What looks like a nonce is the end of something else.
        heard = self._heard(data)
        return heard, heard.request.nonce

    def heard(self, message: DiscoveryRequest) -> Heard:
        """What a request says that is decoded already."""
        request = self._variant.parse(message)
        type_url, wrong = message.type_url, unknown_type(message)
        common = is_common(type_url, request)
        return Heard(type_url, message.node.id, request, wrong, common)

    def _heard(self, data: bytes) -> Heard:
        known = self._known.get(data)
        if known is not None:
            return known
        self.decoded += 1
        made = self.heard(self._variant.message.FromString(data))
        self._size += len(data)
        if self._size > _MOST:
            self._known.clear()
            self._size = len(data)
        self._known[data] = made
        return made
