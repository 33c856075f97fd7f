"""A look at a service before its deployment: what stands against it, and what it will wait for."""

from __future__ import annotations

from tealmesh.model.clock import SteadyClock
from tealmesh.model.config.strategies import Strategy
from tealmesh.model.errors import AwsError, DriverError
from tealmesh.rollout import beginning, documents, extending
from tealmesh.rollout.controller import Controller
from tealmesh.rollout.drivers.base import SystemDriver
from tealmesh.rollout.gates import preflight
from tealmesh.rollout.performer import CallersSaw
from tealmesh.store import Store


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
        extending.refuse(service, strategy or service.strategy)
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
