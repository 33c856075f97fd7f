"""The removal of a service or gateway of teal.toml, as the store keeps it.

That it has begun is written down first, and the service is forgotten when nothing of it is left: a
removal that was interrupted is repeated.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tealmesh.model.errors import AwsError
from tealmesh.rollout import documents, watched
from tealmesh.rollout.applying.forgetting import forget
from tealmesh.rollout.belongings import Removal, removal
from tealmesh.rollout.system import GatewaySystem, ServiceSystem
from tealmesh.store import Transaction, tables

if TYPE_CHECKING:
    from tealmesh.model.teal import RemovalBody


def begin(t: Transaction, name: str, actor: str, now: float) -> Removal:
    """Note that a service or gateway is being removed. Raises ConflictException while it is being
    deployed, and BadRequestException as long as something that others made leads to it.
    """
    wanted = removal(t, name)
    if wanted.kind == "service":
        for document in documents.deployments(t, name):
            documents.refuse_another(document)
    if wanted.needed_by:
        raise AwsError(
            "BadRequestException",
            f"{name} cannot be removed: {'; '.join(wanted.needed_by)}: remove or change that first",
        )
    if t.get(tables.REMOVALS, name) is None:
        body: RemovalBody = {"at": now, "actor": actor}
        t.put(tables.REMOVALS, name, body=body)
    return wanted


def finish(t: Transaction, wanted: Removal) -> None:
    """Forget a service or gateway of which nothing is left, with its deployments."""
    t.delete(tables.REMOVALS, wanted.name)
    if wanted.kind == "gateway":
        t.delete(tables.GATEWAYS, wanted.name)
        return
    stored = t.get(tables.SYSTEMS, wanted.name)
    if stored is not None:
        watched.forget(t, ServiceSystem.from_json(stored.body).mesh, wanted.name)
    for collection in (tables.SYSTEMS, tables.LOCKS, tables.KEPT, tables.FREEZES):
        t.delete(collection, wanted.name)
    for deployment in documents.deployments(t, wanted.name):
        forget(t, deployment)
    for gateway in documents.gateways(t):
        _without_routes_to(t, gateway, wanted.name)


def _without_routes_to(t: Transaction, gateway: GatewaySystem, service: str) -> None:
    kept = {prefix: to for prefix, to in gateway.config.routes.items() if to != service}
    if len(kept) < len(gateway.config.routes):
        changed = replace(gateway, config=replace(gateway.config, routes=kept))
        t.put(tables.GATEWAYS, gateway.name, body=changed.to_json())
