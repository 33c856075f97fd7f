"""Who calls an operation."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Caller:
    """Who calls an AWS operation, from the SigV4 credential scope.

    A control plane answers for one account and one region (design note 001); ``region`` is what
    the caller signed for and becomes part of the ARNs of what it creates.
    """

    account: str
    region: str
    access_key: str
    request_id: str
