"""What the nonces of a stream are called where it stands.

Streams that went the same way were sent as many responses of each kind, so they share this too: a
mapping that never changes, and what follows from it, which is found and not made anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

Names: TypeAlias = Mapping[str, str]
"""By a nonce of the stream, what the standing calls it."""

NO_NAMES: Names = {}
"""Of a stream that was sent nothing."""

_MOST = 2048
"""Mappings of which is known what follows; then all are forgotten, which costs a mapping each."""


class Naming:
    """What follows from names; for all streams."""

    def __init__(self) -> None:
        self._sent: dict[tuple[int, str, str], tuple[Names, Names]] = {}
        """By the id of names, with these so that it stays theirs, and a nonce with its name."""
        self._renamed: dict[tuple[int, int], tuple[Names, Names, Names]] = {}
        """By the ids of names and of what they are renamed to, with both."""

    def sent(self, names: Names, nonce: str, name: str) -> Names:
        """With one more."""
        key = (id(names), nonce, name)
        known = self._sent.get(key)
        if known is None:
            if len(self._sent) >= _MOST:
                self._sent.clear()
            known = self._sent[key] = (names, {**names, nonce: name})
        return known[1]

    def renamed(self, names: Names, renamed: Mapping[str, str]) -> Names:
        """Those that are still called something, by what they are called now."""
        key = (id(names), id(renamed))
        known = self._renamed.get(key)
        if known is None:
            if len(self._renamed) >= _MOST:
                self._renamed.clear()
            made = {own: renamed[name] for own, name in names.items() if name in renamed}
            known = self._renamed[key] = (names, renamed, made)
        return known[2]
