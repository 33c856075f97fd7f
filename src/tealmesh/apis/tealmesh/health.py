"""The health of tasks as callers see it, in the answers of our API. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tealmesh.model import wire
from tealmesh.model.arn import last_part
from tealmesh.model.health import Source, TaskHealth
from tealmesh.model.wire.health import HealthOpinion
from tealmesh.model.wire.health import TaskHealth as WireHealth


def task_health(task: TaskHealth) -> WireHealth:
    """One task, for GetStatus."""
    answer: WireHealth = {"task": task.task, "opinions": []}
    if task.service:
        answer["ecsService"] = f"{task.cluster}/{task.service}"
    if task.resource:
        answer["resource"] = task.resource
    if task.usable is not None:
        answer["usable"] = task.usable
    if task.unusable_seconds is not None:
        answer["unusableSeconds"] = task.unusable_seconds
    for one in task.opinions:
        opinion: HealthOpinion = {
            "source": one.source.value,
            "who": one.who,
            "healthy": one.healthy,
            "since": one.since,
        }
        if one.problem:
            opinion["problem"] = one.problem
        answer["opinions"].append(opinion)
    return answer


def add_health(status: wire.GetStatusOutput, tasks: Sequence[TaskHealth]) -> None:
    """Count tasks that no caller can use as not healthy, and say why, wherever their virtual nodes
    are shown.
    """
    if tasks:
        status["health"] = [task_health(task) for task in tasks]
    for resource, part in _nodes(status):
        bad = [t for t in tasks if t.resource == resource and t.unusable_seconds is not None]
        if bad:
            part["healthy"] = min(part["healthy"], max(0, part["running"] - len(bad)))
            part["reason"] = _reason(max(bad, key=lambda task: task.unusable_seconds or 0.0))


def _nodes(
    status: wire.GetStatusOutput,
) -> Iterator[tuple[str, wire.SideStatus | wire.NodeStatus]]:
    """Every virtual node that is shown, by its resource."""
    for service in status["services"]:
        for side in service["sides"]:
            if "virtualNode" in side:
                yield f"mesh/{service['mesh']}/virtualNode/{side['virtualNode']}", side
    for virtual in status.get("virtualServices", []):
        for node in virtual["nodes"]:
            yield f"mesh/{virtual['mesh']}/virtualNode/{node['virtualNode']}", node


def _reason(task: TaskHealth) -> str:
    seconds = task.unusable_seconds or 0.0
    named = f"task {task.task[:8]}"
    return f"no caller has been able to use {named} for {seconds:.0f} s: {task.why}"


def add_callers(envoys: Sequence[wire.EnvoyStatus], tasks: Sequence[TaskHealth]) -> None:
    """Say of each Envoy how many callers can use its task."""
    by_task = {task.task: task for task in tasks}
    for envoy in envoys:
        task = by_task.get(last_part(envoy["id"]))
        said = [o.healthy for o in task.opinions if o.source is Source.CALLER] if task else []
        if said:
            envoy["callers"], envoy["usableBy"] = len(said), sum(said)
