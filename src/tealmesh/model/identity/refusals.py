"""Who was refused what, as the store keeps it."""

from __future__ import annotations

from typing import TypedDict


class RefusalBody(TypedDict):
    """The newest refusal of somebody, and how many there were."""

    what: str
    """The operation, or method and path."""
    why: str
    """The error code, or what the rule says."""
    count: int
    """In all."""
