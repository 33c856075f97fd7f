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
    if_match: str = ""
    """The header ``If-Match``: the version that the resource of an App Mesh Update or Delete must
    have. An extension of ours, as App Mesh has no conditional writes; empty for any version."""
