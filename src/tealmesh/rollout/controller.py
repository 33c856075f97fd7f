"""Runs deployments: persists each transition first, then performs its effects.

State is in the store (``teal.deployment``, and one entry of ``teal.journal`` a transition). When
the control plane starts again, every unfinished deployment is taken up in the state it was in.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol

from tealmesh.model.clock import Clock, NewId
from tealmesh.model.config.nouns import Strategy
from tealmesh.model.convergence import Convergence
from tealmesh.model.errors import AwsError, DriverError
from tealmesh.model.rollout import Deployment, JournalEntry, State, Status, Traffic
from tealmesh.rollout import journal, machine
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
    Observe,
    Observed,
    Resumed,
    SetWeights,
    SideEnsured,
    SideStopped,
    StopSide,
    WeightRefused,
)
from tealmesh.rollout.system import ServiceSystem
from tealmesh.store import Store, Transaction, View, tables

log = logging.getLogger(__name__)

_CONVERGENCE_WAIT = 1.0
"""Seconds of one wait for convergence, so that a request to abort is soon seen."""


class WaitConverged(Protocol):
    """Wait until every Envoy of ``mesh`` has acknowledged ``revision``, at most ``timeout``
    seconds; the answer says whether they have.
    """

    async def __call__(self, mesh: str, revision: int, timeout: float) -> Convergence: ...


CallersSaw = Callable[[ServiceSystem, str, float], Traffic]
"""(service, side, since): what the callers of a side have seen since a time."""

OnTransition = Callable[[JournalEntry], None]
"""Called after a transition is committed, before it is acted upon. For tests that stop the
control plane at every transition."""


class Controller:
    """The deployments of one control plane. Use `run` for as long as it lives."""

    def __init__(
        self,
        store: Store,
        driver: Driver,
        converged: WaitConverged,
        traffic: CallersSaw,
        *,
        clock: Clock,
        new_id: NewId,
        poll: float = 0.5,
        on_transition: OnTransition | None = None,
    ) -> None:
        self._store = store
        self._driver = driver
        self._converged = converged
        self._traffic = traffic
        self._clock = clock
        self._new_id = new_id
        self._poll = poll
        self._on_transition = on_transition or (lambda entry: None)
        self._live: dict[str, Deployment] = {}
        self._woken: dict[str, asyncio.Event] = {}
        self._lock = asyncio.Lock()
        self._workers: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Take up unfinished deployments, then work on all until cancelled."""
        try:
            for deployment in unfinished(self._store.view):
                self._live[deployment.id] = deployment
                await self._apply(deployment.id, Resumed())
                self._work_on(deployment.id)
            await asyncio.Event().wait()
        finally:
            for worker in self._workers.values():
                worker.cancel()
            await asyncio.gather(*self._workers.values(), return_exceptions=True)

    async def deploy(
        self,
        actor: str,
        service: ServiceSystem,
        image: str,
        strategy: Strategy | None = None,
        token: str = "",
    ) -> Deployment:
        """Start a deployment of ``image`` onto the idle side.

        Raises AwsError: ConflictException while another one runs, or when the weights do not say
        which side is idle.
        """
        repeated = self._by_token(service.name, token)
        if repeated:
            if repeated.new_image != image:
                raise AwsError(
                    "ConflictException",
                    f"clientToken {token} was used for a deployment of {repeated.new_image}",
                )
            return repeated
        refuse_another(self.running(service.name))
        old = await self._active_side(service)
        tasks = await self._driver.observe(service, old)
        made = _created(service, old, tasks.image, image, self._new_id(), self._clock())
        deployment = replace(
            made, strategy=strategy or made.strategy, actor=actor, client_token=token
        )
        await self._store.write(actor, "Deploy", lambda t: _start(t, deployment))
        self._begin(deployment)
        return deployment

    async def approve(self, service: str) -> Deployment:
        """Let the running deployment pass the approval gate. Raises AwsError."""
        deployment = await self._settled(service)
        if deployment is None:
            raise AwsError("ConflictException", f"no deployment of {service} is running")
        if not deployment.gates.approval:
            raise AwsError("ConflictException", f"the deployment of {service} needs no approval")
        if deployment.approved:
            return deployment
        return await self._apply(deployment.id, Approved())

    async def rollback(self, actor: str, service: ServiceSystem) -> Deployment:
        """Abort the running deployment, or with none running deploy the image before.

        Raises AwsError: ConflictException when neither can be done.
        """
        deployment = await self._settled(service.name)
        if deployment is None:
            return await self._deploy_previous(actor, service)
        aborted = await self._apply(deployment.id, AbortAsked(actor))
        if aborted.status is Status.IN_PROGRESS or aborted.state is State.SUCCEEDED:
            raise AwsError(
                "ConflictException",
                f"the deployment of {service.name} is in {aborted.state} and cannot be "
                "aborted any more: wait for its end",
            )
        if deployment.id not in self._workers:
            self._work_on(deployment.id)
        return aborted

    async def _settled(self, service: str) -> Deployment | None:
        """The running deployment, once a transition that is being stored has been taken."""
        async with self._lock:
            return self.running(service)

    def running(self, service: str) -> Deployment | None:
        """The unfinished deployment of a service, with its newest observations."""
        found = (d for d in self._live.values() if d.service == service and not d.finished)
        return next(found, None)

    def latest(self, service: str) -> Deployment | None:
        """The running deployment, else the one that began last."""
        running = self.running(service)
        stored = next(iter(deployments(self._store.view, service)), None)
        if running is None or stored is None or stored.id != running.id:
            return running or stored
        # A transition is committed, and seen in the journal, before it is taken over here.
        return running if running.sequence >= stored.sequence else stored

    async def _deploy_previous(self, actor: str, service: ServiceSystem) -> Deployment:
        done = [d for d in deployments(self._store.view, service.name) if _succeeded(d)]
        if not done:
            raise AwsError(
                "ConflictException", f"{service.name} has no earlier image to go back to"
            )
        return await self.deploy(actor, service, done[0].old_image)

    async def _active_side(self, service: ServiceSystem) -> str:
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

    def _by_token(self, service: str, token: str) -> Deployment | None:
        found = (d for d in deployments(self._store.view, service) if d.client_token == token)
        return next(found, None) if token else None

    def _begin(self, deployment: Deployment) -> None:
        self._live[deployment.id] = deployment
        self._on_transition(journal.entry(deployment, State.CREATED.value))
        self._work_on(deployment.id)

    def _work_on(self, identity: str) -> None:
        worker = asyncio.create_task(self._work(identity), name=f"deployment-{identity}")
        self._workers[identity] = worker
        worker.add_done_callback(lambda _: self._workers.pop(identity, None))

    async def _work(self, identity: str) -> None:
        try:
            await self._work_to_the_end(identity)
        except Exception:
            # Stored state is untouched: `teal rollback` or the next start takes it up again.
            log.exception("deployment %s stands still in a defect of Tealmesh", identity)

    async def _work_to_the_end(self, identity: str) -> None:
        woken = self._woken.setdefault(identity, asyncio.Event())
        while not self._live[identity].finished:
            issued = self._live[identity]
            woken.clear()
            for effect in machine.effects(issued):
                event = await self._perform(issued, effect)
                await self._apply(identity, event, issued.sequence)
            if self._live[identity].sequence == issued.sequence:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(woken.wait(), self._poll)
        self._live.pop(identity)
        self._woken.pop(identity)

    async def _apply(self, identity: str, event: Event, issued: int | None = None) -> Deployment:
        """Step on ``event``; a transition is stored before anybody sees it. An event that answers
        an effect issued before another transition is passed over: it is out of date.
        """
        async with self._lock:
            before = self._live.get(identity) or self._stored(identity)
            if issued is not None and before.sequence != issued:
                return before
            after, _ = machine.step(before, event, self._clock())
            if after.sequence != before.sequence:
                entry = journal.entry(after, journal.transition(before, event, after))
                await self._store.write(
                    f"rollout/{after.service}",
                    entry.transition,
                    lambda t: _put(t, after, entry),
                )
                log.info("deployment of %s: %s %s", after.service, entry.transition, entry.message)
            if not before.finished:
                self._live[identity] = after
            if after.sequence != before.sequence:
                self._on_transition(entry)
                if identity in self._woken:
                    self._woken[identity].set()
            return after

    async def _perform(self, d: Deployment, effect: Effect) -> Event:
        service = self._service(d)
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
        except DriverError as error:
            return EffectFailed(str(error), error.retryable)
        except Exception as error:
            log.exception("deployment of %s: %s failed", d.service, type(effect).__name__)
            message = f"{type(effect).__name__} failed: {type(error).__name__}: {error}"
            return EffectFailed(message, retryable=False)

    async def _set_weights(self, service: ServiceSystem, weights: Mapping[str, int]) -> Event:
        for side, weight in weights.items():
            if weight and (await self._driver.observe(service, side)).healthy == 0:
                return WeightRefused(side)
        return await self._driver.set_weights(service, weights)

    async def _await_converged(self, d: Deployment, revision: int) -> Event:
        convergence = await self._converged(d.mesh, revision, _CONVERGENCE_WAIT)
        refusals = convergence.rejected.items()
        rejected = tuple(f"{envoy}: {message}" for envoy, message in refusals)
        return ConvergenceSeen(convergence.converged, self._clock(), convergence.waiting, rejected)

    async def _observe(self, d: Deployment, service: ServiceSystem, since: float) -> Event:
        old = await self._driver.observe(service, d.old_side)
        new = await self._driver.observe(service, d.new_side)
        late = self._clock() - d.entered_at > d.strategy.step_timeout / 2
        explanation = ""
        if new.failed or new.failure or late:
            explanation = await self._driver.explain(service, d.new_side)
        return Observed(
            old,
            new,
            self._traffic(service, d.old_side, since),
            self._traffic(service, d.new_side, since),
            explanation,
        )

    def _stored(self, identity: str) -> Deployment:
        documents = self._store.view.list(tables.DEPLOYMENTS)
        found = next(d for d in documents if d.body["id"] == identity)
        return Deployment.from_json(found.body)

    def _service(self, d: Deployment) -> ServiceSystem:
        document = self._store.view.get(tables.SYSTEMS, d.service)
        if document is None:
            raise AwsError("NotFoundException", f"there is no service {d.service}")
        return ServiceSystem.from_json(document.body)


def deployments(view: View, service: str) -> list[Deployment]:
    """The stored deployments of a service, newest first."""
    found = [Deployment.from_json(d.body) for d in view.list(tables.DEPLOYMENTS, service)]
    return sorted(found, key=lambda d: d.created_at, reverse=True)


def unfinished(view: View) -> list[Deployment]:
    found = [Deployment.from_json(d.body) for d in view.list(tables.DEPLOYMENTS)]
    return [d for d in found if not d.finished]


def _succeeded(d: Deployment) -> bool:
    return d.state is State.SUCCEEDED


def _created(
    service: ServiceSystem, old: str, old_image: str, image: str, identity: str, now: float
) -> Deployment:
    """A deployment of ``image`` onto the side that is not ``old``, as teal.toml has it."""
    return Deployment(
        id=identity,
        service=service.name,
        mesh=service.mesh,
        old_side=old,
        new_side=next(side for side in service.config.sides if side != old),
        old_image=old_image,
        new_image=image,
        desired_count=service.config.desired_count,
        strategy=service.config.strategy,
        gates=service.config.gates,
        created_at=now,
        updated_at=now,
        entered_at=now,
    )


def refuse_another(d: Deployment | None) -> None:
    """Raise ConflictException when the deployment is under way."""
    if d is not None and not d.finished:
        raise AwsError(
            "ConflictException",
            f"a deployment of {d.service} to {d.new_image} is running: wait for its end, or abort "
            f"it (`teal rollback {d.service}`)",
        )


def _start(t: Transaction, d: Deployment) -> None:
    for document in t.list(tables.DEPLOYMENTS, d.service):
        refuse_another(Deployment.from_json(document.body))
    _put(t, d, journal.entry(d, State.CREATED.value))


def _put(t: Transaction, d: Deployment, entry: JournalEntry) -> None:
    t.put(tables.DEPLOYMENTS, d.service, d.id, body=d.to_json())
    t.put(tables.JOURNAL, d.id, f"{entry.sequence:06}", body=entry.to_json())
