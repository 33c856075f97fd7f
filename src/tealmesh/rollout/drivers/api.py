"""Rollouts by the AWS APIs: App Mesh, ECS and Cloud Map at an endpoint, ours or AWS's."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING

from tealmesh.model.arn import DEFAULT_REGION, last_part
from tealmesh.model.clock import SteadyClock, steady_clock
from tealmesh.model.ecs import reasons
from tealmesh.model.errors import NoSuchResource, NotYet
from tealmesh.model.rollout import SideTasks
from tealmesh.model.status import Change, Missing
from tealmesh.rollout.belongings import Removal
from tealmesh.rollout.drivers import gateways, resources
from tealmesh.rollout.drivers.aws import Aws, MakeClient
from tealmesh.rollout.drivers.base import SeenByCallers, Unseen
from tealmesh.rollout.drivers.cloudmap import CloudMap
from tealmesh.rollout.drivers.gateway_routes import delete_others
from tealmesh.rollout.drivers.recording import Recorder
from tealmesh.rollout.drivers.removal import remove
from tealmesh.rollout.drivers.route import Routes
from tealmesh.rollout.drivers.sides import Sides
from tealmesh.rollout.drivers.stopped import StoppedTasks
from tealmesh.rollout.effects import LiveRoute, WeightsSet
from tealmesh.rollout.failed import ON_PURPOSE
from tealmesh.rollout.system import GatewaySystem, Service, ServiceSystem

if TYPE_CHECKING:
    from types_boto3_ecs.type_defs import (
        AwsVpcConfigurationTypeDef,
        DeploymentTypeDef,
        RegisterTaskDefinitionRequestTypeDef,
        ServiceTypeDef,
        TaskTypeDef,
    )

_LOCAL_NETWORK: AwsVpcConfigurationTypeDef = {"subnets": ["subnet-0000000000teal000"]}
_MOST_EXPLANATION_CHARACTERS = 2000


class ApiDriver:
    """A `drivers.base.SystemDriver` on the AWS APIs.

    ``make_client`` makes boto3 clients by service name. ``network`` is the awsvpcConfiguration of
    the ECS services, which has no meaning on one machine but must be there. ``callers``
    gives what callers see of tasks. ``xds`` is HOST:PORT where Envoys of services of teal.toml
    find us; empty where whoever starts them knows it.
    """

    def __init__(
        self,
        make_client: MakeClient,
        region: str = DEFAULT_REGION,
        network: AwsVpcConfigurationTypeDef | None = None,
        clock: SteadyClock = steady_clock,
        callers: Callable[[], SeenByCallers] = Unseen,
        xds: str = "",
    ) -> None:
        self._xds = xds
        self._clock = clock
        self._callers = callers
        self._make_client = make_client
        self._aws = Aws(make_client)
        self._cloud_map = CloudMap(self._aws)
        self._region = region
        self._network = network or _LOCAL_NETWORK
        self._images: dict[tuple[str, str], str] = {}
        self._stopped = StoppedTasks()
        self._routes = Routes(self._aws)
        self._sides = Sides(self._aws, self._cloud_map, self._routes, region, self._network, xds)

    def close(self) -> None:
        """Stop the driver's threads without waiting for calls under way."""
        self._aws.close()

    async def ensure_side(self, service: Service, side: str, image: str, count: int) -> None:
        """An ECS service that ECS gave up on is not started again."""
        await self._sides.ensure(service, side, image, count)

    async def scale_side(self, service: Service, side: str, count: int) -> None:
        await self._sides.scale(service, side, count)

    async def observe(self, service: Service, side: str) -> SideTasks:
        cluster, name = service.ecs_service(side)
        ecs_service = await self._aws.ecs_service(cluster, name)
        if ecs_service is None or ecs_service["status"] != "ACTIVE":
            return SideTasks()
        primary = _primary(ecs_service)
        running, desired = ecs_service["runningCount"], ecs_service["desiredCount"]
        registry = service.registry(side)
        registered = await self._cloud_map.healthy(registry, name) if all(registry) else running
        return SideTasks(
            desired=desired,
            running=running,
            healthy=self._callers().usable_tasks(cluster, name, min(running, registered)),
            failed=primary.get("failedTasks", 0),
            failure=reasons.told(_why_given_up(primary)) if _gave_up(primary) else "",
            image=await self._image(ecs_service["taskDefinition"], service.application(side)),
            pending=max(0, desired - primary.get("runningCount", 0)),
            definition=ecs_service["taskDefinition"],
        )

    async def explain(self, service: Service, side: str, since: float) -> str:
        cluster, name = service.ecs_service(side)
        tasks = await self._stopped_by_themselves(cluster, name)
        own = [task for task in tasks if _at(task.get("createdAt")) >= since]
        if own:
            return _stopped_reason(own[-1])
        if why := self._callers().why_unusable(cluster, name):
            return reasons.told(f"no caller can use {name}'s tasks: {why}")
        ecs_service = await self._aws.ecs_service(cluster, name)
        for event in ecs_service.get("events", []) if ecs_service else []:
            # "has reached a steady state" explains nothing.
            if _at(event.get("createdAt")) >= since and "steady state" not in event["message"]:
                return event["message"][:_MOST_EXPLANATION_CHARACTERS]
        return ""

    async def missing(self, cluster: str, name: str) -> Missing:
        primary = _primary(await self._aws.ecs_service(cluster, name))
        tasks = await self._stopped_by_themselves(cluster, name) if primary else []
        own = [task for task in tasks if task.get("startedBy") == primary.get("id")]
        return Missing(_stopped_reason(own[-1]) if own else "", gave_up=_gave_up(primary))

    async def route(self, service: Service) -> LiveRoute:
        return await self._routes.live(service)

    async def set_weights(
        self, service: Service, weights: Mapping[str, int], version: int | None = None
    ) -> WeightsSet:
        sent = self._clock()
        await self._routes.set_weights(service, weights, version)
        answer = await self._aws.tealmesh(lambda client: client.get_convergence(mesh=service.mesh))
        return WeightsSet(answer["revision"], sent)

    async def stop_side(self, service: Service, side: str) -> bool:
        return await self._sides.stop(service, side)

    async def apply_shared(self, mesh: str, cluster: str, namespace: str) -> list[str]:
        done = [await self._aws.ensure(resources.mesh(mesh))]
        answer = await self._aws.ecs(lambda client: client.describe_clusters(clusters=[cluster]))
        if not any(c["status"] == "ACTIVE" for c in answer["clusters"]):
            await self._aws.ecs(lambda client: client.create_cluster(clusterName=cluster))
            done.append(f"created cluster {cluster}")
        done.append(await self._cloud_map.ensure_namespace(namespace))
        return [line for line in done if line]

    async def apply_service(self, service: ServiceSystem, told: int | None) -> list[str]:
        weights = dict((await self.route(service)).weights) or {service.config.sides[0]: 100}
        done = [await self._aws.ensure(resources.virtual_router(service))]
        for side, weight in weights.items():
            if weight:
                tasks = await self.observe(service, side)
                # An image that ECS gave up on before it ever ran is no release to keep.
                kept = "" if tasks.failure and not tasks.running else tasks.image
                image = kept or service.config.image
                done += await self._ensure_side(service, side, image, told)
            else:
                done.append(await self._aws.ensure(resources.virtual_node(service, side)))
        done.append(await self._aws.ensure(resources.route(service, weights)))
        done.append(await self._aws.ensure(resources.virtual_service(service)))
        return [line for line in done if line]

    async def apply_gateway(
        self, gateway: GatewaySystem, hostnames: Mapping[str, str], told: int | None
    ) -> list[str]:
        done = [await self._aws.ensure(gateways.virtual_gateway(gateway))]
        routes = gateways.gateway_routes(gateway, hostnames)
        for route in routes:
            done.append(await self._aws.ensure(route))
        wanted = {route.names["gatewayRouteName"] for route in routes}
        done += await delete_others(self._aws, gateway, wanted)
        definition = resources.gateway_task_definition(gateway, self._region, self._xds)
        counts = (gateway.config.desired_count, told)
        done += await self._ensure_tasks(gateway.cluster, gateway.name, definition, counts, None)
        return [line for line in done if line]

    @contextlib.contextmanager
    def recording(self, *, perform: bool) -> Iterator[tuple[ApiDriver, list[Change]]]:
        recorder = Recorder(self._make_client, perform=perform)
        shared = (self._region, self._network, self._clock, self._callers, self._xds)
        driver = ApiDriver(recorder.client, *shared)
        try:
            yield driver, recorder.changes
        finally:
            driver.close()

    async def remove(self, wanted: Removal) -> list[str]:
        return await remove(self._aws, wanted)

    async def definition(self, service: Service, side: str) -> tuple[str, str]:
        ecs_service = await self._aws.ecs_service(*service.ecs_service(side))
        if ecs_service is None or ecs_service["status"] != "ACTIVE":
            return "", ""
        arn = ecs_service["taskDefinition"]
        return arn, await self._image(arn, service.application(side))

    async def running(self, cluster: str, name: str) -> tuple[int, int]:
        ecs_service = await self._aws.ecs_service(cluster, name)
        if ecs_service is None or ecs_service["status"] != "ACTIVE":
            return 0, 0
        return _primary(ecs_service).get("runningCount", 0), ecs_service["desiredCount"]

    async def _stopped_by_themselves(self, cluster: str, name: str) -> list[TaskTypeDef]:
        """The tasks of an ECS service that stopped by themselves and that ECS still shows, in the
        order in which they stopped.
        """
        try:
            stopped = await self._aws.ecs(lambda client: self._stopped.of(client, cluster, name))
        except NoSuchResource:
            return []
        tasks = [task for task in stopped if task.get("stopCode") not in ON_PURPOSE]
        return sorted(tasks, key=lambda t: str(t.get("stoppedAt") or t.get("stoppingAt") or ""))

    async def _ensure_side(
        self, service: ServiceSystem, side: str, image: str, told: int | None
    ) -> list[str]:
        node = await self._aws.ensure(resources.virtual_node(service, side))
        registry, line = await self._cloud_map.ensure_service(service.namespace, service.name)
        definition = resources.task_definition(service, side, image, self._region, self._xds)
        tasks = await self._ensure_tasks(
            service.cluster,
            service.node(side),
            definition,
            (service.config.desired_count, told),
            registry,
            tags=resources.service_tags(service),
        )
        return [node, line, *tasks]

    async def _ensure_tasks(
        self,
        cluster: str,
        name: str,
        definition: RegisterTaskDefinitionRequestTypeDef,
        counts: tuple[int, int | None],
        registry: str | None,
        tags: Mapping[str, str] = MappingProxyType({}),
    ) -> list[str]:
        """Create or change an ECS service, so that it runs ``definition`` and has these ``tags``
        among its own; start it again if ECS gave up on it. ``counts``: the desired count, and the
        one of the description before. One that is neither is somebody else's, and kept.
        """
        desired, told = counts
        arn, line = await self._task_definition(definition)
        ecs_service = await self._aws.ecs_service(cluster, name)
        if ecs_service is not None and ecs_service["status"] == "DRAINING":
            raise NotYet(f"the earlier tasks of {name} to stop")
        if ecs_service is None or ecs_service["status"] != "ACTIVE":
            request = resources.ecs_service(
                cluster, name, arn, desired, registry, self._network, tags
            )
            await self._aws.ecs(lambda client: client.create_service(**request))
            return [line, f"created ECS service {name}"]
        await self._aws.tag(ecs_service, tags)
        again = _gave_up(_primary(ecs_service))
        if ecs_service["desiredCount"] != told:
            desired = ecs_service["desiredCount"]
        as_wanted = ecs_service["taskDefinition"] == arn and ecs_service["desiredCount"] == desired
        if as_wanted and not again:
            return [line]
        await self._aws.ecs(
            lambda client: client.update_service(
                cluster=cluster,
                service=name,
                taskDefinition=arn,
                desiredCount=desired,
                forceNewDeployment=again,
            )
        )
        return [line, f"changed ECS service {name}"]

    async def _task_definition(
        self, wanted: RegisterTaskDefinitionRequestTypeDef
    ) -> tuple[str, str]:
        """The family's newest task definition, or a new one if that differs from ``wanted``.
        Returns its ARN and what was done.
        """
        family = wanted["family"]
        found = await self._aws.ecs(
            lambda client: client.list_task_definitions(
                familyPrefix=family, sort="DESC", maxResults=1
            )
        )
        if arns := found["taskDefinitionArns"]:
            newest = await self._aws.ecs(
                lambda client: client.describe_task_definition(taskDefinition=arns[0])
            )
            if resources.covers(newest["taskDefinition"], wanted):
                return arns[0], ""
        answer = await self._aws.ecs(lambda client: client.register_task_definition(**wanted))
        arn = answer["taskDefinition"]["taskDefinitionArn"]
        return arn, f"registered task definition {last_part(arn)}"

    async def _image(self, definition: str, container: str) -> str:
        """A container's image in a task definition, which never changes."""
        if (definition, container) not in self._images:
            answer = await self._aws.ecs(
                lambda client: client.describe_task_definition(taskDefinition=definition)
            )
            containers = answer["taskDefinition"]["containerDefinitions"]
            image = next((c["image"] for c in containers if c["name"] == container), "")
            self._images[definition, container] = image
        return self._images[definition, container]


def _primary(service: ServiceTypeDef | None) -> DeploymentTypeDef:
    """The current deployment of an ECS service; empty where there is none."""
    for deployment in service["deployments"] if service else ():
        if deployment["status"] == "PRIMARY":
            return deployment
    return {}


def _gave_up(primary: DeploymentTypeDef) -> bool:
    """Whether ECS's circuit breaker has stopped starting the deployment's tasks."""
    return primary.get("rolloutState") == "FAILED"


def _why_given_up(primary: DeploymentTypeDef) -> str:
    """ECS's reason, which others follow in one sentence: without its full stop."""
    return primary.get("rolloutStateReason", "the tasks failed to start").rstrip(".")


def _at(moment: datetime | None) -> float:
    """A time in epoch seconds; long ago where there is none."""
    return moment.timestamp() if moment else 0.0


def _stopped_reason(task: TaskTypeDef) -> str:
    return reasons.told(task.get("stoppedReason", "")[:_MOST_EXPLANATION_CHARACTERS])
