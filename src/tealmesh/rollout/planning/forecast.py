"""A look at a service before its deployment: what stands against it, and what it will wait for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tealmesh.model.clock import Clock, SteadyClock, system_clock
from tealmesh.model.config.nouns import Additions, TealConfig
from tealmesh.model.config.strategies import Strategy
from tealmesh.model.errors import AwsError, DriverError
from tealmesh.model.linting import Finding, Linted, lint, of_config
from tealmesh.model.rollout import JournalEntry, Phase
from tealmesh.model.rollout.plan import DeploymentPlan, Known
from tealmesh.rollout import beginning, documents, extending
from tealmesh.rollout.controller import Controller
from tealmesh.rollout.drivers.base import SystemDriver
from tealmesh.rollout.gates import preflight
from tealmesh.rollout.performer import CallersSaw
from tealmesh.rollout.planning import facts
from tealmesh.rollout.planning.live import linted, with_live
from tealmesh.rollout.planning.stages import lengths, stages, way_back
from tealmesh.rollout.running.stored import refuse_locked
from tealmesh.rollout.system import Service
from tealmesh.store import Store, tables


class Forecast:
    """Looks at services by name; nothing is changed. Every operation raises AwsError."""

    def __init__(
        self,
        store: Store,
        controller: Controller,
        driver: SystemDriver,
        traffic: CallersSaw,
        clock: SteadyClock,
        image_problem: preflight.ImageProblem,
        wall: Clock = system_clock,
    ) -> None:
        self._store = store
        self._controller = controller
        self._driver = driver
        self._traffic = traffic
        self._clock = clock
        self._image_problem = image_problem
        self._wall = wall

    async def preflight(
        self,
        name: str,
        image: str,
        strategy: Strategy | None,
        token: str,
        *,
        force: bool,
        instead: bool = False,
    ) -> list[str]:
        """What there is to know before a deployment, one sentence each. ``strategy``: None for the
        service's own. ``force``: even if the image already runs. ``instead``: even if another
        deployment runs, which ends first.

        Raises AlreadyRunsException if it does, and BadRequestException if it cannot be started.
        """
        service = documents.service(self._store.view, name)
        beginning.refuse_problem(service)
        extending.refuse(service, strategy or service.strategy)
        if documents.by_token(self._store.view, service.name, token) is not None:
            return []
        refuse_locked(self._store.view, service.name, self._store.now())
        if instead and self._controller.running(service.name) is not None:
            # What will serve when the present deployment has ended is not known yet.
            await self._refuse_image(service, image)
            return []
        documents.refuse_another(self._controller.running(service.name))
        try:
            weights = (await self._driver.route(service)).weights
            active = [side for side, weight in weights.items() if weight]
            if len(active) != 1:
                return []  # `Controller.deploy` says why that is no beginning.
            tasks = await self._driver.observe(service, active[0])
        except DriverError as error:
            raise error.answered() from error
        seen = self._traffic(service, active[0], self._clock() - preflight.WINDOW_SECONDS)
        url = documents.url(self._store.view, service.name)
        before = preflight.Before(service.name, active[0], tasks, seen, url)
        if not force:
            preflight.refuse_running(before, image)
        await self._refuse_image(service, image)
        ahead = beginning.freeze_ahead(service, self._wall())
        notes = preflight.notes(before, strategy or service.strategy, service.gates)
        return [ahead, *notes] if ahead else notes

    async def _refuse_image(self, service: Service, image: str) -> None:
        """Raise BadRequestException if tasks of an image could not be started."""
        if problem := await self._image_problem(image):
            raise AwsError("BadRequestException", f"{service.name} cannot be deployed: {problem}")

    async def plan(
        self, name: str, image: str, strategy: Strategy | None, *, force: bool
    ) -> DeploymentPlan:
        """What a deployment would do, stage by stage, and what is known before it. What forbids it
        is told, and not raised. ``strategy`` and ``force`` as for `preflight`.
        """
        service = documents.service(self._store.view, name)
        chosen = strategy or service.strategy
        refusals = list(self._refusals(service, chosen, force=force))
        try:
            route = await self._driver.route(service)
            tasks = {side: await self._driver.observe(service, side) for side in service.sides}
        except DriverError as error:
            raise error.answered() from error
        try:
            beginning.refuse_problem(service)
            old = beginning.active_side(service, route, tasks)
        except AwsError as error:
            return DeploymentPlan(
                service.name, image, (*refusals, Known("refused", "sides", error.message))
            )
        first = beginning.created(service, old, tasks, route, image, "", self._clock())
        first = replace(first, strategy=strategy or service.strategy)
        traffic = self._traffic(service, old, self._clock() - preflight.WINDOW_SECONDS)
        url = documents.url(self._store.view, service.name)
        before = preflight.Before(service.name, old, tasks[old], traffic, url)
        known = [*refusals, *facts.known(before, first, await self._image_problem(image), force)]
        return DeploymentPlan(
            service=service.name,
            image=image,
            known=tuple(known),
            stages=stages(first, traffic, self._last(service.name)),
            old_image=first.old_image,
            old_side=old,
            new_side=first.new_side,
            way_back=way_back(first),
        )

    async def lint(self, config: TealConfig | Additions | None) -> list[Finding]:
        """What is odd or risky in a teal.toml, by what is live where that is known; without one, in
        all services.
        """
        live = {}
        for service in documents.every_service(self._store.view):
            one = await self._linted(service)
            live[one.key] = one
        return lint(live.values() if config is None else with_live(of_config(config), live))

    async def _linted(self, service: Service) -> Linted:
        try:
            weights = (await self._driver.route(service)).weights
            serves = max(service.sides, key=lambda side: weights.get(side, 0))
            tasks = await self._driver.observe(service, serves)
        except DriverError as error:
            raise error.answered() from error
        seen = self._traffic(service, serves, self._clock() - preflight.WINDOW_SECONDS)
        return linted(service, self._store.view, tasks, seen)

    def _refusals(self, service: Service, strategy: Strategy, *, force: bool) -> Iterator[Known]:
        """What forbids a deployment, whatever the image is."""
        try:
            extending.refuse(service, strategy)
        except AwsError as error:
            yield Known("refused", "strategy", error.message)
        if self._store.view.get(tables.REMOVALS, service.name) is not None:
            yield Known("refused", "removal", f"`teal delete {service.name}` has begun")
        try:
            refuse_locked(self._store.view, service.name, self._store.now())
        except AwsError as error:
            yield Known("refused", "lock", error.message)
        try:
            documents.refuse_another(self._controller.running(service.name))
            documents.refuse_shared_router(self._store.view, service)
        except AwsError as error:
            yield Known("refused", "deployment", error.message)
        try:
            if freeze := beginning.freeze(service, self._wall(), force=force):
                yield Known("note", "freeze", f"{freeze}: it is deployed all the same (--force)")
        except AwsError as error:
            yield Known("refused", "freeze", error.message)
        if ahead := beginning.freeze_ahead(service, self._wall()):
            yield Known("note", "freeze", ahead)

    def _last(self, service: str) -> dict[Phase, float]:
        """How long each phase of the last successful deployment took."""
        for d in documents.deployments(self._store.view, service):
            journal = self._store.view.list(tables.JOURNAL, d.id)
            taken = lengths(JournalEntry.from_json(entry.body) for entry in journal)
            if taken and d.kind == "DEPLOY":
                return taken
        return {}
