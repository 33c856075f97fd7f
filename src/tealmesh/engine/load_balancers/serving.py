"""Which load balancers' Envoys have to acknowledge a change, as `engine.serving` says of tasks."""

from __future__ import annotations

from tealmesh.model.load_balancers import load_balancer_name
from tealmesh.model.mesh import load_balancer_proxy, load_balancer_scope
from tealmesh.store import View
from tealmesh.store.snapshot import load_balancer_places


def serving_load_balancers(view: View, scope: str) -> list[str]:
    """The identities of the Envoys in ``scope`` that have been started."""
    places = load_balancer_places(view)
    names = [load_balancer_name(arn) for arn, place in places.items() if "handle" in place]
    return [load_balancer_proxy(n).resource for n in names if load_balancer_scope(n) == scope]
