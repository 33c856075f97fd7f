"""The ways from one state to another: enter, wait, give other weights, roll back, end. Pure."""

from __future__ import annotations

from typing import Any

from tealmesh.model.rollout import Deployment, Promotion, State
from tealmesh.model.rollout.comparison import Comparison
from tealmesh.model.rollout.groups import Awaits
from tealmesh.model.said import listed, say
from tealmesh.rollout.effects import shares
from tealmesh.rollout.gates import evidence
from tealmesh.rollout.machine import limits
from tealmesh.rollout.machine.frozen import replace
from tealmesh.rollout.machine.wording import serving_words

FULL_WEIGHT = 100

FINAL = {State.SUCCEEDED, State.ROLLED_BACK, State.ROLLBACK_FAILED, State.STOPPED}
BACKWARD = {State.ROLLING_BACK, State.CONVERGING_BACK, State.CLEANING_BACK}
COMMITTED = FINAL | BACKWARD | {State.CLEANING_UP}
"""The states in which it is decided how the deployment ends."""
SETTING = {State.ADDING_TARGET, State.SHIFTING, State.ROLLING_BACK}
"""The states that write weights: until that is recorded, the route may have the earlier ones."""


def can_abort(d: Deployment) -> bool:
    """Whether the old side can still get all the weight back."""
    return d.state not in COMMITTED


def serving(d: Deployment) -> bool:
    """Whether a side with weight had a healthy task when last observed."""
    return any(weight and d.healthy.get(side) for side, weight in d.seen.items())


def only_new_serves(d: Deployment) -> bool:
    """Whether the old side cannot serve, and the new one can."""
    return d.healthy.get(d.old_side) == 0 and d.healthy.get(d.new_side, 0) > 0


def enter(d: Deployment, state: State, now: float, **changes: Any) -> Deployment:
    """The one way into a state; the journal gets one more transition."""
    changes = {"waiting_for": "", "note": "", "held_in": "", **changes}
    d = not_awaiting(d)
    if state in BACKWARD | FINAL | {State.HELD}:
        # What a person asked for on the way forward has ended.
        changes |= {"paused_at": 0.0, "paused_by": "", "promoted": ""}
    if state in FINAL:
        kept_for = changes.get("kept_for", 0.0)
        changes |= {"finished_at": now, "serves": serving_words(d, kept_for)}
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
    d, left = not_awaiting(d), limits.left(d, now)
    if left is None or left >= 0:
        return replace(d, waiting_for=waiting_for, updated_at=now, seconds_left=left)
    failed = say(
        "{exceeded}, still waiting for {waited}",
        exceeded=limits.exceeded(d),
        waited=why or waiting_for,
    )
    if d.state in BACKWARD or d.state is State.CLEANING_UP:
        return _end_late(d, now, failed)
    return roll_back(d, now, failed)


def _end_late(d: Deployment, now: float, failed: str) -> Deployment:
    """The end of a deployment that has a side with all the weight but cannot do the rest."""
    if not serving(d):
        return enter(d, State.ROLLBACK_FAILED, now, reason=_joined(d.reason, failed))
    if d.state is State.CLEANING_UP:
        return enter(
            d, State.SUCCEEDED, now, reason=say("the old side still runs: {failed}", failed=failed)
        )
    if d.state is State.ROLLING_BACK:
        return hold(d, now, failed)
    still = (
        say("{new_side} still runs", new_side=d.new_side)
        if gets_all(d, d.old_side)
        else say("both sides still run")
    )
    return rolled_back(
        d, now, _joined(d.reason, say("{still}: {failed}", still=still, failed=failed))
    )


def rolled_back(d: Deployment, now: float, reason: str) -> Deployment:
    """The end of a way back. A rollback that went back itself, and a deployment whose new side is
    the only one that can serve, have not done what their name says.
    """
    if d.kind == "ROLLBACK":
        return enter(
            d,
            State.STOPPED,
            now,
            reason=say(
                "going back to {new_image} failed: {reason}", new_image=d.new_image, reason=reason
            ),
        )
    back = gets_all(d, d.old_side)
    return enter(d, State.ROLLED_BACK if back else State.STOPPED, now, reason=reason)


def hold(d: Deployment, now: float, what: str, *, undecided: bool = False) -> Deployment:
    """Do nothing more until a person decides; the ways out are told from the first moment.
    ``undecided``: the comparison came to no verdict. That is held for a limited time.
    """
    d = replace(d, comparison=replace(d.comparison, undecided=undecided))
    held = enter(
        evidence.closed(d, now),
        State.HELD,
        now,
        held_in=d.held_in or d.state.value,
        note=what,
        since=0.0,
    )
    return replace(held, waiting_for=decision(held))


def decision(d: Deployment) -> str:
    """What a held deployment waits for, with all ways out."""
    return say("your decision, since {note}: {ways_out}", note=d.note, ways_out=listed(ways_out(d)))


def ways_out(d: Deployment) -> list[str]:
    """What a person can do with a held deployment."""
    service = d.service
    onwards = say("goes on without a verdict") if d.comparison.undecided else ""
    ways = [
        say("`teal resume {service}` {onwards}", service=service, onwards=onwards)
        if onwards
        else say("`teal resume {service} --take-over` goes on from what is live", service=service),
        say("`teal abort {service} --give-up` leaves all as it is", service=service),
    ]
    if d.healthy.get(d.old_side):
        ways.insert(
            1,
            say(
                "`teal abort {service}` gives {old_side} all the weight",
                service=service,
                old_side=d.old_side,
            ),
        )
    return ways


def resume(d: Deployment, away: float, now: float) -> Deployment:
    """Go on after a restart, ``away`` seconds after the deployment was stored. The time limit goes
    on, see `limits.resumed`. The window of measurement begins anew, as nobody counted in between;
    what was measured stays to be seen until the new window is full.
    """
    phase_at = now - limits.resumed(d, away)
    since = now if d.since else 0.0
    if d.state in (State.MEASURING, State.BAKING) and d.evidence and d.evidence[-1].total_requests:
        before = (
            say(", when it waited for {waiting_for}", waiting_for=d.waiting_for)
            if d.waiting_for
            else ""
        )
        d = window_again(
            d, now, d.last_window or say("a restart of the control plane{before}", before=before)
        )
    # The window of measurement that was open is lost; the evidence before it is not.
    compared = replace(_by_clock(d, now - away), opened_at=since)
    d = replace(d, comparison=compared)
    same = {"held_in": d.held_in, "note": d.note, "waiting_for": d.waiting_for}
    if d.paused_at:
        d = replace(d, paused_at=now)
    return enter(d, d.state, now, since=since, phase_at=phase_at, resumed_at=now, **same)


def _by_clock(d: Deployment, stored: float) -> Comparison:
    """The comparison with its times by the clock of this process, by which the deployment was
    ``stored`` then: clocks of two processes differ, as each begins with the time of day.
    """
    c = d.comparison
    if not c.warm_until or d.paused_at:
        return c
    differs = stored - (d.phase_at + d.counted)
    return replace(c, warm_until=c.warm_until + differs, cold_until=c.cold_until + differs)


def window_again(d: Deployment, now: float, why: str) -> Deployment:
    """Begin the window of measurement anew, and keep why the last one was not enough."""
    return replace(d, since=now, windows=d.windows + 1, last_window=why)


def roll_back(d: Deployment, now: float, reason: str) -> Deployment:
    """Give all the weight to the old side; to the new one, if that alone can serve."""
    if not only_new_serves(d):
        return reweigh(d, State.ROLLING_BACK, now, new_weight=0, reason=reason)
    kept = say(
        "{old_side} has no healthy task, so {new_side} gets all the weight",
        old_side=d.old_side,
        new_side=d.new_side,
    )
    why = reason if kept in reason else _joined(reason, kept)
    return reweigh(d, State.ROLLING_BACK, now, new_weight=FULL_WEIGHT, reason=why)


def shift(d: Deployment, now: float, index: int, **changes: Any) -> Deployment:
    percent = d.strategy.steps[index]
    return reweigh(d, State.SHIFTING, now, new_weight=percent, step=index, **changes)


def midway(d: Deployment) -> bool:
    """Whether a step is being measured: the new side has its weight, and is judged."""
    return bool(d.evidence) and d.evidence[-1].finished_at is None


def onward(d: Deployment, now: float, frozen: str = "") -> Deployment:
    """To the next step, or to the bake time after the last one; unless a person has to approve or
    has paused the deployment, or ``frozen`` says why no version gets more weight now.
    """
    full, last = d.promoted == "FULL", len(d.strategy.steps) - 1
    following = last if full else d.step + 1
    left: Promotion = "FULL" if full else ""
    note = say("promoted by {promoted_by}", promoted_by=d.promoted_by) if d.promoted else ""
    if d.step == last:
        return enter(d, State.BAKING, now, since=now, promoted=left, note=note)
    if d.needs_approval(following) and not full:
        return enter(
            d, State.AWAITING_APPROVAL, now, waiting_for=approval(d), promoted="", note=note
        )
    if stayed := stay(d, now, frozen):
        return stayed
    return shift(d, now, following, promoted=left, note=note)


def stay(d: Deployment, now: float, frozen: str = "") -> Deployment | None:
    """The deployment, waiting, if the new side gets no more weight and the old one is not stopped
    now: a person has paused it, ``frozen`` says why, or its group wants it to. None if nothing is
    against going on.
    """
    if d.paused_at:
        return wait(
            d,
            now,
            say(
                "`teal resume {service}`, as {paused_by} paused it",
                service=d.service,
                paused_by=d.paused_by,
            ),
        )
    if frozen:
        return wait(d, now, frozen)
    if d.member and d.member.leave in ("PREPARE", "STAY"):
        return await_group(d, now, "SHIFT" if d.member.leave == "PREPARE" else "")
    return None


def await_group(d: Deployment, now: float, awaits: Awaits) -> Deployment:
    """The deployment, waiting for the others of its group. Its time limit stands still: the others
    have theirs.
    """
    if d.member is None:
        return d
    why = say("the other services to pass") if awaits == "FINISH" else d.member.why
    waiting = wait(
        replace(d, phase_at=now), now, say("{why} (group {group})", why=why, group=d.member.group)
    )
    return replace(waiting, member=replace(d.member, awaits=awaits))


def not_awaiting(d: Deployment) -> Deployment:
    """The deployment that does not wait for its group, as something else is missing."""
    return replace(d, member=replace(d.member, awaits="")) if d.member and d.member.awaits else d


def baked(d: Deployment, now: float) -> Deployment:
    """To the end of the bake time, unless a person has paused the deployment, or others of its
    group have not passed.
    """
    if stayed := stay(d, now):
        return stayed
    if d.member:
        return await_group(d, now, "FINISH")
    return finish(d, now)


def finish(d: Deployment, now: float) -> Deployment:
    """The old side is not needed any more: stop it, or keep it for a way back."""
    if not d.gated:
        return enter(d, State.CLEANING_UP, now, acknowledged=d.weights)
    note = say("promoted by {promoted_by}", promoted_by=d.promoted_by) if d.promoted else ""
    d = evidence.closed(d, now)
    if d.strategy.keep_old and d.kind == "DEPLOY" and d.healthy.get(d.old_side):
        return enter(d, State.SUCCEEDED, now, since=0.0, note=note, kept_for=d.strategy.keep_old)
    return enter(d, State.CLEANING_UP, now, since=0.0, promoted="", note=note)


def approval(d: Deployment) -> str:
    """What a deployment waits for that needs approval."""
    words = say("approval (`teal approve {service}`)", service=d.service)
    if midway(d):
        return say(
            "{words} of the step of {steps} %", words=words, steps=d.strategy.steps[next_step(d)]
        )
    return words + unserved(d)


def unserved(d: Deployment) -> str:
    """That the old side cannot serve what it gets, to be added to other words; else empty."""
    if not shares(d.seen).get(d.old_side) or d.healthy.get(d.old_side) != 0:
        return ""
    told = say("; {old_side} has no healthy task", old_side=d.old_side)
    if not d.healthy.get(d.new_side):
        return told
    return told + say(": approving gives {new_side} all the weight at once", new_side=d.new_side)


def next_step(d: Deployment) -> int:
    """The first step that gives the new side more than it has, or the last one."""
    has = shares(d.weights).get(d.new_side, 0.0) * FULL_WEIGHT
    steps = d.strategy.steps
    return next((i for i, percent in enumerate(steps) if percent > has), len(steps) - 1)


def reweigh(
    d: Deployment, state: State, now: float, *, new_weight: int, **changes: Any
) -> Deployment:
    """Enter a state that sets other weights: the measurement of the current ones ends."""
    return enter(
        evidence.closed(d, now),
        state,
        now,
        weights={d.old_side: FULL_WEIGHT - new_weight, d.new_side: new_weight},
        live=d.seen or d.live,
        left_apart=d.apart,
        acknowledged={},
        since=0.0,
        **changes,
    )


def gets_all(d: Deployment, side: str) -> bool:
    """Whether the weights last ordered are all for one side."""
    return shares(d.weights) == {side: 1.0}


def _joined(*parts: str) -> str:
    return listed([part for part in parts if part], "; ")
