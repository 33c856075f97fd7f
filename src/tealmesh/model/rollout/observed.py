"""What is observed of one side: its tasks, and what its callers saw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tealmesh.model.traffic.parts import PartTraffic


@dataclass(frozen=True)
class SideTasks:
    """The tasks of one side."""

    desired: int = 0
    running: int = 0
    healthy: int = 0
    """Running tasks that are not UNHEALTHY, are registered in Cloud Map, and can be used by their
    callers as far as these could be asked."""
    failed: int = 0
    """Tasks that stopped by themselves."""
    failure: str = ""
    """Why ECS's circuit breaker gave up on the side; empty while it has not."""
    image: str = ""
    pending: int = 0
    """Desired tasks that do not run the current task definition yet; tasks of an earlier one may
    run in their place."""
    definition: str = ""
    """The ARN of the ECS service's task definition."""


@dataclass(frozen=True)
class Traffic:
    """What the callers of one virtual node saw in a window."""

    requests: int = 0
    """Requests that were answered or failed."""
    failures: int = 0
    """Requests that ended with a 5xx, a reset or a timeout, or without any answer."""
    client_errors: int = 0
    """Requests that were answered with a 4xx, or with gRPC's equivalents; never failures."""
    started: int = 0
    """Attempts, counted as they begin and including retries."""
    kinds: Mapping[str, int] = field(default_factory=dict)
    """The failures by kind, such as ``timed out`` or ``gone``; they add up to ``failures``."""
    waiting: int = 0
    """By how much requests in flight without an answer have become more in the window's second
    half: with a steady load, those that hang."""
    under_way: int = 0
    """Requests that were in flight when the window began: they were routed before."""
    p50: float | None = None
    """Median latency of the answered requests in milliseconds; None without any."""
    p99: float | None = None
    """99th percentile of their latency in milliseconds; None without any."""
    timed: int = 0
    """Answers whose latency was measured."""
    bounds: tuple[float, ...] = ()
    """Upper bounds of the latency's buckets, rising, in milliseconds."""
    buckets: tuple[int, ...] = ()
    """For each bound, the timed answers up to it."""
    reporters: int = 0
    """Envoys that reported on the node in the window."""
    members: int | None = None
    """The fewest endpoints of the node that any of them counts; None before the first report."""
    members_healthy: int | None = None
    """The fewest healthy endpoints that any of them counts; None before the first report."""
    seen_until: float = 0.0
    """Every reporter has reported up to this time (epoch seconds)."""
    every: float = 0.0
    """The longest time, in seconds, that a reporter had between its latest two reports."""
    seconds: float = 0.0
    """How much of the window was counted, by the reporter that counted longest."""
    parts: Mapping[str, PartTraffic] = field(default_factory=dict)
    """What they saw of each part that is watched, by its name; empty if they counted no request so,
    or if none is watched."""
