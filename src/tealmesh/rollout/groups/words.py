"""Where a group deployment is and what comes next, for people. Pure."""

from __future__ import annotations

from tealmesh.model.rollout import GroupDeployment, GroupDescription, GroupState, State
from tealmesh.model.said import listed, say
from tealmesh.rollout.groups import deciding
from tealmesh.rollout.groups.deciding import Members


def described(g: GroupDeployment, members: Members) -> GroupDescription:
    """The group deployment with its members, and what there is to say of it."""
    waiting = deciding.waiting(g, members)
    held = () if g.finished else deciding.held(members)
    return GroupDescription(g, members, sentence(g, members), waiting, held)


def sentence(g: GroupDeployment, members: Members) -> str:
    """The whole in one sentence."""
    what = say("deployment") if g.kind == "DEPLOY" else say("way back")
    words = say(
        "group {group}: the {what} {doing}", group=g.group, what=what, doing=_doing(g, members)
    )
    if g.reason and g.state is not GroupState.ROLLING_BACK:
        words += say(": {reason}", reason=g.reason)
    if next_one := _next(g):
        words += say("; next: {next_one}", next_one=next_one)
    return say("{words}.", words=words)


def _doing(g: GroupDeployment, members: Members) -> str:
    order = " -> ".join(m.service for m in g.members)
    match g.state:
        case GroupState.PREPARING:
            missing = [n for n, d in members.items() if not (d.member and d.member.awaits)]
            of = say(" of {missing}", missing=listed(missing, " and ")) if missing else ""
            return say("starts and verifies the new sides{of}; none has weight yet", of=of)
        case GroupState.SHIFTING:
            shifting = [n for n, d in members.items() if _shifts(n, members)]
            return say(
                "shifts the weight of {which} (order: {order})",
                which=listed(shifting, " and ") or say("the next"),
                order=order,
            )
        case GroupState.FINISHING:
            return say("has passed with all services and stops their old sides")
        case GroupState.ROLLING_BACK:
            back = [n for n, d in members.items() if not d.finished]
            of = say(", now {back}", back=listed(back, " and ")) if back else ""
            return say("takes every service back{of}, since {reason}", of=of, reason=g.reason)
        case GroupState.SUCCEEDED:
            runs = [
                say("{service} runs {image}", service=m.service, image=m.image) for m in g.members
            ]
            return say("succeeded: {runs}", runs=listed(runs))
        case GroupState.ROLLED_BACK:
            return say("was rolled back, every service is as it was before")
        case GroupState.ROLLBACK_FAILED:
            return say("left a service that cannot serve")
    return say("was stopped")


def _shifts(name: str, members: Members) -> bool:
    d = members[name]
    allowed = d.member is not None and d.member.leave != "PREPARE"
    return allowed and d.state is not State.BAKING and not (d.member and d.member.awaits)


def _next(g: GroupDeployment) -> str:
    last = g.members[-1].service
    match g.state:
        case GroupState.PREPARING:
            return say("{service} takes weight when all are ready", service=g.members[0].service)
        case GroupState.SHIFTING:
            return say(
                "all finish together when {last} has passed too; if one fails, all go back",
                last=last,
            )
    return ""
