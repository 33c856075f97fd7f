"""What callers' Envoys count of a service while it is deployed: its parts and its tasks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, cast

from tealmesh.model.ecs.names import service_of, task_id
from tealmesh.model.rollout import Deployment
from tealmesh.model.traffic.windows import SideWindow, TaskWindow, Window
from tealmesh.rollout.system import Service
from tealmesh.store import Reader, Transaction, tables

if TYPE_CHECKING:
    from tealmesh.model.ecs.bodies import TaskBody
    from tealmesh.model.traffic.parts import PartBody, WatchedBody


def begin(t: Transaction, d: Deployment, service: Service) -> None:
    """Let the callers' Envoys count, if anything is measured."""
    if d.gated:
        parts = cast("list[PartBody]", [asdict(part) for part in d.gates.watch])
        watched: WatchedBody = {"service": d.service, "router": service.router, "parts": parts}
        t.put(tables.WATCHED, d.mesh, service.router, body=watched)


def end(t: Transaction, d: Deployment) -> None:
    """Let them count no more."""
    for watched in t.list(tables.WATCHED, d.mesh):
        if watched.body["service"] == d.service:
            t.delete(tables.WATCHED, d.mesh, watched.body["router"])


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
