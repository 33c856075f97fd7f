"""How a service is deployed: strategy and gates, as frozen data with every default applied."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from tealmesh.model.config.beside import Cohort, Mirror, Preview, Sticky


@dataclass(frozen=True)
class Gates:
    """The conditions for a deployment to continue."""

    success_rate: float = 0.99
    """The least share of requests that succeed, 0 to 1: no 5xx, reset or timeout."""
    min_requests: int = 100
    """How many requests callers must have sent to the new side to judge the rate."""
    approval: bool = False
    """Wait for `teal approve` before production traffic shifts for the first time."""


@dataclass(frozen=True)
class Strategy:
    """How weight moves to the new side. Times are in seconds."""

    type: Literal["bluegreen", "canary", "ab"] = "bluegreen"
    steps: tuple[int, ...] = (100,)
    """Rising percentages for the new side, ending with 100; blue/green is ``(100,)``."""
    step_time: float = 10.0
    """The least time at each step."""
    bake_time: float = 10.0
    """The time at 100 % before the old side is stopped."""
    start_timeout: float = 300.0
    """The longest wait for the new side's tasks to be healthy; then the deployment rolls back."""
    verify_timeout: float = 300.0
    """The longest wait for the callers' Envoys to reach the new side while it has no weight."""
    step_timeout: float = 300.0
    """The longest wait for the gates of a step, on top of ``step_time``."""
    bake_timeout: float = 300.0
    """The longest wait for the old side to fall silent, on top of ``bake_time``."""
    rollback_timeout: float = 300.0
    """The longest wait to give the weight back; then the rollback has failed."""
    stop_timeout: float = 300.0
    """The longest wait for a side's tasks to stop; then they are left running."""
    preview: Preview | None = field(default_factory=Preview)
    """How requests choose the new side before it has weight; None if they cannot."""
    mirror: Mirror | None = None
    """Which requests are copied to the new side before it gets weight; None for none."""
    match: Cohort | None = None
    """Which requests an A/B deployment sends to the new side, for ``step_time``; None for other
    types."""
    sticky: Sticky | None = None
    """What keeps a user on one side; None for nothing."""
