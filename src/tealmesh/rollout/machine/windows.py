"""Windows of measurement: what callers see of both sides while a step lasts is cut into pieces that
are compared and kept. Pure.

A window is closed after `WINDOW_SECONDS`, at the end of the warm-up and at the end of a step; the
next one begins at that moment. A restart of the control plane loses the one that is open.
"""

from __future__ import annotations

from dataclasses import replace

from tealmesh.model.rollout import Deployment, State
from tealmesh.model.windows import Window
from tealmesh.rollout.effects import Observed
from tealmesh.rollout.gates import comparison

WINDOW_SECONDS = 10.0
"""The longest window. What is decided by comparison is decided at the end of one."""

LEAST_SECONDS = 1.0
"""The shortest: Envoys report once a second."""


def opened(d: Deployment, at: float) -> Deployment:
    """The deployment with a new window. With the first one, the new side begins to warm up."""
    warm_until = d.comparison.warm_until or at + d.strategy.warm_up
    return replace(d, comparison=replace(d.comparison, opened_at=at, warm_until=warm_until))


def warming(d: Deployment, now: float) -> bool:
    """Whether the new side warms up: it is shown, and not judged."""
    return now < d.comparison.warm_until


def due(d: Deployment, event: Observed) -> bool:
    """Whether the open window is long enough, or contains the end of the warm-up."""
    c = d.comparison
    longest = min(WINDOW_SECONDS, max(LEAST_SECONDS, d.strategy.step_time))
    return event.at - c.opened_at >= longest or c.opened_at < c.warm_until <= event.at


def closed(d: Deployment, event: Observed) -> Deployment:
    """The deployment with the open window closed and, if it may be, compared."""
    c = d.comparison
    if not c.opened_at or event.at <= c.opened_at:
        return d
    why_not = _why_not(d)
    window = Window(
        index=c.windows,
        step=d.step,
        started_at=c.opened_at,
        seconds=event.at - c.opened_at,
        weights=d.weights,
        old=event.old_window,
        new=event.new_window,
        compared=not why_not,
        note=why_not,
    )
    evidence = comparison.added(c.evidence, d.gates, window) if not why_not else c.evidence
    after = replace(c, windows=c.windows + 1, opened_at=event.at, evidence=evidence, last=window)
    return replace(d, comparison=after)


def _why_not(d: Deployment) -> str:
    """Why both sides are not compared in the open window; empty if they are."""
    if not d.gates.compare:
        return "compare = false"
    if not all(d.weights.get(side) for side in (d.old_side, d.new_side)):
        return "one side has no weight"
    if d.state is not State.MEASURING:
        return "the weights change"
    if d.comparison.opened_at < d.comparison.warm_until:
        return "warm-up"
    return ""
