"""What the store keeps of services between deployments: locks, and sides that are kept for a way
back (collections ``teal.lock`` and ``teal.kept``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NotRequired, TypedDict

if TYPE_CHECKING:
    from tealmesh.model.clock import MomentBody


class LockBody(TypedDict):
    """A lock of a service against deployments."""

    by: str
    why: str
    at: float
    """When it was locked, for people (seconds since the epoch)."""
    since: MomentBody
    seconds: float
    """How long it lasts; 0 for no end."""
    until: float | None
    """When it ends, for people (seconds since the epoch); None for no end."""


class KeptBody(TypedDict):
    """A side without weight that is kept running for a way back."""

    service: str
    deployment: str
    """Id of the deployment that took its weight."""
    side: str
    image: str
    since: MomentBody
    seconds: float
    until: float
    """When it is stopped, for people (seconds since the epoch)."""
    ending: NotRequired[bool]
    """Whether it is being stopped, so that no deployment can use it any more."""
