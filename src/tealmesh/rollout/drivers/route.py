"""The routes of a service: only the weights of their targets are ours to change.

A service has one route or several. At our own endpoint they change together, in one revision
(ShiftWeights). AWS has no such operation: there UpdateRoute changes them one after the other, that
which is matched first last.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from tealmesh.model.errors import NoSuchOperation, NoSuchResource, NotYet
from tealmesh.rollout.discovery.routes import by_priority, route_member, route_targets
from tealmesh.rollout.drivers import copies, resources
from tealmesh.rollout.drivers.aws import Aws
from tealmesh.rollout.effects import LiveRoute, shares
from tealmesh.rollout.system import Service, ServiceSystem

if TYPE_CHECKING:
    from types_boto3_appmesh.client import AppMeshClient
    from types_boto3_appmesh.type_defs import WeightedTargetTypeDef

    from tealmesh.model.appmesh import RouteSpec
    from tealmesh.model.wire import RouteShift, ShiftedTarget

    Read = Mapping[str, tuple[RouteSpec, int]]
    """Specification and version, by route."""


class Routes:
    """The part of `drivers.api.ApiDriver` that reads and writes routes."""

    def __init__(self, aws: Aws) -> None:
        self._aws = aws

    async def live(self, service: Service) -> LiveRoute:
        """The service's routes now."""
        every = await self._read(service)
        own = {route: every[route] for route in service.routes if route in every}
        if not own:
            return LiveRoute()
        sides = {service.node(side): side for side in service.sides}
        targets = {route: route_targets(spec) for route, (spec, _) in every.items()}
        named = {node for route in own for node in targets[route]}
        unmade = [
            side
            for node, side in sides.items()
            if node not in named and not await self.has_node(service.mesh, node)
        ]
        by_route = {
            route: {
                side: targets[route][node] for node, side in sides.items() if node in targets[route]
            }
            for route in own
        }
        return LiveRoute(
            weights=together(by_route),
            version=sum(version for _, version in own.values()),
            others={
                node: max(targets[route].get(node, 0) for route in own)
                for node in sorted(named - set(sides))
            },
            unmade=tuple(unmade),
            by_route=by_route if len(service.routes) > 1 else {},
            gone=tuple(route for route in service.routes if route not in own),
            elsewhere=_elsewhere(sides, {r: t for r, t in targets.items() if r not in own}),
        )

    async def set_weights(
        self, service: Service, weights: Mapping[str, int], version: int | None
    ) -> None:
        """Change the weights of all routes, and nothing if they are as they should be. `NotYet` if
        they have another version by now. A route of teal.toml that has gone is made again.
        """
        targets = {
            service.node(side): weight
            for side, weight in weights.items()
            if weight or await self.has_node(service.mesh, service.node(side))
        }
        every = await self._read(service)
        missing = [route for route in service.routes if route not in every]
        if missing and isinstance(service, ServiceSystem) and not version:
            await self._aws.ensure(resources.route(service, weights))
            return
        if missing:
            raise NoSuchResource(f"router {service.router} has no route {', '.join(missing)}")
        own = {route: every[route] for route in service.routes}
        if version not in (None, sum(present for _, present in own.values())):
            raise NotYet("the route, which somebody else has just changed")
        await self._write(service, own, lambda spec: copies.reweighted(spec, targets))

    async def leave(self, service: Service, node: str) -> None:
        """Make the routes lead to a virtual node no more, which must have no weight."""
        every = await self._read(service)
        own = {route: every[route] for route in service.routes if route in every}
        for route, (spec, _) in own.items():
            weight = route_targets(spec).get(node)
            if weight:
                named = f"route {route}" if len(service.routes) > 1 else "the route"
                raise NotYet(f"{named} to lead elsewhere: {node} has weight {weight} in it")
        await self._write(service, own, lambda spec: copies.without(spec, node))

    async def has_node(self, mesh: str, node: str) -> bool:
        """Whether a virtual node exists."""
        try:
            await self._aws.appmesh(
                lambda client: client.describe_virtual_node(meshName=mesh, virtualNodeName=node)
            )
        except NoSuchResource:
            return False
        return True

    async def _read(self, service: Service) -> Read:
        """All routes of the service's router; none if that does not exist."""
        mesh, router = service.mesh, service.router
        try:
            names = await self._aws.appmesh(partial(_names, mesh=mesh, router=router))
        except NoSuchResource:
            return {}
        describe = partial(_described, mesh=mesh, router=router)
        calls = [self._aws.appmesh(partial(describe, name=name)) for name in names]
        read = await asyncio.gather(*calls)
        return {name: one for name, one in zip(names, read, strict=True) if one is not None}

    async def _write(
        self, service: Service, own: Read, changed: Callable[[RouteSpec], RouteSpec]
    ) -> None:
        """Change routes that have been read, unless one of them has changed since."""
        after = {route: changed(spec) for route, (spec, _) in own.items()}
        if all(after[route] == spec for route, (spec, _) in own.items()):
            return
        mesh, router = service.mesh, service.router
        if len(own) > 1:
            try:
                shifts = [
                    _shift(router, route, after[route], version)
                    for route, (_, version) in own.items()
                ]
                await self._aws.shift_weights(mesh, shifts)
            except NoSuchOperation:
                pass
            else:
                return
        for route in by_priority(after):
            spec, version = own[route]
            if after[route] != spec:
                await self._aws.update_route(mesh, router, route, after[route], version)


def together(by_route: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    """The weights of routes as one: theirs, or their average in percent where they stand apart."""
    routes = list(by_route.values())
    if len({frozenset(shares(weights).items()) for weights in routes}) < 2:
        return {side: weight for weights in reversed(routes) for side, weight in weights.items()}
    sides = dict.fromkeys(side for weights in routes for side in weights)
    of = {side: [shares(weights).get(side, 0.0) for weights in routes] for side in sides}
    return {
        side: max(round(100 * sum(each) / len(each)), 1 if any(each) else 0)
        for side, each in of.items()
    }


def _elsewhere(
    sides: Mapping[str, str], targets: Mapping[str, Mapping[str, int]]
) -> dict[str, tuple[str, ...]]:
    """By side, the routes that give its node weight."""
    giving = {
        side: tuple(route for route, weights in targets.items() if weights.get(node))
        for node, side in sides.items()
    }
    return {side: routes for side, routes in giving.items() if routes}


def _names(client: AppMeshClient, mesh: str, router: str) -> list[str]:
    pages = client.get_paginator("list_routes").paginate(meshName=mesh, virtualRouterName=router)
    return [route["routeName"] for page in pages for route in page["routes"]]


def _described(
    client: AppMeshClient, mesh: str, router: str, name: str
) -> tuple[RouteSpec, int] | None:
    """Specification and version of a route; None if it has been deleted meanwhile."""
    try:
        answer = client.describe_route(meshName=mesh, virtualRouterName=router, routeName=name)
    except client.exceptions.NotFoundException:
        return None
    return answer["route"]["spec"], answer["route"]["metadata"]["version"]


def _shift(router: str, route: str, spec: RouteSpec, version: int) -> RouteShift:
    targets = spec[route_member(spec)]["action"]["weightedTargets"]
    return {
        "virtualRouterName": router,
        "routeName": route,
        "version": version,
        "weightedTargets": [_target(target) for target in targets],
    }


def _target(target: WeightedTargetTypeDef) -> ShiftedTarget:
    made: ShiftedTarget = {"virtualNode": target["virtualNode"], "weight": target["weight"]}
    if "port" in target:
        made["port"] = target["port"]
    return made
