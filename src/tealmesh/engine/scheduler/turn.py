"""One turn of the service scheduler: plan, and record what was decided, in one transaction.

A turn changes documents only; the tasks' workers act on them once they are committed. So a control
plane that is killed has either decided and recorded, or neither.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from tealmesh.engine.scheduler import documents
from tealmesh.engine.scheduler import plan as planning
from tealmesh.engine.state import TaskState
from tealmesh.model.clock import NewId, Wall
from tealmesh.model.ecs import deployments as history
from tealmesh.model.ecs.events import add_event
from tealmesh.model.ecs.names import task_id
from tealmesh.model.health import Unusable
from tealmesh.store import tables
from tealmesh.store.views import Transaction

if TYPE_CHECKING:
    from tealmesh.model.ecs.bodies import DeploymentBody, ServiceBody, TaskBody

_MAX_PLANS = 8
"""Plans in one turn. Each sees what the one before has written, until nothing is left to do."""


@dataclass(frozen=True)
class Outcome:
    """What the service's worker has to know after a turn."""

    gone: bool = False
    """The service does not exist any more."""
    wake_after: float | None = None
    """Seconds until the next turn is due if nothing changes earlier."""


@dataclass
class _Turn:
    """The service's document in the making, and what has been done in this turn."""

    tx: Transaction
    cluster: str
    service: ServiceBody
    now: Wall
    new_id: NewId
    unusable: Mapping[str, Unusable]
    """Tasks that no caller can use, by id."""
    started: list[str] = field(default_factory=list)
    """Ids of tasks."""
    stopped: list[str] = field(default_factory=list)
    """Ids of tasks."""

    def tasks(self) -> list[TaskBody]:
        return documents.service_tasks(self.tx, self.cluster, self.service["serviceName"])

    def observed(self) -> list[planning.ObservedTask]:
        """The tasks as `plan` sees them."""
        moment = self.tx.moment
        return [
            documents.observed_task(self.service, task, moment, self.unusable.get(task_id(task)))
            for task in self.tasks()
        ]

    def graces(self) -> list[float]:
        """Seconds that are left of the grace periods of unhealthy tasks."""
        unhealthy = [t for t in self.tasks() if t.get("healthStatus") == "UNHEALTHY"]
        left = [documents.grace_left(self.service, task, self.tx.moment) for task in unhealthy]
        return [seconds for seconds in left if seconds > 0]

    def event(self, message: str) -> None:
        add_event(self.service, self.new_id(), self.now, message)

    def updated(self, identity: str) -> DeploymentBody:
        """The deployment, marked as updated now."""
        deployment = next(d for d in self.service["deployments"] if d["id"] == identity)
        deployment["updatedAt"] = self.now
        return deployment


def schedule(
    tx: Transaction,
    cluster: str,
    name: str,
    now: Wall,
    new_id: NewId,
    policy: planning.Policy,
    unusable: Mapping[str, Unusable] = MappingProxyType({}),
) -> Outcome:
    """Bring the service one step closer to its desired state; for `Store.write`."""
    document = tx.get(tables.ECS_SERVICES, cluster, name)
    if document is None:
        return Outcome(gone=True)
    service = copy.deepcopy(document.body)
    turn = _Turn(tx, cluster, service, now, new_id, unusable)
    wake_after = None
    for _ in range(_MAX_PLANS):
        wanted = documents.planned_service(service, tx.moment)
        actions = planning.plan(wanted, turn.observed(), tx.moment.at, policy)
        waits = [a.until - tx.moment.at for a in actions if isinstance(a, planning.Wait)]
        wake_after = min([*waits, *turn.graces()], default=None)
        if len(waits) == len(actions):
            break
        for action in actions:
            _apply(turn, action)
    _summarize(turn)
    _update_history(turn, document.body["deployments"])
    if service != document.body:
        tx.put(tables.ECS_SERVICES, cluster, name, body=service)
    return Outcome(gone=service["status"] == "INACTIVE", wake_after=wake_after)


def _apply(turn: _Turn, action: planning.Action) -> None:
    match action:
        case planning.StartTask(deployment):
            _start(turn, deployment)
        case planning.StopTask():
            _stop(turn, action)
        case planning.CompleteDeployment(identity):
            deployment_body = turn.updated(identity)
            deployment_body["rolloutState"] = "COMPLETED"
            deployment_body["rolloutStateReason"] = f"ECS deployment {identity} completed."
            turn.event(f"(deployment {identity}) deployment completed.")
        case planning.FailDeployment(identity, reason):
            deployment_body = turn.updated(identity)
            deployment_body["rolloutState"] = "FAILED"
            deployment_body["rolloutStateReason"] = reason
            turn.event(f"(deployment {identity}) deployment failed: tasks failed to start.")
        case planning.RollBack(identity, to):
            reason = "ECS deployment circuit breaker"
            history.roll_back(turn.service, identity, to, reason, turn.now, turn.tx.moment.stored())
            turn.event(f"rolling back to deployment {to}.")
        case planning.RemoveDeployment(identity):
            kept = [d for d in turn.service["deployments"] if d["id"] != identity]
            turn.service["deployments"] = kept
        case planning.RetireService():
            turn.service["status"] = "INACTIVE"
            turn.service["deployments"] = []
        case planning.Wait():
            pass


def _start(turn: _Turn, deployment: str) -> None:
    identity = turn.new_id()
    body = documents.new_task(turn.tx, turn.service, deployment, identity, turn.now)
    turn.tx.put(tables.TASKS, turn.cluster, identity, body=body)
    turn.started.append(identity)


def _stop(turn: _Turn, action: planning.StopTask) -> None:
    task = action.task
    document = turn.tx.get(tables.TASKS, turn.cluster, task)
    if document is None:
        return
    body = copy.deepcopy(document.body)
    moment = turn.tx.moment.stored()
    documents.request_stop(body, "ServiceSchedulerInitiated", action.reason, turn.now, moment)
    if action.fault:
        replace(TaskState.of(body), failed=True).write(body)
    if action.event:
        turn.event(f"(task {task}) {action.event}")
    turn.tx.put(tables.TASKS, turn.cluster, task, body=body)
    turn.stopped.append(task)


def _update_history(turn: _Turn, before: Iterable[DeploymentBody]) -> None:
    """Update the records of all deployments that the service had before this turn or has now."""
    for identity in {d["id"] for d in [*before, *turn.service["deployments"]]}:
        key = (turn.cluster, turn.service["serviceName"], history.number(identity))
        document = turn.tx.get(tables.SERVICE_DEPLOYMENTS, *key)
        if document is None:
            continue
        changed = history.progressed(document.body, turn.service, turn.now)
        if changed != document.body:
            turn.tx.replace(document, changed)


def _summarize(turn: _Turn) -> None:
    """Add the events that sum up the turn, in ECS's words, and update the counts."""
    for verb, kind, ids in (
        ("started", "tasks", turn.started),
        ("stopped", "running tasks", turn.stopped),
    ):
        if ids:
            listed = " ".join(f"(task {identity})" for identity in ids)
            turn.event(f"has {verb} {len(ids)} {kind}: {listed}.")
    if turn.service["status"] == "ACTIVE":
        steady = planning.steady(
            documents.planned_service(turn.service, turn.tx.moment), turn.observed()
        )
        if documents.note_steady(turn.service, steady):
            turn.event("has reached a steady state.")
    documents.update_counts(turn.service, turn.tasks())
