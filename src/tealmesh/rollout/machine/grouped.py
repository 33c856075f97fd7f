"""What the group of a deployment decides about it. Pure.

A member waits for its group before its first weight and before its old side is stopped
(`transitions.stay` and `baked`), and when it goes back: its callers in the group go back first, so
that no new version calls an old one that does not know it.
"""

from __future__ import annotations

from tealmesh.model.rollout import Deployment, State
from tealmesh.model.said import say
from tealmesh.rollout.effects import Granted, GroupFailed, shares
from tealmesh.rollout.machine.frozen import replace
from tealmesh.rollout.machine.transitions import (
    can_abort,
    finish,
    gets_all,
    roll_back,
)

BACK_SECONDS = 10.0
"""A member that goes back waits no longer for its callers: it is probably bad."""


def granted(d: Deployment, event: Granted, now: float) -> Deployment:
    """What the member may do from now on; its state stays as it is."""
    if d.member is None or d.member.leave == event.leave:
        return d
    member = replace(d.member, leave=event.leave, why=event.why, awaits="")
    note = (
        say("group {group}: {why}", group=member.group, why=event.why)
        if event.leave != "STAY"
        else ""
    )
    return replace(d, member=member, note=note, updated_at=now, sequence=d.sequence + 1)


def finished(d: Deployment, now: float) -> Deployment:
    """All have passed. A member that does not wait for that, since it has lost something meanwhile,
    stays as it is.
    """
    if d.member is None or d.member.awaits != "FINISH":
        return d
    return finish(d, now)


def failed(d: Deployment, event: GroupFailed, now: float) -> Deployment:
    """The member goes back with its group, if it still can."""
    return roll_back(replace(d, ended_by=event.by), now, event.reason) if can_abort(d) else d


def waits_to_go_back(d: Deployment) -> str:
    """What has to be before the member gives its weight back, completing "waiting for …"; empty if
    nothing has to. A new side that cannot serve loses its weight at once.
    """
    if d.state is not State.ROLLING_BACK or d.member is None or d.member.leave == "BACK":
        return ""
    carries = shares(d.seen).get(d.new_side) and d.healthy.get(d.new_side)
    if not carries or not gets_all(d, d.old_side):
        return ""
    return say("its callers in group {group}, whose weights go back first", group=d.member.group)


def patient(d: Deployment, now: float) -> Deployment:
    """The member, which may go back when it has waited long enough for its callers."""
    late = d.state is State.ROLLING_BACK and now - d.phase_at > BACK_SECONDS
    if not late or d.member is None or d.member.leave == "BACK":
        return d
    return replace(d, member=replace(d.member, leave="BACK"))
