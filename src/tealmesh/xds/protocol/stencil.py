"""What bears an Envoy's addresses, encoded once for all whose addresses are as long. Pure.

In what was encoded with marks instead of addresses, each Envoy's own take the place of the marks:
they are as long, so no length around them changes. That this is all there is to it is tried with
other marks, when a stencil is made; where it is not so, each Envoy's part is encoded by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from tealmesh.envoy.placing import Addresses
from tealmesh.xds.protocol.own import Own

_MOST = 128
"""Kinds of lengths that are kept of one response."""
_FIRST, _OTHER = "\x01\x02\x03", "\x04\x05\x06"
"""What marks begin with, by placeholder. No address has these."""

_Kind: TypeAlias = tuple[tuple[str, int], ...]
"""The placeholders that there are addresses for, and how long each of these is."""
_Marked: TypeAlias = tuple[bytes, tuple[bytes, ...]]
"""What was encoded, and the marks in it."""


class Stencils:
    """Of one response. ``encode`` gives what of it bears addresses, for an Envoy with its own."""

    def __init__(self, encode: Callable[[Own], bytes]) -> None:
        self._encode = encode
        self._known: dict[_Kind, _Marked | None] = {}

    def filled(self, own: Own) -> bytes:
        """The part of the Envoy that ``own`` is of."""
        addresses = own.addresses
        kind = tuple([(name, len(address)) for name, address in addresses])
        marked = self._known.get(kind)
        if marked is None:
            if kind not in self._known and len(self._known) < _MOST:
                self._known[kind] = self._made(own)
                return self.filled(own)
            return self._encode(own)
        made, marks = marked
        for mark, (_, address) in zip(marks, addresses, strict=True):
            if not (address.isascii() and address.isprintable()):
                return self._encode(own)
            made = made.replace(mark, address.encode())
        return made

    def _made(self, own: Own) -> _Marked | None:
        """None where marks cannot stand for addresses."""
        if len(own.addresses) > len(_FIRST):
            return None
        first, other = _marks(own.addresses, _FIRST), _marks(own.addresses, _OTHER)
        made, expected = self._encode(own.at(first)), self._encode(own.at(other))
        tried = made
        for (_, mark), (_, instead) in zip(first, other, strict=True):
            tried = tried.replace(mark.encode(), instead.encode())
        if tried != expected:
            return None
        return made, tuple(mark.encode() for _, mark in first)


def _marks(addresses: Addresses, begin: str) -> Addresses:
    """As long as the addresses. A mark has its first character only there, so it cannot overlap
    with itself.
    """
    return tuple(
        (name, first + "\x1f" * (len(address) - 1))
        for (name, address), first in zip(addresses, begin, strict=False)
    )
