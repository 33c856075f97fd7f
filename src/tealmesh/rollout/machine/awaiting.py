"""What a deployment waits for, so that it is looked at when that happens. Pure.

Every deployment is looked at twice a second in any case: what is named here only spares it the rest
of that half second.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from tealmesh.model.rollout import Deployment, State
from tealmesh.rollout.machine.transitions import SETTING

HASTE_SECONDS = 5.0
"""For so long after its time was over, a deployment is looked at for each round of reports: what
takes longer, such as a hook or a verdict that needs more requests, is not hastened by looking."""

_BY_TASKS = {State.CREATED, State.SCALING_UP, State.CLEANING_UP, State.CLEANING_BACK, *SETTING}


@dataclass(frozen=True)
class Awaited:
    """What may let a deployment go on."""

    at: float = math.inf
    """A time after which it may: by the clock of the deployment. Until it has passed, reports alone
    do not."""
    reports: bool = False
    """Whether reports of all callers may, from that time on."""
    tasks: bool = False
    """Whether other numbers of tasks may."""


@dataclass(frozen=True)
class Heard:
    """What has happened since the last look."""

    looked_at: float
    """When that was."""
    reported_until: float
    """Every caller has reported at or after this time."""
    tasks: bool
    """Whether the sides have other numbers of tasks."""


def awaits(d: Deployment) -> Awaited:
    """What the deployment waits for in its state, if that is something that can be heard of."""
    if d.state in _BY_TASKS:
        return Awaited(tasks=True)
    match d.state:
        case State.VERIFYING:
            return Awaited(d.since, reports=True, tasks=True)
        case State.MIRRORING if d.strategy.mirror:
            return Awaited(d.since + d.strategy.mirror.time, reports=True)
        case State.COHORT:
            return Awaited(d.since + d.strategy.step_time, reports=True)
        case State.MEASURING:
            begins = max(d.since, d.comparison.warm_until if d.strategy.warm_up else 0.0)
            return Awaited(begins + d.step_time, reports=True)
        case State.BAKING:
            return Awaited(d.since + d.strategy.bake_time, reports=True)
    return Awaited()


def due(awaited: Awaited, heard: Heard, now: float) -> bool:
    """Whether the deployment is to be looked at now."""
    if awaited.tasks and heard.tasks:
        return True
    if now < awaited.at:
        return False
    if heard.looked_at < awaited.at:
        return True
    soon = now < awaited.at + HASTE_SECONDS
    return awaited.reports and soon and heard.reported_until > heard.looked_at
