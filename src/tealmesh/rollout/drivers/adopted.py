"""Deployments of services that others made: what there is is copied and changed, never replaced.

Of the route only the weights change, of the tasks only the application's image. Every method is
idempotent: the names of what it makes follow from the names of what there is.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from tealmesh.model.errors import DriverError, NoSuchResource, NotYet
from tealmesh.rollout.adopted import MeshService
from tealmesh.rollout.discovery import route_targets
from tealmesh.rollout.drivers import copies
from tealmesh.rollout.drivers.aws import Aws
from tealmesh.rollout.drivers.cloudmap import CloudMap
from tealmesh.rollout.drivers.resources import covers

if TYPE_CHECKING:
    from types_boto3_appmesh.type_defs import TagRefTypeDef
    from types_boto3_ecs.type_defs import (
        DescribeTaskDefinitionResponseTypeDef,
        RegisterTaskDefinitionRequestTypeDef,
        ServiceTypeDef,
    )

    from tealmesh.model.appmesh import RouteSpec


class AdoptedServices:
    """The part of `drivers.api.ApiDriver` that is for services which others made."""

    def __init__(self, aws: Aws, cloud_map: CloudMap) -> None:
        self._aws = aws
        self._cloud_map = cloud_map

    async def ensure_side(self, service: MeshService, side: str, image: str) -> None:
        """Give the side a revision of its task definition with ``image``, and as many tasks as the
        other side has. A side that does not exist is copied from the other. Tasks of another image
        are stopped first and never mixed with the new ones.
        """
        live = await self._active(service, service.other(side).name)
        cluster, name = service.ecs_service(side)
        present = await self._aws.ecs_service(cluster, name)
        if present is not None and present["status"] == "DRAINING":
            raise NotYet(f"the earlier tasks of {name} to stop")
        if present is None or present["status"] != "ACTIVE":
            await self._create_side(service, side, image, live)
        else:
            await self._ensure_node(service, side)
            await self._update_side(service, side, image, live, present)

    async def weights(self, service: MeshService) -> Mapping[str, int]:
        """The weights of the sides that the route leads to."""
        try:
            targets = route_targets(await self._route(service))
        except NoSuchResource:
            return {}
        return {
            side.name: targets[side.virtual_node]
            for side in service.found
            if side.virtual_node in targets
        }

    async def set_weights(self, service: MeshService, weights: Mapping[str, int]) -> None:
        """Give the route exactly these sides with these weights."""
        spec = await self._route(service)
        wanted = {service.node(side): weight for side, weight in weights.items()}
        changed = copies.reweighted(spec, wanted)
        if changed != spec:
            await self._aws.appmesh(
                lambda client: client.update_route(
                    meshName=service.mesh,
                    virtualRouterName=service.router,
                    routeName=service.route,
                    spec=changed,
                )
            )

    async def stop_side(self, service: MeshService, side: str) -> bool:
        """Drain the side's tasks. Then its ECS service stays with none, or everything of the side
        is deleted in the order of Terraform: route, ECS service, virtual node, task definition.
        """
        cluster, name = service.ecs_service(side)
        present = await self._aws.ecs_service(cluster, name)
        if service.clean_up != "delete":
            return await self._scale_to_zero(present)
        if present is not None and present["status"] == "ACTIVE":
            await self._aws.ecs(
                lambda client: client.delete_service(cluster=cluster, service=name, force=True)
            )
            return False
        if present is not None and present["status"] == "DRAINING":
            return False
        await self._delete_side(service, side, present)
        return True

    async def _active(self, service: MeshService, side: str) -> ServiceTypeDef:
        cluster, name = service.ecs_service(side)
        found = await self._aws.ecs_service(cluster, name)
        if found is None or found["status"] != "ACTIVE":
            raise DriverError(f"ECS service {name} of side {side} has gone", retryable=False)
        return found

    async def _create_side(
        self, service: MeshService, side: str, image: str, live: ServiceTypeDef
    ) -> None:
        other = service.other(side)
        rename = copies.to_side(other.name, side)
        await self._ensure_node(service, side)
        definition = await self._definition(live["taskDefinition"])
        arn = await self._revision(
            copies.task_definition(definition, service.application(other.name), image, rename)
        )
        place = service.registry(side)
        registry = await self._cloud_map.registry(*place) if all(place) else None
        request = copies.ecs_service(live, service.ecs_service(side)[1], arn, registry, rename)
        await self._aws.ecs(lambda client: client.create_service(**request))

    async def _update_side(
        self,
        service: MeshService,
        side: str,
        image: str,
        live: ServiceTypeDef,
        present: ServiceTypeDef,
    ) -> None:
        container = service.application(side)
        definition = await self._definition(present["taskDefinition"])
        images = {
            c["name"]: c["image"] for c in definition["taskDefinition"]["containerDefinitions"]
        }
        name, desired = present["serviceName"], live["desiredCount"]
        if images.get(container) == image:
            arn = present["taskDefinition"]
        elif present["desiredCount"] or present["runningCount"]:
            await self._scale_to_zero(present)
            raise NotYet(f"the tasks of {name} with {images.get(container)} to stop")
        else:
            arn = await self._revision(
                copies.task_definition(definition, container, image, copies.same)
            )
        if present["taskDefinition"] == arn and present["desiredCount"] == desired:
            return
        await self._aws.ecs(
            lambda client: client.update_service(
                cluster=present["clusterArn"],
                service=name,
                taskDefinition=arn,
                desiredCount=desired,
                # Begin anew even if ECS gave up on the same tasks the last time.
                forceNewDeployment=present["desiredCount"] == 0,
            )
        )

    async def _ensure_node(self, service: MeshService, side: str) -> None:
        """Create the side's virtual node where there is none."""
        mesh, node, other = service.mesh, service.node(side), service.other(side)
        try:
            await self._aws.appmesh(
                lambda client: client.describe_virtual_node(meshName=mesh, virtualNodeName=node)
            )
            return
        except NoSuchResource:
            pass
        live = await self._aws.appmesh(
            lambda client: client.describe_virtual_node(
                meshName=mesh, virtualNodeName=other.virtual_node
            )
        )
        arn = live["virtualNode"]["metadata"]["arn"]
        tagged = await self._aws.appmesh(
            lambda client: client.list_tags_for_resource(resourceArn=arn)
        )
        rename = copies.to_side(other.name, side)
        name = service.ecs_service(side)[1]
        spec = copies.virtual_node(live["virtualNode"]["spec"], other.ecs_service, name, rename)
        tags: list[TagRefTypeDef] = [
            {"key": tag["key"], "value": rename(tag.get("value", ""))} for tag in tagged["tags"]
        ]
        await self._aws.appmesh(
            lambda client: client.create_virtual_node(
                meshName=mesh, virtualNodeName=node, spec=spec, tags=tags
            )
        )

    async def _revision(self, wanted: RegisterTaskDefinitionRequestTypeDef) -> str:
        """The ARN of the family's newest revision, or of a new one if that differs."""
        try:
            newest = await self._definition(wanted["family"])
        except DriverError:
            newest = None  # A family without an active revision.
        untagged = {member: value for member, value in wanted.items() if member != "tags"}
        if newest and covers(newest["taskDefinition"], untagged):
            return newest["taskDefinition"]["taskDefinitionArn"]
        answer = await self._aws.ecs(lambda client: client.register_task_definition(**wanted))
        return answer["taskDefinition"]["taskDefinitionArn"]

    async def _scale_to_zero(self, present: ServiceTypeDef | None) -> bool:
        """Whether nothing of the ECS service runs any more."""
        if present is None or present["status"] != "ACTIVE":
            return True
        if present["desiredCount"]:
            await self._aws.ecs(
                lambda client: client.update_service(
                    cluster=present["clusterArn"], service=present["serviceName"], desiredCount=0
                )
            )
            return False
        return present["runningCount"] == 0 and present["pendingCount"] == 0

    async def _delete_side(
        self, service: MeshService, side: str, deleted: ServiceTypeDef | None
    ) -> None:
        """Delete what is left of a side whose ECS service has been deleted, if that is known."""
        node = service.node(side)
        spec = await self._route(service)
        weights = route_targets(spec)
        if weights.pop(node, None) is not None:
            kept = {
                s.name: weights[s.virtual_node] for s in service.found if s.virtual_node in weights
            }
            await self.set_weights(service, kept)
        with contextlib.suppress(NoSuchResource):
            await self._aws.appmesh(
                lambda client: client.delete_virtual_node(
                    meshName=service.mesh, virtualNodeName=node
                )
            )
        if deleted is not None:
            arn = deleted["taskDefinition"]
            await self._aws.ecs(
                lambda client: client.deregister_task_definition(taskDefinition=arn)
            )

    async def _route(self, service: MeshService) -> RouteSpec:
        answer = await self._aws.appmesh(
            lambda client: client.describe_route(
                meshName=service.mesh,
                virtualRouterName=service.router,
                routeName=service.route,
            )
        )
        return answer["route"]["spec"]

    async def _definition(self, name: str) -> DescribeTaskDefinitionResponseTypeDef:
        return await self._aws.ecs(
            lambda client: client.describe_task_definition(taskDefinition=name, include=["TAGS"])
        )
