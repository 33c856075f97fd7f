"""What a service's tasks should do next: desired and observed in, actions out. Pure.

The rules are those of the ECS service scheduler for rolling updates
(https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-ecs.html and
.../deployment-circuit-breaker.html):

- never more than ``maximum`` tasks that start or run, counting those of all deployments;
- never fewer than ``floor`` ready tasks by our own doing;
- superseded tasks go as their successors become ready; what failed is started again, later each
  time; a deployment whose tasks keep failing is given up and, if wanted, rolled back.

The plan looks at nothing but its arguments and each action is complete in itself, so a plan may
be cut off after any action: the next one goes on from there. Tasks left by a control plane that
died are observed like all others, which is all that adoption takes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from tealmesh.model.ecs.deployments import failure_limit


class Phase(StrEnum):
    """How far a task is, as far as planning goes. READY: running, healthy, registered."""

    STARTING = "STARTING"
    READY = "READY"
    UNHEALTHY = "UNHEALTHY"
    STOPPING = "STOPPING"
    STOPPED = "STOPPED"


@dataclass(frozen=True)
class TaskState:
    """A task as observed. ``failed``: it ended, or was ended, by its own fault."""

    id: str
    deployment: str
    phase: Phase
    created_at: float = 0.0
    failed: bool = False
    stopped_at: float = 0.0


@dataclass(frozen=True)
class Deployment:
    """One version of a service. ``since``: when it last became primary (epoch seconds); failures
    before that do not count against it.
    """

    id: str
    task_definition: str
    primary: bool
    rollout: str = "IN_PROGRESS"
    since: float = 0.0


@dataclass(frozen=True)
class Service:
    """What is wanted. ``deployments``: newest first, one of them primary."""

    desired_count: int
    deployments: tuple[Deployment, ...]
    active: bool = True
    retired: bool = False
    minimum_healthy_percent: int = 100
    maximum_percent: int = 200
    circuit_breaker: bool = False
    rollback: bool = False

    @property
    def primary(self) -> Deployment:
        return next(d for d in self.deployments if d.primary)

    @property
    def floor(self) -> int:
        """Ready tasks that are left alone; rounded up, as ECS does."""
        return math.ceil(self.desired_count * self.minimum_healthy_percent / 100)

    @property
    def maximum(self) -> int:
        """Tasks that may start or run at once; rounded down, as ECS does."""
        return self.desired_count * self.maximum_percent // 100


@dataclass(frozen=True)
class Policy:
    """``backoff_first``: seconds before the second restart in a row; it doubles with each one up
    to ``backoff_cap``. Failures older than ``memory`` seconds are forgotten.
    """

    backoff_first: float = 0.5
    backoff_cap: float = 60.0
    memory: float = 300.0


@dataclass(frozen=True)
class StartTask:
    deployment: str


@dataclass(frozen=True)
class StopTask:
    """``fault``: the task is stopped because it is not well, which counts as its failure."""

    task: str
    reason: str
    fault: bool = False


@dataclass(frozen=True)
class CompleteDeployment:
    deployment: str


@dataclass(frozen=True)
class FailDeployment:
    deployment: str
    reason: str


@dataclass(frozen=True)
class RollBack:
    """The deployment ``to`` becomes primary again in place of ``deployment``."""

    deployment: str
    to: str


@dataclass(frozen=True)
class RemoveDeployment:
    deployment: str


@dataclass(frozen=True)
class RetireService:
    """A deleted service has no tasks any more."""


@dataclass(frozen=True)
class Wait:
    """Nothing more to do before ``until`` (epoch seconds) unless something changes."""

    until: float


Action = (
    StartTask
    | StopTask
    | CompleteDeployment
    | FailDeployment
    | RollBack
    | RemoveDeployment
    | RetireService
    | Wait
)


def plan(
    service: Service, tasks: Sequence[TaskState], now: float, policy: Policy = Policy()
) -> list[Action]:
    """The actions that are due now, in order; none when all is as wanted."""
    if not service.active:
        return _retire(service, tasks)
    given_up = _break_circuit(service, tasks)
    if given_up:
        return given_up
    stops = [*_stop_unhealthy(tasks), *_stop_surplus(service, tasks)]
    stopped = {action.task for action in stops}
    left = [task for task in tasks if task.id not in stopped]
    return [*stops, *_start_missing(service, left, now, policy), *_finish(service, left)]


def steady(service: Service, tasks: Sequence[TaskState]) -> bool:
    """Whether exactly the wanted tasks are there, and all are ready."""
    alive = [task for task in tasks if task.phase is not Phase.STOPPED]
    return (
        service.active
        and len(alive) == service.desired_count
        and all(t.phase is Phase.READY and t.deployment == service.primary.id for t in alive)
    )


def _retire(service: Service, tasks: Sequence[TaskState]) -> list[Action]:
    alive = [task for task in tasks if task.phase is not Phase.STOPPED]
    if not alive:
        return [] if service.retired else [RetireService()]
    reason = "The service was deleted"
    return [StopTask(task.id, reason) for task in alive if task.phase is not Phase.STOPPING]


def failures(deployment: Deployment, tasks: Sequence[TaskState]) -> list[TaskState]:
    """The deployment's failed tasks since it became primary."""
    return [
        task
        for task in tasks
        if task.deployment == deployment.id and task.failed and task.stopped_at >= deployment.since
    ]


def _break_circuit(service: Service, tasks: Sequence[TaskState]) -> list[Action]:
    primary = service.primary
    if not service.circuit_breaker:
        return []
    previous = next((d for d in service.deployments if d.rollout == "COMPLETED"), None)
    if primary.rollout == "FAILED" and service.rollback and previous is not None:
        return [RollBack(primary.id, previous.id)]
    failed = len(failures(primary, tasks))
    if primary.rollout != "IN_PROGRESS" or failed < failure_limit(service.desired_count):
        return []
    return [FailDeployment(primary.id, "ECS deployment circuit breaker: tasks failed to start.")]


def _stop_unhealthy(tasks: Sequence[TaskState]) -> list[StopTask]:
    reason = "Task failed container health checks"
    return [StopTask(t.id, reason, fault=True) for t in tasks if t.phase is Phase.UNHEALTHY]


def _stop_surplus(service: Service, tasks: Sequence[TaskState]) -> list[StopTask]:
    """Superseded tasks and those beyond the desired count; what is not ready goes first, then
    what is superseded, then the youngest.
    """
    primary = service.primary
    alive = [t for t in tasks if t.phase in (Phase.STARTING, Phase.READY)]
    current = sorted(
        (t for t in alive if t.deployment == primary.id),
        key=lambda t: (t.phase is Phase.READY, -t.created_at, t.id),
    )
    beyond = current[: max(0, len(current) - service.desired_count)]
    superseded = [t for t in alive if t.deployment != primary.id]
    if primary.rollout == "FAILED":
        # What still runs of the previous version is all that is left to serve.
        superseded = []
    spare = sum(t.phase is Phase.READY for t in alive) - service.floor
    stops = []
    for task in [*superseded, *beyond]:
        if task.phase is Phase.READY:
            if spare <= 0:
                continue
            spare -= 1
        stops.append(StopTask(task.id, f"Scaling activity initiated by (deployment {primary.id})"))
    return stops


def _start_missing(
    service: Service, tasks: Sequence[TaskState], now: float, policy: Policy
) -> list[Action]:
    primary = service.primary
    if primary.rollout == "FAILED":
        return []
    alive = [t for t in tasks if t.phase in (Phase.STARTING, Phase.READY)]
    missing = service.desired_count - sum(t.deployment == primary.id for t in alive)
    room = max(service.maximum, service.floor) - len(alive)
    count = min(missing, room)
    if count <= 0:
        return []
    due = _due(service, failures(primary, tasks), now, policy)
    if due > now:
        return [Wait(due)]
    return [StartTask(primary.id)] * count


def _due(service: Service, failed: Sequence[TaskState], now: float, policy: Policy) -> float:
    """When the next start is due: at once after the first failure of each wanted task, then
    after a time that doubles.
    """
    recent = [task for task in failed if now - task.stopped_at < policy.memory]
    rounds = math.ceil(len(recent) / max(1, service.desired_count))
    if rounds < 2:
        return now
    delay = min(policy.backoff_cap, policy.backoff_first * 2.0 ** min(rounds - 2, 32))
    return max(task.stopped_at for task in recent) + delay


def _finish(service: Service, tasks: Sequence[TaskState]) -> list[Action]:
    primary = service.primary
    if primary.rollout == "IN_PROGRESS":
        return [CompleteDeployment(primary.id)] if steady(service, tasks) else []
    if primary.rollout == "FAILED":
        return []
    busy = {task.deployment for task in tasks if task.phase is not Phase.STOPPED}
    return [RemoveDeployment(d.id) for d in service.deployments if not (d.primary or d.id in busy)]
