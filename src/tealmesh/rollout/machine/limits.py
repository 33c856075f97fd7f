"""How long each phase of a deployment may take, by a setting of the strategy each. Pure.

A limit counts from the beginning of its phase, however many states and windows the phase has. After
a restart of the control plane it goes on from what had counted, see `resumed`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tealmesh.model.rollout import Deployment, State
from tealmesh.model.said import say


@dataclass(frozen=True)
class Limit:
    """The time limit of a phase."""

    setting: str
    """The name of the strategy's setting."""
    phase: str
    """What is done in the phase, completing "while …"."""
    on_top_of: str = ""
    """The setting of the time that the phase takes in any case."""


_START = Limit("start_timeout", say("starting the new side's tasks"))
_VERIFY = Limit("verify_timeout", say("the callers' Envoys checked the new side"))
_MIRROR = Limit("verify_timeout", say("judging the copies of requests"), "mirror.time")
_COHORT = Limit("step_timeout", say("measuring the cohort"), "step_time")
_APPROVAL = Limit("approval_timeout", say("waiting for a person"))
_HOLD = Limit("hold_timeout", say("holding it for a person"))
_STEP = Limit("step_timeout", say("measuring the step"), "step_time")
_BAKE = Limit("bake_timeout", say("the old side had to fall silent"), "bake_time")
_ROLLBACK = Limit("rollback_timeout", say("giving the weight back"))
_STOP = Limit("stop_timeout", say("stopping a side"))

LIMITS: Mapping[State, Limit] = {
    State.CREATED: _START,
    State.SCALING_UP: _START,
    State.ADDING_TARGET: _VERIFY,
    State.CONVERGING_TARGET: _VERIFY,
    State.VERIFYING: _VERIFY,
    State.MIRRORING: _MIRROR,
    State.COHORT: _COHORT,
    State.AWAITING_APPROVAL: _APPROVAL,
    State.HELD: _HOLD,
    State.SHIFTING: _STEP,
    State.CONVERGING: _STEP,
    State.MEASURING: _STEP,
    State.BAKING: _BAKE,
    State.CLEANING_UP: _STOP,
    State.ROLLING_BACK: _ROLLBACK,
    State.CONVERGING_BACK: _ROLLBACK,
    State.CLEANING_BACK: _STOP,
}
"""The limit of each state; the others may last as long as they like."""

PERSONS = {State.AWAITING_APPROVAL, State.HELD}
"""The states that wait for a person, who decides whether a control plane runs or not."""

COUNT_SECONDS = 5.0
"""What counts towards a limit is stored so often; a kill in between lengthens the limit by that."""

COUNT_PERSONS_SECONDS = 60.0
"""The same where a person is waited for: there only a reboot can lose it."""

RESUME_SECONDS = 15.0
"""After a restart, tasks without a healthy one are waited for so long before that counts: they are
found again and registered one by one."""


def of(d: Deployment) -> Limit | None:
    """The limit of the present phase; None if it may last as long as it likes."""
    limit = LIMITS.get(d.state)
    return limit if limit is not None and _longest(limit, d) else None


def seconds(limit: Limit, d: Deployment) -> float:
    """How long the phase may take."""
    return _longest(limit, d) + _least(limit, d)


def _least(limit: Limit, d: Deployment) -> float:
    """The time that the phase takes in any case."""
    least = {
        "step_time": d.step_time,
        "bake_time": d.strategy.bake_time,
        "mirror.time": d.strategy.mirror.time if d.strategy.mirror else 0.0,
    }
    return least.get(limit.on_top_of, 0.0)


def _longest(limit: Limit, d: Deployment) -> float:
    """The value of the limit's setting; 0 where there is no limit."""
    if limit is _STEP:
        return d.strategy.timeout_of(d.step)
    if limit is _APPROVAL:
        return d.gates.approval_timeout
    if limit is _HOLD:
        return d.strategy.hold_timeout if d.comparison.undecided else 0.0
    value: float = getattr(d.strategy, limit.setting)
    return value


def begins(before: Deployment, state: State) -> bool:
    """Whether entering ``state`` begins a phase."""
    return state is State.SHIFTING or LIMITS.get(before.state) is not LIMITS.get(state)


def clock(d: Deployment, now: float) -> float:
    """The time by which the limit of the phase counts: it stands still in a pause."""
    return min(now, max(d.paused_at, d.phase_at)) if d.paused_at else now


def counted(d: Deployment, now: float) -> float:
    """The seconds of the phase that have counted towards its limit."""
    return max(0.0, clock(d, now) - d.phase_at)


def uncounted(d: Deployment, since: float) -> bool:
    """Whether what has counted is to be stored, when it last was so many seconds ago."""
    often = COUNT_PERSONS_SECONDS if d.state in PERSONS else COUNT_SECONDS
    return of(d) is not None and since >= often


def resumed(d: Deployment, away: float) -> float:
    """The seconds that have counted when a deployment is taken up ``away`` seconds after it was
    stored. That time counts where a person was waited for; else nobody worked in it. What had
    counted stays so, but for the window of measurement that was open, as it begins anew. And no
    phase that is work ends before Envoys and tasks have been found again.
    """
    limit = of(d)
    if d.state in PERSONS:
        return d.counted if d.paused_at else d.counted + away
    if limit is None or d.paused_at:
        return d.counted
    lost = 0.0
    if d.since and limit.on_top_of:
        open_for = d.counted - max(0.0, d.since - d.phase_at)
        lost = min(max(0.0, open_for), _least(limit, d))
    return min(d.counted - lost, max(0.0, seconds(limit, d) - RESUME_SECONDS))


def left(d: Deployment, now: float) -> float | None:
    """The seconds that the present phase may still take; None without a limit."""
    limit = of(d)
    return d.phase_at + seconds(limit, d) - clock(d, now) if limit else None


def half_gone(d: Deployment, now: float) -> bool:
    """Whether the present phase has taken half of its time."""
    limit = of(d)
    return limit is not None and clock(d, now) - d.phase_at > seconds(limit, d) / 2


def shown(d: Deployment) -> str:
    """The setting that limits the present phase, with its value; empty without one."""
    limit = of(d)
    if limit is None:
        return ""
    plus = say(" on top of {on_top_of}", on_top_of=limit.on_top_of) if limit.on_top_of else ""
    return say(
        "{setting} of {longest} s{plus}",
        setting=limit.setting,
        longest=f"{_longest(limit, d):g}",
        plus=plus,
    )


def exceeded(d: Deployment) -> str:
    """That the limit of the present phase is exceeded, for people."""
    return say("{weights} exceeded while {phase}", weights=shown(d), phase=LIMITS[d.state].phase)
