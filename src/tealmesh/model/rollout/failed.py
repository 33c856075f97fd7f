"""Tasks that failed while a deployment ran, as the store keeps them."""

from __future__ import annotations

from typing import TypedDict


class FailedTaskBody(TypedDict):
    """A task that failed while a deployment ran."""

    task: str
    """Its id."""
    side: str
    at: float
    code: str
    """ECS's stop code."""
    reason: str
    """Why it stopped, with its last log lines."""
