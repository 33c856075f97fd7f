"""Acts on scalable targets: brings counts within bounds, follows schedules, and scales by alarms.

Level-triggered: everything is decided from the store and from what was measured, in one write with
the change itself, so that it may be killed and started at any time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from tealmesh.model.clock import Clock, NewId
from tealmesh.model.scaling.bodies import ScalableTargetBody, ScheduledActionBody
from tealmesh.model.scaling.names import cluster_and_service
from tealmesh.model.scaling.schedules import Schedule
from tealmesh.seams.scaling.changes import ACTOR, Occasion, explain, fulfil, is_open, scale
from tealmesh.seams.scaling.looks import Look, Looks
from tealmesh.seams.scaling.plan import Decision, Situation, decide
from tealmesh.seams.scaling.publisher import Publisher
from tealmesh.store import Document, Reader, Store, Transaction, View, tables

Held = Callable[[Reader, str, str], bool]
"""Whether scaling in of (cluster, service) waits for the end of a deployment."""

MINUTE_SECONDS = 60.0
"""How often alarms are evaluated, and utilization is published."""

_FIRST_LOOK_SECONDS = 3.0

_SCHEDULE_SECONDS = 1.0
"""How often schedules are looked at: the wall clock, which they follow, may be set."""


class Scaling:
    """Automatic scaling of all services."""

    def __init__(
        self,
        store: Store,
        publisher: Publisher,
        looks: Looks,
        held: Held,
        clock: Clock,
        new_id: NewId,
        minute: float = MINUTE_SECONDS,
    ) -> None:
        self._store = store
        self._publisher = publisher
        self._looks = looks
        self._held = held
        self._clock = clock
        self._new_id = new_id
        self._minute = minute

    async def measure(self) -> None:
        """Publish utilization and scale by alarms, once a minute, until cancelled."""
        loop = asyncio.get_running_loop()
        await self._publisher.begin()
        # Alarms that moto has forgotten are there again soon after the start.
        soon = bool(self._store.view.list(tables.SCALING_POLICIES))
        due = loop.time() + min(self._minute, _FIRST_LOOK_SECONDS if soon else self._minute)
        while True:
            told = await self._looks.told(due - loop.time())
            if not told:
                due = max(due + self._minute, loop.time())
                await self._publisher.look()
            await self.look()

    async def look(self) -> None:
        """Evaluate all alarms once, and act on them."""
        for look in await self._looks.look():
            await self._act(look)

    async def keep_bounds(self) -> None:
        """Bring desired counts within new bounds, and complete activities, until cancelled."""
        async for view in self._store.watch():
            for target in view.list(tables.SCALABLE_TARGETS):
                if not target.body["teal"]["bounded"] or _is_done(view, target):
                    await self._bound(target.body)

    async def keep_schedules(self) -> None:
        """Apply scheduled actions when they are due, until cancelled."""
        while True:
            now = self._clock()
            for action in self._store.view.list(tables.SCHEDULED_ACTIONS):
                due = action.body["teal"]["next"]
                if due is not None and due <= now:
                    await self._schedule(action, now)
            await asyncio.sleep(_SCHEDULE_SECONDS)

    async def _act(self, look: Look) -> None:
        cluster, service = look.cluster, look.service
        occasion, scale = self._occasion(), self._minute / MINUTE_SECONDS

        def change(tx: Transaction) -> None:
            target = tx.get(tables.SCALABLE_TARGETS, cluster, service)
            body = tx.get(tables.ECS_SERVICES, cluster, service)
            if target is None or body is None or body.body["status"] != "ACTIVE":
                return
            held = self._held(tx, cluster, service)
            desired = body.body["desiredCount"]
            situation = _situation(target.body, desired, scale, held=held)
            teal = target.body["teal"]
            decision = decide(situation, look.invocations, look.tracked, teal, tx.moment)
            if decision is not None:
                _carry_out(tx, target, decision, situation, occasion)

        await self._store.write(ACTOR, "ScaleService", change)

    async def _bound(self, target: ScalableTargetBody) -> None:
        cluster, service = _names(target)
        occasion = self._occasion()

        def change(tx: Transaction) -> None:
            present = tx.get(tables.SCALABLE_TARGETS, cluster, service)
            body = tx.get(tables.ECS_SERVICES, cluster, service)
            if present is None or body is None:
                return
            if is_open(tx, present):
                fulfil(tx, present, occasion.now)
            if not present.body["teal"]["bounded"]:
                desired = body.body["desiredCount"]
                held = self._held(tx, cluster, service)
                _bring_within(tx, present, desired, occasion, held=held)

        # Who looks at the events wants to know of changes, and not that there were none.
        service_body = self._store.view.get(tables.ECS_SERVICES, cluster, service)
        desired = service_body.body["desiredCount"] if service_body else 0
        outside = not target["MinCapacity"] <= desired <= target["MaxCapacity"]
        await self._store.write(ACTOR if outside else "engine", "KeepBounds", change)

    async def _schedule(self, action: Document[ScheduledActionBody], now: float) -> None:
        cluster, service = cluster_and_service(action.body["ResourceId"]) or ("", "")
        key = (cluster, service, action.body["ScheduledActionName"])

        def change(tx: Transaction) -> None:
            present = tx.get(tables.SCHEDULED_ACTIONS, *key)
            target = tx.get(tables.SCALABLE_TARGETS, cluster, service)
            if present is None or target is None or present.body != action.body:
                return
            body = present.body.copy()
            schedule = Schedule.parse(body["Schedule"], body.get("Timezone", ""))
            begin = body.get("StartTime", body["CreationTime"])
            # What was missed while no control plane ran is applied once, now.
            body["teal"] = {"next": schedule.following(now, begin, body.get("EndTime"))}
            tx.replace(present, body)
            if not target.body["SuspendedState"]["ScheduledScalingSuspended"]:
                bounds = body["ScalableTargetAction"]
                changed = target.body.copy()
                least = bounds.get("MinCapacity", changed["MinCapacity"])
                most = bounds.get("MaxCapacity", changed["MaxCapacity"])
                # Of two bounds that contradict each other, the one that was set now counts.
                changed["MinCapacity"] = least if "MinCapacity" in bounds else min(least, most)
                changed["MaxCapacity"] = most if "MaxCapacity" in bounds else max(least, most)
                changed["teal"] = {**changed["teal"], "bounded": False}
                tx.replace(target, changed)

        await self._store.write(ACTOR, "ScheduledAction", change)

    def _occasion(self) -> Occasion:
        return Occasion(self._clock(), self._new_id())


def _carry_out(
    tx: Transaction,
    target: Document[ScalableTargetBody],
    decision: Decision,
    situation: Situation,
    occasion: Occasion,
) -> None:
    if decision.count is None:
        if decision.reason is not None:
            explain(tx, target, decision.cause, decision.reason, occasion)
        return
    teal = target.body["teal"].copy()
    if decision.cooldown is not None:
        if decision.count > situation.desired:
            teal["scaledOut"] = decision.cooldown
            teal.pop("scaledIn", None)  # scaling out ends the wait for scaling in
        else:
            teal["scaledIn"] = decision.cooldown
    scale(tx, target, decision.count, decision.cause, occasion, teal)


def _bring_within(
    tx: Transaction,
    target: Document[ScalableTargetBody],
    desired: int,
    occasion: Occasion,
    *,
    held: bool,
) -> None:
    """Bring a desired count within the target's bounds; downwards not while that is held."""
    least, most = target.body["MinCapacity"], target.body["MaxCapacity"]
    teal = target.body["teal"].copy()
    teal["bounded"] = True
    if desired < least:
        scale(tx, target, least, f"minimum capacity was set to {least}", occasion, teal)
    elif desired > most and not held:
        scale(tx, target, most, f"maximum capacity was set to {most}", occasion, teal)
    elif desired <= most:
        body = target.body.copy()
        body["teal"] = teal
        tx.replace(target, body)


def _situation(target: ScalableTargetBody, desired: int, scale: float, *, held: bool) -> Situation:
    suspended = target["SuspendedState"]
    return Situation(
        desired=desired,
        least=target["MinCapacity"],
        most=target["MaxCapacity"],
        in_suspended=suspended["DynamicScalingInSuspended"],
        out_suspended=suspended["DynamicScalingOutSuspended"],
        held=held,
        scale=scale,
    )


def _is_done(view: View, target: Document[ScalableTargetBody]) -> bool:
    """Whether the newest activity is open and may be complete."""
    service = view.get(tables.ECS_SERVICES, *_names(target.body))
    if service is None or not is_open(view, target):
        return False
    newest = view.list(tables.SCALING_ACTIVITIES, *_names(target.body))[-1].body["teal"]["count"]
    desired = service.body["desiredCount"]
    return newest != desired or service.body.get("runningCount") == desired


def _names(target: ScalableTargetBody) -> Sequence[str]:
    return cluster_and_service(target["ResourceId"]) or ("", "")
