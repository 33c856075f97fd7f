"""A mesh behind a load balancer: load balancer, virtual gateway, virtual node."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.support.planes.balanced import CLUSTER, Balanced, balanced, get
from tests.support.planes.ecs import NETWORK
from tests.support.planes.elb import health
from tests.support.programs.load import Load

ENVOY = "public.ecr.aws/appmesh/aws-appmesh-envoy:v1.29.12.1-prod"


def _listener(port: int) -> dict[str, Any]:
    return {"portMapping": {"port": port, "protocol": "http"}}


def _envoy(resource: str, port: int | None = None) -> dict[str, Any]:
    mapped = {"portMappings": [{"containerPort": port}]} if port else {}
    environment = [{"name": "APPMESH_RESOURCE_ARN", "value": f"mesh/m/{resource}"}]
    return {"name": "envoy", "image": ENVOY, "environment": environment, **mapped}


def _mesh(world: Balanced) -> str:
    """A node ``web`` behind a gateway ``front`` on port 9080; returns the ARN of its registry."""
    cloud_map, mesh = world.plane.client("servicediscovery"), world.plane.client("appmesh")
    operation = cloud_map.create_http_namespace(Name="m.local")["OperationId"]
    described = cloud_map.get_operation(OperationId=operation)["Operation"]
    namespace = described["Targets"]["NAMESPACE"]
    registry = cloud_map.create_service(Name="web", NamespaceId=namespace)["Service"]["Arn"]
    mesh.create_mesh(meshName="m")
    discovery = {"awsCloudMap": {"namespaceName": "m.local", "serviceName": "web"}}
    mesh.create_virtual_node(
        meshName="m",
        virtualNodeName="web",
        spec={"listeners": [_listener(8080)], "serviceDiscovery": discovery},
    )
    mesh.create_virtual_service(
        meshName="m",
        virtualServiceName="web.m.local",
        spec={"provider": {"virtualNode": {"virtualNodeName": "web"}}},
    )
    mesh.create_virtual_gateway(
        meshName="m", virtualGatewayName="front", spec={"listeners": [_listener(9080)]}
    )
    target = {"virtualService": {"virtualServiceName": "web.m.local"}}
    mesh.create_gateway_route(
        meshName="m",
        virtualGatewayName="front",
        gatewayRouteName="all",
        spec={"httpRoute": {"match": {"prefix": "/"}, "action": {"target": target}}},
    )
    return str(registry)


@pytest.mark.drill
@pytest.mark.parametrize("requests", [5_000])
def test_gateways_and_nodes_are_replaced_behind_load_balancers(
    tmp_path: Path, requests: int
) -> None:
    with balanced(tmp_path) as world:
        registry = _mesh(world)
        inside, outside = world.group("inside"), world.group("outside")
        node, front = world.front("inside", inside), world.front("outside", outside)
        web = world.define("web", "team/web:1", _envoy("virtualNode/web"))
        world.create("web", web, inside, serviceRegistries=[{"registryArn": registry}])
        gateway = world.ecs.register_task_definition(
            family="front",
            requiresCompatibilities=["FARGATE"],
            networkMode="awsvpc",
            cpu="256",
            memory="512",
            containerDefinitions=[_envoy("virtualGateway/front", 9080)],
        )["taskDefinition"]["taskDefinitionArn"]
        world.ecs.create_service(
            cluster=CLUSTER,
            serviceName="front",
            taskDefinition=gateway,
            desiredCount=1,
            launchType="FARGATE",
            networkConfiguration=NETWORK,
            loadBalancers=[
                {"targetGroupArn": outside, "containerName": "envoy", "containerPort": 9080}
            ],
        )
        world.steady("web")
        world.steady("front")
        assert get(node) == get(front) == (200, "1")
        (target,) = health(world.elb, inside)
        assert target.endswith(":8080")

        async def replace() -> list[Load]:
            async with Load(*front, rate=200) as one, Load(*node, rate=200) as other:
                await one.answered(100)
                for name in ("front", "web"):
                    await asyncio.to_thread(
                        world.ecs.update_service,
                        cluster=CLUSTER,
                        service=name,
                        forceNewDeployment=True,
                    )
                for name in ("front", "web"):
                    await asyncio.to_thread(world.steady, name)
                for load in (one, other):
                    await load.answered(max(100, requests // 2 - load.report.total))
            return [one, other]

        reports = [load.report for load in asyncio.run(replace())]
        assert [report.failures for report in reports] == [[], []]
        assert sum(report.total for report in reports) >= requests
