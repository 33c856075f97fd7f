"""One secret for one purpose, derived from a master key.

HKDF: https://www.rfc-editor.org/rfc/rfc5869
"""

from __future__ import annotations

from collections.abc import Callable

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tealmesh.model.identity.rings import Ring

_BYTES = 32


def derived(master: bytes, purpose: str) -> bytes:
    """The key of 32 bytes for a purpose. Nobody gets from one key to another, or to the master."""
    info = f"tealmesh {purpose}".encode()
    return HKDF(algorithm=SHA256(), length=_BYTES, salt=None, info=info).derive(master)


class Keys:
    """The secrets of one data directory; none of them shows in a traceback or a log.

    Each property that has several has the one that signs first; all of them verify.
    """

    def __init__(
        self, master: Callable[[], Ring], owner: Callable[[], Ring], former: str = ""
    ) -> None:
        """``master`` and ``owner``, the token in the owner's file, are those of the moment."""
        self._master = master
        self._owner = owner
        self.former = former
        """What all Envoys had in common under an earlier version; empty where none of them runs."""
        self._owned: tuple[Ring | None, tuple[bytes, ...]] = (None, ())
        self._derived: tuple[Ring | None, dict[str, tuple[bytes, ...]]] = (None, {})

    @classmethod
    def of(cls, master: str, owner: str, former: str = "") -> Keys:
        """The keys of a data directory with these three secrets."""
        ring, owners = Ring(master), Ring(owner)
        return cls(lambda: ring, lambda: owners, former)

    @property
    def id(self) -> str:
        """Of the master key that is used."""
        return self._master().ids[0]

    @property
    def is_rotated(self) -> bool:
        """Whether there is a former master key."""
        return bool(self._master().former)

    @property
    def owners(self) -> tuple[str, ...]:
        """The tokens in the owner's file, which any Envoy of the owner's may present."""
        return self._owner().each

    @property
    def owned(self) -> tuple[bytes, ...]:
        """Sign the tokens of Envoys that the owner starts: `owned_key` of each of `owners`."""
        ring = self._owner()
        if self._owned[0] is not ring:
            self._owned = (ring, tuple(owned_key(one) for one in ring.each))
        return self._owned[1]

    @property
    def envoys(self) -> tuple[bytes, ...]:
        """Sign the tokens of the Envoys that the control plane starts."""
        return self._each("envoys")

    @property
    def credentials(self) -> tuple[bytes, ...]:
        """Sign the tokens by which tasks ask for the credentials of their role."""
        return self._each("task credentials")

    @property
    def pages(self) -> tuple[bytes, ...]:
        """Sign the tokens of the page's sessions."""
        return self._each("page sessions")

    @property
    def logins(self) -> tuple[bytes, ...]:
        """Make the keys that are given for a proof of an AWS identity."""
        return self._each("exchanged keys")

    def _each(self, purpose: str) -> tuple[bytes, ...]:
        ring = self._master()
        if self._derived[0] is not ring:
            self._derived = (ring, {})
        known = self._derived[1]
        if purpose not in known:
            known[purpose] = tuple(derived(one.encode(), purpose) for one in ring.each)
        return known[purpose]


def owned_key(owner: str) -> bytes:
    """The key that signs the tokens of the owner's own Envoys."""
    return derived(owner.encode(), "own envoys")
