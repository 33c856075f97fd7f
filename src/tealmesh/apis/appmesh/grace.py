"""Envoys keep the last route of a router for a grace period after it is deleted.

Terraform that replaces one route by another often destroys the old one before it creates the new:
for up to a second the router has no route, and every request in that second would fail. So when a
router's last route is deleted while its targets exist, Envoys keep it for the grace period. In the
API it is gone at once. A new route of the router ends the grace period, and so does deleting the
router or all of the route's targets.

Such a lingering route is a document of its own, so it survives a restart. Each end is a committed
change with an entry in the audit, which `teal events` shows.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from tealmesh.apis.appmesh import nouns
from tealmesh.apis.appmesh.nouns import MeshContent, Resource
from tealmesh.apis.appmesh.references import check_references
from tealmesh.model.appmesh import ResourceBody
from tealmesh.model.errors import AwsError
from tealmesh.store import Document, Store, Transaction, tables

if TYPE_CHECKING:
    from types_boto3_appmesh.type_defs import WeightedTargetTypeDef

    from tealmesh.model.appmesh import RouteSpec

    RouteBody = ResourceBody[RouteSpec]

log = logging.getLogger(__name__)


def keep_last_route(tx: Transaction, route: RouteBody, grace_seconds: float) -> None:
    """Let ``route``, just deleted, linger for ``grace_seconds`` if it was its router's last."""
    mesh, router = route["meshName"], route["parent"]
    if grace_seconds > 0 and not tx.list(tables.ROUTES, mesh, router):
        body: RouteBody = {
            **route,
            "deleted": tx.moment.stored(),
            "lingers": grace_seconds,
        }
        tx.put(tables.LINGERING_ROUTES, mesh, router, route["name"], body=body)


def drop_stale_routes(tx: Transaction, mesh: str) -> None:
    """Drop or trim lingering routes of ``mesh`` whose router has a route again or whose targets
    are gone.
    """
    for document in tx.list(tables.LINGERING_ROUTES, mesh):
        route = document.body
        spec = _without_missing_targets(MeshContent(tx, mesh), route)
        if spec is None:
            tx.delete(tables.LINGERING_ROUTES, mesh, route["parent"], route["name"])
        elif spec != route["spec"]:
            trimmed: RouteBody = {**route, "spec": spec}
            tx.replace(document, trimmed)


async def end_grace(store: Store) -> None:
    """End each grace period in time, until cancelled. Those that ended while the control plane was
    down end at once; if the machine was started anew meanwhile, they begin anew.
    """
    scheduled: set[str] = set()
    async with asyncio.TaskGroup() as group:
        async for view in store.watch():
            for document in view.list(tables.LINGERING_ROUTES):
                name = f"{document.key} {document.body.get('deleted')}"
                if name not in scheduled:
                    scheduled.add(name)
                    group.create_task(_end(store, document, name, scheduled))


async def _end(store: Store, document: Document[RouteBody], name: str, scheduled: set[str]) -> None:
    route = document.body
    shown = f"route {route['name']} of router {route['parent']} in mesh {route['meshName']}"
    # Those of earlier versions do not say for how long: Envoys have dropped them by now.
    left = store.now().left(route.get("deleted"), route.get("lingers", 0.0))
    log.warning("%s was the router's last: Envoys keep it for %.1f s more", shown, left)
    await asyncio.sleep(left)

    def change(tx: Transaction) -> bool:
        names = (route["meshName"], route["parent"], route["name"])
        present = tx.get(tables.LINGERING_ROUTES, *names)
        if present is None or present.body.get("deleted") != route.get("deleted"):
            return False
        tx.delete(tables.LINGERING_ROUTES, *names)
        return True

    if await store.write("tealmesh", "EndRouteGrace", change):
        log.warning("%s was not replaced in time: its requests are refused now", shown)
    scheduled.discard(name)


def _without_missing_targets(mesh: MeshContent, route: RouteBody) -> RouteSpec | None:
    """The specification without targets that are gone; None if nothing is left to serve."""
    if any(mesh.each(nouns.ROUTE, route["parent"])):
        return None
    spec = route["spec"].copy()
    targets: list[WeightedTargetTypeDef] = []
    # Spelled out, since each member has an action of its own type.
    if "httpRoute" in spec:
        targets = _present(mesh, spec["httpRoute"]["action"]["weightedTargets"])
        spec["httpRoute"] = {**spec["httpRoute"], "action": {"weightedTargets": targets}}
    if "http2Route" in spec:
        targets = _present(mesh, spec["http2Route"]["action"]["weightedTargets"])
        spec["http2Route"] = {**spec["http2Route"], "action": {"weightedTargets": targets}}
    if "grpcRoute" in spec:
        targets = _present(mesh, spec["grpcRoute"]["action"]["weightedTargets"])
        spec["grpcRoute"] = {**spec["grpcRoute"], "action": {"weightedTargets": targets}}
    if "tcpRoute" in spec:
        targets = _present(mesh, spec["tcpRoute"]["action"]["weightedTargets"])
        spec["tcpRoute"] = {**spec["tcpRoute"], "action": {"weightedTargets": targets}}
    if not targets:
        return None
    names = (route["meshName"], route["parent"], route["name"])
    try:
        check_references(mesh, Resource(nouns.ROUTE, names, spec))
    except AwsError:  # the router or a node has changed, and the route no longer fits
        return None
    return spec


def _present(
    mesh: MeshContent, targets: list[WeightedTargetTypeDef]
) -> list[WeightedTargetTypeDef]:
    return [target for target in targets if mesh.get(nouns.VIRTUAL_NODE, target["virtualNode"])]
