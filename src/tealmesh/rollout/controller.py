"""Runs deployments: stores each transition, then performs the effect of the new state.

The store keeps the state (``teal.deployment``) and one entry of ``teal.journal`` per transition.
When the control plane restarts, every unfinished deployment resumes in its stored state.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol

from tealmesh.model.clock import Clock, NewId, SteadyClock, system_clock
from tealmesh.model.config.nouns import Strategy
from tealmesh.model.convergence import Convergence
from tealmesh.model.errors import AwsError, DriverError, NotYet
from tealmesh.model.rollout import (
    Deployment,
    JournalEntry,
    State,
    Status,
    Traffic,
)
from tealmesh.rollout import beginning, documents, journal, machine
from tealmesh.rollout.drivers.base import Driver
from tealmesh.rollout.effects import (
    AbortAsked,
    Approved,
    AwaitConverged,
    ConvergenceSeen,
    Effect,
    EffectFailed,
    EnsureSide,
    Event,
    NotReady,
    Observe,
    Observed,
    Resumed,
    SetWeights,
    SideEnsured,
    SideStopped,
    StopSide,
    WeightRefused,
)
from tealmesh.rollout.machine import limits
from tealmesh.rollout.system import Service
from tealmesh.store import Store
from tealmesh.supervision.supervisor import Supervisor
from tealmesh.supervision.trouble import last_line

log = logging.getLogger(__name__)

_CONVERGENCE_WAIT_SECONDS = 1.0
"""The longest single wait for convergence, so that a request to abort is soon noticed."""


class WaitConverged(Protocol):
    """Wait until every Envoy of ``mesh`` has acknowledged ``revision``, for at most ``timeout``
    seconds, and return how far they are.
    """

    async def __call__(self, mesh: str, revision: int, timeout: float) -> Convergence: ...


CallersSaw = Callable[[Service, str, float], Traffic]
"""(service, side, since) -> what the callers of a side have seen since a time."""

OnTransition = Callable[[JournalEntry], None]
"""Called after a transition is committed and before its effect is performed. For tests that stop
the control plane at every transition."""


class Controller:
    """The deployments of one control plane; `run` must run as long as it does.

    Methods take the names of services and raise AwsError: NotFoundException for an unknown service,
    and ConflictException as each method says.
    """

    def __init__(
        self,
        store: Store,
        driver: Driver,
        converged: WaitConverged,
        traffic: CallersSaw,
        *,
        clock: SteadyClock,
        new_id: NewId,
        wall: Clock = system_clock,
        poll_seconds: float = 0.5,
        on_transition: OnTransition | None = None,
        supervisor: Supervisor | None = None,
    ) -> None:
        self._store = store
        self._driver = driver
        self._converged = converged
        self._traffic = traffic
        self._clock = clock
        self._wall = wall
        self._new_id = new_id
        self._poll_seconds = poll_seconds
        self._supervisor = supervisor or Supervisor()
        self._on_transition = on_transition or (lambda entry: None)
        self._live: dict[str, Deployment] = {}
        self._woken: dict[str, asyncio.Event] = {}
        self._lock = asyncio.Lock()
        self._workers: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Resume the unfinished deployments, then work on all until cancelled."""
        try:
            for deployment in documents.unfinished(self._store.view):
                self._live[deployment.id] = deployment
                self._work_on(deployment, resumed=True)
            await asyncio.Event().wait()
        finally:
            for worker in self._workers.values():
                worker.cancel()
            await asyncio.gather(*self._workers.values(), return_exceptions=True)

    async def deploy(
        self,
        actor: str,
        service: str,
        image: str,
        strategy: Strategy | None = None,
        token: str = "",
    ) -> Deployment:
        """Start a deployment of ``image`` to the idle side.

        ``strategy``: None for the one in teal.toml. A repeated ``token`` returns the deployment
        that it started. ConflictException while another deployment runs, or when the weights do
        not say which side is idle.
        """
        system = self._system(service)
        service = system.name
        beginning.refuse_problem(system)
        repeated = documents.by_token(self._store.view, service, token)
        if repeated:
            if repeated.new_image != image:
                raise AwsError(
                    "ConflictException",
                    f"clientToken {token} was used for a deployment of {repeated.new_image}",
                )
            return repeated
        documents.refuse_another(self.running(service))
        documents.refuse_shared_router(self._store.view, system)
        old = await self._active_side(system)
        tasks = await self._driver.observe(system, old)
        system = beginning.pinned(system, old, tasks)
        deployment = replace(
            beginning.created(system, old, tasks, image, self._new_id(), self._clock()),
            created_at=self._wall(),
            updated_at=self._wall(),
            strategy=strategy or system.strategy,
            actor=actor,
            client_token=token,
        )
        first = journal.entry(deployment, State.CREATED.value)
        await self._store.write(
            actor, "Deploy", lambda t: documents.put_first(t, deployment, first, system)
        )
        self._live[deployment.id] = deployment
        self._on_transition(first)
        self._work_on(deployment)
        return deployment

    async def approve(self, service: str) -> Deployment:
        """Let the running deployment pass the approval gate.

        ConflictException when none is running, or when it needs no approval.
        """
        service = self._system(service).name
        deployment = await self._settled(service)
        if deployment is None:
            raise AwsError("ConflictException", f"no deployment of {service} is running")
        if not deployment.gates.approval:
            raise AwsError("ConflictException", f"the deployment of {service} needs no approval")
        if deployment.approved:
            return deployment
        return await self._apply(deployment.id, Approved())

    async def rollback(self, actor: str, service: str) -> Deployment:
        """Abort the running deployment; if none is running, deploy the previous image.

        ConflictException when neither can be done.
        """
        service = self._system(service).name
        deployment = await self._settled(service)
        if deployment is None:
            return await self._deploy_previous(actor, service)
        aborted = await self._apply(deployment.id, AbortAsked(actor))
        if aborted.status is Status.IN_PROGRESS or aborted.state is State.SUCCEEDED:
            raise AwsError(
                "ConflictException",
                f"the deployment of {service} is in {aborted.state} and cannot be aborted any "
                "more: wait until it has finished",
            )
        if deployment.id not in self._workers:
            self._work_on(deployment)
        return aborted

    def running(self, service: str) -> Deployment | None:
        """The unfinished deployment of a service, with its newest observations."""
        live = (d for d in self._live.values() if d.service == service and not d.finished)
        return next(live, None)

    def latest(self, service: str) -> Deployment | None:
        """The running deployment, or else the one that started last."""
        return next(iter(self._all(service)), None)

    def history(self, service: str) -> list[Deployment]:
        """The deployments of a service, newest first; a running one with its newest
        observations, which are not stored one by one.
        """
        return self._all(self._system(service).name)

    def _all(self, service: str) -> list[Deployment]:
        running = self.running(service)
        stored = documents.deployments(self._store.view, service)
        if running is None:
            return stored
        older = [d for d in stored if d.id != running.id]
        # A transition is stored, and in the journal, a moment before it is live here.
        same = next((d for d in stored if d.id == running.id), running)
        return [running if running.sequence >= same.sequence else same, *older]

    async def _settled(self, service: str) -> Deployment | None:
        """The running deployment, once a transition that is being stored has been made."""
        async with self._lock:
            return self.running(service)

    async def _deploy_previous(self, actor: str, service: str) -> Deployment:
        for deployment in documents.deployments(self._store.view, service):
            if deployment.state is State.SUCCEEDED:
                return await self.deploy(actor, service, deployment.old_image)
        raise AwsError("ConflictException", f"{service} has no earlier image to go back to")

    async def _active_side(self, service: Service) -> str:
        try:
            weights = await self._driver.weights(service)
        except DriverError as error:
            raise AwsError("InternalServerError", str(error), status=500) from error
        active = [side for side, weight in weights.items() if weight]
        if len(active) != 1:
            shown = ", ".join(f"{s}={w}" for s, w in sorted(weights.items())) or "none"
            raise AwsError(
                "ConflictException",
                f"{service.name} has weights {shown}: a deployment starts from exactly one side "
                "with weight (`teal weights`)",
            )
        return active[0]

    def _work_on(self, deployment: Deployment, *, resumed: bool = False) -> None:
        identity, service = deployment.id, deployment.service
        worker = asyncio.create_task(
            self._supervisor.keep(
                f"the deployment of {service}",
                lambda: self._work_to_the_end(identity, resumed),
                concerns=service,
            ),
            name=f"deployment-{identity}",
        )
        self._workers[identity] = worker
        worker.add_done_callback(lambda _: self._workers.pop(identity, None))

    async def _work_to_the_end(self, deployment_id: str, resumed: bool) -> None:
        if resumed:
            await self._apply(deployment_id, Resumed())
        woken = self._woken.setdefault(deployment_id, asyncio.Event())
        while not self._live[deployment_id].finished:
            issued = self._live[deployment_id]
            woken.clear()
            effect = machine.next_effect(issued)
            if effect is None:
                break
            event = await self._perform(issued, effect)
            await self._apply(deployment_id, event, issued.sequence)
            if self._live[deployment_id].sequence == issued.sequence:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(woken.wait(), self._poll_seconds)
        self._live.pop(deployment_id)
        self._woken.pop(deployment_id)

    async def _apply(
        self, deployment_id: str, event: Event, issued: int | None = None
    ) -> Deployment:
        """Step on ``event``; a transition is stored before anybody sees it.

        ``issued``: sequence of the deployment when the effect was issued that ``event`` answers.
        If there was a transition since, the event is out of date and is ignored.
        """
        async with self._lock:
            before = self._live.get(deployment_id) or documents.deployment(
                self._store.view, deployment_id
            )
            if issued is not None and before.sequence != issued:
                return before
            after = self._dated(before, machine.step(before, event, self._clock()))
            if after.sequence != before.sequence:
                entry = journal.entry(after, journal.transition(before, event, after))
                await self._store.write(
                    f"rollout/{after.service}",
                    entry.transition,
                    lambda t: documents.put(t, after, entry),
                )
                log.info("deployment of %s: %s %s", after.service, entry.transition, entry.message)
            if not before.finished:
                self._live[deployment_id] = after
            if after.sequence != before.sequence:
                self._on_transition(entry)
                if deployment_id in self._woken:
                    self._woken[deployment_id].set()
            return after

    def _dated(self, before: Deployment, after: Deployment) -> Deployment:
        """The dates that are shown are wall time; what the machine computes with is not."""
        if after is before:
            return after
        now = self._wall()
        finished = after.finished_at if before.finished_at == after.finished_at else now
        return replace(after, updated_at=now, finished_at=finished)

    async def _perform(self, d: Deployment, effect: Effect) -> Event:
        service = documents.deployed_service(self._store.view, d.service)
        try:
            match effect:
                case EnsureSide(side=side, image=image):
                    await self._driver.ensure_side(service, side, image)
                    return SideEnsured()
                case SetWeights(weights=weights):
                    return await self._set_weights(service, weights)
                case AwaitConverged(revision=revision):
                    return await self._await_converged(d, revision)
                case Observe(since=since):
                    return await self._observe(d, service, since)
                case StopSide(side=side):
                    return SideStopped(await self._driver.stop_side(service, side))
        except NotYet as pending:
            return NotReady(pending.waiting_for)
        except DriverError as error:
            return EffectFailed(str(error), error.retryable)
        except Exception as error:
            # Nobody foresaw it: it may pass, and the time limit of the state is for what does not.
            log.exception("deployment of %s: %s failed", d.service, type(effect).__name__)
            return EffectFailed(
                f"{type(effect).__name__} failed: {last_line(error)}", retryable=True
            )

    async def _set_weights(self, service: Service, weights: Mapping[str, int]) -> Event:
        for side, weight in weights.items():
            if weight and (await self._driver.observe(service, side)).healthy == 0:
                return WeightRefused(side)
        return await self._driver.set_weights(service, weights)

    async def _await_converged(self, d: Deployment, revision: int) -> Event:
        convergence = await self._converged(d.mesh, revision, _CONVERGENCE_WAIT_SECONDS)
        refusals = convergence.rejected.items()
        rejected = tuple(f"{envoy}: {message}" for envoy, message in refusals)
        return ConvergenceSeen(convergence.converged, self._clock(), convergence.waiting, rejected)

    async def _observe(self, d: Deployment, service: Service, since: float) -> Event:
        old = await self._driver.observe(service, d.old_side)
        new = beginning.of_image(await self._driver.observe(service, d.new_side), d.new_image)
        late = limits.half_gone(d, self._clock())
        explanation = ""
        if new.failed or new.failure or late:
            explanation = await self._driver.explain(service, d.new_side, d.created_at)
        return Observed(
            old,
            new,
            self._traffic(service, d.old_side, since),
            self._traffic(service, d.new_side, since),
            explanation,
        )

    def _system(self, service: str) -> Service:
        return documents.service(self._store.view, service)
