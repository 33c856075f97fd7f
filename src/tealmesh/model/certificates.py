"""Certificates of AWS Certificate Manager, as Envoys need them."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Material:
    """PEM of a certificate, or of a certificate authority, which has a ``root`` alone."""

    root: str
    """The authority that the certificate chains up to, or the authority itself."""

    chain: str = ""
    """The certificate and the authorities between it and its root."""

    key: str = field(default="", repr=False)
    """The certificate's private key, without a passphrase."""
