"""What deployments hear of in a control plane with an engine: commits and reports."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tealmesh.rollout.metrics.windows import Metrics
from tealmesh.rollout.running.hearing import Numbers
from tealmesh.rollout.system import Service
from tealmesh.store import Store, tables

if TYPE_CHECKING:
    from tealmesh.model.ecs.bodies import ServiceBody


class Heard:
    """A `rollout.running.hearing.Hearing`."""

    def __init__(self, store: Store, metrics: Metrics) -> None:
        self._store = store
        self._metrics = metrics

    @contextlib.contextmanager
    def waking(self, event: asyncio.Event) -> Iterator[None]:
        with self._store.waking(event), self._metrics.waking(event):
            yield

    def reported_until(self, service: Service) -> float:
        return self._metrics.reported_until(service)

    def tasks(self, service: Service) -> Numbers:
        places = [service.ecs_service(side) for side in service.sides]
        found = [self._store.view.get(tables.ECS_SERVICES, *place) for place in places]
        return [_numbers(document.body) if document else () for document in found]


def _numbers(body: ServiceBody) -> Numbers:
    deployments = [
        (deployment.get("rolloutState"), deployment.get("failedTasks"))
        for deployment in body.get("deployments", [])
    ]
    return (body["status"], body["runningCount"], body["pendingCount"], deployments)
