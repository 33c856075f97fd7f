"""A look at a service before its deployment: what stands against it, and what it will wait for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tealmesh.model.clock import SteadyClock
from tealmesh.model.config.strategies import Strategy
from tealmesh.model.errors import AwsError, DriverError
from tealmesh.model.plan import DeploymentPlan, Known
from tealmesh.model.rollout import JournalEntry, Phase
from tealmesh.rollout import beginning, documents
from tealmesh.rollout.controller import Controller
from tealmesh.rollout.drivers.base import SystemDriver
from tealmesh.rollout.gates import preflight
from tealmesh.rollout.performer import CallersSaw
from tealmesh.rollout.planning import facts
from tealmesh.rollout.planning.stages import lengths, stages, way_back
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
    ) -> None:
        self._store = store
        self._controller = controller
        self._driver = driver
        self._traffic = traffic
        self._clock = clock
        self._image_problem = image_problem

    async def preflight(
        self, name: str, image: str, strategy: Strategy | None, token: str, *, force: bool
    ) -> list[str]:
        """What there is to know before a deployment, one sentence each. ``strategy``: None for the
        service's own. ``force``: even if the image already runs.

        Raises AlreadyRunsException if it does, and BadRequestException if it cannot be started.
        """
        service = documents.service(self._store.view, name)
        beginning.refuse_problem(service)
        if documents.by_token(self._store.view, service.name, token) is not None:
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
        problem = await self._image_problem(image)
        if problem:
            raise AwsError("BadRequestException", f"{service.name} cannot be deployed: {problem}")
        return preflight.notes(before, strategy or service.strategy, service.gates)

    async def plan(
        self, name: str, image: str, strategy: Strategy | None, *, force: bool
    ) -> DeploymentPlan:
        """What a deployment would do, stage by stage, and what is known before it. What forbids it
        is told, and not raised. ``strategy`` and ``force`` as for `preflight`.
        """
        service = documents.service(self._store.view, name)
        refusals = list(self._refusals(service))
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

    def _refusals(self, service: Service) -> Iterator[Known]:
        """What forbids a deployment, whatever the image is."""
        if self._store.view.get(tables.REMOVALS, service.name) is not None:
            yield Known("refused", "removal", f"`teal delete {service.name}` has begun")
        try:
            documents.refuse_another(self._controller.running(service.name))
            documents.refuse_shared_router(self._store.view, service)
        except AwsError as error:
            yield Known("refused", "deployment", error.message)

    def _last(self, service: str) -> dict[Phase, float]:
        """How long each phase of the last successful deployment took."""
        for d in documents.deployments(self._store.view, service):
            journal = self._store.view.list(tables.JOURNAL, d.id)
            taken = lengths(JournalEntry.from_json(entry.body) for entry in journal)
            if taken and d.kind == "DEPLOY":
                return taken
        return {}
