"""The extension of a router that a deployment keeps: how requests reach its new side beside the
weights. Pure but for the transaction that it is handed.

It follows from the deployment's state, so it is written in the transaction of each transition: no
moment has one without the other, and a deployment that has finished leaves none.
"""

from __future__ import annotations

from tealmesh.model.config.strategies import Strategy
from tealmesh.model.errors import AwsError
from tealmesh.model.extensions import RouterExtension
from tealmesh.model.rollout import Deployment, State
from tealmesh.rollout.machine import beside
from tealmesh.rollout.system import Service
from tealmesh.store import Transaction, tables


def extension(d: Deployment, service: Service) -> RouterExtension | None:
    """What the deployment adds to its service's routes; None for nothing."""
    if not d.gated or service.protocol == "tcp":
        return None
    strategy = d.strategy
    wanted = RouterExtension(
        mesh=service.mesh,
        router=service.router,
        deployment=d.id,
        service=service.name,
        side=d.new_side,
        node=service.node(d.new_side),
        preview=strategy.preview if beside.previews(d) else None,
        mirror=strategy.mirror if d.state is State.MIRRORING else None,
        cohort=strategy.match if beside.sends_cohort(d) else None,
        sticky=strategy.sticky if beside.keeps_users(d) else None,
        called=d.member.called if d.member else (),
    )
    some = (wanted.preview, wanted.mirror, wanted.cohort, wanted.sticky)
    return wanted if any(some) else None


def keep(t: Transaction, d: Deployment, service: Service | None) -> None:
    """Write the extension that follows from the deployment's state, and no other of this
    deployment. ``service``: None if it is gone.
    """
    wanted = None if service is None or d.finished else extension(d, service)
    for document in t.list(tables.ROUTER_EXTENSIONS):
        found = RouterExtension.from_json(document.body)
        if found.deployment != d.id:
            continue
        if found == wanted:
            return
        if wanted is None or (found.mesh, found.router) != (wanted.mesh, wanted.router):
            t.delete(tables.ROUTER_EXTENSIONS, found.mesh, found.router)
    if wanted is not None:
        t.put(tables.ROUTER_EXTENSIONS, wanted.mesh, wanted.router, body=wanted.to_json())


def refuse(service: Service, strategy: Strategy) -> None:
    """Raise BadRequestException for a strategy that the service's protocol cannot follow."""
    protocol = service.protocol
    settings = {"mirror": strategy.mirror, "match": strategy.match, "sticky": strategy.sticky}
    told = [key for key, value in settings.items() if value]
    if protocol == "tcp" and told:
        raise AwsError(
            "BadRequestException",
            f"{service.name}: strategy.{told[0]}: must be left out, as the service speaks tcp: a "
            "connection has no header, cookie or method",
        )
    if protocol == "grpc" and strategy.mirror and "POST" not in strategy.mirror.methods:
        raise AwsError(
            "BadRequestException",
            f"{service.name}: strategy.mirror.methods = {list(strategy.mirror.methods)}: must have "
            '"POST", as every gRPC request is one; copied are calls that the new version may '
            "answer a second time",
        )
