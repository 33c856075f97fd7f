"""Where a group deployment is and what comes next, for people. Pure."""

from __future__ import annotations

from tealmesh.model.rollout import GroupDeployment, GroupDescription, GroupState, State
from tealmesh.rollout.groups import deciding
from tealmesh.rollout.groups.deciding import Members


def described(g: GroupDeployment, members: Members) -> GroupDescription:
    """The group deployment with its members, and what there is to say of it."""
    waiting = deciding.waiting(g, members)
    held = () if g.finished else deciding.held(members)
    return GroupDescription(g, members, sentence(g, members), waiting, held)


def sentence(g: GroupDeployment, members: Members) -> str:
    """The whole in one sentence."""
    what = "deployment" if g.kind == "DEPLOY" else "way back"
    words = f"group {g.group}: the {what} {_doing(g, members)}"
    if g.reason and g.state is not GroupState.ROLLING_BACK:
        words += f": {g.reason}"
    if next_one := _next(g):
        words += f"; next: {next_one}"
    return f"{words}."


def _doing(g: GroupDeployment, members: Members) -> str:
    order = " -> ".join(m.service for m in g.members)
    match g.state:
        case GroupState.PREPARING:
            missing = [n for n, d in members.items() if not (d.member and d.member.awaits)]
            of = f" of {' and '.join(missing)}" if missing else ""
            return f"starts and verifies the new sides{of}; none has weight yet"
        case GroupState.SHIFTING:
            shifting = [n for n, d in members.items() if _shifts(g, n, members)]
            return f"shifts the weight of {' and '.join(shifting) or 'the next'} (order: {order})"
        case GroupState.FINISHING:
            return "has passed with all services and stops their old sides"
        case GroupState.ROLLING_BACK:
            back = [n for n, d in members.items() if not d.finished]
            of = f", now {' and '.join(back)}" if back else ""
            return f"takes every service back{of}, since {g.reason}"
        case GroupState.SUCCEEDED:
            return "succeeded: " + ", ".join(f"{m.service} runs {m.image}" for m in g.members)
        case GroupState.ROLLED_BACK:
            return "was rolled back, every service is as it was before"
        case GroupState.ROLLBACK_FAILED:
            return "left a service that cannot serve"
    return "was stopped"


def _shifts(g: GroupDeployment, name: str, members: Members) -> bool:
    d = members[name]
    allowed = d.member is not None and d.member.leave != "PREPARE"
    return allowed and d.state is not State.BAKING and not (d.member and d.member.awaits)


def _next(g: GroupDeployment) -> str:
    last = g.members[-1].service
    match g.state:
        case GroupState.PREPARING:
            return f"{g.members[0].service} takes weight when all are ready"
        case GroupState.SHIFTING:
            return f"all finish together when {last} has passed too; if one fails, all go back"
    return ""
