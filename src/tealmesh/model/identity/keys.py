"""One secret for one purpose, derived from a master key.

HKDF: https://www.rfc-editor.org/rfc/rfc5869
"""

from __future__ import annotations

from dataclasses import dataclass, field

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_BYTES = 32


def derived(master: bytes, purpose: str) -> bytes:
    """The key of 32 bytes for a purpose. Nobody gets from one key to another, or to the master."""
    info = f"tealmesh {purpose}".encode()
    return HKDF(algorithm=SHA256(), length=_BYTES, salt=None, info=info).derive(master)


@dataclass(frozen=True)
class Keys:
    """The secrets of one data directory; none of them shows in a traceback or a log."""

    envoys: bytes = field(repr=False)
    """Signs the tokens of the Envoys that the control plane starts."""
    owned: bytes = field(repr=False)
    """Signs the tokens of Envoys that the owner of the machine starts: `owned_key` of ``owner``."""
    credentials: bytes = field(repr=False)
    """Signs the tokens by which tasks ask for the credentials of their role."""
    pages: bytes = field(repr=False)
    """Signs the tokens of the page's sessions."""
    owner: str = field(repr=False)
    """The token in the owner's file, which any Envoy of the owner's may present."""
    former: str = field(default="", repr=False)
    """What all Envoys had in common under an earlier version; empty where none of them runs."""

    @classmethod
    def of(cls, master: str, owner: str, former: str = "") -> Keys:
        """The keys of a data directory with these three secrets."""
        root = master.encode()
        return cls(
            envoys=derived(root, "envoys"),
            owned=owned_key(owner),
            credentials=derived(root, "task credentials"),
            pages=derived(root, "page sessions"),
            owner=owner,
            former=former,
        )


def owned_key(owner: str) -> bytes:
    """The key that signs the tokens of the owner's own Envoys."""
    return derived(owner.encode(), "own envoys")
