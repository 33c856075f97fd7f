"""Who changed what a deployment works on: read from the audit log."""

from __future__ import annotations

from tealmesh.rollout.system import Service
from tealmesh.store import Store, tables

_OURSELVES = ("engine",)
"""Actors that write down what they observe."""


class Changes:
    """A `performer.WhoChanged`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def __call__(self, service: Service, side: str, of: str) -> str:
        if of == "tasks":
            cluster, name = service.ecs_service(side)
            return await self._last(tables.ECS_SERVICES, cluster, name)
        if of == "node":
            return await self._last(tables.VIRTUAL_NODES, service.mesh, service.node(side))
        return await self._last(tables.ROUTES, service.mesh, service.router, service.route)

    async def _last(self, collection: str, *parts: str) -> str:
        entry = await self._store.last_change_of(collection, *parts, without=_OURSELVES)
        return f"{entry.actor} ({entry.operation})" if entry else ""
