"""The rules of the service scheduler: what is desired and observed in, actions out. Pure.

They are those of ECS for rolling updates
(https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-ecs.html and
.../deployment-circuit-breaker.html):

- at most ``maximum`` tasks start or run at once, over all deployments;
- no task is stopped that would leave fewer than ``floor`` ready ones;
- tasks of older deployments are stopped as new ones become ready;
- failed tasks are replaced, after a delay that doubles each time;
- a deployment whose tasks keep failing is failed, and rolled back if the service wants that.

Tasks that no caller can use are replaced as well: see `unusable`.

A plan depends on its arguments only, and each action is complete in itself, so a plan may be cut
off after any action: the next one continues from there. Tasks that an earlier control plane left
are observed like all others, so adopting them needs no rule of its own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from tealmesh.engine.scheduler import unusable
from tealmesh.model.ecs.deployments import failure_limit
from tealmesh.model.ecs.replacing import DEFAULT_SECONDS
from tealmesh.model.health import Unusable


class Condition(StrEnum):
    """The condition of a task, as coarse as planning needs it; its worker goes by finer phases."""

    STARTING = "STARTING"
    READY = "READY"
    """Running, healthy and registered."""
    UNHEALTHY = "UNHEALTHY"
    """Was ready; its health checks fail now."""
    STOPPING = "STOPPING"
    """Has been asked to stop."""
    STOPPED = "STOPPED"


@dataclass(frozen=True)
class ObservedTask:
    """A task as observed."""

    id: str
    deployment: str
    condition: Condition
    created_at: float = 0.0
    """Epoch seconds, by which the youngest is found."""
    failed: bool = False
    """It ended, or was stopped, through its own fault."""
    stopped_at: float = 0.0
    """When it ended or was asked to stop (by the clock of ``now``)."""
    unusable: Unusable | None = None
    """None if some caller can use it, or none is there to say."""

    @property
    def good(self) -> bool:
        """Whether it is ready and, as far as known, can be used."""
        return self.condition is Condition.READY and self.unusable is None


@dataclass(frozen=True)
class Deployment:
    """One version of a service."""

    id: str
    task_definition: str
    primary: bool
    rollout: str = "IN_PROGRESS"
    """ECS's ``rolloutState``: IN_PROGRESS, COMPLETED or FAILED."""
    since: float = 0.0
    """When a rollback made it primary again (by the clock of ``now``); earlier failures
    do not count."""


@dataclass(frozen=True)
class Service:
    """A service as it is desired."""

    desired_count: int
    deployments: tuple[Deployment, ...]
    """Newest first; one of them is primary."""
    active: bool = True
    """False once it is being deleted."""
    retired: bool = False
    """Deleted, and all its tasks have stopped."""
    minimum_healthy_percent: int = 100
    maximum_percent: int = 200
    circuit_breaker: bool = False
    rollback: bool = False
    replace_after: float | None = DEFAULT_SECONDS
    """Seconds after which a task that no caller can use is replaced; None for never."""

    @property
    def primary(self) -> Deployment:
        return next(d for d in self.deployments if d.primary)

    @property
    def floor(self) -> int:
        """The number of ready tasks that must stay; rounded up, as ECS does."""
        return math.ceil(self.desired_count * self.minimum_healthy_percent / 100)

    @property
    def maximum(self) -> int:
        """The number of tasks that may start or run at once; rounded down, as ECS does."""
        return self.desired_count * self.maximum_percent // 100


@dataclass(frozen=True)
class Policy:
    """How fast failed tasks are replaced. All in seconds."""

    backoff_first: float = 0.5
    """Delay before the second restart in a row; it doubles with each further one."""
    backoff_cap: float = 60.0
    """The longest delay."""
    memory: float = 300.0
    """Failures longer ago than this are forgotten."""


@dataclass(frozen=True)
class StartTask:
    """Start a task of a deployment."""

    deployment: str


@dataclass(frozen=True)
class StopTask:
    """Stop a task."""

    task: str
    reason: str
    fault: bool = False
    """It is stopped because it is unhealthy, which counts as a failure."""
    event: str = ""
    """What the service is told of it; empty for nothing."""


@dataclass(frozen=True)
class CompleteDeployment:
    """The deployment has reached a steady state."""

    deployment: str


@dataclass(frozen=True)
class FailDeployment:
    """Too many tasks of the deployment have failed: start no more."""

    deployment: str
    reason: str


@dataclass(frozen=True)
class RollBack:
    """Make the deployment ``to`` primary again in place of ``deployment``."""

    deployment: str
    to: str


@dataclass(frozen=True)
class RemoveDeployment:
    """Remove a superseded deployment, whose tasks have all stopped."""

    deployment: str


@dataclass(frozen=True)
class RetireService:
    """All tasks of a deleted service have stopped."""


@dataclass(frozen=True)
class Wait:
    """Plan again at ``until`` (by the clock of ``now``) if nothing changes earlier."""

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
    service: Service, tasks: Sequence[ObservedTask], now: float, policy: Policy = Policy()
) -> list[Action]:
    """The actions that are due now, in order; none if all is as desired. ``now``: in seconds of a
    clock that nobody sets.
    """
    if not service.active:
        return _retire(service, tasks)
    broken = _break_circuit(service, tasks)
    if broken:
        return broken
    over = _to_replace(service, tasks, now)
    stops = [*_stop_unhealthy(tasks), *_stop_surplus(service, tasks, over.due)]
    stops += [] if stops else _make_room(service, tasks, over.due)
    stopped = {action.task for action in stops}
    left = [task for task in tasks if task.id not in stopped]
    more = sum(task not in stopped for task in over.due)
    waits = [Wait(now + over.wake_in)] if over.wake_in is not None else []
    starts = _start_missing(service, left, more, now, policy)
    return [*stops, *starts, *waits, *_finish(service, left)]


def steady(service: Service, tasks: Sequence[ObservedTask]) -> bool:
    """Whether exactly the desired tasks exist, and all are ready."""
    alive = [task for task in tasks if task.condition is not Condition.STOPPED]
    return (
        service.active
        and len(alive) == service.desired_count
        and all(
            t.condition is Condition.READY and t.deployment == service.primary.id for t in alive
        )
    )


def _retire(service: Service, tasks: Sequence[ObservedTask]) -> list[Action]:
    alive = [task for task in tasks if task.condition is not Condition.STOPPED]
    if not alive:
        return [] if service.retired else [RetireService()]
    reason = "The service was deleted"
    return [StopTask(task.id, reason) for task in alive if task.condition is not Condition.STOPPING]


def failures(deployment: Deployment, tasks: Sequence[ObservedTask]) -> list[ObservedTask]:
    """The deployment's failed tasks since it became primary."""
    return [
        task
        for task in tasks
        if task.deployment == deployment.id and task.failed and task.stopped_at >= deployment.since
    ]


def _break_circuit(service: Service, tasks: Sequence[ObservedTask]) -> list[Action]:
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


def _stop_unhealthy(tasks: Sequence[ObservedTask]) -> list[StopTask]:
    reason, event = "Task failed container health checks", "failed container health checks."
    return [
        StopTask(task.id, reason, fault=True, event=event)
        for task in tasks
        if task.condition is Condition.UNHEALTHY
    ]


def _to_replace(
    service: Service, tasks: Sequence[ObservedTask], now: float
) -> unusable.Replacement:
    primary = service.primary
    if primary.rollout == "FAILED":
        return unusable.Replacement()
    own = [task for task in tasks if task.deployment == primary.id]
    ready = {
        task.id: task.unusable.seconds if task.unusable else None
        for task in own
        if task.condition is Condition.READY
    }
    failed = [task.stopped_at for task in own if task.failed]
    return unusable.replacement(service.replace_after, ready, failed, now)


def _stop_surplus(
    service: Service, tasks: Sequence[ObservedTask], due: Sequence[str]
) -> list[StopTask]:
    """Stop superseded tasks, and those beyond the desired count: of these, ones that are ``due`` to
    be replaced first, then ones that are not ready, then the youngest.

    No ready task is stopped that would leave fewer than ``floor``, and none that callers can use
    that would leave fewer than ``floor`` of these.
    """
    primary = service.primary
    alive = [t for t in tasks if t.condition in (Condition.STARTING, Condition.READY)]
    current = sorted(
        (t for t in alive if t.deployment == primary.id),
        key=lambda t: (t.id not in due, t.condition is Condition.READY, -t.created_at, t.id),
    )
    beyond = current[: max(0, len(current) - service.desired_count)]
    superseded = sorted((t for t in alive if t.deployment != primary.id), key=lambda t: t.good)
    if primary.rollout == "FAILED":
        # Only the tasks of the previous version are left to serve.
        superseded = []
    spare = sum(t.condition is Condition.READY for t in alive) - service.floor
    spare_good = sum(t.good for t in alive) - service.floor
    stops = []
    for task in [*superseded, *beyond]:
        if task.condition is Condition.READY:
            if spare <= 0 or (task.good and spare_good <= 0):
                continue
            spare -= 1
            spare_good -= task.good
        stops.append(_stop(task, primary, due))
    return stops


def _make_room(
    service: Service, tasks: Sequence[ObservedTask], due: Sequence[str]
) -> list[StopTask]:
    """Stop one of the tasks that are ``due`` to be replaced, if ``maximum`` leaves no room to start
    another one first and all others are ready.
    """
    alive = [t for t in tasks if t.condition not in (Condition.STOPPED, Condition.UNHEALTHY)]
    settled = all(task.condition is Condition.READY for task in alive)
    if not due or not settled or len(alive) < max(service.maximum, service.floor):
        return []
    chosen = next(task for task in alive if task.id == due[0])
    return [_stop(chosen, service.primary, due)]


def _stop(task: ObservedTask, primary: Deployment, due: Sequence[str]) -> StopTask:
    if task.id not in due or task.unusable is None:
        return StopTask(task.id, f"Scaling activity initiated by (deployment {primary.id})")
    for_so_long = f"for {task.unusable.seconds:.0f} s: {task.unusable.why}"
    return StopTask(
        task.id,
        f"No caller can use the task {for_so_long}",
        fault=True,
        event=f"is replaced: no caller has been able to use it {for_so_long}.",
    )


def _start_missing(
    service: Service, tasks: Sequence[ObservedTask], more: int, now: float, policy: Policy
) -> list[Action]:
    """Start what is missing, and ``more`` in place of tasks that are to be replaced."""
    primary = service.primary
    if primary.rollout == "FAILED":
        return []
    alive = [t for t in tasks if t.condition in (Condition.STARTING, Condition.READY)]
    missing = service.desired_count + more - sum(t.deployment == primary.id for t in alive)
    room = max(service.maximum, service.floor) - len(alive)
    count = min(missing, room)
    if count <= 0:
        return []
    due = _due(service, failures(primary, tasks), now, policy)
    if due > now:
        return [Wait(due)]
    return [StartTask(primary.id)] * count


def _due(service: Service, failed: Sequence[ObservedTask], now: float, policy: Policy) -> float:
    """When the next start is due: at once while each desired task has failed at most once, then
    after a delay that doubles with each further round of failures.
    """
    recent = [task for task in failed if now - task.stopped_at < policy.memory]
    rounds = math.ceil(len(recent) / max(1, service.desired_count))
    if rounds < 2:
        return now
    delay = min(policy.backoff_cap, policy.backoff_first * 2.0 ** min(rounds - 2, 32))
    return max(task.stopped_at for task in recent) + delay


def _finish(service: Service, tasks: Sequence[ObservedTask]) -> list[Action]:
    primary = service.primary
    if primary.rollout == "IN_PROGRESS":
        return [CompleteDeployment(primary.id)] if steady(service, tasks) else []
    if primary.rollout == "FAILED":
        return []
    busy = {task.deployment for task in tasks if task.condition is not Condition.STOPPED}
    return [RemoveDeployment(d.id) for d in service.deployments if not (d.primary or d.id in busy)]
