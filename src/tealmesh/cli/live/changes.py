"""What is said where there is no terminal: a plain line for each change. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tealmesh.cli.live.sight import Sight, task_words
from tealmesh.cli.screens import standing
from tealmesh.cli.screens.fit import versions
from tealmesh.cli.screens.status import gateway_line, service_notes
from tealmesh.model.arn import ID_CHARACTERS
from tealmesh.model.traffic.failures import by_kind

if TYPE_CHECKING:
    from tealmesh.model import wire


@dataclass(frozen=True)
class Fact:
    """Something that holds. It has changed if its ``state`` has."""

    state: object
    line: str
    end: str = ""
    """What is said when it holds no more; empty for nothing."""


def facts(sight: Sight) -> dict[str, Fact]:
    """Everything that is told, by what it is about, in the order in which it is told. Numbers that
    are measured anew each time are no change.
    """
    found: dict[str, Fact] = {}
    for note in sight.notes:
        found[f"note {note}"] = Fact(note, note)
    for one in sight.status.get("troubles", []):
        worker, error = one["worker"], one["error"]
        found[f"trouble {worker}"] = Fact(
            error, f"{worker} fails: {error}", f"{worker} works again"
        )
    for mesh in sight.status.get("meshes", []):
        counts = f"{mesh['connected']} of {mesh['envoys']} Envoys connected"
        rejected = f", {mesh['rejected']} reject" if mesh["rejected"] else ""
        _tell(found, f"mesh {mesh['name']}", counts + rejected)
    for name, group in sight.groups.items():
        waiting = f"; waiting for {group['waitingFor']}" if "waitingFor" in group else ""
        key = (group["groupDeploymentId"], group["state"], group["status"], "pausedBy" in group)
        line = f"group {name}: {group['sentence'].removeprefix(f'group {name}: ')}{waiting}"
        found[f"group {name}"] = Fact(key, line, f"group {name}: its deployment has ended")
    for service in sight.status["services"]:
        found.update(_service(service, sight.at))
    found.update(_others(sight.status))
    for task in sight.tasks:
        found.update(_task(task, sight.status))
    return found


def changes(before: Mapping[str, Fact], after: Mapping[str, Fact]) -> Iterator[str]:
    """The lines on what is another way now than ``before``."""
    for key, fact in after.items():
        if key not in before or before[key].state != fact.state:
            yield fact.line
    for key, fact in before.items():
        if key not in after and fact.end:
            yield fact.end


def _tell(found: dict[str, Fact], about: str, words: str) -> None:
    found[about] = Fact(words, f"{about}: {words}", f"{about}: gone")


def _service(service: wire.ServiceStatus, now: float) -> dict[str, Fact]:
    name = service["name"]
    found: dict[str, Fact] = {}
    total = sum(side["weight"] for side in service["sides"])
    shares = [
        f"{side['side']} {side['weight'] / total * 100 if total else 0:.4g} %"
        for side in service["sides"]
    ]
    _tell(found, name, f"weights {', '.join(shares)}")
    if "deployment" in service:
        found.update(_deployment(service["deployment"], now))
    for side in service["sides"]:
        about = f"{name} {side['side']}"
        words = f"{side['healthy']} of {side['desired']} tasks healthy"
        if not side["healthy"] and not side["desired"]:
            words = "no tasks"
        reason = (
            f": {side['reason']}" if side["healthy"] < side["desired"] and "reason" in side else ""
        )
        image = f", {side['image']}" if "image" in side else ""
        found[about] = Fact((words, bool(reason), image), _line(about, words + image + reason))
        if errors := side.get("errors"):
            kinds = side.get("errorKinds", {})
            told = by_kind(kinds) if kinds else f"{errors} errors"
            found[f"{about} errors"] = Fact(
                sorted(kinds),
                _line(about, f"requests fail: {told}"),
                f"{about}: no more errors",
            )
    for note in service_notes(service):
        found[f"{name} note {note.plain}"] = Fact(note.plain, note.plain)
    return found


def _deployment(deployment: wire.Deployment, now: float) -> Iterator[tuple[str, Fact]]:
    name, status = deployment["service"], standing.outcome(deployment)
    images = versions(deployment.get("oldImage"), deployment.get("newImage"))
    reason = f": {deployment['reason']}" if deployment.get("reason") else ""
    identity = deployment["deploymentId"]
    head = f"deployment {identity[:ID_CHARACTERS]} {status}, {images} on "
    yield (
        f"{name} deployment",
        Fact((identity, status, reason), _line(name, f"{head}{deployment.get('newSide')}{reason}")),
    )
    if "IN_PROGRESS" not in status:
        return
    where = standing.where(deployment)
    told = "; ".join((where, *standing.outlook(deployment, now)))
    yield f"{name} where", Fact((identity, where), _line(name, told))
    for at, words in enumerate(standing.steered(deployment)):
        yield f"{name} steered {at}", Fact(words, _line(name, words))
    if "note" in deployment:
        yield f"{name} note", Fact(deployment["note"], _line(name, deployment["note"]))
    evidence = deployment.get("evidence", [])
    for gate in evidence[-1].get("verdicts", []) if evidence else []:
        verdict = gate["verdict"]
        words = f"step {evidence[-1]['step'] + 1} gate {gate['gate']}: {verdict} {gate['detail']}"
        state = (identity, evidence[-1]["step"], verdict)
        yield f"{name} gate {gate['gate']}", Fact(state, _line(name, words))


def _others(status: wire.GetStatusOutput) -> dict[str, Fact]:
    found: dict[str, Fact] = {}
    for virtual in status.get("virtualServices", []):
        nodes = [
            f"{n['virtualNode']} {n['healthy']} of {n['desired']} tasks healthy"
            for n in virtual["nodes"]
        ]
        about = f"virtual service {virtual['name']} of mesh {virtual['mesh']}"
        _tell(found, about, ", ".join(nodes) or "no virtual node")
    for gateway in status["gateways"]:
        line, about = gateway_line(gateway).plain, f"gateway {gateway['name']}"
        found[about] = Fact(line, " ".join(line.split()), f"{about}: gone")
    for balancer in status.get("loadBalancers", []):
        words = f"{balancer['healthy']} of {balancer['registered']} targets healthy"
        problem = f": {balancer['problem']}" if "problem" in balancer else ""
        _tell(found, f"load balancer {balancer['name']}", words + problem)
    for ecs in status.get("ecsServices", []):
        words = (
            f"{ecs['running']} of {ecs['desired']} tasks running, {ecs.get('image', 'no image')}"
        )
        _tell(found, f"ECS service {ecs['cluster']}/{ecs['name']}", words)
    return found


def _task(task: wire.TaskDescription, status: wire.GetStatusOutput) -> dict[str, Fact]:
    sides = {(s["name"], side["side"]) for s in status["services"] for side in s["sides"]}
    owner = (task.get("service", ""), task.get("side", ""))
    if "service" in task and owner not in sides:
        return {}
    of = f" of {' '.join(owner)}" if "service" in task else ""
    if not of and "ecsService" in task:
        of = f" of ECS service {task['ecsService']}"
    about = f"task {task['task'][:ID_CHARACTERS]}{of}"
    found: dict[str, Fact] = {}
    words = task_words(task)
    found[task["task"]] = Fact(words, f"{about}: {words}", f"{about}: stopped or told to stop")
    return found


def _line(about: str, words: str) -> str:
    # A reason may quote several lines of an application's log.
    return f"{about}: {' '.join(words.split())}"
