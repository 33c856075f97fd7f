"""Our own pages on the HTTP port: the one that a notice's link opens, and the one of metrics."""

from __future__ import annotations

from collections.abc import Iterator

from starlette.routing import BaseRoute

from tealmesh.app.pages import openmetrics
from tealmesh.app.pages.decide import Deciding
from tealmesh.app.pages.openmetrics import Envoys
from tealmesh.model.clock import system_clock
from tealmesh.model.identity.rings import Live
from tealmesh.rollout.controller import Controller
from tealmesh.rollout.documents import every_service
from tealmesh.rollout.metrics.windows import Metrics
from tealmesh.store import Store


class Pages:
    """The pages of one control plane."""

    def __init__(
        self,
        store: Store,
        controller: Controller,
        metrics: Metrics,
        envoys: Envoys,
        link_keys: Live,
        more: openmetrics.Families,
    ) -> None:
        """``more``: the control plane's own metrics."""
        self._more = more
        self._store = store
        self._controller = controller
        self._metrics = metrics
        self._envoys = envoys
        self._links = link_keys

    def routes(self) -> Iterator[BaseRoute]:
        """Where they are."""
        yield Deciding(
            lambda: self._store.view, self._controller, self._links, system_clock
        ).route()
        yield openmetrics.route(self._standing, self._more)

    def _standing(self) -> openmetrics.Standing:
        view = self._store.view
        histories = [self._controller.history_of(one) for one in every_service(view)]
        return openmetrics.standing(view, histories, self._metrics, self._envoys)
