"""The ways from one state to another: enter, wait, give other weights, roll back. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tealmesh.model.rollout import Deployment, State
from tealmesh.rollout import evidence
from tealmesh.rollout.machine import limits

SETTLE_SECONDS = 1.0
"""Between convergence and the start of a window: requests routed by the old weights end, and
Envoy's metrics of that time (flushed every second) arrive."""

FULL_WEIGHT = 100

FINAL = {State.SUCCEEDED, State.ROLLED_BACK, State.ROLLBACK_FAILED}
BACKWARD = {State.ROLLING_BACK, State.CONVERGING_BACK, State.CLEANING_BACK}
COMMITTED = FINAL | BACKWARD | {State.CLEANING_UP}


def can_abort(d: Deployment) -> bool:
    """Whether the old side can still get all the weight back."""
    return d.state not in COMMITTED


def enter(d: Deployment, state: State, now: float, **changes: Any) -> Deployment:
    """The one way into a state; the journal gets one more transition."""
    changes.setdefault("waiting_for", "")
    if state in FINAL:
        changes["finished_at"] = now
    if limits.begins(d, state):
        changes.setdefault("phase_at", now)
    if state is not d.state:
        changes.update(windows=0, last_window="")
    return timed(
        replace(d, state=state, sequence=d.sequence + 1, entered_at=now, updated_at=now, **changes),
        now,
    )


def timed(d: Deployment, now: float) -> Deployment:
    """The deployment with the time that its phase may still take."""
    return replace(d, seconds_left=limits.left(d, now), time_limit=limits.shown(d))


def wait(d: Deployment, now: float, waiting_for: str, why: str = "") -> Deployment:
    """Stay in the state, until the time limit of its phase is exceeded: then fail. ``why``: what
    says more than ``waiting_for`` about that failure.
    """
    left = limits.left(d, now)
    if left is None or left >= 0:
        return replace(d, waiting_for=waiting_for, updated_at=now, seconds_left=left)
    failed = f"{limits.exceeded(d)}, still waiting for {why or waiting_for}"
    if d.state is State.CLEANING_UP:
        return enter(d, State.SUCCEEDED, now, reason=f"the old side still runs: {failed}")
    if d.state in BACKWARD:
        return enter(d, State.ROLLBACK_FAILED, now, reason=f"{d.reason}; {failed}")
    return roll_back(d, now, failed)


def resume(d: Deployment, now: float) -> Deployment:
    """Go on after a restart: the time limit and the window of measurement begin anew, as nobody
    counted in between; what was measured stays to be seen until the new window is full.
    """
    since = now + SETTLE_SECONDS if d.since else 0.0
    if d.state in (State.MEASURING, State.BAKING) and d.evidence and d.evidence[-1].total_requests:
        before = f", when it waited for {d.waiting_for}" if d.waiting_for else ""
        d = window_again(d, now, d.last_window or f"a restart of the control plane{before}")
    return enter(d, d.state, now, since=since, phase_at=now)


def window_again(d: Deployment, now: float, why: str) -> Deployment:
    """Begin the window of measurement anew, and keep why the last one was not enough."""
    return replace(d, since=now, windows=d.windows + 1, last_window=why)


def roll_back(d: Deployment, now: float, reason: str) -> Deployment:
    return reweigh(d, State.ROLLING_BACK, now, new_weight=0, reason=reason)


def shift(d: Deployment, now: float, index: int) -> Deployment:
    percent = d.strategy.steps[index]
    return reweigh(d, State.SHIFTING, now, new_weight=percent, step=index)


def reweigh(
    d: Deployment, state: State, now: float, *, new_weight: int, **changes: Any
) -> Deployment:
    """Enter a state that sets other weights: the measurement of the current ones ends."""
    return enter(
        evidence.closed(d, now),
        state,
        now,
        weights={d.old_side: FULL_WEIGHT - new_weight, d.new_side: new_weight},
        acknowledged={},
        since=0.0,
        **changes,
    )
