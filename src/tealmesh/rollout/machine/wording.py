"""What a look at both sides means, and why, for people. Pure."""

from __future__ import annotations

from dataclasses import replace

from tealmesh.model.rollout import Deployment, GateResult, Verdict
from tealmesh.rollout.effects import Observed


def expected_share(d: Deployment) -> float:
    """The new side's share of requests by the weights, 0 to 1."""
    return d.weights[d.new_side] / sum(d.weights.values())


def with_health(d: Deployment, event: Observed) -> Deployment:
    """The deployment with the newest count of healthy tasks."""
    return replace(d, healthy={d.old_side: event.old.healthy, d.new_side: event.new.healthy})


def all_pass(gates: tuple[GateResult, ...]) -> bool:
    return all(gate.verdict is Verdict.PASS for gate in gates)


def unmet(gates: tuple[GateResult, ...]) -> str:
    """The gates that do not pass, for people."""
    return "; ".join(
        f"{gate.gate}: {gate.detail}" for gate in gates if gate.verdict is not Verdict.PASS
    )


def failure(gates: tuple[GateResult, ...], event: Observed) -> str:
    """Why to roll back at once; empty if there is no reason to."""
    for gate in gates:
        if gate.verdict is Verdict.FAIL:
            return why(gate, event)
    if event.new.healthy == 0:
        return why(gates[0], event)
    return ""


def why(gate: GateResult, event: Observed) -> str:
    """What a gate found; how tasks stopped explains nothing that callers counted."""
    more = "" if gate.gate == "success-rate" else explanation(event)
    return f"{gate.gate}: {gate.detail}{more}"


def explanation(event: Observed) -> str:
    return f"; {event.explanation}" if event.explanation else ""
