"""A task behind load balancers: wait until its targets are healthy, replace it when they are not,
and let their last requests end before it stops.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/load-balancer-healthcheck.html
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from tealmesh.engine.runtimes.ports import connect_problem
from tealmesh.engine.scheduler import documents
from tealmesh.engine.state import TaskState
from tealmesh.engine.task import targets
from tealmesh.engine.task.task import Task
from tealmesh.model.load_balancers import TargetBody
from tealmesh.model.mesh import load_balancer_scope
from tealmesh.store import tables
from tealmesh.store.targets import drain_left
from tealmesh.store.views import Transaction, View

if TYPE_CHECKING:
    from tealmesh.model.ecs.bodies import TaskBody, TaskTarget


class Balanced:
    """The load balancers' side of one task's life."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._context = task.context

    async def listening(self) -> bool:
        """Whether something listens at each of the targets that the task is to be. Envoy would
        find a new target unhealthy at the first check that fails, and try again only much later.
        """
        planned = self._planned(self._context.store.view, self._task.record.body)
        problems = [await connect_problem(target["address"], target["port"]) for target in planned]
        return not any(problems)

    def register(self, tx: Transaction, body: TaskBody) -> None:
        """Register the task in the target groups of its service. Raises EngineError if one of them
        has been deleted.
        """
        targets.check_groups(tx, body)
        planned = self._planned(tx, body)
        targets.register(tx, body, planned)
        replace(TaskState.of(body), targets=tuple(planned)).write(body)
        for target in planned:
            self._event(tx, body, f"registered 1 targets in (target-group {target['group']})")

    def _planned(self, reader: View | Transaction, body: TaskBody) -> list[TaskTarget]:
        ports = self._task.listener_ports(TaskState.of(body).envoy)
        return targets.planned(reader, body, self._task.pod.containers, ports)

    async def await_healthy(self) -> None:
        """Wait until the load balancers would send requests to the task, or until it is asked to
        stop because they find it unhealthy.
        """
        loop = asyncio.get_running_loop()
        tell_at = loop.time() + self._context.times.converge
        while not self._task.record.stop_wanted:
            waiting = await self._waiting_for()
            if not waiting:
                return
            if loop.time() > tell_at:
                tell_at = float("inf")
                await self._task.tell_service(
                    f"waits until its target is healthy in (target-group {waiting})."
                )
            await self.check_health()
            await asyncio.sleep(self._context.times.look)

    async def check_health(self) -> None:
        """Ask for the task to be stopped, as failed, if one of its targets is unhealthy."""
        for target in self._task.record.state.targets:
            present = self._registered(target)
            if present is None or self._may_still_start(present):
                continue
            health = await self._context.target_health(target["group"])
            state, _, description = health.get(targets.key_of(target), ("", "", ""))
            if state == "unhealthy":
                await self._stop_unhealthy(target, description)
                return

    def next_check(self) -> float | None:
        """When to check the health of a running task next, on the event loop's clock; None if it
        has no targets.
        """
        if not self._task.record.state.targets:
            return None
        return asyncio.get_running_loop().time() + self._context.times.targets

    def drain(self, tx: Transaction, body: TaskBody) -> None:
        """Let the load balancers send no new requests to the task."""
        drained = targets.drain(tx, body)
        for target in drained:
            self._event(tx, body, f"deregistered 1 targets in (target-group {target['group']})")
        if drained:
            self._event(tx, body, "has begun draining connections on 1 tasks.")

    async def await_drained(self, revision: int) -> None:
        """Wait until the load balancers know that the targets drain, and until nothing is in flight
        at them, for at most the deregistration delay of each group.
        """
        names = {name for target in self._task.record.state.targets for name in self._names(target)}
        for name in sorted(names):
            await self._task.converge(load_balancer_scope(name), f"load balancer {name}", revision)
        for target in self._task.record.state.targets:
            idle = 0
            while idle < 2 and self._draining(target):
                active = await self._context.in_flight(target["group"])
                idle = 0 if active.get(targets.key_of(target)) else idle + 1
                await asyncio.sleep(self._context.times.settle)

    async def _waiting_for(self) -> str:
        """ARN of a target group in which the task is not healthy; empty if there is none."""
        for target in self._task.record.state.targets:
            group = targets.group_of(self._context.store.view, target)
            present = self._registered(target)
            if group is None or present is None or not group["LoadBalancerArns"]:
                continue
            health = await self._context.target_health(target["group"])
            if health.get(targets.key_of(target), ("", "", ""))[0] != "healthy":
                return target["group"]
        return ""

    async def _stop_unhealthy(self, target: TaskTarget, description: str) -> None:
        group, now = target["group"], self._context.clock()

        def change(tx: Transaction, body: TaskBody) -> None:
            if body["desiredStatus"] == "STOPPED":
                return
            reason = f"Task failed ELB health checks in (target-group {group})"
            documents.request_stop(
                body, "ServiceSchedulerInitiated", reason, now, tx.moment.stored()
            )
            replace(TaskState.of(body), failed=True).write(body)
            why = f" due to (reason {description})" if description else ""
            port = target["port"]
            self._event(tx, body, f"(port {port}) is unhealthy in (target-group {group}){why}.")

        await self._task.record.change("TargetUnhealthy", change)

    def _event(self, tx: Transaction, body: TaskBody, message: str) -> None:
        context = self._context
        documents.tell_service(tx, body, context.new_id, context.clock(), message)

    def _registered(self, target: TaskTarget) -> TargetBody | None:
        """The target, unless it has been deregistered."""
        view = self._context.store.view
        document = view.get(tables.TARGETS, target["group"], targets.key_of(target))
        return document.body if document is not None and not document.body["draining"] else None

    def _may_still_start(self, target: TargetBody) -> bool:
        """Whether failed health checks do not count yet: within the service's grace period, and
        for the time of as many checks as make a target unhealthy and healthy again. In ELB one
        passed check is enough at first; Envoy wants several after one that failed.
        """
        document = self._context.store.view.get(tables.TARGET_GROUPS, target["TargetGroupArn"])
        if document is None:
            return True
        group = document.body
        checks = group["UnhealthyThresholdCount"] + group["HealthyThresholdCount"]
        least = group["HealthCheckIntervalSeconds"] * checks
        wait = max(self._task.grace, least)
        return self._context.store.now().left(target.get("registered"), wait) > 0

    def _draining(self, target: TaskTarget) -> bool:
        """Whether the deregistration delay has not ended."""
        view = self._context.store.view
        document = view.get(tables.TARGETS, target["group"], targets.key_of(target))
        return document is not None and drain_left(self._context.store.now(), document.body) > 0

    def _names(self, target: TaskTarget) -> list[str]:
        """The names of the load balancers that send to the target."""
        view = self._context.store.view
        group = targets.group_of(view, target)
        arns = group["LoadBalancerArns"] if group is not None else []
        found = [view.get(tables.LOAD_BALANCERS, arn) for arn in arns]
        return [document.body["LoadBalancerName"] for document in found if document is not None]
