"""From our own nouns to the structures of our API's model (`model.wire`). Pure.

A member without a value is left out: absent means "there is none", as the model says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Literal, Protocol, TypeVar

from tealmesh.model import wire
from tealmesh.model.config.strategies import StepSettings
from tealmesh.model.convergence import EnvoyStatus
from tealmesh.model.rollout import Deployment, JournalEntry, StepEvidence
from tealmesh.model.status import (
    Applied,
    AppliedSystem,
    Change,
    DescribedService,
    DescribedSide,
    GatewayStatus,
    LogSource,
    Missing,
    Removed,
    ServiceStatus,
    SideStatus,
)
from tealmesh.supervision.trouble import EVERYTHING, NOBODY, Trouble

Measured = Literal["share", "p50", "p99", "propagationSeconds", "finishedAt"]
"""The members of StepEvidence that are absent until there is something to measure."""


def deployment(d: Deployment) -> wire.Deployment:
    answer: wire.Deployment = {
        "deploymentId": d.id,
        "service": d.service,
        "mesh": d.mesh,
        "kind": d.kind,
        "number": d.number,
        "strategy": d.strategy.type,
        "steps": list(d.strategy.steps),
        "step": d.step,
        "oldImage": d.old_image,
        "newImage": d.new_image,
        "oldSide": d.old_side,
        "newSide": d.new_side,
        "phase": d.phase.value,
        "status": d.status.value,
        "state": d.state.value,
        "desiredCount": d.desired_count,
        "evidence": [evidence(step) for step in d.evidence],
        "createdAt": d.created_at,
        "updatedAt": d.updated_at,
    }
    if d.strategy.step_settings:
        answer["stepSettings"] = [step_settings(own) for own in d.strategy.step_settings]
    if d.member:
        answer["group"] = d.member.group
    if d.waiting_for:
        answer["waitingFor"] = d.waiting_for
    if d.paused_at:
        answer["pausedBy"] = d.paused_by
    if d.actor:
        answer["startedBy"] = d.actor
    if d.ended_by:
        answer["endedBy"] = d.ended_by
    if d.promoted:
        answer["promotedBy"] = d.promoted_by
    if d.kept_for:
        answer["keptForSeconds"] = d.kept_for
    if d.seconds_left is not None and not d.finished:
        answer["secondsLeft"] = max(0.0, d.seconds_left)
    if d.time_limit and not d.finished:
        answer["timeLimit"] = d.time_limit
    if d.beside_verdicts:
        answer["besideVerdicts"] = [verdict.to_wire() for verdict in d.beside_verdicts]
    if d.windows:
        answer["windows"] = d.windows
        answer["lastWindow"] = d.last_window
    if d.reason:
        answer["reason"] = d.reason
    if d.note:
        answer["note"] = d.note
    if d.serves:
        answer["serves"] = d.serves
    if d.finished_at is not None:
        answer["finishedAt"] = d.finished_at
    return answer


def step_settings(own: StepSettings) -> wire.StepSettings:
    answer: wire.StepSettings = {}
    if own.time is not None:
        answer["time"] = own.time
    if own.timeout is not None:
        answer["timeout"] = own.timeout
    if own.approval:
        answer["approval"] = True
    if own.success_rate is not None:
        answer["successRate"] = own.success_rate
    if own.min_requests is not None:
        answer["minRequests"] = own.min_requests
    return answer


def evidence(e: StepEvidence) -> wire.StepEvidence:
    answer: wire.StepEvidence = {
        "step": e.step,
        "weights": dict(e.weights),
        "expectedShare": e.expected_share,
        "requests": e.requests,
        "failures": e.failures,
        "totalRequests": e.total_requests,
        "totalFailures": e.total_failures,
        "startedAt": e.started_at,
        "verdicts": [verdict.to_wire() for verdict in e.verdicts],
    }
    if e.kinds:
        answer["failureKinds"] = dict(e.kinds)
    measured: dict[Measured, float | None] = {
        "share": e.share,
        "p50": e.p50,
        "p99": e.p99,
        "propagationSeconds": e.propagation,
        "finishedAt": e.finished_at,
    }
    for member, value in measured.items():
        if value is not None:
            answer[member] = value
    return answer


def journal_entry(entry: JournalEntry) -> wire.JournalEntry:
    answer: wire.JournalEntry = {
        "sequence": entry.sequence,
        "at": entry.at,
        "transition": entry.transition,
        "phase": entry.phase.value,
        "status": entry.status.value,
        "message": entry.message,
    }
    if entry.by:
        answer["by"] = entry.by
    return answer


def applied(resource: Applied) -> wire.AppliedResource:
    return {"name": resource.name, "changes": list(resource.changes)}


def applied_system(system: AppliedSystem) -> wire.ApplyOutput:
    return {
        "services": [applied(service) for service in system.services],
        "gateways": [applied(gateway) for gateway in system.gateways],
        "summary": list(system.summary),
        "changes": [change(one) for one in system.changes],
        "notes": list(system.notes),
        "refused": list(system.refused),
        "leftOver": list(system.left_over),
    }


def removed(r: Removed) -> wire.RemoveOutput:
    return {
        "kind": r.kind,
        "changes": [change(one) for one in r.changes],
        "callers": list(r.callers),
        "waitingFor": list(r.waiting_for),
        "done": r.done,
    }


def change(c: Change) -> wire.Change:
    answer: wire.Change = {"action": c.action, "what": c.what}
    if c.details:
        answer["details"] = list(c.details)
    return answer


def service_status(s: ServiceStatus) -> wire.ServiceStatus:
    answer: wire.ServiceStatus = {
        "name": s.name,
        "mesh": s.mesh,
        "hostname": s.hostname,
        "port": s.port,
        "sides": [side_status(side) for side in s.sides],
    }
    if s.leading.tasks.image:
        answer["image"] = s.leading.tasks.image
    if s.other_count is not None:
        answer["toldCount"] = s.other_count
    if s.deployment:
        answer["deployment"] = deployment(s.deployment)
    return answer


def side_status(s: SideStatus) -> wire.SideStatus:
    answer: wire.SideStatus = {
        "side": s.side,
        "virtualNode": s.virtual_node,
        "weight": s.weight,
        "running": s.tasks.running,
        "desired": s.tasks.desired,
        "healthy": s.tasks.healthy,
        "requests": s.traffic.requests,
        "errors": s.traffic.failures,
    }
    if s.traffic.kinds:
        answer["errorKinds"] = dict(s.traffic.kinds)
    if s.tasks.image:
        answer["image"] = s.tasks.image
    if s.tasks.pending:
        answer["pending"] = s.tasks.pending
    measured: dict[Literal["share", "p50", "p99"], float | None] = {
        "share": s.share,
        "p50": s.traffic.p50,
        "p99": s.traffic.p99,
    }
    for member, value in measured.items():
        if value is not None:
            answer[member] = value
    _explain_missing(answer, s.missing)
    return answer


def gateway_status(g: GatewayStatus) -> wire.GatewayStatus:
    answer: wire.GatewayStatus = {
        "name": g.name,
        "mesh": g.mesh,
        "address": g.address,
        "port": g.port,
        "running": g.running,
        "desired": g.desired,
    }
    if g.routes:
        answer["routes"] = dict(g.routes)
    _explain_missing(answer, g.missing)
    return answer


def service_description(d: DescribedService) -> wire.ServiceDescription:
    answer: wire.ServiceDescription = {
        "name": d.name,
        "mesh": d.mesh,
        "hostname": d.hostname,
        "sides": [_side_description(side) for side in d.sides],
    }
    if d.container:
        answer["container"] = d.container
    if d.routes:
        answer["routes"] = list(d.routes)
    if d.problem:
        answer["problem"] = d.problem
    return answer


def _side_description(s: DescribedSide) -> wire.SideDescription:
    answer: wire.SideDescription = {
        "side": s.side,
        "virtualNode": s.virtual_node,
        "exists": s.exists,
        "weight": s.weight,
    }
    if s.ecs_service:
        answer["cluster"] = s.cluster
        answer["ecsService"] = s.ecs_service
    if s.task_definition:
        answer["taskDefinition"] = s.task_definition
    if s.image:
        answer["image"] = s.image
    return answer


def envoy_status(e: EnvoyStatus, resource_of: Callable[[str], str]) -> wire.EnvoyStatus:
    """``resource_of``: what the Envoy of a task stands for, for those that have not connected."""
    resource = e.resource or resource_of(e.id)
    answer: wire.EnvoyStatus = {"id": e.id, "resource": resource, "connected": e.connected}
    if e.acknowledged:
        answer["revision"] = e.acknowledged
    if e.rejected:
        answer["message"] = e.rejected
    if e.note:
        answer["note"] = e.note
    if e.version:
        answer["version"] = e.version
    return answer


def mesh_status(name: str, envoys: Sequence[EnvoyStatus]) -> wire.MeshStatus:
    return {
        "name": name,
        "envoys": len(envoys),
        "connected": sum(envoy.connected for envoy in envoys),
        "rejected": sum(bool(envoy.rejected) for envoy in envoys),
    }


def trouble(t: Trouble, now: float) -> wire.WorkerTrouble:
    """``now``: in seconds since the epoch."""
    answer: wire.WorkerTrouble = {
        "worker": t.worker,
        "error": t.error,
        "since": t.since,
        "times": t.times,
    }
    if t.next_try is not None:
        answer["nextTryAt"] = now + t.next_try
    if t.concerns not in (EVERYTHING, NOBODY):
        answer["service"] = t.concerns
    return answer


def of_mesh(status: wire.GetStatusOutput, name: str) -> wire.GetStatusOutput:
    """The parts of a status that belong to a mesh."""
    prefix = f"mesh/{name}/"
    ecs_services = status.get("ecsServices", [])
    made: wire.GetStatusOutput = {
        "revision": status["revision"],
        "services": [s for s in status["services"] if s["mesh"] == name],
        "gateways": [g for g in status["gateways"] if g.get("mesh") == name],
        "meshes": [m for m in status.get("meshes", []) if m["name"] == name],
        "virtualServices": [v for v in status.get("virtualServices", []) if v["mesh"] == name],
        "ecsServices": [s for s in ecs_services if s.get("resource", "").startswith(prefix)],
        "tasks": [t for t in status.get("tasks", []) if t.get("resource", "").startswith(prefix)],
        "health": [t for t in status.get("health", []) if t.get("resource", "").startswith(prefix)],
        "troubles": status.get("troubles", []),
    }
    if "controlPlanes" in status:
        made["controlPlanes"] = status["controlPlanes"]
    return made


def log_line(source: LogSource, container: str, line: str) -> wire.LogLine:
    answer: wire.LogLine = {"task": source.task, "container": container, "line": line}
    if source.side:
        answer["side"] = source.side
    if source.stopped:
        answer["stopped"] = True
    return answer


class OfContainer(Protocol):
    """Anything that a container of a task has written."""

    @property
    def container(self) -> str: ...


Line = TypeVar("Line", bound=OfContainer)


def in_order(source: LogSource, output: Iterable[Line], applications_only: bool) -> list[Line]:
    """What a task wrote, that of its applications first; only that, if ``applications_only`` and
    the task has any.
    """
    lines = sorted(output, key=lambda line: line.container not in source.applications)
    if applications_only and source.applications:
        return [line for line in lines if line.container in source.applications]
    return lines


def _explain_missing(answer: wire.SideStatus | wire.GatewayStatus, missing: Missing | None) -> None:
    if missing and missing.reason:
        answer["reason"] = missing.reason
    if missing and missing.gave_up:
        answer["gaveUp"] = True
