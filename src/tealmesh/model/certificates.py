"""What Envoys are given of certificates that AWS Certificate Manager keeps."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Material:
    """PEM of a certificate or a certificate authority.

    ``chain`` is the certificate with the authorities between it and its root, ``key`` its private
    key without a passphrase, ``root`` what it chains up to. An authority has ``root`` alone.
    """

    root: str
    chain: str = ""
    key: str = field(default="", repr=False)
