"""Begins deployments, forward and back, and lets people decide about those that run.

`running.work` carries them out; `running.decisions` has what people decide.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from tealmesh.model.clock import Clock, NewId, SteadyClock, system_clock
from tealmesh.model.config.strategies import Strategy
from tealmesh.model.errors import AwsError, DriverError
from tealmesh.model.rollout import Deployment, SideTasks, State
from tealmesh.rollout import beginning, documents, extending, going_back, machine, terraform
from tealmesh.rollout.drivers.base import Driver
from tealmesh.rollout.effects import LiveRoute, Replaced, Superseded
from tealmesh.rollout.gates.preflight import ImageProblem, none_known
from tealmesh.rollout.groups.controller import Groups
from tealmesh.rollout.performer import (
    CallersSaw,
    CallersSawAfter,
    CallersSawBeside,
    HearOthers,
    MissingReports,
    Performer,
    WaitConverged,
    WhoChanged,
    nothing_beside,
    nothing_missing,
)
from tealmesh.rollout.running import stored
from tealmesh.rollout.running.decisions import Decisions
from tealmesh.rollout.running.hearing import Deaf, Hearing
from tealmesh.rollout.running.keeping import Keeping
from tealmesh.rollout.running.stored import refuse_locked
from tealmesh.rollout.running.work import OnTransition, Work
from tealmesh.rollout.system import Service, other_side
from tealmesh.store import Store
from tealmesh.supervision.supervisor import Supervisor

if TYPE_CHECKING:
    from tealmesh.model.rollout.locks import LockBody
    from tealmesh.model.rollout.terraform import Holder

MAKE_WAY_SECONDS = 50.0
"""How long a deployment waits for the end of the one that it replaces."""


class Controller(Decisions):
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
        windows: CallersSawAfter,
        who: WhoChanged,
        *,
        clock: SteadyClock,
        new_id: NewId,
        wall: Clock = system_clock,
        poll_seconds: float = 0.5,
        image_problem: ImageProblem = none_known,
        on_transition: OnTransition | None = None,
        supervisor: Supervisor | None = None,
        others: HearOthers | None = None,
        beside: CallersSawBeside = nothing_beside,
        hearing: Hearing | None = None,
        missing: MissingReports = nothing_missing,
    ) -> None:
        performer = Performer(
            driver, converged, traffic, windows, who, clock, others, beside, missing
        )
        work = Work(
            store,
            performer,
            clock=clock,
            wall=wall,
            poll_seconds=poll_seconds,
            supervisor=supervisor or Supervisor(),
            on_transition=on_transition or (lambda entry: None),
            hearing=hearing or Deaf(),
        )
        super().__init__(store, work, performer)
        self._keeping = Keeping(store, driver, supervisor or Supervisor(), poll_seconds)
        self.groups = Groups(
            store,
            self,
            work,
            self._keeping.beginning,
            clock=clock,
            wall=wall,
            new_id=new_id,
            poll_seconds=poll_seconds,
            supervisor=supervisor or Supervisor(),
        )
        self._poll_seconds = poll_seconds
        self._wall = wall
        self._driver = driver
        self._clock = clock
        self._new_id = new_id
        self._image_problem = image_problem

    async def run(self) -> None:
        """Resume the unfinished deployments, then work on all until cancelled."""
        await self._work.run()

    async def keep(self) -> None:
        """Stop the sides that are kept for a way back, each in time, until cancelled."""
        await self._keeping.run()

    def running(self, service: str) -> Deployment | None:
        """The unfinished deployment of a service, with its newest observations."""
        return self._work.running(service)

    async def deploy(
        self,
        actor: str,
        service: str,
        image: str,
        strategy: Strategy | None = None,
        token: str = "",
        instead: bool = False,
        *,
        force: bool = False,
        by: Holder | None = None,
    ) -> Deployment:
        """Start a deployment of ``image`` to the idle side. ``force``: in a freeze too. ``by``: who
        makes its changes, with Terraform; None for the control plane.

        ``strategy``: None for the one in teal.toml. A repeated ``token`` returns the deployment
        that it started. ``instead``: a deployment that runs is ended first. ConflictException while
        another one runs otherwise, while the service is locked, in a freeze, or when the weights do
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
        extending.refuse(system, strategy or system.strategy)
        refuse_locked(self._store.view, service, self._store.now())
        beginning.freeze(system, self._wall(), force=force)

        async def first(instead_of: Deployment | None = None) -> Deployment:
            begins = await self.first(actor, system, image, force=force, instead_of=instead_of)
            return replace(begins, strategy=strategy or system.strategy, client_token=token)

        if instead and (begun := await self._take_place(actor, system, image, first)):
            return begun
        return await self._begin("Deploy", system, await first(), by)

    async def first(
        self,
        actor: str,
        system: Service,
        image: str,
        *,
        force: bool,
        instead_of: Deployment | None = None,
    ) -> Deployment:
        """The beginning of a deployment of ``image``, not stored yet. Raises as `deploy` does.
        ``instead_of``: one that runs, and ends as this one begins.
        """
        freeze = beginning.freeze(system, self._wall(), force=force)
        but = instead_of.id if instead_of else ""
        running = await self._work.settled(system.name)
        documents.refuse_another(running if running is None or running.id != but else None)
        documents.refuse_shared_router(self._store.view, system, but)
        route, tasks = await self._present(system)
        old = beginning.active_side(system, route, tasks)
        now, history = self._clock(), self._work.all(system.name)
        first = beginning.created(system, old, tasks, route, image, self._new_id(), now, history)
        if freeze:
            first = replace(first, through_freeze=actor, note=f"in {freeze}, forced by {actor}")
        return replace(first, actor=actor)

    async def retry(self, actor: str, service: str, token: str = "") -> Deployment:
        """Start the latest deployment again, which has failed or was stopped: the same image by the
        same strategy. ConflictException if there is none, or if it was successful.
        """
        name = self._system(service).name
        if repeated := documents.by_token(self._store.view, name, token):
            return repeated
        latest = self.latest(name)
        documents.refuse_another(latest)
        if latest is None or latest.state is State.SUCCEEDED:
            raise AwsError("ConflictException", going_back.nothing_failed(name, latest))
        if latest.kind == "ROLLBACK":
            return (await self.rollback(actor, name, latest.gated))[0]
        return await self.deploy(actor, name, latest.new_image, latest.strategy, token)

    async def rollback(
        self,
        actor: str,
        service: str,
        gradual: bool = False,
        revision: int | None = None,
        by: Holder | None = None,
    ) -> tuple[Deployment, str]:
        """Go back to the version before. A running deployment is aborted; if none is running, one
        of the version before starts: at once, or ``gradual`` with all steps and gates. One that
        goes back already is answered as it is; so is a service that is back already, which the
        second value says. ``revision``: go back to what the deployment with this number released,
        when none is running.

        ConflictException when there is no version before, or it cannot serve.
        """
        system = self._system(service)
        name = system.name
        deployment = await self._work.settled(name)
        if deployment is not None and deployment.state is State.CLEANING_UP:
            first, already = await self.first_back(actor, system, gradual, revision, deployment)
            if already:
                return deployment, already
            begun = await self._begin_instead(
                "Rollback", system, first, deployment, Superseded(actor)
            )
            # Without one it has ended by itself meanwhile.
            return (begun, "") if begun else await self.rollback(actor, name, gradual, revision)
        if deployment is not None:
            if revision is not None:
                documents.refuse_another(deployment)
            if deployment.kind == "ROLLBACK" or deployment.state in machine.BACKWARD:
                return deployment, ""
            return await self._abort(actor, deployment), ""
        return await self._go_back(actor, system, gradual, revision, by)

    async def lock(self, actor: str, service: str, why: str, seconds: float = 0.0) -> LockBody:
        """Lock a service against deployments, for so many seconds or, with 0, until `unlock`."""
        name = self._system(service).name
        return await self._store.write(
            actor, "Lock", lambda t: stored.lock(t, name, actor, why, seconds, self._wall())
        )

    async def unlock(self, actor: str, service: str) -> LockBody:
        """End the lock of a service. ConflictException if it is not locked."""
        name = self._system(service).name
        return await self._store.write(actor, "Unlock", lambda t: stored.unlock(t, name))

    def latest(self, service: str) -> Deployment | None:
        """The running deployment, or else the one that started last."""
        latest = self._work.latest(service)
        return None if latest is None else self._work.shown(latest)

    def one(self, service: str, identity: str | None) -> Deployment | None:
        """The deployment of a service with this id, or without an id the newest one, as `history`
        has it; the others are not read.
        """
        name = self._system(service).name
        found = self._work.latest(name) if identity is None else self._work.one(name, identity)
        return None if found is None else self._work.shown(found)

    def history(self, service: str) -> list[Deployment]:
        """The deployments of a service, newest first; a running one with its newest
        observations, which are not stored one by one.
        """
        return self.history_of(self._system(service))

    def history_of(self, service: Service) -> list[Deployment]:
        """`history` of a service that has been found."""
        return [self._work.shown(d) for d in self._work.all(service.name)]

    async def _take_place(
        self,
        actor: str,
        system: Service,
        image: str,
        first: Callable[[Deployment], Awaitable[Deployment]],
    ) -> Deployment | None:
        """Begin a deployment in place of the one that runs: that ends, in the same write, once it
        has given back what weight it has given. None if none runs, or when it has ended by itself.
        Raises ConflictException if a person has to look at that; and as ``first`` does.
        """
        event, asked = Replaced(actor, image), False
        replaced = present = await self._work.settled(system.name)
        if replaced is not None and replaced.member:
            documents.refuse_another(replaced)
        patience = self._clock() + MAKE_WAY_SECONDS
        while present is not None and replaced is not None and present.id == replaced.id:
            if machine.step(present, event, self._clock()).finished:
                begins = await first(present)
                if begun := await self._begin_instead("Deploy", system, begins, present, event):
                    return begun
            elif not asked:
                # Its tasks need not stop when it is back: the next deployment takes their place.
                await self._work.apply(present.id, event)
                asked = True
            elif present.state is State.HELD or self._clock() > patience:
                raise AwsError(
                    "ConflictException",
                    f"the deployment of {system.name} to {replaced.new_image} was told to end, and "
                    f"waits for {present.waiting_for or 'its Envoys'}: deploy again when it has "
                    "ended",
                )
            else:
                await asyncio.sleep(self._poll_seconds)
            present = await self._work.settled(system.name)
        return None

    async def _go_back(
        self,
        actor: str,
        system: Service,
        gradual: bool,
        revision: int | None = None,
        by: Holder | None = None,
    ) -> tuple[Deployment, str]:
        first, already = await self.first_back(actor, system, gradual, revision)
        if already:
            return first, already
        return await self._begin("Rollback", system, first, by), ""

    async def first_back(
        self,
        actor: str,
        system: Service,
        gradual: bool,
        revision: int | None = None,
        instead_of: Deployment | None = None,
    ) -> tuple[Deployment, str]:
        """The beginning of a way back, not stored yet; or the latest deployment, and that the
        service is back already. ``instead_of``: one that stops its old side, and ends as this one
        begins.
        """
        name, replaced = system.name, instead_of.id if instead_of else ""
        beginning.refuse_problem(system)
        documents.refuse_shared_router(self._store.view, system, replaced)
        route, tasks = await self._present(system)
        beginning.refuse_other_targets(system, route)
        history = documents.deployments(self._store.view, name)
        if instead_of:
            ended = machine.step(instead_of, Superseded(actor), self._clock())
            history = [ended if d.id == ended.id else d for d in history]
        back = (
            going_back.way_back(system, history, route.weights, tasks)
            if revision is None
            else going_back.to_revision(system, history, revision, route.weights, tasks)
        )
        if back.already:
            return history[0], f"{name} is already back: {back.image} on {back.to} serves"
        if not tasks[back.to].healthy and (problem := await self._image_problem(back.image)):
            raise AwsError("BadRequestException", f"{name} cannot go back: {problem}")
        old, now, identity = other_side(system, back.to), self._clock(), self._new_id()
        first = beginning.created(system, old, tasks, route, back.image, identity, now, history)
        return going_back.begun(replace(first, actor=actor), system, gradual), ""

    async def _present(self, service: Service) -> tuple[LiveRoute, Mapping[str, SideTasks]]:
        """The service's route and tasks. Raises InternalServerError."""
        try:
            route = await self._driver.route(service)
            tasks = {s: await self._driver.observe(service, s) for s in service.sides}
        except DriverError as error:
            raise AwsError("InternalServerError", str(error), status=500) from error
        return route, tasks

    async def _begin(
        self, operation: str, system: Service, first: Deployment, by: Holder | None = None
    ) -> Deployment:
        """Store a deployment and work on it. ``by``: who makes its changes with Terraform."""
        pinned = beginning.pinned(system)
        if by is not None:
            terraform.refuse(system, first)
        put = terraform.begun_by(by, lambda t, d, entry: documents.put_first(t, d, entry, pinned))
        async with self._keeping.beginning:
            return await self._work.begin(operation, first, put)

    async def _begin_instead(
        self,
        operation: str,
        system: Service,
        first: Deployment,
        before: Deployment,
        event: Replaced | Superseded,
    ) -> Deployment | None:
        """The same, and end ``before`` by ``event``; None if that has gone on meanwhile."""
        pinned = beginning.pinned(system)
        async with self._keeping.beginning:
            return await self._work.succeed(
                operation,
                first,
                lambda t, d, entry: documents.put_first(t, d, entry, pinned),
                before,
                event,
            )
