"""One pass of the service scheduler: plan and write down what was decided, in one transaction.

What a plan decides is only ever written: the workers of the tasks act upon it once it is
committed. So a control plane that dies at any moment has either decided and recorded or neither.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tealmesh.engine.scheduler import documents
from tealmesh.engine.scheduler import plan as planning
from tealmesh.model.clock import NewId
from tealmesh.model.ecs import deployments as history
from tealmesh.store import tables
from tealmesh.store.store import Transaction

_PASSES = 8
"""Passes until a plan has nothing more to say; each acts upon what the one before has written."""


@dataclass(frozen=True)
class Outcome:
    """``gone``: there is no such service any more; ``wake_at``: look again then (epoch seconds),
    should nothing change before.
    """

    gone: bool = False
    wake_at: float | None = None


@dataclass
class _Pass:
    """The service's document in the making."""

    tx: Transaction
    cluster: str
    service: dict[str, Any]
    now: float
    new_id: NewId
    started: list[str]
    stopped: list[str]

    def tasks(self) -> list[Mapping[str, Any]]:
        return documents.service_tasks(self.tx, self.cluster, self.service["serviceName"])

    def states(self) -> list[planning.TaskState]:
        """The tasks as planning sees them."""
        return [
            documents.task_state(task, documents.in_grace(self.service, task, self.now) > 0)
            for task in self.tasks()
        ]

    def grace_ends(self) -> list[float]:
        """When the health of tasks that are not well will count (epoch seconds)."""
        sick = [t for t in self.tasks() if t.get("healthStatus") == "UNHEALTHY"]
        left = [documents.in_grace(self.service, task, self.now) for task in sick]
        return [self.now + seconds for seconds in left if seconds > 0]

    def event(self, message: str) -> None:
        documents.add_event(self.service, self.new_id(), self.now, message)

    def deployment(self, identity: str) -> dict[str, Any]:
        found: dict[str, Any] = next(d for d in self.service["deployments"] if d["id"] == identity)
        found["updatedAt"] = self.now
        return found


def schedule(
    tx: Transaction,
    cluster: str,
    name: str,
    now: float,
    new_id: NewId,
    policy: planning.Policy,
) -> Outcome:
    """Bring the service one step nearer to what is wanted; a change for `Store.write`."""
    document = tx.get(tables.ECS_SERVICES, cluster, name)
    if document is None:
        return Outcome(gone=True)
    service = copy.deepcopy(dict(document.body))
    work = _Pass(tx, cluster, service, now, new_id, [], [])
    wake_at = None
    for _ in range(_PASSES):
        states = work.states()
        actions = planning.plan(documents.service_state(service), states, now, policy)
        waits = [action.until for action in actions if isinstance(action, planning.Wait)]
        wake_at = min([*waits, *work.grace_ends()], default=None)
        if len(waits) == len(actions):
            break
        for action in actions:
            _apply(work, action)
    _conclude(work)
    _keep_history(work, document.body)
    if service != document.body:
        tx.put(tables.ECS_SERVICES, cluster, name, body=service)
    return Outcome(gone=service["status"] == "INACTIVE", wake_at=wake_at)


def _apply(work: _Pass, action: planning.Action) -> None:
    match action:
        case planning.StartTask(deployment):
            _start(work, deployment)
        case planning.StopTask(task, reason, fault):
            _stop(work, task, reason, fault)
        case planning.CompleteDeployment(identity):
            reason = f"ECS deployment {identity} completed."
            work.deployment(identity).update(rolloutState="COMPLETED", rolloutStateReason=reason)
            work.event(f"(deployment {identity}) deployment completed.")
        case planning.FailDeployment(identity, reason):
            work.deployment(identity).update(rolloutState="FAILED", rolloutStateReason=reason)
            work.event(f"(deployment {identity}) deployment failed: tasks failed to start.")
        case planning.RollBack(identity, to):
            _roll_back(work, identity, to)
        case planning.RemoveDeployment(identity):
            kept = [d for d in work.service["deployments"] if d["id"] != identity]
            work.service["deployments"] = kept
        case planning.RetireService():
            work.service["status"] = "INACTIVE"
            work.service["deployments"] = []
        case planning.Wait():
            pass


def _start(work: _Pass, deployment: str) -> None:
    identity = work.new_id()
    body = documents.new_task(work.tx, work.service, deployment, identity, work.now)
    work.tx.put(tables.TASKS, work.cluster, identity, body=body)
    work.started.append(identity)


def _stop(work: _Pass, task: str, reason: str, fault: bool) -> None:
    document = work.tx.get(tables.TASKS, work.cluster, task)
    if document is None:
        return
    body = copy.deepcopy(dict(document.body))
    documents.request_stop(body, "ServiceSchedulerInitiated", reason, work.now)
    if fault:
        body["teal"] = {**body.get("teal", {}), "failed": True}
        work.event(f"(task {task}) failed container health checks.")
    work.tx.put(tables.TASKS, work.cluster, task, body=body)
    work.stopped.append(task)


def _roll_back(work: _Pass, identity: str, to: str) -> None:
    history.roll_back(work.service, identity, to, "ECS deployment circuit breaker", work.now)
    work.event(f"rolling back to deployment {to}.")


def _keep_history(work: _Pass, before: Mapping[str, Any]) -> None:
    """Bring the records of the deployments that are or were there up to date."""
    for identity in {d["id"] for d in [*before["deployments"], *work.service["deployments"]]}:
        place = (work.cluster, work.service["serviceName"], history.number(identity))
        document = work.tx.get(tables.SERVICE_DEPLOYMENTS, *place)
        if document is None:
            continue
        changed = history.progressed(document.body, work.service, work.now)
        if changed != document.body:
            work.tx.replace(document, changed)


def _conclude(work: _Pass) -> None:
    """Events in ECS's own words, and the counts."""
    for verb, kind, ids in (
        ("started", "tasks", work.started),
        ("stopped", "running tasks", work.stopped),
    ):
        if ids:
            listed = " ".join(f"(task {identity})" for identity in ids)
            work.event(f"has {verb} {len(ids)} {kind}: {listed}.")
    tasks = work.tasks()
    states = work.states()
    if work.service["status"] == "ACTIVE":
        now_steady = planning.steady(documents.service_state(work.service), states)
        teal = work.service.setdefault("teal", {})
        if now_steady and not teal.get("steady"):
            work.event("has reached a steady state.")
        teal["steady"] = now_steady
    documents.count(work.service, tasks)
