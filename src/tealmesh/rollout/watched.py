"""What callers' Envoys count of a service: its parts always, so that a deployment knows what was
before it; and its tasks while it is deployed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, cast

from tealmesh.model.ecs.names import service_of, task_id
from tealmesh.model.rollout import Deployment
from tealmesh.model.traffic.windows import SideWindow, TaskWindow, Window
from tealmesh.rollout.system import Service
from tealmesh.store import Reader, Transaction, tables

if TYPE_CHECKING:
    from tealmesh.model.ecs.bodies import TaskBody
    from tealmesh.model.traffic.parts import Part, PartBody, WatchedBody


def begin(t: Transaction, d: Deployment, service: Service) -> None:
    """Let the callers' Envoys count, if anything is measured."""
    if d.gated:
        t.put(tables.WATCHED, d.mesh, service.router, body=_body(service, d.gates.watch, True))


def end(t: Transaction, d: Deployment, service: Service | None) -> None:
    """Let them count what they count without a deployment; nothing if the service is gone."""
    forget(t, d.mesh, d.service)
    if service is not None:
        settled(t, service)


def settled(t: Transaction, service: Service) -> None:
    """Let them count what the service's settings say from now on. A deployment that runs goes on
    with what it began with.
    """
    watch = () if service.protocol == "tcp" else service.gates.watch
    present = t.get(tables.WATCHED, service.mesh, service.router)
    if present is not None and present.body.get("deployed", True):
        return
    wanted = _body(service, watch, False)
    if watch and (present is None or present.body != wanted):
        t.put(tables.WATCHED, service.mesh, service.router, body=wanted)
    elif present is not None and not watch and present.body["service"] == service.name:
        t.delete(tables.WATCHED, service.mesh, service.router)


def forget(t: Transaction, mesh: str, service: str) -> None:
    """Let them count nothing of a service any more."""
    for watched in t.list(tables.WATCHED, mesh):
        if watched.body["service"] == service:
            t.delete(tables.WATCHED, mesh, watched.body["router"])


def _body(service: Service, watch: Sequence[Part], deployed: bool) -> WatchedBody:
    parts = cast("list[PartBody]", [asdict(part) for part in watch])
    return {
        "service": service.name,
        "router": service.router,
        "parts": parts,
        "deployed": deployed,
    }


def with_task_names(view: Reader, d: Deployment, service: Service, window: Window) -> Window:
    """The window, whose tasks have their ids in place of the addresses that Envoys know."""
    old, new = window.old, window.new
    if old.by_task:
        old = named_tasks(old, _ids(view, *service.ecs_service(d.old_side)))
    if new.by_task:
        new = named_tasks(new, _ids(view, *service.ecs_service(d.new_side)))
    return replace(window, old=old, new=new)


def named_tasks(side: SideWindow, ids: Mapping[str, str]) -> SideWindow:
    """``side``, whose tasks have the ``ids`` of their addresses."""
    by_task: dict[str, TaskWindow] = {}
    for host, seen in side.by_task.items():
        name = ids.get(host.rpartition(":")[0].strip("[]"), host)
        by_task[name] = by_task.get(name, TaskWindow()) + seen
    return replace(side, by_task=by_task)


def _ids(view: Reader, cluster: str, service: str) -> dict[str, str]:
    return ids([one.body for one in view.list(tables.TASKS, cluster)], service)


def ids(tasks: Iterable[TaskBody], service: str) -> dict[str, str]:
    """The ids of an ECS service's tasks by address: the newest one's, and of those that run rather
    than of one that has stopped.
    """
    own = [task for task in tasks if service_of(task) == service]
    own.sort(key=lambda task: (task["lastStatus"] != "STOPPED", task.get("createdAt", 0.0)))
    return {address: task_id(task) for task in own for address in _addresses(task)}


def _addresses(task: TaskBody) -> list[str]:
    return [
        detail["value"]
        for attachment in task.get("attachments", [])
        for detail in attachment.get("details", [])
        if detail["name"] in ("privateIPv4Address", "privateIPv6Address")
    ]
