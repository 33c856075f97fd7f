"""Who changed what a deployment works on: read from the audit log."""

from __future__ import annotations

from tealmesh.rollout.system import Service
from tealmesh.store import AuditEntry, Store, tables

_OURSELVES = ("engine", "workloads")
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
        changes = [
            await self._last_entry(tables.ROUTES, service.mesh, service.router, route)
            for route in service.routes
        ]
        last = max(filter(None, changes), key=lambda entry: entry.revision, default=None)
        return _told(last)

    async def _last(self, collection: str, *parts: str) -> str:
        return _told(await self._last_entry(collection, *parts))

    async def _last_entry(self, collection: str, *parts: str) -> AuditEntry | None:
        return await self._store.last_change_of(collection, *parts, without=_OURSELVES)


def _told(entry: AuditEntry | None) -> str:
    return f"{entry.actor} ({entry.operation})" if entry else ""
