"""From the name that somebody types to the tasks that it means. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tealmesh.model.absent import absent
from tealmesh.model.ecs.names import task_id
from tealmesh.model.errors import AwsError
from tealmesh.model.status import LogSource
from tealmesh.rollout import discovery, documents
from tealmesh.rollout.ecs_sides import applications_of
from tealmesh.rollout.inventory.workloads import Workloads
from tealmesh.store import View, tables

if TYPE_CHECKING:
    from tealmesh.model.ecs.bodies import TaskBody

LEAST_ID_CHARACTERS = 6
"""So many characters of a task's id are enough."""

Key = tuple[str, str]
"""Cluster and name of an ECS service."""


def log_sources(view: View, name: str, side: str | None) -> list[LogSource]:
    """The tasks of what ``name`` names: a service, a virtual service, virtual node or virtual
    gateway (``[MESH/]NAME``), an ECS service (``[CLUSTER/]NAME``), or a task by its id, of which
    the first six characters suffice. Running tasks come first, then stopped ones, in the order in
    which they were made, for as long as ECS shows them.

    Raises NotFoundException for a name or side that there is not, and BadRequestException for a
    name of several things.
    """
    workloads = Workloads(view)
    sides = _sides(view, name)
    if sides is not None:
        if side is not None and side not in sides:
            raise AwsError("NotFoundException", absent(f"side of {name}", side, sides))
        chosen = {key: one for one, key in sides.items() if side in (None, one)}
    elif side is not None:
        _known(view, workloads, name)
        raise AwsError("NotFoundException", f"{name} has no sides")
    else:
        chosen = dict.fromkeys(_known(view, workloads, name), "")
    tasks = [
        (task, one) for key, one in chosen.items() for task in workloads.by_service.get(key, ())
    ]
    if sides is None and not chosen:
        tasks = [(task, "") for task in _tasks_by_id(workloads, name)]
    sources = [_source(workloads, task, one) for task, one in sorted(tasks, key=_age)]
    return sorted(sources, key=lambda source: source.stopped)


def ecs_services(view: View, name: str) -> list[str]:
    """The names of the ECS services of a service's sides; none if ``name`` is no service."""
    return [service for _, service in (_sides(view, name) or {}).values()]


def _age(found: tuple[TaskBody, str]) -> float:
    return found[0]["createdAt"]


def _sides(view: View, name: str) -> dict[str, Key] | None:
    """The ECS service of each side of a service; None if ``name`` is none."""
    for service in documents.services(view):
        if service.name == name:
            return {side: (service.cluster, service.node(side)) for side in service.config.sides}
    found = discovery.find(view, name)
    return {side: found.ecs_service(side) for side in found.sides} if found else None


def _known(view: View, workloads: Workloads, name: str) -> list[Key]:
    """The ECS services that ``name`` means; none if it is the id of tasks. Raises AwsError."""
    meant = {label: keys for label, keys in _named(view, workloads) if _matches(label, name)}
    exact = {label: keys for label, keys in meant.items() if label == name}
    candidates = exact or {label: keys for label, keys in meant.items() if keys} or meant
    if len({tuple(keys) for keys in candidates.values()}) > 1:
        listed = ", ".join(sorted(candidates))
        raise AwsError("BadRequestException", f"{name!r} can be any of {listed}: say which")
    for keys in candidates.values():
        return keys
    if _tasks_by_id(workloads, name):
        return []
    known = [service.name for service in documents.services(view)]
    known += [service.name for service in discovery.discover(view)]
    known += [label.rpartition("/")[2] for label, _ in _named(view, workloads)]
    raise AwsError(
        "NotFoundException",
        absent("service", name, known, "create services with Terraform or `teal apply`"),
    )


def _matches(label: str, name: str) -> bool:
    short = label.rpartition("/")[2]
    return name in (label, short, short.partition(".")[0])


def _named(view: View, workloads: Workloads) -> Iterator[tuple[str, list[Key]]]:
    """Everything that has tasks, as MESH/NAME or CLUSTER/NAME, with its ECS services."""
    for service in view.list(tables.VIRTUAL_SERVICES):
        provider = service.body["spec"].get("provider", {})
        if "virtualNode" in provider:
            mesh, node = service.body["meshName"], provider["virtualNode"]["virtualNodeName"]
            run_by = workloads.of_node(mesh, node)
            yield f"{mesh}/{service.body['name']}", [(s.cluster, s.name) for s in run_by]
    for one in view.list(tables.VIRTUAL_NODES):
        mesh, name = one.body["meshName"], one.body["name"]
        run_by = workloads.of_node(mesh, name)
        if run_by:
            yield f"{mesh}/{name}", [(s.cluster, s.name) for s in run_by]
    for gateway in view.list(tables.VIRTUAL_GATEWAYS):
        mesh, name = gateway.body["meshName"], gateway.body["name"]
        run_by = workloads.of_gateway(mesh, name)
        yield f"{mesh}/{name}", [(s.cluster, s.name) for s in run_by]
    for cluster, name in sorted({*workloads.services, *workloads.by_service}):
        yield f"{cluster}/{name}", [(cluster, name)]


def _tasks_by_id(workloads: Workloads, name: str) -> list[TaskBody]:
    """The tasks with this ARN, or whose id begins with this. Raises BadRequestException if there
    are several.
    """
    found = [
        task
        for task in workloads.tasks
        if task["taskArn"] == name
        or (len(name) >= LEAST_ID_CHARACTERS and task_id(task).startswith(name))
    ]
    if len(found) > 1:
        listed = ", ".join(task_id(task) for task in found)
        raise AwsError("BadRequestException", f"{name!r} can be any of the tasks {listed}")
    return found


def _source(workloads: Workloads, task: TaskBody, side: str) -> LogSource:
    definition = workloads.definition(task["taskDefinitionArn"])
    applications = frozenset(applications_of(definition)) if definition else frozenset()
    stopped = task["desiredStatus"] == "STOPPED"
    return LogSource(task["taskArn"], side, stopped, applications)
