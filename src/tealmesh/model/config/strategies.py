"""How a service is deployed: strategy and gates, as frozen data with every default applied."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tealmesh.model.config.outside import CloudWatchGate, Freeze, Hook, PrometheusGate


@dataclass(frozen=True)
class Gates:
    """The conditions for a deployment to continue."""

    success_rate: float = 0.99
    """The least share of requests that succeed, 0 to 1: no 5xx, reset or timeout."""
    min_requests: int = 100
    """How many requests callers must have sent to the new side to judge the rate."""
    approval: bool = False
    """Wait for `teal approve` before production traffic shifts for the first time."""
    hooks: tuple[Hook, ...] = ()
    """Webhooks and commands that are asked at the stages of a deployment."""
    prometheus: tuple[PrometheusGate, ...] = ()
    """Queries whose values must be as told while the new side has weight."""
    cloudwatch: tuple[CloudWatchGate, ...] = ()
    """Metrics whose values must be as told while the new side has weight."""
    freeze: tuple[Freeze, ...] = ()
    """Times of the week in which no version gets more weight."""
    directory: str = ""
    """That of the teal.toml which was applied: where commands run, and from where files are
    read."""


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
