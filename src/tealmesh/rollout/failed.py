"""The tasks that failed while a deployment ran, which ECS forgets after an hour."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tealmesh.model.ecs.names import service_of, task_id
from tealmesh.model.rollout import Deployment
from tealmesh.rollout.system import Service
from tealmesh.store import Reader, Transaction, tables

if TYPE_CHECKING:
    from tealmesh.model.rollout.failed import FailedTaskBody

ON_PURPOSE = frozenset({"ServiceSchedulerInitiated", "UserInitiated"})
"""The stop codes of tasks that did not stop by themselves."""


def keep(t: Transaction, d: Deployment, service: Service) -> None:
    """Store the tasks of both sides that have failed since the deployment began, with why and their
    last log lines.
    """
    for side in (d.old_side, d.new_side):
        cluster, name = service.ecs_service(side)
        for document in t.list(tables.TASKS, cluster):
            task = document.body
            code, at = task.get("stopCode", ""), task.get("stoppingAt", 0.0)
            if service_of(task) != name or not code or code in ON_PURPOSE or at < d.created_at:
                continue
            body: FailedTaskBody = {
                "task": task_id(task),
                "side": side,
                "at": at,
                "code": code,
                "reason": task.get("stoppedReason", ""),
            }
            stored = t.get(tables.FAILED_TASKS, d.id, body["task"])
            if stored is None or stored.body != body:
                t.put(tables.FAILED_TASKS, d.id, body["task"], body=body)


def of(view: Reader, d: Deployment) -> list[FailedTaskBody]:
    """The tasks that failed, in order of time."""
    kept = [document.body for document in view.list(tables.FAILED_TASKS, d.id)]
    return sorted(kept, key=lambda one: (one["at"], one["task"]))
