"""Which routes are a service's: those whose weights its deployments shift together. Pure.

Unless told, they are all routes of its router that lead to its sides and to nothing else. Routes
that lead elsewhere too, and those that are not among the told ones, are somebody else's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tealmesh.rollout.naming import differ_in_one_word, partner, side_names

if TYPE_CHECKING:
    from tealmesh.model.appmesh import ResourceBody, RouteSpec
    from tealmesh.model.teal import AdoptionBody

RouteMember = Literal["httpRoute", "http2Route", "grpcRoute", "tcpRoute"]
ROUTE_MEMBERS: tuple[RouteMember, ...] = ("httpRoute", "http2Route", "grpcRoute", "tcpRoute")

Targets = Mapping[str, Mapping[str, int]]
"""By route, the weight of each virtual node that it leads to."""

_LAST_PRIORITY = 1000
"""Of a route that has none: it is matched after those that have."""


@dataclass(frozen=True)
class Chosen:
    """The routes of a service."""

    routes: tuple[str, ...]
    """Empty if it is not clear which they are."""
    shown: tuple[str, ...]
    """The routes by which its sides are found: the same ones, or all where it is not clear."""
    problem: str = ""
    """What is not clear, for people."""


def route_targets(spec: RouteSpec) -> dict[str, int]:
    """The weight of each virtual node that a route leads to."""
    for member in ROUTE_MEMBERS:
        if member in spec:
            targets = spec[member]["action"]["weightedTargets"]
            return {target["virtualNode"]: target["weight"] for target in targets}
    return {}


def route_member(spec: RouteSpec) -> RouteMember:
    """The member of a route's specification that says which protocol it is for."""
    return next(member for member in ROUTE_MEMBERS if member in spec)


def by_priority(specs: Mapping[str, RouteSpec]) -> list[str]:
    """The routes, that which is matched first last: where weights can be changed only one after
    the other, most requests follow the general routes.
    """
    return sorted(specs, key=lambda name: (-specs[name].get("priority", _LAST_PRIORITY), name))


def told_routes(told: AdoptionBody) -> list[str]:
    """The routes that were told; empty if none were."""
    return told.get("routes") or [route for route in [told.get("route", "")] if route]


def choose(
    name: str,
    router: str,
    routes: Iterable[ResourceBody[RouteSpec]],
    told: Sequence[str],
    known: Iterable[str],
) -> Chosen:
    """The routes of the service ``name`` among those of its router. ``told``: their names, if they
    were told; ``known``: the virtual nodes of its sides, if these are known already.
    """
    targets = {route["name"]: route_targets(route["spec"]) for route in routes}
    every, listed = tuple(targets), ", ".join(targets)
    missing = [route for route in told if route not in targets]
    if missing:
        absent = ", ".join(missing)
        return Chosen((), every, f"router {router} has no route {absent} (known: {listed})")
    if told:
        return Chosen(tuple(told), tuple(told))
    if len(every) == 1:
        return Chosen(every, every)
    nodes = frozenset(known)
    own = _leading_to(nodes, targets) or _leading_to(_pair(targets), targets)
    if own:
        return Chosen(own, own)
    problem = (
        f"router {router} has {len(every)} routes ({listed}): say whose weights to shift by "
        f"`teal adopt {name} --route ROUTE`, once for each"
    )
    return Chosen((), every, problem)


def _leading_to(nodes: frozenset[str], targets: Targets) -> tuple[str, ...]:
    """The routes that lead to these virtual nodes and to no other."""
    return tuple(route for route, weights in targets.items() if weights and nodes >= set(weights))


def _pair(targets: Targets) -> frozenset[str]:
    """The two virtual nodes that the routes shift weight between; empty if that is not clear."""
    every = {frozenset(weights) for weights in targets.values() if weights}
    pairs = {nodes for nodes in every if len(nodes) > 1}
    if len(pairs) == 1 and len(next(iter(pairs))) == 2:
        return next(iter(pairs))
    if pairs:
        return frozenset()
    alone = sorted(node for nodes in every for node in nodes)
    if len(alone) == 1:
        return frozenset(alone)
    if len(alone) == 2 and differ_in_one_word(*alone) and side_names(alone) != tuple(alone):
        return frozenset(alone)
    named = [node for node in alone if partner(node)]
    return frozenset(named) if len(named) == 1 else frozenset()
