"""Looks at the world for a deployment and performs its effects on it, by a driver."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from tealmesh.envoy.names import BesideKind
from tealmesh.model.arn import task_name
from tealmesh.model.clock import SteadyClock
from tealmesh.model.convergence import Convergence
from tealmesh.model.ecs.reasons import told
from tealmesh.model.errors import DriverError, NotYet
from tealmesh.model.rollout import Deployment, GateResult, SideTasks, Traffic, Verdict
from tealmesh.model.said import counted, say
from tealmesh.model.traffic.windows import SideWindow
from tealmesh.rollout import beginning, machine
from tealmesh.rollout.drivers.base import Driver
from tealmesh.rollout.effects import (
    AwaitConverged,
    ConvergenceSeen,
    Effect,
    EffectFailed,
    EnsureSide,
    Event,
    Looked,
    NotReady,
    Observe,
    Observed,
    ScaleSide,
    Seen,
    SetWeights,
    SideEnsured,
    SideScaled,
    SideStopped,
    StopSide,
)
from tealmesh.rollout.machine import limits
from tealmesh.rollout.system import Service
from tealmesh.supervision.trouble import last_line

log = logging.getLogger(__name__)

_CONVERGENCE_WAIT_SECONDS = 1.0
"""The longest single wait for convergence, so that a request to abort is soon noticed."""


class WaitConverged(Protocol):
    """Wait until every Envoy of ``mesh`` has acknowledged ``revision``, for at most ``timeout``
    seconds, and return how far they are.
    """

    async def __call__(self, mesh: str, revision: int, timeout: float) -> Convergence: ...


class WhoChanged(Protocol):
    """Who last changed the route, the tasks or the virtual node of a side, for people; empty if
    nobody knows.
    """

    async def __call__(self, service: Service, side: str, of: str) -> str: ...


class HearOthers(Protocol):
    """What those outside say of a deployment: `rollout.asking`. No method waits."""

    def before(self, d: Deployment, service: Service) -> Event | None: ...
    def heard(self, d: Deployment, service: Service, seen: Observed) -> Observed: ...
    def forget(self, d: Deployment) -> None: ...
    def resume(self) -> None: ...
    async def close(self) -> None: ...


class Nobody:
    """Nobody outside is asked."""

    def before(self, d: Deployment, service: Service) -> Event | None:
        return None

    def heard(self, d: Deployment, service: Service, seen: Observed) -> Observed:
        return seen

    def forget(self, d: Deployment) -> None:
        return None

    def resume(self) -> None:
        return None

    async def close(self) -> None:
        return None


CallersSaw = Callable[[Service, str, float], Traffic]
"""(service, side, since) -> what the callers of a side have seen since a time."""

CallersSawAfter = Callable[[Service, str, float], SideWindow]
"""(service, side, after) -> the same as a window of measurement, which begins where the one before
ended."""

BEFORE_SECONDS = 60.0
"""How long before the first weight callers are listened to, unless the old side had another
version then."""


CallersSawBeside = Callable[[Service, str, float, BesideKind], Traffic]
"""(service, side, since, way) -> what reached a side beside its weight since a time."""


def nothing_beside(service: Service, side: str, since: float, way: BesideKind) -> Traffic:
    """Nothing reaches a side beside its weight."""
    return Traffic()


MissingReports = Callable[[Service], str]
"""(service) -> why what its callers saw is not known at present; empty if it is."""


def nothing_missing(service: Service) -> str:
    """All that callers saw is known."""
    return ""


class Performer:
    """What a deployment sees and does. No method raises for what goes wrong in the world: that is
    an event.
    """

    def __init__(
        self,
        driver: Driver,
        converged: WaitConverged,
        traffic: CallersSaw,
        windows: CallersSawAfter,
        who: WhoChanged,
        clock: SteadyClock,
        others: HearOthers | None = None,
        beside: CallersSawBeside = nothing_beside,
        missing: MissingReports = nothing_missing,
    ) -> None:
        self._missing = missing
        self._driver = driver
        self._converged = converged
        self._traffic = traffic
        self._windows = windows
        self._who = who
        self._clock = clock
        self.others: HearOthers = others or Nobody()
        self._beside = beside

    async def look(self, d: Deployment, service: Service) -> Event:
        """`Looked`, or why that was not possible."""
        try:
            return Looked(await self.see(d, service))
        except DriverError as error:
            why = say("the service could not be looked at: {error}", error=told(str(error)))
            return EffectFailed(why, retryable=True)

    async def see(self, d: Deployment, service: Service) -> Seen:
        """The service as it is, and who changed what is not as the deployment left it."""
        route, old, new = await asyncio.gather(
            self._driver.route(service),
            self._driver.observe(service, d.old_side),
            self._driver.observe(service, d.new_side),
        )
        new = beginning.of_image(new, d.new_image)
        seen = Seen(route, old, new, explanation=await self._explain(d, service, new))
        changed = machine.change(d, seen)
        if changed is None:
            return seen
        return replace(seen, by=await self._who(service, d.new_side, changed.of))

    async def scale(self, service: Service, order: ScaleSide) -> Event:
        """Give a side more tasks."""
        try:
            await self._driver.scale_side(service, order.side, order.count)
        except DriverError as error:
            tasks = counted(order.count, "task")
            why = told(str(error))
            return NotReady(say("{tasks} of {side}: {why}", tasks=tasks, side=order.side, why=why))
        return SideScaled(order.side, order.count)

    async def perform(self, d: Deployment, service: Service, effect: Effect, seen: Seen) -> Event:
        """Perform the effect of the state, which follows from what was ``seen`` just now."""
        try:
            if not isinstance(effect, Observe):
                refusal = self.others.before(d, service)
                if refusal is not None:
                    return refusal
            match effect:
                case EnsureSide(side=side, image=image, count=count):
                    await self._driver.ensure_side(service, side, image, count)
                    return SideEnsured()
                case SetWeights(weights=weights):
                    version = seen.route.version
                    return await self._driver.set_weights(service, weights, version)
                case AwaitConverged(revision=revision):
                    return await self._await_converged(d, service, revision)
                case Observe():
                    observed = self._observed(d, service, effect, seen)
                    return self._complete(d, service, self.others.heard(d, service, observed))
                case StopSide(side=side):
                    return SideStopped(await self._driver.stop_side(service, side))
        except NotYet as pending:
            return NotReady(told(pending.waiting_for))
        except DriverError as error:
            return EffectFailed(told(str(error)), error.retryable)
        except Exception as error:
            # Nobody foresaw it: it may pass, and the time limit of the phase is for what does not.
            log.exception("deployment of %s: %s failed", d.service, type(effect).__name__)
            name, words = type(effect).__name__, last_line(error)
            why = say("{effect} failed: {error}", effect=name, error=words)
            return EffectFailed(why, retryable=True)

    async def _await_converged(self, d: Deployment, service: Service, revision: int) -> Event:
        convergence = await self._converged(d.mesh, revision, _CONVERGENCE_WAIT_SECONDS)
        waiting = tuple(map(_called, convergence.waiting))
        rejected = tuple(
            say("{envoy}: {message}", envoy=_called(envoy), message=" ".join(message.split()))
            for envoy, message in convergence.rejected.items()
        )
        at = self._clock()
        seen = [self._traffic(service, side, 0.0) for side in (d.old_side, d.new_side)]
        every = max(traffic.every for traffic in seen)
        return ConvergenceSeen(convergence.converged, at, waiting, rejected, every)

    async def _explain(self, d: Deployment, service: Service, new: SideTasks) -> str:
        late = limits.half_gone(d, self._clock())
        if new.failed or new.failure or late or (d.seen.get(d.new_side) and not new.healthy):
            return await self._driver.explain(service, d.new_side, d.created_at)
        return ""

    def _observed(self, d: Deployment, service: Service, effect: Observe, seen: Seen) -> Observed:
        at = self._clock()
        before = at - BEFORE_SECONDS
        # After the machine was restarted its clock may be behind what is stored.
        if before < d.comparison.old_since <= at:
            before = d.comparison.old_since
        after = effect.after or before
        return Observed(
            seen.old,
            seen.new,
            self._traffic(service, d.old_side, effect.since),
            self._traffic(service, d.new_side, effect.since),
            seen.explanation,
            at,
            self._windows(service, d.old_side, after),
            self._windows(service, d.new_side, after),
            beside=self._seen_beside(d, service, effect.since),
        )

    def _complete(self, d: Deployment, service: Service, observed: Observed) -> Observed:
        """What was seen; UNKNOWN stands against going on while part of it is missing, until all is
        heard of again.
        """
        if why := self._missing(service):
            reports = GateResult("reports", Verdict.UNKNOWN, why)
        elif d.evidence and any(one.gate == "reports" for one in d.evidence[-1].verdicts):
            heard = say("all Envoys of its callers are heard of again")
            reports = GateResult("reports", Verdict.PASS, heard)
        else:
            return observed
        return replace(observed, gates=(*observed.gates, reports))

    def _seen_beside(self, d: Deployment, service: Service, since: float) -> Traffic:
        kind = machine.beside_kind(d)
        return self._beside(service, d.new_side, since, kind) if kind else Traffic()


def _called(envoy: str) -> str:
    """An Envoy for people: by its task if it has one, as `teal envoys` calls it."""
    identity = envoy.rpartition("@")[2]
    if not identity.startswith("arn:"):
        return envoy
    return say("task {task}", task=task_name(identity))
