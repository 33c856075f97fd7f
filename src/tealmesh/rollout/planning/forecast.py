"""A look at a service before its deployment: what stands against it, and what it will wait for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tealmesh.model.clock import Clock, SteadyClock, system_clock
from tealmesh.model.config.nouns import Additions, TealConfig
from tealmesh.model.config.strategies import Strategy
from tealmesh.model.errors import AwsError, DriverError
from tealmesh.model.linting import Finding, Linted, lint, of_config
from tealmesh.model.rollout import Deployment, SideTasks, Traffic
from tealmesh.model.rollout.plan import DeploymentPlan, Known
from tealmesh.model.spans import span
from tealmesh.rollout import beginning, documents, extending
from tealmesh.rollout.controller import Controller
from tealmesh.rollout.drivers.base import SystemDriver
from tealmesh.rollout.gates import preflight
from tealmesh.rollout.gates.preflight import Before
from tealmesh.rollout.performer import CallersSaw
from tealmesh.rollout.planning import facts
from tealmesh.rollout.planning.live import linted, with_live
from tealmesh.rollout.planning.notes import notes
from tealmesh.rollout.planning.past import Past
from tealmesh.rollout.planning.present import Present, present
from tealmesh.rollout.planning.records import earlier, start_period
from tealmesh.rollout.planning.replacing import serves_then
from tealmesh.rollout.planning.replacing import stage as replacing_stage
from tealmesh.rollout.planning.settling import settled
from tealmesh.rollout.planning.stages import stages, way_back
from tealmesh.rollout.running import stored
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
        lag: float = 0.0,
    ) -> None:
        """``lag``: for how many seconds what ECS has may not be known here yet."""
        self._store = store
        self._controller = controller
        self._driver = driver
        self._traffic = traffic
        self._clock = clock
        self._image_problem = image_problem
        self._wall = wall
        self._lag = lag

    async def settled(self, name: str) -> Service:
        """The service of this name, once what has just been made for it is known."""
        return await settled(self._store, name, self._lag)

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
        service = await self.settled(name)
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
        before = self._before(service, active[0], tasks)
        if not force:
            preflight.refuse_running(before, image)
        await self._refuse_image(service, image)
        ahead = beginning.freeze_ahead(service, self._wall())
        present = self._present(service, before, earlier(self._store.view, service.name))
        told = notes(before, strategy or service.strategy, service.gates, present)
        return [ahead, *told] if ahead else told

    async def _refuse_image(self, service: Service, image: str) -> None:
        """Raise BadRequestException if tasks of an image could not be started."""
        if problem := await self._image_problem(image):
            raise AwsError("BadRequestException", f"{service.name} cannot be deployed: {problem}")

    async def plan(
        self,
        name: str,
        image: str,
        strategy: Strategy | None,
        *,
        force: bool,
        instead: bool = False,
    ) -> DeploymentPlan:
        """What a deployment would do, stage by stage, and what is known before it. What forbids it
        is told, and not raised. ``strategy``, ``force`` and ``instead`` as for `preflight`.
        """
        service = await self.settled(name)
        chosen = strategy or service.strategy
        replaced = self._controller.running(service.name) if instead else None
        refusals = list(self._refusals(service, chosen, force=force, replaced=replaced))
        try:
            route = await self._driver.route(service)
            tasks = {side: await self._driver.observe(service, side) for side in service.sides}
        except DriverError as error:
            raise error.answered() from error
        try:
            beginning.refuse_problem(service)
            old = (
                serves_then(replaced) if replaced else beginning.active_side(service, route, tasks)
            )
        except AwsError as error:
            return DeploymentPlan(
                service.name, image, (*refusals, Known("refused", "sides", error.message))
            )
        first = beginning.created(service, old, tasks, route, image, "", self._clock())
        first = replace(first, strategy=chosen)
        before = self._before(service, old, tasks[old])
        past = earlier(self._store.view, service.name)
        present = self._present(service, before, past)
        problem = await self._image_problem(image)
        known = [*refusals, *facts.known(before, first, present, problem, force)]
        begins = () if replaced is None else (replacing_stage(replaced, past),)
        period = start_period(self._store.view, service, old)
        return DeploymentPlan(
            service=service.name,
            image=image,
            known=(*known, *self._kept(service)),
            stages=(*begins, *stages(first, present, past, period)),
            old_image=first.old_image,
            old_side=old,
            new_side=first.new_side,
            way_back=way_back(first),
        )

    def _before(self, service: Service, active: str, tasks: SideTasks) -> Before:
        seen = self._seen(service, active)
        url = documents.url(self._store.view, service.name)
        return Before(service.name, active, tasks, seen, url)

    def _present(self, service: Service, before: Before, past: Past) -> Present:
        others = [side for side in service.sides if side != before.active]
        return present(before.traffic, [self._seen(service, side) for side in others], past)

    def _seen(self, service: Service, side: str) -> Traffic:
        return self._traffic(service, side, self._clock() - preflight.WINDOW_SECONDS)

    def _kept(self, service: Service) -> Iterator[Known]:
        """That the deployment ends the keeping of a side."""
        kept = stored.kept(self._store.view, service.name)
        if kept is None:
            return
        left = max(0.0, self._store.now().left(kept["since"], kept["seconds"]))
        yield Known(
            "note",
            "kept side",
            f"{kept['side']} runs {kept['image']} and is kept for another {span(left)}: the new "
            "version takes its place, and `teal rollback` has to start tasks then",
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
        return linted(service, self._store.view, tasks, self._seen(service, serves))

    def _refusals(
        self, service: Service, strategy: Strategy, *, force: bool, replaced: Deployment | None
    ) -> Iterator[Known]:
        """What forbids a deployment, whatever the image is. ``replaced``: it ends first."""
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
            if replaced is None:
                documents.refuse_another(self._controller.running(service.name))
            ended = replaced.id if replaced else ""
            documents.refuse_shared_router(self._store.view, service, ended)
        except AwsError as error:
            yield Known("refused", "deployment", error.message)
        try:
            if freeze := beginning.freeze(service, self._wall(), force=force):
                yield Known("note", "freeze", f"{freeze}: deployed nevertheless (--force)")
        except AwsError as error:
            yield Known("refused", "freeze", error.message)
        if ahead := beginning.freeze_ahead(service, self._wall()):
            yield Known("note", "freeze", ahead)
