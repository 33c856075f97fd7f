"""A router's last route is served a little longer than it exists.

Many users' Terraform replaces one route by another, and destroys the old one before it creates
the new: for up to a second the router has no route, and every request in that second would fail.
So when a router's last route is deleted while its targets are still there, Envoys keep it for a
grace. It is gone for the API at once. A new route of the router ends the grace, and so does
whatever leaves the old route without sense: its targets, or the router, deleted.

What lingers is a document of its own, so it survives a restart, and each of its ends is a
committed change with its line in the audit, which `teal events` shows.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from tealmesh.apis.appmesh.nouns import MeshContent, Resource
from tealmesh.apis.appmesh.references import check_references
from tealmesh.apis.appmesh.route_rules import content, protocol
from tealmesh.model.clock import Clock
from tealmesh.model.errors import AwsError
from tealmesh.model.mesh import Kind
from tealmesh.store import Document, Store, Transaction, tables

log = logging.getLogger(__name__)


def linger(tx: Transaction, route: Mapping[str, Any], now: float, grace: float) -> None:
    """Serve ``route``, just deleted, for ``grace`` seconds, where it was its router's last."""
    mesh, router = route["meshName"], route["parent"]
    if grace > 0 and not tx.list(tables.ROUTES, mesh, router):
        body = {**route, "until": now + grace}
        tx.put(tables.LINGERING_ROUTES, mesh, router, route["name"], body=body)


def settle(tx: Transaction, mesh: str) -> None:
    """End or trim what lingers in ``mesh`` where a change has left it without sense."""
    for document in tx.list(tables.LINGERING_ROUTES, mesh):
        body = document.body
        spec = _trimmed(MeshContent(tx, mesh), body)
        if spec is None:
            tx.delete(tables.LINGERING_ROUTES, mesh, body["parent"], body["name"])
        elif spec != body["spec"]:
            tx.replace(document, {**body, "spec": spec})


async def end_grace(store: Store, clock: Clock) -> None:
    """End every grace at its time, for ever; those that ended while nobody looked, at once."""
    waiting: set[str] = set()
    async with asyncio.TaskGroup() as group:
        async for view in store.watch():
            for document in view.list(tables.LINGERING_ROUTES):
                name = f"{document.key} {document.body['until']}"
                if name not in waiting:
                    waiting.add(name)
                    group.create_task(_end(store, clock, document, name, waiting))


async def _end(
    store: Store, clock: Clock, document: Document, name: str, waiting: set[str]
) -> None:
    body = document.body
    shown = f"route {body['name']} of router {body['parent']} in mesh {body['meshName']}"
    left = max(0.0, body["until"] - clock())
    log.warning("%s was its last: deleted, and served for %.1f s more", shown, left)
    await asyncio.sleep(left)

    def change(tx: Transaction) -> bool:
        names = (body["meshName"], body["parent"], body["name"])
        present = tx.get(tables.LINGERING_ROUTES, *names)
        if present is None or present.body["until"] != body["until"]:
            return False
        tx.delete(tables.LINGERING_ROUTES, *names)
        return True

    if await store.write("tealmesh", "EndRouteGrace", change):
        log.warning("%s: no route took its place; its requests are refused now", shown)
    waiting.discard(name)


def _trimmed(mesh: MeshContent, body: Mapping[str, Any]) -> dict[str, Any] | None:
    """The specification without targets that are gone; None where none is left to serve."""
    router, spec = body["parent"], body["spec"]
    if any(mesh.each(Kind.ROUTE, router)):
        return None
    field = f"{protocol(spec)}Route"
    targets = [
        target
        for target in content(spec)["action"]["weightedTargets"]
        if mesh.get(Kind.VIRTUAL_NODE, target["virtualNode"])
    ]
    if not targets:
        return None
    action = {**spec[field]["action"], "weightedTargets": targets}
    trimmed = {**spec, field: {**spec[field], "action": action}}
    names = (body["meshName"], router, body["name"])
    try:
        check_references(mesh, Resource(Kind.ROUTE, names, trimmed))
    except AwsError:  # the router or a node has changed, and the route no longer fits
        return None
    return trimmed
