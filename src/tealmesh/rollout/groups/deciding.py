"""What a group deployment does next: `decide(group, members, now)`, pure.

    PREPARING -> SHIFTING -> FINISHING -> SUCCEEDED

All new sides start and are verified without weight. Then weights shift, those first on which others
depend; a member takes none before they have passed with all theirs. When all have passed, all
finish at once: that is the one point of no return, and it is one write of the store. Until then a
member that fails, is aborted or ends otherwise takes all the others back (ROLLING_BACK), in the
opposite order. While one is held for a person, or the group is paused, no weight grows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from tealmesh.model.rollout import Deployment, GroupDeployment, GroupEntry, GroupState, State
from tealmesh.model.said import listed, say
from tealmesh.rollout.effects import (
    AbortAsked,
    Event,
    FinishAllowed,
    GivenUp,
    Granted,
    GroupFailed,
    shares,
)
from tealmesh.rollout.machine import BACKWARD, FINAL, can_abort

Members = Mapping[str, Deployment]
"""The deployments of a group's members, by service."""


@dataclass(frozen=True)
class Decision:
    """What follows now: what the group is then, and what its members are told, all in one write."""

    group: GroupDeployment
    events: Mapping[str, Event] = field(default_factory=dict)
    """By service."""


def decide(g: GroupDeployment, members: Members, now: float) -> Decision:
    """What follows from what the members have come to. ``now``: wall time."""
    match g.state:
        case GroupState.PREPARING | GroupState.SHIFTING:
            return _forward(g, members, now)
        case GroupState.FINISHING:
            return _finishing(g, members, now)
        case GroupState.ROLLING_BACK:
            return _back(g, members, now)
    return Decision(g)


def held(members: Members) -> tuple[str, ...]:
    """The members that wait for a person's decision."""
    return tuple(name for name, d in members.items() if d.state is State.HELD)


def waiting(g: GroupDeployment, members: Members) -> str:
    """What a group waits for, completing "waiting for …"; empty if nothing holds it up."""
    if g.finished:
        return ""
    if g.paused_by and g.state in (GroupState.PREPARING, GroupState.SHIFTING):
        return say(
            "`teal resume --group {group}`, as {paused_by} paused it",
            group=g.group,
            paused_by=g.paused_by,
        )
    if found := held(members):
        return listed([_waits(members[name]) for name in found], "; ")
    told = [
        _waits(d)
        for d in members.values()
        if d.waiting_for and not d.finished and not (d.member and d.member.awaits)
    ]
    return listed(told, "; ")


def _waits(d: Deployment) -> str:
    return say("{name}: {waiting_for}", name=d.service, waiting_for=d.waiting_for)


def aborted(g: GroupDeployment, members: Members, by: str, now: float) -> Decision:
    """A person wants the group to go back, with what is held."""
    events: dict[str, Event] = {
        name: AbortAsked(by)
        for name, d in members.items()
        if d.state is State.HELD and can_abort(d)
    }
    back = replace(g, aborted_by=by)
    if g.state is not GroupState.ROLLING_BACK:
        back = entered(back, GroupState.ROLLING_BACK, now, say("aborted by {by}", by=by))
    decision = _back(back, {n: d for n, d in members.items() if n not in events}, now, ending=False)
    return Decision(decision.group, {**decision.events, **events})


def given_up(g: GroupDeployment, members: Members, by: str, now: float) -> Decision:
    """A person ends the group deployment and leaves all as it is."""
    events: dict[str, Event] = {n: GivenUp(by) for n, d in members.items() if not d.finished}
    left = replace(g, aborted_by=by)
    return Decision(entered(left, GroupState.STOPPED, now, say("given up by {by}", by=by)), events)


def paused(g: GroupDeployment, members: Members, by: str, now: float) -> Decision:
    """No weight grows from now on."""
    g = _noted(
        replace(g, paused_by=by),
        "PAUSED",
        say("paused by {by} in {state}", by=by, state=g.state),
        now,
    )
    return decide(g, members, now)


def unpaused(g: GroupDeployment, members: Members, by: str, now: float) -> Decision:
    """A person ends the pause."""
    note = say("{by} ended the pause: goes on in {state}", by=by, state=g.state)
    return decide(_noted(replace(g, paused_by=""), "UNPAUSED", note, now), members, now)


def entered(g: GroupDeployment, state: GroupState, now: float, message: str) -> GroupDeployment:
    """The group in another state. ``message``: why, for people."""
    after = replace(g, state=state)
    if state in _EXPLAINED:
        after = replace(after, reason=message)
    if after.finished:
        after = replace(after, finished_at=now, paused_by="")
    return _noted(after, state.value, message, now)


_EXPLAINED = {GroupState.ROLLING_BACK, GroupState.ROLLBACK_FAILED, GroupState.STOPPED}


def _noted(g: GroupDeployment, transition: str, message: str, now: float) -> GroupDeployment:
    sequence = len(g.journal) + 1
    entry = GroupEntry(sequence, now, transition, message)
    return replace(g, sequence=sequence, updated_at=now, journal=(*g.journal, entry))


def _forward(g: GroupDeployment, members: Members, now: float) -> Decision:
    lost = next((d for d in members.values() if d.state in BACKWARD | FINAL), None)
    if lost is not None:
        why = say(
            "{service}: {why}",
            service=lost.service,
            why=lost.reason or lost.waiting_for or lost.state.value,
        )
        return _back(entered(g, GroupState.ROLLING_BACK, now, why), members, now, ending=False)
    still = _still(g, members)
    if not still and all(d.member and d.member.awaits == "FINISH" for d in members.values()):
        finishing = entered(g, GroupState.FINISHING, now, say("all services have passed"))
        return Decision(finishing, dict.fromkeys(members, FinishAllowed()))
    if g.state is GroupState.PREPARING and all(map(_prepared, members.values())) and not still:
        order = " -> ".join(m.service for m in g.members)
        ready = say("all new sides are ready: weights shift in the order {order}", order=order)
        g = entered(g, GroupState.SHIFTING, now, ready)
    events: dict[str, Event] = {}
    for name, d in members.items():
        wanted = _leave(g, d, members, still)
        if d.member and d.member.leave != wanted.leave:
            events[name] = wanted
    return Decision(g, events)


def _prepared(d: Deployment) -> bool:
    """Whether the member waits only for its group, or has weight already."""
    return d.member is not None and (d.member.awaits != "" or d.member.leave != "PREPARE")


def _still(g: GroupDeployment, members: Members) -> str:
    """Why no weight grows now, completing "waiting for …"; empty if it may."""
    if g.paused_by:
        return say(
            "`teal resume --group {group}`, as {paused_by} paused it",
            group=g.group,
            paused_by=g.paused_by,
        )
    found = held(members)
    return say("your decision about {found}, held", found=listed(found, " and ")) if found else ""


def _leave(g: GroupDeployment, d: Deployment, members: Members, still: str) -> Granted:
    """What a member may do on the way forward."""
    before = [other for other in g.after.get(d.service, ()) if not _full(members[other])]
    weighted = d.member is not None and d.member.leave != "PREPARE"
    if g.state is GroupState.PREPARING:
        return Granted("PREPARE")
    if not weighted and (before or still):
        return Granted("PREPARE", still or _first(before))
    if before or still:
        return Granted("STAY", still or _first(before))
    on = g.after.get(d.service, ())
    return Granted(
        "SHIFT",
        say("{names} passed with all the weight", names=_names(on)) if on else say("all are ready"),
    )


def _first(names: Iterable[str]) -> str:
    return say("{names} to pass with all the weight", names=_names(names))


def _names(names: Iterable[str]) -> str:
    return listed(sorted(names), " and ")


def _full(d: Deployment) -> bool:
    """Whether the new side has all the weight and has passed with it."""
    return d.state is State.BAKING or (d.member is not None and d.member.awaits == "FINISH")


def _finishing(g: GroupDeployment, members: Members, now: float) -> Decision:
    """All have passed; what a person let one of them do since is seen to its end."""
    events: dict[str, Event] = {
        name: FinishAllowed()
        for name, d in members.items()
        if d.member and d.member.awaits == "FINISH"
    }
    events |= {
        name: Granted("SHIFT", say("all services have passed"))
        for name, d in members.items()
        if name not in events and d.member and not d.finished and d.member.leave != "SHIFT"
        and d.state not in BACKWARD
    }  # fmt: skip
    events |= {
        name: Granted("BACK", say("it goes back alone"))
        for name, d in members.items()
        if d.state in BACKWARD and d.member and d.member.leave != "BACK"
    }
    if not all(d.finished for d in members.values()):
        return Decision(g, events)
    failed = [d for d in members.values() if d.state is not State.SUCCEEDED]
    if not failed:
        return Decision(entered(g, GroupState.SUCCEEDED, now, _serve(g)))
    dead = any(d.state is State.ROLLBACK_FAILED for d in failed)
    state = GroupState.ROLLBACK_FAILED if dead else GroupState.STOPPED
    return Decision(entered(g, state, now, _ends(failed)))


def _back(g: GroupDeployment, members: Members, now: float, *, ending: bool = True) -> Decision:
    """Every member goes back, callers first; one that is held waits for a person."""
    events: dict[str, Event] = {}
    for name, d in members.items():
        if d.state is not State.HELD and can_abort(d):
            events[name] = GroupFailed(
                say("group {group} goes back: {reason}", group=g.group, reason=g.reason),
                g.aborted_by,
            )
        elif d.state is State.ROLLING_BACK and d.member and d.member.leave != "BACK":
            callers = [members[other] for other in g.before(name) if other in members]
            if all(map(_without_weight, callers)):
                events[name] = Granted("BACK", say("no new version calls it any more"))
    if not ending or not all(d.finished for d in members.values()):
        return Decision(g, events)
    states = {d.state for d in members.values()}
    if State.ROLLBACK_FAILED in states:
        failed = [d for d in members.values() if d.state is State.ROLLBACK_FAILED]
        return Decision(entered(g, GroupState.ROLLBACK_FAILED, now, _ends(failed)))
    if all(map(_serves_old, members.values())):
        done = GroupState.ROLLED_BACK if g.kind == "DEPLOY" else GroupState.STOPPED
        return Decision(
            entered(
                g, done, now, say("every service is as it was before: {reason}", reason=g.reason)
            )
        )
    mixed = [d for d in members.values() if not _serves_old(d)]
    return Decision(entered(g, GroupState.STOPPED, now, _ends(mixed)))


def _without_weight(d: Deployment) -> bool:
    """Whether no Envoy sends anything to the new side by its weight, and none will again. One that
    is held for a person has what it has, and is not waited for.
    """
    if d.finished or d.state in (State.CLEANING_BACK, State.HELD):
        return True
    prepared = d.member is not None and d.member.leave == "PREPARE"
    return d.state is State.ROLLING_BACK and prepared and not _weighted(d)


def _weighted(d: Deployment) -> bool:
    return bool(shares(d.seen).get(d.new_side))


def _serves_old(d: Deployment) -> bool:
    """Whether the old side serves, at the end of a deployment."""
    return d.state is not State.SUCCEEDED and not _weighted(d)


def _serve(g: GroupDeployment) -> str:
    return listed(
        [say("{service} runs {image}", service=m.service, image=m.image) for m in g.members]
    )


def _ends(members: Iterable[Deployment]) -> str:
    return listed([_end(d) for d in members], "; ")


def _end(d: Deployment) -> str:
    told = say("{service} ended {state}", service=d.service, state=d.state)
    return say("{told}: {reason}", told=told, reason=d.reason) if d.reason else told
