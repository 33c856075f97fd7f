"""Rollouts by the AWS APIs: App Mesh, ECS and Cloud Map at an endpoint, ours or AWS's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tealmesh.model.arn import DEFAULT_REGION
from tealmesh.model.clock import Clock, system_clock
from tealmesh.model.errors import DriverError, NoSuchResource
from tealmesh.model.rollout import SideTasks
from tealmesh.model.status import Missing
from tealmesh.rollout import system
from tealmesh.rollout.drivers.aws import Aws, MakeClient
from tealmesh.rollout.drivers.cloudmap import CloudMap
from tealmesh.rollout.effects import WeightsSet
from tealmesh.rollout.system import GatewaySystem, ServiceSystem

_LOCAL_NETWORK = {"subnets": ["subnet-0000000000teal000"]}
_EXPLANATION = 2000
_BY_SCHEDULER = {"ServiceSchedulerInitiated", "UserInitiated"}


class ApiDriver:
    """A `drivers.base.Driver`, and what brings a whole system to its state.

    ``make_client`` gives boto3 clients by service name; ``network`` is the awsvpcConfiguration of
    the ECS services, which means nothing on one machine but must be there.
    """

    def __init__(
        self,
        make_client: MakeClient,
        region: str = DEFAULT_REGION,
        network: Mapping[str, Any] | None = None,
        clock: Clock = system_clock,
    ) -> None:
        self._clock = clock
        self._aws = Aws(make_client)
        self._cloud_map = CloudMap(self._aws)
        self._region = region
        self._network = dict(network or _LOCAL_NETWORK)
        self._images: dict[str, str] = {}

    def close(self) -> None:
        """Let the threads go; calls under way are not waited for."""
        self._aws.close()

    async def ensure_side(self, service: ServiceSystem, side: str, image: str) -> None:
        await self._ensure_side(service, side, image, replace=True)

    async def observe(self, service: ServiceSystem, side: str) -> SideTasks:
        node = service.node(side)
        found = await self._ecs_service(service.cluster, node)
        if found is None or found["status"] != "ACTIVE":
            return SideTasks()
        primary = _primary(found)
        failed = primary.get("rolloutState") == "FAILED"
        registered = await self._cloud_map.healthy(service, node)
        return SideTasks(
            desired=found["desiredCount"],
            running=found["runningCount"],
            healthy=min(found["runningCount"], registered),
            failed=primary.get("failedTasks", 0),
            failure=primary.get("rolloutStateReason", "the tasks failed to start") * failed,
            image=await self._image(found["taskDefinition"]),
            pending=max(0, found["desiredCount"] - primary.get("runningCount", 0)),
        )

    async def explain(self, service: ServiceSystem, side: str) -> str:
        node = service.node(side)
        tasks = await self._died(service.cluster, node)
        if tasks:
            return str(tasks[-1].get("stoppedReason", ""))[:_EXPLANATION]
        found = await self._ecs_service(service.cluster, node)
        events = found.get("events", []) if found else []
        return str(events[0]["message"])[:_EXPLANATION] if events else ""

    async def missing(self, cluster: str, name: str) -> Missing:
        """Why an ECS service lacks tasks, as far as those of its present deployment tell."""
        primary = _primary(await self._ecs_service(cluster, name))
        tasks = await self._died(cluster, name) if primary else []
        own = [task for task in tasks if task.get("startedBy") == primary.get("id")]
        reason = str(own[-1].get("stoppedReason", ""))[:_EXPLANATION] if own else ""
        return Missing(reason, gave_up=primary.get("rolloutState") == "FAILED")

    async def _died(self, cluster: str, name: str) -> list[dict[str, Any]]:
        """The tasks of an ECS service that stopped by themselves and are still shown, in the order
        in which they did.
        """
        request = {"cluster": cluster, "serviceName": name, "desiredStatus": "STOPPED"}
        try:
            arns = await self._aws.list("ecs", "list_tasks", "taskArns", **request)
        except NoSuchResource:
            return []
        if not arns:
            return []
        answer = await self._aws.call("ecs", "describe_tasks", cluster=cluster, tasks=arns[:100])
        tasks = [t for t in answer["tasks"] if t.get("stopCode") not in _BY_SCHEDULER]
        return sorted(tasks, key=lambda t: str(t.get("stoppedAt") or t.get("stoppingAt") or ""))

    async def weights(self, service: ServiceSystem) -> Mapping[str, int]:
        names = system.route(service, {}).names
        try:
            answer = await self._aws.call("appmesh", "describe_route", **names)
        except NoSuchResource:
            return {}
        return system.route_weights(service, answer["route"]["spec"])

    async def set_weights(self, service: ServiceSystem, weights: Mapping[str, int]) -> WeightsSet:
        targets = {
            side: weight
            for side, weight in weights.items()
            if weight or await self._has(service, side)
        }
        sent = self._clock()
        await self._aws.ensure(system.route(service, targets))
        answer = await self._aws.call("tealmesh", "get_convergence", mesh=service.mesh)
        return WeightsSet(int(answer["revision"]), sent)

    async def stop_side(self, service: ServiceSystem, side: str) -> bool:
        node = service.node(side)
        found = await self._ecs_service(service.cluster, node)
        if found is None or found["status"] == "INACTIVE":
            return True
        if found["status"] == "ACTIVE":
            await self._aws.call(
                "ecs", "delete_service", cluster=service.cluster, service=node, force=True
            )
        return False

    async def apply_shared(self, mesh: str, cluster: str, namespace: str) -> list[str]:
        """The mesh, the cluster and the namespace are there; what was done."""
        done = [await self._aws.ensure(system.mesh(mesh))]
        answer = await self._aws.call("ecs", "describe_clusters", clusters=[cluster])
        if not any(c["status"] == "ACTIVE" for c in answer["clusters"]):
            await self._aws.call("ecs", "create_cluster", clusterName=cluster)
            done.append(f"created cluster {cluster}")
        done.append(await self._cloud_map.ensure_namespace(namespace))
        return [line for line in done if line]

    async def apply_service(self, service: ServiceSystem) -> list[str]:
        """The service is there and as described; its running images and weights stay. What was
        done.
        """
        weights = dict(await self.weights(service)) or {service.config.sides[0]: 100}
        done = [await self._aws.ensure(system.virtual_router(service))]
        for side, weight in weights.items():
            if weight:
                tasks = await self.observe(service, side)
                # What ECS gave up on before it ever ran is no release to keep.
                kept = "" if tasks.failure and not tasks.running else tasks.image
                image = kept or service.config.image
                done += await self._ensure_side(service, side, image, replace=False)
            else:
                done.append(await self._aws.ensure(system.virtual_node(service, side)))
        done.append(await self._aws.ensure(system.route(service, weights)))
        done.append(await self._aws.ensure(system.virtual_service(service)))
        return [line for line in done if line]

    async def apply_gateway(
        self, gateway: GatewaySystem, hostnames: Mapping[str, str]
    ) -> list[str]:
        """The gateway is there and as described; what was done."""
        done = [await self._aws.ensure(system.virtual_gateway(gateway))]
        routes = system.gateway_routes(gateway, hostnames)
        for route in routes:
            done.append(await self._aws.ensure(route))
        done += await self._drop_other_routes(
            gateway, {r.names["gatewayRouteName"] for r in routes}
        )
        definition = system.gateway_task_definition(gateway, self._region)
        desired = gateway.config.desired_count
        done += await self._ensure_tasks(
            gateway.cluster, gateway.name, definition, desired, None, again=True
        )
        return [line for line in done if line]

    async def _drop_other_routes(self, gateway: GatewaySystem, wanted: set[str]) -> list[str]:
        """A prefix that is no longer described must not go on taking requests."""
        names = {"meshName": gateway.mesh, "virtualGatewayName": gateway.name}
        found = await self._aws.list("appmesh", "list_gateway_routes", "gatewayRoutes", **names)
        done = []
        for name in sorted({route["gatewayRouteName"] for route in found} - wanted):
            await self._aws.call("appmesh", "delete_gateway_route", **names, gatewayRouteName=name)
            done.append(f"deleted gateway route {name}")
        return done

    async def running(self, cluster: str, name: str) -> tuple[int, int]:
        """Running tasks of an ECS service's present task definition, and the desired ones; zero
        where there is none.
        """
        found = await self._ecs_service(cluster, name)
        if found is None or found["status"] != "ACTIVE":
            return 0, 0
        return _primary(found).get("runningCount", 0), found["desiredCount"]

    async def _ensure_side(
        self, service: ServiceSystem, side: str, image: str, *, replace: bool
    ) -> list[str]:
        """``replace``, of rollouts: tasks of another image are stopped first and never mixed with
        the new, and those that ECS gave up on are not tried again.
        """
        node = service.node(side)
        if replace:
            earlier = await self.observe(service, side)
            if earlier.image and earlier.image != image:
                await self.stop_side(service, side)
                raise DriverError(
                    f"the tasks of {node} with {earlier.image} to stop", retryable=True
                )
        done = [await self._aws.ensure(system.virtual_node(service, side))]
        registry, line = await self._cloud_map.ensure_service(service.namespace, service.name)
        definition = system.task_definition(service, side, image, self._region)
        count = service.config.desired_count
        return [
            *done,
            line,
            *await self._ensure_tasks(
                service.cluster, node, definition, count, registry, again=not replace
            ),
        ]

    async def _ensure_tasks(
        self,
        cluster: str,
        name: str,
        definition: Mapping[str, Any],
        desired: int,
        registry: str | None,
        *,
        again: bool,
    ) -> list[str]:
        """An ECS service of this name runs ``definition`` with the desired count. ``again``: it is
        started anew where ECS gave up on it.
        """
        arn, line = await self._task_definition(definition)
        found = await self._ecs_service(cluster, name)
        if found is not None and found["status"] == "DRAINING":
            raise DriverError(f"the earlier tasks of {name} to stop", retryable=True)
        if found is None or found["status"] != "ACTIVE":
            request = system.ecs_service(cluster, name, arn, desired, registry)
            network = {"awsvpcConfiguration": self._network}
            await self._aws.call("ecs", "create_service", **request, networkConfiguration=network)
            return [line, f"created ECS service {name}"]
        anew = again and _primary(found).get("rolloutState") == "FAILED"
        if found["taskDefinition"] == arn and found["desiredCount"] == desired and not anew:
            return [line]
        await self._aws.call(
            "ecs",
            "update_service",
            cluster=cluster,
            service=name,
            taskDefinition=arn,
            desiredCount=desired,
            forceNewDeployment=anew,
        )
        return [line, f"changed ECS service {name}"]

    async def _task_definition(self, wanted: Mapping[str, Any]) -> tuple[str, str]:
        """The ARN of a revision that is as wanted, registered where the newest is not."""
        family = wanted["family"]
        arns = await self._aws.list(
            "ecs", "list_task_definitions", "taskDefinitionArns", familyPrefix=family, sort="DESC"
        )
        if arns:
            answer = await self._aws.call("ecs", "describe_task_definition", taskDefinition=arns[0])
            if system.covers(answer["taskDefinition"], dict(wanted)):
                return str(arns[0]), ""
        answer = await self._aws.call("ecs", "register_task_definition", **wanted)
        arn = str(answer["taskDefinition"]["taskDefinitionArn"])
        return arn, f"registered task definition {arn.rpartition('/')[2]}"

    async def _ecs_service(self, cluster: str, name: str) -> dict[str, Any] | None:
        try:
            answer = await self._aws.call(
                "ecs", "describe_services", cluster=cluster, services=[name]
            )
        except NoSuchResource:
            return None
        found: list[dict[str, Any]] = answer["services"]
        return found[0] if found else None

    async def _image(self, definition: str) -> str:
        """The application's image in a task definition, which never changes."""
        if definition not in self._images:
            answer = await self._aws.call(
                "ecs", "describe_task_definition", taskDefinition=definition
            )
            containers = answer["taskDefinition"]["containerDefinitions"]
            image = next((c["image"] for c in containers if c["name"] == "app"), "")
            self._images[definition] = image
        return self._images[definition]

    async def _has(self, service: ServiceSystem, side: str) -> bool:
        names = system.virtual_node(service, side).names
        try:
            await self._aws.call("appmesh", "describe_virtual_node", **names)
        except NoSuchResource:
            return False
        return True


def _primary(service: Mapping[str, Any] | None) -> dict[str, Any]:
    """The present deployment of an ECS service; empty where there is none."""
    deployments: list[dict[str, Any]] = service["deployments"] if service else []
    return next((d for d in deployments if d["status"] == "PRIMARY"), {})
