"""Routes of the same router that are not the service's and give a side weight. Pure.

Somebody has told which routes are shifted, and these are not among them. Callers' Envoys count what
they lead to a side together with the service's own requests, so its share and its silence cannot be
measured; and a side that they lead to goes on running.
"""

from __future__ import annotations

from tealmesh.model.rollout import Deployment, GateResult, State, Verdict
from tealmesh.rollout.machine.transitions import enter, rolled_back


def judged(d: Deployment, gate: GateResult, *sides: str) -> GateResult:
    """The gate, which counts the requests to these sides; passed where others count among them."""
    why = "; ".join(_leads(d, side) for side in sides if d.elsewhere.get(side))
    if not why:
        return gate
    return GateResult(gate.gate, Verdict.PASS, f"not judged, since {why}")


def left_running(d: Deployment, now: float) -> Deployment:
    """The end of a deployment that would stop a side to which other routes lead; else as it is."""
    if d.state is State.CLEANING_UP and d.elsewhere.get(d.old_side):
        still = f"{d.old_side} still runs, since {_leads(d, d.old_side)}"
        return enter(d, State.SUCCEEDED, now, reason=still)
    if d.state is State.CLEANING_BACK and d.elsewhere.get(d.new_side):
        still = f"{d.new_side} still runs, since {_leads(d, d.new_side)}"
        return rolled_back(d, now, f"{d.reason}; {still}" if d.reason else still)
    return d


def _leads(d: Deployment, side: str) -> str:
    routes = d.elsewhere[side]
    return (
        f"route {' and '.join(routes)}, which {'is' if len(routes) == 1 else 'are'} not shifted, "
        f"{'gives' if len(routes) == 1 else 'give'} {side} weight"
    )
