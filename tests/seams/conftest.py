"""A control plane with a task in a VPC, whose service is registered in Cloud Map."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.planes.control_plane import ControlPlane, control_plane
from tests.support.planes.ecs import FARGATE
from tests.support.planes.elb import Network, network
from tests.support.waiting import until

SERVER = "import http.server, os; http.server.HTTPServer((os.environ['HOST'], int(os.environ['PORT'])), http.server.SimpleHTTPRequestHandler).serve_forever()"  # noqa: E501


class World:
    """The control plane, and what is in it."""

    def __init__(self, plane: ControlPlane) -> None:
        self.plane = plane
        self.vpc: Network = network(plane)
        ec2 = plane.client("ec2")
        self.group = ec2.create_security_group(
            GroupName="web", Description="web", VpcId=self.vpc.vpc
        )["GroupId"]
        discovery = plane.client("servicediscovery")
        started = discovery.create_private_dns_namespace(
            Name="d.local", Vpc=self.vpc.vpc, Tags=[{"Key": "team", "Value": "names"}]
        )
        operation = discovery.get_operation(OperationId=started["OperationId"])["Operation"]
        self.namespace = operation["Targets"]["NAMESPACE"]
        registry = discovery.create_service(
            Name="web",
            NamespaceId=self.namespace,
            DnsConfig={"DnsRecords": [{"Type": "A", "TTL": 10}], "RoutingPolicy": "MULTIVALUE"},
        )["Service"]
        ecs = plane.client("ecs")
        ecs.create_cluster(clusterName="c")
        ecs.register_task_definition(**FARGATE)
        ecs.create_service(
            cluster="c",
            serviceName="web",
            taskDefinition="web",
            desiredCount=1,
            launchType="FARGATE",
            networkConfiguration={
                "awsvpcConfiguration": {
                    "subnets": self.vpc.subnets[:1],
                    "securityGroups": [self.group],
                    "assignPublicIp": "ENABLED",
                }
            },
            serviceRegistries=[{"registryArn": registry["Arn"]}],
            tags=[{"key": "team", "value": "shop"}],
        )
        until(lambda: self.task()["lastStatus"] == "RUNNING")

    def task(self) -> Any:
        """The newest task of the service; empty while there is none."""
        ecs = self.plane.client("ecs")
        arns = ecs.list_tasks(cluster="c", serviceName="web")["taskArns"]
        if not arns:
            return {"lastStatus": ""}
        return ecs.describe_tasks(cluster="c", tasks=arns[:1])["tasks"][0]


@pytest.fixture(scope="package")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    directory = tmp_path_factory.mktemp("seams")
    command = json.dumps(["python3", "-c", SERVER])
    (directory / "teal.toml").write_text(f'[images]\n"example/web:1" = {command}\n')
    with control_plane(directory, directory / "teal.toml") as plane:
        yield World(plane)
