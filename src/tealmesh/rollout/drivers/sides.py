"""The sides of a service: what there is is copied and changed, never replaced.

The next version of a service is like the one that serves in everything but the image, whoever made
and changed that: teal.toml, Terraform, or a person with the AWS CLI. Every method is idempotent:
the names of what it makes follow from the names of what there is.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from tealmesh.model.errors import DriverError, NoSuchResource, NotYet
from tealmesh.rollout.adopted import MeshService
from tealmesh.rollout.drivers import copies, resources
from tealmesh.rollout.drivers.aws import Aws
from tealmesh.rollout.drivers.cloudmap import CloudMap
from tealmesh.rollout.drivers.route import Routes
from tealmesh.rollout.system import Service, ServiceSystem, other_side

if TYPE_CHECKING:
    from types_boto3_appmesh.type_defs import TagRefTypeDef
    from types_boto3_ecs.type_defs import (
        AwsVpcConfigurationTypeDef,
        DescribeTaskDefinitionResponseTypeDef,
        RegisterTaskDefinitionRequestTypeDef,
        ServiceTypeDef,
    )


class Sides:
    """The part of `drivers.api.ApiDriver` that starts, scales and stops the sides of a service."""

    def __init__(
        self,
        aws: Aws,
        cloud_map: CloudMap,
        routes: Routes,
        region: str,
        network: AwsVpcConfigurationTypeDef,
        xds: str,
    ) -> None:
        self._xds = xds
        self._aws = aws
        self._cloud_map = cloud_map
        self._routes = routes
        self._region = region
        self._network = network

    async def ensure(self, service: Service, side: str, image: str, count: int) -> None:
        """Run ``count`` tasks of ``image`` on the side. Tasks of another image are stopped first
        and never mixed with the new ones. A side that does not exist is copied from the other.
        """
        cluster, name = service.ecs_service(side)
        present = await self._aws.ecs_service(cluster, name)
        if present is not None and present["status"] == "DRAINING":
            raise NotYet(f"the earlier tasks of {name} to stop")
        await self._ensure_node(service, side)
        if present is None or present["status"] != "ACTIVE":
            await self._create(service, side, image, count)
        else:
            await self._update(service, side, image, count, present)

    async def scale(self, service: Service, side: str, count: int) -> None:
        """Give the side's ECS service at least ``count`` tasks."""
        cluster, name = service.ecs_service(side)
        present = await self._active(cluster, name)
        if present is not None and present["desiredCount"] < count:
            await self._aws.ecs(
                lambda client: client.update_service(
                    cluster=cluster, service=name, desiredCount=count
                )
            )

    async def stop(self, service: Service, side: str) -> bool:
        """Drain the side's tasks. Of a service of teal.toml the ECS service is deleted then; of
        others what `MeshService.clean_up` says: it stays with no tasks, or everything of the side
        is deleted in the order of Terraform: ECS service, route, virtual node, task definition.
        """
        cluster, name = service.ecs_service(side)
        present = await self._aws.ecs_service(cluster, name)
        if isinstance(service, MeshService) and service.clean_up != "delete":
            return await self._scale_to_zero(present)
        if present is not None and present["status"] == "ACTIVE":
            await self._delete(cluster, name)
            return False
        if present is not None and present["status"] == "DRAINING":
            return False
        if isinstance(service, MeshService):
            await self._delete_side(service, side, present)
        return True

    async def _create(self, service: Service, side: str, image: str, count: int) -> None:
        other = other_side(service, side)
        live = await self._active(*service.ecs_service(other))
        if live is not None:
            await self._copy(service, side, image, count, live)
        elif isinstance(service, ServiceSystem):
            definition = resources.task_definition(service, side, image, self._region, self._xds)
            arn = await self._revision(definition)
            registry, _ = await self._cloud_map.ensure_service(service.namespace, service.name)
            cluster, name = service.ecs_service(side)
            tags = resources.service_tags(service)
            request = resources.ecs_service(
                cluster, name, arn, count, registry, self._network, tags
            )
            await self._aws.ecs(lambda client: client.create_service(**request))
        else:
            gone = service.ecs_service(other)[1]
            raise DriverError(
                f"there is nothing to copy side {side} from: ECS service {gone} of side {other} "
                "has gone; create one of the two again",
                retryable=False,
            )

    async def _copy(
        self, service: Service, side: str, image: str, count: int, live: ServiceTypeDef
    ) -> None:
        rename, other = copies.renaming(service, side), other_side(service, side)
        definition = await self._definition(live["taskDefinition"])
        wanted = copies.task_definition(definition, service.application(other), image, rename)
        arn = await self._revision(wanted)
        registry = await self._registry(service, side)
        name = service.ecs_service(side)[1]
        request = copies.ecs_service(live, name, arn, count, registry, rename)
        await self._aws.ecs(lambda client: client.create_service(**request))

    async def _registry(self, service: Service, side: str) -> str | None:
        if isinstance(service, ServiceSystem):
            return (await self._cloud_map.ensure_service(service.namespace, service.name))[0]
        place = service.registry(side)
        return await self._cloud_map.registry(*place) if all(place) else None

    async def _update(
        self, service: Service, side: str, image: str, count: int, present: ServiceTypeDef
    ) -> None:
        definition = await self._definition(present["taskDefinition"])
        containers = definition["taskDefinition"]["containerDefinitions"]
        images = {container["name"]: container["image"] for container in containers}
        name, earlier = present["serviceName"], images.get(service.application(side))
        if earlier == image:
            arn = present["taskDefinition"]
        elif isinstance(service, ServiceSystem):
            await self._delete(present["clusterArn"], name)
            raise NotYet(f"the tasks of {name} with {earlier} to stop")
        elif present["desiredCount"] or present["runningCount"]:
            await self._scale_to_zero(present)
            raise NotYet(f"the tasks of {name} with {earlier} to stop")
        else:
            arn = await self._revision(
                copies.task_definition(definition, service.application(side), image, copies.same)
            )
        # More tasks than the other side has are not stopped: scaling in waits for the end.
        desired = max(count, present["desiredCount"])
        again = _failing(present)
        if present["taskDefinition"] == arn and present["desiredCount"] == desired and not again:
            return
        await self._aws.ecs(
            lambda client: client.update_service(
                cluster=present["clusterArn"],
                service=name,
                taskDefinition=arn,
                desiredCount=desired,
                # Begin anew even if ECS gave up on the same tasks the last time: those failures are
                # no evidence of what is deployed now.
                forceNewDeployment=again or present["desiredCount"] == 0,
            )
        )

    async def _ensure_node(self, service: Service, side: str) -> None:
        """Create the side's virtual node where there is none: like the other side's, if there is
        one.
        """
        mesh, node = service.mesh, service.node(side)
        if await self._routes.has_node(mesh, node):
            return
        other = other_side(service, side)
        try:
            live = await self._aws.appmesh(
                lambda client: client.describe_virtual_node(
                    meshName=mesh, virtualNodeName=service.node(other)
                )
            )
        except NoSuchResource:
            if isinstance(service, ServiceSystem):
                await self._aws.ensure(resources.virtual_node(service, side))
                return
            raise
        arn = live["virtualNode"]["metadata"]["arn"]
        tagged = await self._aws.appmesh(
            lambda client: client.list_tags_for_resource(resourceArn=arn)
        )
        rename = copies.renaming(service, side)
        live_name, name = service.ecs_service(other)[1], service.ecs_service(side)[1]
        spec = copies.virtual_node(live["virtualNode"]["spec"], live_name, name, rename)
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
        if newest and resources.covers(newest["taskDefinition"], untagged):
            return newest["taskDefinition"]["taskDefinitionArn"]
        answer = await self._aws.ecs(lambda client: client.register_task_definition(**wanted))
        return answer["taskDefinition"]["taskDefinitionArn"]

    async def _active(self, cluster: str, name: str) -> ServiceTypeDef | None:
        found = await self._aws.ecs_service(cluster, name)
        return found if found is not None and found["status"] == "ACTIVE" else None

    async def _delete(self, cluster: str, name: str) -> None:
        await self._aws.ecs(
            lambda client: client.delete_service(cluster=cluster, service=name, force=True)
        )

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
        with contextlib.suppress(NoSuchResource):
            await self._routes.leave(service, node)
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

    async def _definition(self, name: str) -> DescribeTaskDefinitionResponseTypeDef:
        return await self._aws.ecs(
            lambda client: client.describe_task_definition(taskDefinition=name, include=["TAGS"])
        )


def _failing(service: ServiceTypeDef) -> bool:
    """Whether an ECS service lacks tasks because some have failed."""
    primary = next((d for d in service["deployments"] if d.get("status") == "PRIMARY"), None)
    if primary is None:
        return False
    failed = primary.get("rolloutState") == "FAILED" or primary.get("failedTasks", 0) > 0
    return failed and service["runningCount"] < service["desiredCount"]
