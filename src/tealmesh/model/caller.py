"""The caller of an AWS operation."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Caller:
    """Who called an operation, as the SigV4 credential scope says."""

    account: str
    """The control plane's one account (design note 001)."""
    region: str
    """The region that the request was signed for; part of the ARNs of what it creates."""
    access_key: str
    request_id: str
