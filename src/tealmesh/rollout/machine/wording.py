"""What a look at both sides means, and why, for people. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from tealmesh.model.rollout import Deployment, GateResult, Verdict
from tealmesh.model.said import listed, say
from tealmesh.model.spans import span
from tealmesh.rollout.effects import Observed


def expected_share(d: Deployment) -> float:
    """The new side's share of requests by the weights, 0 to 1."""
    return d.weights[d.new_side] / sum(d.weights.values())


def shown(weights: Mapping[str, int]) -> str:
    """``blue=100 green=0``."""
    return " ".join(f"{name}={weight}" for name, weight in sorted(weights.items()))


def serving_words(d: Deployment, kept_for: float = 0.0) -> str:
    """What serves now, by the route and the tasks as last observed, and how long the old side goes
    on running beside it, in seconds.
    """
    total = sum(d.seen.values())
    parts = [_serves(d, side, weight / total) for side, weight in d.seen.items() if weight]
    if kept_for:
        parts.append(
            say(
                "{old_image} on {old_side} is kept without requests for {kept_for}",
                old_image=d.old_image,
                old_side=d.old_side,
                kept_for=span(kept_for),
            )
        )
    return listed(parts, "; ") if parts else say("nothing serves: no route leads to a side")


def _serves(d: Deployment, side: str, share: float) -> str:
    requests = (
        say("all requests") if share == 1 else say("{share} of the requests", share=f"{share:.0%}")
    )
    known = {d.old_side: d.old_image, d.new_side: d.new_image}
    image = d.images.get(side) or known.get(side, "")
    version = say("{image} on {side}", image=image, side=side) if image else side
    if d.healthy.get(side) == 0:
        return say(
            "{version} gets {requests} and has no healthy task: nothing serves them",
            version=version,
            requests=requests,
        )
    return say("{version} serves {requests}", version=version, requests=requests)


def all_pass(gates: tuple[GateResult, ...]) -> bool:
    return all(gate.verdict is Verdict.PASS for gate in gates)


def unmet(gates: tuple[GateResult, ...]) -> str:
    """The gates that do not pass, for people."""
    told = [
        say("{gate}: {detail}", gate=gate.gate, detail=gate.detail)
        for gate in gates
        if gate.verdict is not Verdict.PASS
    ]
    return listed(told, "; ")


def failure(gates: tuple[GateResult, ...], event: Observed) -> str:
    """Why to roll back at once; empty if there is no reason to."""
    for gate in gates:
        if gate.verdict is Verdict.FAIL:
            return why(gate, event)
    return ""


def refused(event: Observed) -> str:
    """Why others, who were asked, refuse the version; empty if they do not."""
    for gate in event.gates:
        if gate.verdict is Verdict.FAIL:
            return say("{gate}: {detail}", gate=gate.gate, detail=gate.detail)
    return ""


def why(gate: GateResult, event: Observed) -> str:
    """What a gate found; how tasks stopped explains nothing that callers counted."""
    more = explanation(event) if gate.gate == "tasks" else ""
    return say("{gate}: {detail}{more}", gate=gate.gate, detail=gate.detail, more=more)


def explanation(event: Observed) -> str:
    return say("; {explanation}", explanation=event.explanation) if event.explanation else ""
