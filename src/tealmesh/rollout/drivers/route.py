"""The route of a service: only the weights of its targets are ours to change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tealmesh.model.errors import NoSuchResource, NotYet
from tealmesh.rollout.discovery import route_targets
from tealmesh.rollout.drivers import copies, resources
from tealmesh.rollout.drivers.aws import Aws
from tealmesh.rollout.effects import LiveRoute
from tealmesh.rollout.system import Service, ServiceSystem

if TYPE_CHECKING:
    from tealmesh.model.appmesh import RouteSpec


class Routes:
    """The part of `drivers.api.ApiDriver` that reads and writes routes."""

    def __init__(self, aws: Aws) -> None:
        self._aws = aws

    async def live(self, service: Service) -> LiveRoute:
        """The service's route now."""
        try:
            spec, version = await self._read(service)
        except NoSuchResource:
            return LiveRoute()
        targets = route_targets(spec)
        sides = {service.node(side): side for side in service.sides}
        unmade = [
            side
            for node, side in sides.items()
            if node not in targets and not await self.has_node(service.mesh, node)
        ]
        return LiveRoute(
            weights={side: targets[node] for node, side in sides.items() if node in targets},
            version=version,
            others={node: weight for node, weight in targets.items() if node not in sides},
            unmade=tuple(unmade),
        )

    async def set_weights(
        self, service: Service, weights: Mapping[str, int], version: int | None
    ) -> None:
        """Change the weights, and nothing if they are as they should be. `NotYet` if the route has
        another version by now. A route of teal.toml that has gone is made again.
        """
        targets = {
            service.node(side): weight
            for side, weight in weights.items()
            if weight or await self.has_node(service.mesh, service.node(side))
        }
        try:
            spec, present = await self._read(service)
        except NoSuchResource:
            if not isinstance(service, ServiceSystem) or version:
                raise
            await self._aws.ensure(resources.route(service, weights))
            return
        if version not in (None, present):
            raise NotYet("the route, which somebody else has just changed")
        await self._write(service, spec, copies.reweighted(spec, targets), present)

    async def leave(self, service: Service, node: str) -> None:
        """Make the route lead to a virtual node no more, which must have no weight."""
        spec, version = await self._read(service)
        weight = route_targets(spec).get(node)
        if weight:
            raise NotYet(f"the route to lead elsewhere: {node} has weight {weight} in it")
        if weight is not None:
            await self._write(service, spec, copies.without(spec, node), version)

    async def has_node(self, mesh: str, node: str) -> bool:
        """Whether a virtual node exists."""
        try:
            await self._aws.appmesh(
                lambda client: client.describe_virtual_node(meshName=mesh, virtualNodeName=node)
            )
        except NoSuchResource:
            return False
        return True

    async def _read(self, service: Service) -> tuple[RouteSpec, int]:
        answer = await self._aws.appmesh(
            lambda client: client.describe_route(
                meshName=service.mesh,
                virtualRouterName=service.router,
                routeName=service.route,
            )
        )
        route = answer["route"]
        return route["spec"], route["metadata"]["version"]

    async def _write(
        self, service: Service, before: RouteSpec, after: RouteSpec, version: int
    ) -> None:
        if after != before:
            await self._aws.update_route(
                service.mesh, service.router, service.route, after, version
            )
