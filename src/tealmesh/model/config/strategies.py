"""How a service is deployed: strategy and gates, as frozen data with every default applied."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class LatencyObjective:
    """How fast the new side must answer."""

    quantile: float
    """The share of requests that must be fast enough, above 0 and below 1."""
    below: float
    """How long their answers may take, in seconds."""


@dataclass(frozen=True)
class Gates:
    """The conditions for a deployment to continue."""

    success_rate: float = 0.99
    """The least share of requests that succeed, 0 to 1: no 5xx, reset or timeout."""
    min_requests: int = 100
    """How many requests callers must have sent to the new side to judge the rate."""
    approval: bool = False
    """Wait for `teal approve` before production traffic shifts for the first time."""
    compare: bool = True
    """Compare the new side with the old one while both have weight."""
    alpha: float = 0.01
    """The highest share of good versions that the comparison may roll back, above 0, up to 0.5."""
    beta: float = 0.05
    """The highest share of bad versions that the comparison may pass, above 0, up to 0.5."""
    margin: float = 0.0
    """By how much the new side may be worse: with 0.1, it may have 1.1 times the errors' share."""
    breaker: float = 0.5
    """The share of errors above which a deployment rolls back at once; 1 for never."""
    latency: tuple[LatencyObjective, ...] = ()
    """How fast the new side must answer."""


@dataclass(frozen=True)
class Strategy:
    """How weight moves to the new side. Times are in seconds."""

    type: Literal["bluegreen", "canary"] = "bluegreen"
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
    warm_up: float = 0.0
    """How long the new side is shown and not judged, from its first weight on."""
    on_no_verdict: Literal["rollback", "hold"] = "rollback"
    """What happens when the comparison has come to no verdict within `step_timeout`."""
    hold_timeout: float = 3600.0
    """How long a deployment without a verdict is held; then it rolls back."""
