"""Routes of the same router that are not the service's and give a side weight. Pure.

Somebody has told which routes are shifted, and these are not among them. Callers' Envoys count what
they lead to a side together with the service's own requests, so its share and its silence cannot be
measured; and a side that they lead to goes on running.
"""

from __future__ import annotations

from tealmesh.model.rollout import Deployment, GateResult, State, Verdict
from tealmesh.model.said import listed, say
from tealmesh.rollout.machine.transitions import enter, rolled_back


def judged(d: Deployment, gate: GateResult, *sides: str) -> GateResult:
    """The gate, which counts the requests to these sides; passed where others count among them."""
    why = listed([_leads(d, side) for side in sides if d.elsewhere.get(side)], "; ")
    if not why:
        return gate
    return GateResult(gate.gate, Verdict.PASS, say("not judged, since {why}", why=why))


def left_running(d: Deployment, now: float) -> Deployment:
    """The end of a deployment that would stop a side to which other routes lead; else as it is."""
    if d.state is State.CLEANING_UP and d.elsewhere.get(d.old_side):
        still = say(
            "{old_side} still runs, since {leads}", old_side=d.old_side, leads=_leads(d, d.old_side)
        )
        return enter(d, State.SUCCEEDED, now, reason=still)
    if d.state is State.CLEANING_BACK and d.elsewhere.get(d.new_side):
        still = say(
            "{new_side} still runs, since {leads}", new_side=d.new_side, leads=_leads(d, d.new_side)
        )
        return rolled_back(
            d, now, say("{reason}; {still}", reason=d.reason, still=still) if d.reason else still
        )
    return d


def _leads(d: Deployment, side: str) -> str:
    routes = d.elsewhere[side]
    if len(routes) == 1:
        return say(
            "route {name}, which is not shifted, gives {side} weight", name=routes[0], side=side
        )
    names = listed(routes, " and ")
    return say("route {names}, which are not shifted, give {side} weight", names=names, side=side)
