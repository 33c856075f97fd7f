"""Windows of measurement: what callers see of both sides while a step lasts is cut into pieces that
are compared and kept. Pure.

A window begins with each caller's last report before it. The first one of a step is opened when
all have reported since they have the weights, so that all of it was routed by these.
A window is closed after `WINDOW_SECONDS`, at the end of the warm-up and at the end of a step; the
next one begins at that moment. A restart of the control plane loses the one that is open.
"""

from __future__ import annotations

from tealmesh.model.rollout import Deployment, GateResult, State
from tealmesh.model.traffic.windows import REPORT_SECONDS, Window
from tealmesh.rollout.effects import Observed
from tealmesh.rollout.gates import comparison, sentences, since
from tealmesh.rollout.machine.frozen import replace
from tealmesh.rollout.machine.wording import expected_share

WINDOW_SECONDS = 10.0
"""The longest window. What is decided by comparison is decided at the end of one."""
_A_STEP = 3
"""The least number of windows in a step: one is a single bet until the old side has shown that its
errors do not come in bursts."""

LEAST_SECONDS = 1.0
"""The shortest: bursts of errors are told by the second."""


def before(d: Deployment, event: Observed) -> Deployment:
    """The deployment with what callers see of the old side before the new one has any weight."""
    if not d.gates.compare or d.comparison.windows:
        return d
    return replace(d, comparison=comparison.prepared(d.comparison, d.gates, event.old_window))


def opened(d: Deployment, at: float, every: float) -> Deployment:
    """The deployment with a new window, now that every Envoy has the weights and ``every`` so many
    seconds, or more often, a caller reports. With the first one, the new side begins to warm up.
    """
    c = d.comparison
    if not c.warm_until:
        warm_until = at + d.strategy.warm_up
        cold_until = max(warm_until, at + comparison.COLD_SECONDS)
        c = replace(c, warm_until=warm_until, cold_until=cold_until)
    return replace(d, comparison=replace(c, opened_at=at + max(REPORT_SECONDS, every)))


def warming(d: Deployment, at: float) -> bool:
    """Whether the new side warms up: it is shown, and not judged."""
    return d.strategy.warm_up > 0 and at < d.comparison.warm_until


def due(d: Deployment, event: Observed) -> bool:
    """Whether the open window is long enough, or contains the end of the warm-up, of the step's
    time or of the bake time.
    """
    c = d.comparison
    least = d.strategy.bake_time if d.state is State.BAKING else d.step_time
    ends = (c.warm_until, d.since + least)
    long_enough = event.at - c.opened_at >= longest_window(least)
    return long_enough or any(c.opened_at < end <= event.at for end in ends)


def longest_window(step_time: float) -> float:
    """How long a window of a step is, unless the step or the warm-up ends before. In seconds."""
    return min(WINDOW_SECONDS, max(LEAST_SECONDS, step_time / _A_STEP))


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
    if not why_not:
        c = comparison.compared(c, d.gates, window)
        window = replace(window, judged=comparison.judged(c, d.gates))
    elif d.gates.compare and _shifted(d) and not warming(d, c.opened_at):
        c = comparison.whole(c, d.gates, window)
        window = replace(window, judged=since.judged(c, d.gates))
    after = replace(c, windows=c.windows + 1, opened_at=event.at, last=window)
    return replace(d, comparison=after)


def verdicts(d: Deployment) -> tuple[GateResult, ...]:
    """What the comparison came to, one verdict a metric; none where nothing is compared. With all
    the weight, the new side is held against what was before.
    """
    last = d.comparison.last
    if d.gates.compare and _shifted(d):
        bounds = comparison.every_bound(d.comparison, d.gates)
        return since.verdicts(d.comparison, d.gates, bounds, d.new_side, d.old_side)
    if not d.gates.compare or not _both_weighted(d):
        return ()
    rate = (last.old.requests + last.new.requests) / last.seconds if last else None
    sides = sentences.Sides(d.old_side, d.new_side, expected_share(d), rate)
    return sentences.verdicts(d.comparison, d.gates, sides)


def _why_not(d: Deployment) -> str:
    """Why both sides are not compared in the open window; empty if they are."""
    if not d.gates.compare:
        return "compare = false"
    if not _both_weighted(d):
        return "no comparison: one side has no weight"
    if warming(d, d.comparison.opened_at):
        return "warm-up"
    return ""


def _both_weighted(d: Deployment) -> bool:
    return all(d.weights.get(side) for side in (d.old_side, d.new_side))


def _shifted(d: Deployment) -> bool:
    """Whether the new side has all the weight."""
    return bool(d.weights.get(d.new_side)) and not d.weights.get(d.old_side)
