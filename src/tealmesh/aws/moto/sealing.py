"""The lines of the journal, so that nobody reads them who has not the master key.

A line is a JSON object: ``sealed`` is AES-GCM's nonce and ciphertext in base64, ``key`` the id of
the master key that it was sealed with. Of a former master key, lines are read and none is written.
Earlier versions wrote the text itself, which is read as it is.

https://cryptography.io/en/latest/hazmat/primitives/aead/
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tealmesh.model.identity.keys import derived
from tealmesh.model.identity.rings import MASTER_KEY, Ring

_PURPOSE = "journal of other services"
_NONCE_BYTES = 12


class Sealing:
    """Seals lines with the first of the master keys of the moment, and opens those of each."""

    def __init__(self, masters: Callable[[], Ring]) -> None:
        self._masters = masters
        self._ring: Ring | None = None
        self._ciphers: dict[str, AESGCM] = {}

    @property
    def id(self) -> str:
        """Of the master key that lines are sealed with now."""
        return self._masters().ids[0]

    def sealed(self, text: str) -> str:
        """The line for a text."""
        key, cipher = next(iter(self._known().items()))
        nonce = os.urandom(_NONCE_BYTES)
        kept = nonce + cipher.encrypt(nonce, text.encode(), key.encode())
        return json.dumps({"key": key, "sealed": base64.b64encode(kept).decode()})

    def opened(self, line: str) -> str:
        """The text of a line. Raises ValueError for one of another key, or that was changed."""
        key = key_of(line)
        if not key:
            return line
        cipher = self._known().get(key)
        if cipher is None:
            raise ValueError(f"it is sealed with the key {key}, which {MASTER_KEY} does not have")
        kept = base64.b64decode(json.loads(line)["sealed"])
        try:
            text = cipher.decrypt(kept[:_NONCE_BYTES], kept[_NONCE_BYTES:], key.encode())
        except InvalidTag as error:
            raise ValueError("a line was changed after it was sealed") from error
        return text.decode()

    def _known(self) -> dict[str, AESGCM]:
        """By id, the one that seals first."""
        ring = self._masters()
        if ring is not self._ring:
            keys = zip(ring.ids, ring.each, strict=True)
            self._ciphers = {i: AESGCM(derived(one.encode(), _PURPOSE)) for i, one in keys}
            self._ring = ring
        return self._ciphers


def key_of(line: str) -> str:
    """The id of the master key that a line is sealed with; empty for one that is not. Raises
    ValueError if it is no line of a journal.
    """
    fields = json.loads(line)
    if not isinstance(fields, dict):
        raise ValueError("a line is not a JSON object")
    return str(fields.get("key", "?")) if "sealed" in fields else ""
