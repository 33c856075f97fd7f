"""From our own nouns to the structures of our API's model. Pure.

A member that is None is left out: absent means "there is none", as the model says.
"""

from __future__ import annotations

from typing import Any

from tealmesh.model.rollout import Deployment, JournalEntry, StepEvidence
from tealmesh.model.status import Applied, GatewayStatus, Missing, ServiceStatus, SideStatus

Answer = dict[str, Any]


def deployment(d: Deployment) -> Answer:
    return present(
        deploymentId=d.id,
        service=d.service,
        mesh=d.mesh,
        strategy=d.strategy.type,
        steps=list(d.strategy.steps),
        step=d.step,
        oldImage=d.old_image,
        newImage=d.new_image,
        oldSide=d.old_side,
        newSide=d.new_side,
        phase=d.phase.value,
        status=d.status.value,
        state=d.state.value,
        waitingFor=d.waiting_for or None,
        reason=d.reason or None,
        evidence=[evidence(one) for one in d.evidence],
        createdAt=d.created_at,
        updatedAt=d.updated_at,
        finishedAt=d.finished_at,
    )


def evidence(e: StepEvidence) -> Answer:
    return present(
        step=e.step,
        weights=dict(e.weights),
        expectedShare=e.expected_share,
        share=e.share,
        requests=e.requests,
        failures=e.failures,
        totalRequests=e.total_requests,
        totalFailures=e.total_failures,
        p50=e.p50,
        p99=e.p99,
        propagationSeconds=e.propagation,
        startedAt=e.started_at,
        finishedAt=e.finished_at,
        verdicts=[
            {"gate": v.gate, "verdict": v.verdict.value, "detail": v.detail} for v in e.verdicts
        ],
    )


def journal_entry(entry: JournalEntry) -> Answer:
    return {
        "sequence": entry.sequence,
        "at": entry.at,
        "transition": entry.transition,
        "phase": entry.phase.value,
        "status": entry.status.value,
        "message": entry.message,
    }


def applied(one: Applied) -> Answer:
    return {"name": one.name, "changes": list(one.changes)}


def service_status(s: ServiceStatus) -> Answer:
    leading = max(s.sides, key=lambda side: side.weight)
    return present(
        name=s.name,
        mesh=s.mesh,
        hostname=s.hostname,
        port=s.port,
        image=leading.tasks.image or None,
        sides=[side_status(side) for side in s.sides],
        deployment=deployment(s.deployment) if s.deployment else None,
    )


def side_status(s: SideStatus) -> Answer:
    return present(
        side=s.side,
        virtualNode=s.virtual_node,
        image=s.tasks.image or None,
        weight=s.weight,
        share=s.share,
        running=s.tasks.running,
        desired=s.tasks.desired,
        healthy=s.tasks.healthy,
        pending=s.tasks.pending or None,
        requests=s.traffic.requests,
        errors=s.traffic.failures,
        p50=s.traffic.p50,
        p99=s.traffic.p99,
        **missing(s.missing),
    )


def gateway_status(g: GatewayStatus) -> Answer:
    return present(
        name=g.name,
        mesh=g.mesh,
        address=g.address,
        port=g.port,
        running=g.running,
        desired=g.desired,
        **missing(g.missing),
    )


def missing(m: Missing | None) -> Answer:
    return {} if m is None else {"reason": m.reason or None, "gaveUp": m.gave_up or None}


def present(**members: Any) -> Answer:
    """The members that are not None."""
    return {name: value for name, value in members.items() if value is not None}
