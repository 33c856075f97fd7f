"""When tasks that no caller can use are replaced. Pure.

ECS replaces tasks whose health checks fail; these are tasks whose callers' checks fail. What ECS
does then is done here too
(https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service_definition_parameters.html,
maximumPercent): the replacement starts first, where ``maximum`` has room for it, and the old task
stops once there are ``floor`` others; without room one old task at a time makes place.

**Shared trouble**: if callers can use no task of the service at all, the cause may be something
that all of them need, and new tasks would not be better. Then one task alone is replaced; if that
does not help, the next one waits for twice as long, then for twice that, at most for ten minutes.
As soon as callers can use one task, the others follow at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

LONGEST_PAUSE_SECONDS = 600.0
"""Between two attempts while no task can be used."""
MEMORY_SECONDS = 3600.0
"""Failures longer ago are no attempts to get out of this trouble."""


@dataclass(frozen=True)
class Replacement:
    """Which tasks are to be replaced now."""

    due: tuple[str, ...] = ()
    """Ids of the tasks, the longest unusable first."""
    wake_in: float | None = None
    """Seconds until the next one is due; None if none will be."""


def replacement(
    limit: float | None,
    ready: Mapping[str, float | None],
    failed: Sequence[float],
    now: float,
) -> Replacement:
    """The tasks whose time is over.

    ``limit``: seconds that a task may be unusable, None for ever; ``ready``: for each ready task
    the seconds for which no caller could use it, None if one can; ``failed``: when tasks of the
    deployment failed, replaced ones among them, by the clock of ``now``.
    """
    times = {task: seconds for task, seconds in ready.items() if seconds is not None}
    if limit is None or not times:
        return Replacement()
    due = sorted((i for i in times if times[i] >= limit), key=lambda i: (-times[i], i))
    waits = [limit - seconds for seconds in times.values() if seconds < limit]
    if due and len(times) == len(ready):
        pause = _pause(limit, failed, now)
        due, waits = (due[:1], waits) if pause <= 0 else ([], [*waits, pause])
    return Replacement(tuple(due), min(waits, default=None))


def _pause(limit: float, failed: Sequence[float], now: float) -> float:
    """Seconds until the next attempt while no task can be used; 0 or less if it is due."""
    recent = [at for at in failed if now - at < MEMORY_SECONDS]
    if not recent:
        return 0.0
    wait = min(LONGEST_PAUSE_SECONDS, limit * 2.0 ** min(len(recent), 32))
    return max(recent) + max(wait, limit) - now
