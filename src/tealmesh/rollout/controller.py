"""Begins deployments, forward and back, and lets people decide about those that run.

`running.work` carries them out; `running.decisions` has what people decide.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from tealmesh.model.clock import Clock, NewId, SteadyClock, system_clock
from tealmesh.model.config.strategies import Strategy
from tealmesh.model.errors import AwsError, DriverError
from tealmesh.model.rollout import Deployment, SideTasks, State
from tealmesh.rollout import beginning, documents, going_back, machine
from tealmesh.rollout.drivers.base import Driver
from tealmesh.rollout.effects import LiveRoute, Superseded
from tealmesh.rollout.gates.preflight import ImageProblem, none_known
from tealmesh.rollout.performer import (
    CallersSaw,
    CallersSawAfter,
    Performer,
    WaitConverged,
    WhoChanged,
)
from tealmesh.rollout.running.decisions import Decisions
from tealmesh.rollout.running.work import OnTransition, Work
from tealmesh.rollout.system import Service, other_side
from tealmesh.store import Store
from tealmesh.supervision.supervisor import Supervisor


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
    ) -> None:
        performer = Performer(driver, converged, traffic, windows, who, clock)
        work = Work(
            store,
            performer,
            clock=clock,
            wall=wall,
            poll_seconds=poll_seconds,
            supervisor=supervisor or Supervisor(),
            on_transition=on_transition or (lambda entry: None),
        )
        super().__init__(store, work, performer)
        self._driver = driver
        self._clock = clock
        self._new_id = new_id
        self._image_problem = image_problem

    async def run(self) -> None:
        """Resume the unfinished deployments, then work on all until cancelled."""
        await self._work.run()

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
        deployment = await self._work.settled(system.name)
        if deployment is not None and deployment.state is State.CLEANING_UP:
            await self._work.apply(deployment.id, Superseded(actor))
        elif deployment is not None:
            if deployment.kind == "ROLLBACK" or deployment.state in machine.BACKWARD:
                return deployment, ""
            return await self._abort(actor, deployment), ""
        return await self._go_back(actor, system, gradual)

    def latest(self, service: str) -> Deployment | None:
        """The running deployment, or else the one that started last."""
        return next(iter(self._work.all(service)), None)

    def history(self, service: str) -> list[Deployment]:
        """The deployments of a service, newest first; a running one with its newest
        observations, which are not stored one by one.
        """
        return self._work.all(self._system(service).name)

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

    async def _present(self, service: Service) -> tuple[LiveRoute, Mapping[str, SideTasks]]:
        """The service's route and tasks. Raises InternalServerError."""
        try:
            route = await self._driver.route(service)
            tasks = {s: await self._driver.observe(service, s) for s in service.sides}
        except DriverError as error:
            raise AwsError("InternalServerError", str(error), status=500) from error
        return route, tasks

    async def _begin(self, operation: str, system: Service, first: Deployment) -> Deployment:
        """Store a deployment and work on it."""
        pinned = beginning.pinned(system)
        return await self._work.begin(
            operation, first, lambda t, d, entry: documents.put_first(t, d, entry, pinned)
        )
