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

from tealmesh.model.clock import Clock, NewId, SteadyClock, system_clock
from tealmesh.model.config.strategies import Strategy
from tealmesh.model.errors import AwsError, DriverError
from tealmesh.model.rollout import Deployment, JournalEntry, SideTasks, State
from tealmesh.rollout import beginning, documents, going_back, journal, machine
from tealmesh.rollout.drivers.base import Driver
from tealmesh.rollout.effects import (
    AbortAsked,
    Approved,
    Event,
    GivenUp,
    LiveRoute,
    Looked,
    NotReady,
    Resumed,
    Superseded,
    TakenOver,
)
from tealmesh.rollout.gates.preflight import ImageProblem, none_known
from tealmesh.rollout.performer import CallersSaw, Performer, WaitConverged, WhoChanged
from tealmesh.rollout.system import Service, other_side
from tealmesh.store import Store
from tealmesh.supervision.supervisor import Supervisor

log = logging.getLogger(__name__)

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
        who: WhoChanged,
        *,
        clock: SteadyClock,
        new_id: NewId,
        wall: Clock = system_clock,
        poll_seconds: float = 0.5,
        image_problem: ImageProblem = none_known,
        on_transition: OnTransition | None = None,
        supervisor: Supervisor | None = None,
    ) -> None:
        self._store = store
        self._driver = driver
        self._performer = Performer(driver, converged, traffic, who, clock)
        self._clock = clock
        self._wall = wall
        self._new_id = new_id
        self._poll_seconds = poll_seconds
        self._supervisor = supervisor or Supervisor()
        self._on_transition = on_transition or (lambda entry: None)
        self._live: dict[str, Deployment] = {}
        self._woken: dict[str, asyncio.Event] = {}
        self._image_problem = image_problem
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
        route, tasks = await self._present(system)
        old = beginning.active_side(system, route, tasks)
        first = beginning.created(system, old, tasks, route, image, self._new_id(), self._clock())
        return await self._begin(
            "Deploy",
            system,
            replace(first, strategy=strategy or system.strategy, actor=actor, client_token=token),
        )

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

    async def rollback(
        self, actor: str, service: str, gradual: bool = False
    ) -> tuple[Deployment, str]:
        """Go back to the version before. A running deployment is aborted; if none is running, one
        of the version before starts: at once, or ``gradual`` with all steps and gates. One that
        goes back already is answered as it is; so is a service that is back already, which the
        second value says.

        ConflictException when there is no version before, or it cannot serve.
        """
        system = self._system(service)
        deployment = await self._settled(system.name)
        if deployment is not None and deployment.state is State.CLEANING_UP:
            await self._apply(deployment.id, Superseded(actor))
        elif deployment is not None:
            if deployment.kind == "ROLLBACK" or deployment.state in machine.BACKWARD:
                return deployment, ""
            return await self._abort(actor, deployment), ""
        return await self._go_back(actor, system, gradual)

    async def abort(self, actor: str, service: str, give_up: bool = False) -> Deployment:
        """Return all the weight to the old side, or ``give_up``: end the deployment and leave all
        as it is.

        ConflictException when none is running, or when only the new side can serve.
        """
        deployment = await self._running(service)
        if give_up:
            return await self._woken_by(deployment.id, GivenUp(actor))
        if deployment.state in machine.BACKWARD:
            return deployment
        return await self._abort(actor, deployment)

    async def resume(self, actor: str, service: str, take_over: bool = False) -> Deployment:
        """Let a held deployment go on: ``take_over`` from what is live, else only if all is again
        as the deployment left it.

        ConflictException when none is held, or when something is still otherwise.
        """
        deployment = await self._running(service)
        name = deployment.service
        if deployment.state is not State.HELD:
            needed = f" but waits for {deployment.waiting_for}" if deployment.waiting_for else ""
            raise AwsError("ConflictException", f"the deployment of {name} is not held{needed}")
        try:
            system = documents.deployed_service(self._store.view, name)
            changed = machine.change(deployment, await self._performer.see(deployment, system))
        except DriverError as error:
            raise AwsError("InternalServerError", str(error), status=500) from error
        if changed and not take_over:
            raise AwsError(
                "ConflictException",
                f"{changed.what.rstrip(',')}{changed.rest}: `teal resume {name} --take-over` goes "
                f"on from what is live, `teal abort {name}` ends the deployment",
            )
        return await self._woken_by(deployment.id, TakenOver(actor))

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

    async def _running(self, service: str) -> Deployment:
        """The unfinished deployment. Raises ConflictException if there is none."""
        service = self._system(service).name
        deployment = await self._settled(service)
        if deployment is None:
            raise AwsError(
                "ConflictException",
                f"no deployment of {service} is running: `teal rollback {service}` goes back to "
                "the version before",
            )
        return deployment

    async def _abort(self, actor: str, deployment: Deployment) -> Deployment:
        service, old, new = deployment.service, deployment.old_side, deployment.new_side
        if machine.only_new_serves(deployment):
            raise AwsError(
                "ConflictException",
                f"{service}: side {old} has no healthy task to go back to, and {new} can serve: "
                f"`teal abort {service} --give-up` ends the deployment and leaves all as it is",
            )
        if not machine.can_abort(deployment):
            raise AwsError(
                "ConflictException",
                f"the deployment of {service} is stopping {old}: `teal rollback {service}` starts "
                "it again and goes back to it",
            )
        return await self._woken_by(deployment.id, AbortAsked(actor))

    async def _go_back(self, actor: str, system: Service, gradual: bool) -> tuple[Deployment, str]:
        name = system.name
        beginning.refuse_problem(system)
        documents.refuse_shared_router(self._store.view, system)
        route, tasks = await self._present(system)
        beginning.refuse_other_targets(system, route)
        history = documents.deployments(self._store.view, name)
        back = going_back.way_back(system, history, route.weights, tasks)
        if back.already:
            return history[0], f"{name} is already back: {back.image} on {back.to} serves"
        if not tasks[back.to].healthy and (problem := await self._image_problem(back.image)):
            raise AwsError("BadRequestException", f"{name} cannot go back: {problem}")
        old = other_side(system, back.to)
        now = self._clock()
        first = beginning.created(system, old, tasks, route, back.image, self._new_id(), now)
        first = going_back.begun(replace(first, actor=actor), system, gradual)
        return await self._begin("Rollback", system, first), ""

    async def _begin(self, operation: str, system: Service, first: Deployment) -> Deployment:
        """Store a deployment and work on it."""
        first = replace(first, created_at=self._wall(), updated_at=self._wall())
        entry = journal.entry(first, State.CREATED.value)
        pinned = beginning.pinned(system)
        await self._store.write(
            first.actor, operation, lambda t: documents.put_first(t, first, entry, pinned)
        )
        self._live[first.id] = first
        self._on_transition(entry)
        self._work_on(first)
        return first

    async def _present(self, service: Service) -> tuple[LiveRoute, Mapping[str, SideTasks]]:
        """The service's route and tasks. Raises InternalServerError."""
        try:
            route = await self._driver.route(service)
            tasks = {s: await self._driver.observe(service, s) for s in service.sides}
        except DriverError as error:
            raise AwsError("InternalServerError", str(error), status=500) from error
        return route, tasks

    async def _woken_by(self, deployment_id: str, event: Event) -> Deployment:
        """Step on what a person asked for, and work on."""
        after = await self._apply(deployment_id, event)
        if deployment_id not in self._workers and not after.finished:
            self._work_on(after)
        return after

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
            await self._turn(issued)
            if self._live[deployment_id].sequence == issued.sequence:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(woken.wait(), self._poll_seconds)
        self._live.pop(deployment_id)
        self._woken.pop(deployment_id)

    async def _turn(self, d: Deployment) -> None:
        """Look at what is, and perform the effect of the state if that is still right."""
        service = documents.deployed_service(self._store.view, d.service)
        look = await self._performer.look(d, service)
        looked = await self._apply(d.id, look, d.sequence)
        if looked.sequence != d.sequence or not isinstance(look, Looked):
            return
        order = machine.scaling(looked)
        if order is not None:
            scaled = await self._performer.scale(service, order)
            looked = await self._apply(d.id, scaled, d.sequence)
        effect = machine.next_effect(looked)
        if effect is None or looked.sequence != d.sequence:
            return
        event: Event
        if obstacle := machine.obstacle(looked):
            event = NotReady(obstacle)
        else:
            event = await self._performer.perform(looked, service, effect, look.seen)
        await self._apply(d.id, event, d.sequence)

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

    def _system(self, service: str) -> Service:
        return documents.service(self._store.view, service)
