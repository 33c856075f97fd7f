"""The system of App Mesh users, made by hand: what their Terraform declares, as API calls.

Each method creates one group of resources, or is one step of their procedure.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Article:
    """Creates the system with boto3 clients; ``mesh`` and ``app`` are the names in it."""

    appmesh: Any
    ecs: Any
    discovery: Any
    mesh: str = "article"
    app: str = "sample"
    port: int = 8080
    namespace: str = "article.local"
    cluster: str = "article"
    images: dict[str, str] = field(
        default_factory=lambda: {
            "blue": "example/sample:0.0.1",
            "green": "example/sample:0.0.2",
        }
    )
    registry_arn: str = ""
    iam: Any = None
    """A client of IAM, where it is asked what the role of the tasks may."""
    patience: int = 1
    """Seconds that an attempt of a request may take."""
    xds: str = ""
    """HOST:PORT of another control plane that configures its Envoys."""

    @property
    def virtual_service(self) -> str:
        return f"{self.app}.{self.namespace}"

    def foundation(self) -> None:
        """Mesh, router, virtual service, cluster, Cloud Map namespace and service."""
        if self.iam is not None:
            self._role()
        self.appmesh.create_mesh(meshName=self.mesh)
        self.appmesh.create_virtual_router(
            meshName=self.mesh,
            virtualRouterName=self.app,
            spec={"listeners": [{"portMapping": {"port": self.port, "protocol": "http"}}]},
        )
        self.appmesh.create_virtual_service(
            meshName=self.mesh,
            virtualServiceName=self.virtual_service,
            spec={"provider": {"virtualRouter": {"virtualRouterName": self.app}}},
        )
        self.ecs.create_cluster(clusterName=self.cluster)
        operation = self.discovery.create_private_dns_namespace(Name=self.namespace, Vpc="vpc-1")
        done = self.discovery.get_operation(OperationId=operation["OperationId"])["Operation"]
        assert done["Status"] == "SUCCESS"
        service = self.discovery.create_service(
            Name=self.app,
            NamespaceId=done["Targets"]["NAMESPACE"],
            DnsConfig={"DnsRecords": [{"Type": "A", "TTL": 10}], "RoutingPolicy": "MULTIVALUE"},
            HealthCheckCustomConfig={"FailureThreshold": 1},
        )
        self.registry_arn = service["Service"]["Arn"]

    def caller(self, name: str) -> str:
        """Create a virtual node that may call the service; what its Envoys are configured as."""
        backend: dict[str, Any] = {"virtualService": {"virtualServiceName": self.virtual_service}}
        self.appmesh.create_virtual_node(
            meshName=self.mesh,
            virtualNodeName=name,
            spec={"listeners": [], "backends": [backend]},
        )
        return f"mesh/{self.mesh}/virtualNode/{name}"

    def gateway(self, port: int, address: str) -> None:
        """A virtual gateway in front of it, as an ECS service that runs Envoy."""
        self.appmesh.create_virtual_gateway(
            meshName=self.mesh,
            virtualGatewayName="edge",
            spec={"listeners": [{"portMapping": {"port": port, "protocol": "http"}}]},
        )
        self.appmesh.create_gateway_route(
            meshName=self.mesh,
            virtualGatewayName="edge",
            gatewayRouteName="all",
            spec={
                "httpRoute": {
                    "match": {"prefix": "/"},
                    "action": {
                        "target": {"virtualService": {"virtualServiceName": self.virtual_service}}
                    },
                }
            },
        )
        envoy = self._envoy("virtualGateway/edge")
        envoy["environment"].append({"name": "TEAL_PUBLISH_ADDRESS", "value": address})
        self.ecs.register_task_definition(
            family="edge",
            requiresCompatibilities=["FARGATE"],
            networkMode="awsvpc",
            cpu="256",
            memory="512",
            containerDefinitions=[envoy],
        )
        self.ecs.create_service(
            cluster=self.cluster,
            serviceName="edge",
            taskDefinition="edge",
            desiredCount=1,
            launchType="FARGATE",
            networkConfiguration=NETWORK,
        )

    def start_side(self, side: str) -> None:
        """``S_is_active = true``: virtual node, task definition, ECS service."""
        self.appmesh.create_virtual_node(
            meshName=self.mesh, virtualNodeName=f"{self.app}-{side}", spec=self.node_spec(side)
        )
        self.ecs.register_task_definition(**self.task_definition(side))
        self.ecs.create_service(
            cluster=self.cluster,
            serviceName=self.ecs_service(side),
            taskDefinition=f"{self.app}-{side}",
            desiredCount=1,
            launchType="FARGATE",
            platformVersion="1.4.0",
            networkConfiguration=NETWORK,
            serviceRegistries=[{"registryArn": self.registry_arn}],
        )

    def stop_side(self, side: str) -> None:
        """``S_is_active = false``: delete the ECS service, then its virtual node."""
        name = self.ecs_service(side)
        self.ecs.update_service(cluster=self.cluster, service=name, desiredCount=0)
        self.ecs.delete_service(cluster=self.cluster, service=name, force=True)
        self.ecs.get_waiter("services_inactive").wait(
            cluster=self.cluster, services=[name], WaiterConfig={"Delay": 1, "MaxAttempts": 60}
        )
        self.appmesh.delete_virtual_node(meshName=self.mesh, virtualNodeName=f"{self.app}-{side}")

    def route_spec(self, **weights: int) -> dict[str, Any]:
        targets = [
            {"virtualNode": f"{self.app}-{side}", "weight": weight}
            for side, weight in weights.items()
        ]
        return {
            "httpRoute": {
                "match": {"prefix": "/"},
                "action": {"weightedTargets": targets},
                "retryPolicy": {
                    "tcpRetryEvents": ["connection-error"],
                    "maxRetries": 1,
                    "perRetryTimeout": {"unit": "s", "value": self.patience},
                },
            }
        }

    def create_route(self, **weights: int) -> None:
        self.appmesh.create_route(
            meshName=self.mesh,
            virtualRouterName=self.app,
            routeName=self.app,
            spec=self.route_spec(**weights),
        )

    def update_route(self, **weights: int) -> None:
        self.appmesh.update_route(
            meshName=self.mesh,
            virtualRouterName=self.app,
            routeName=self.app,
            spec=self.route_spec(**weights),
        )

    def ecs_service(self, side: str) -> str:
        return f"{self.cluster}-{self.app}-{side}"

    def node_spec(self, side: str) -> dict[str, Any]:
        return {
            "listeners": [
                {
                    "portMapping": {"port": self.port, "protocol": "http"},
                    "healthCheck": {
                        "protocol": "http",
                        "path": "/health",
                        "healthyThreshold": 2,
                        "unhealthyThreshold": 2,
                        "timeoutMillis": 2000,
                        "intervalMillis": 5000,
                    },
                }
            ],
            "serviceDiscovery": {
                "awsCloudMap": {
                    "namespaceName": self.namespace,
                    "serviceName": self.app,
                    "attributes": [{"key": "ECS_SERVICE_NAME", "value": self.ecs_service(side)}],
                }
            },
            "logging": {"accessLog": {"file": {"path": "/dev/stdout"}}},
        }

    def task_definition(self, side: str) -> dict[str, Any]:
        app = {
            "name": "app",
            "image": self.images[side],
            "essential": True,
            "memory": 256,
            "portMappings": [
                {"containerPort": self.port, "hostPort": self.port, "protocol": "tcp"}
            ],
            "dependsOn": [{"containerName": "envoy", "condition": "HEALTHY"}],
            "logConfiguration": logs(self.app, "app"),
        }
        xray = {
            "name": "xray",
            "image": "amazon/aws-xray-daemon",
            "essential": True,
            "user": "1337",
            "cpu": 32,
            "memoryReservation": 256,
            "portMappings": [{"containerPort": 2000, "hostPort": 2000, "protocol": "udp"}],
            "logConfiguration": logs(self.app, "xray"),
        }
        properties = {
            "AppPorts": str(self.port),
            "EgressIgnoredIPs": "169.254.170.2,169.254.169.254",
            "IgnoredUID": "1337",
            "ProxyEgressPort": "15001",
            "ProxyIngressPort": "15000",
        }
        return {
            "family": f"{self.app}-{side}",
            "requiresCompatibilities": ["FARGATE"],
            "networkMode": "awsvpc",
            "cpu": "512",
            "memory": "1024",
            "executionRoleArn": "arn:aws:iam::123456789012:role/execution",
            "taskRoleArn": "arn:aws:iam::123456789012:role/task",
            "containerDefinitions": [app, self._envoy(f"virtualNode/{self.app}-{side}"), xray],
            "proxyConfiguration": {
                "type": "APPMESH",
                "containerName": "envoy",
                "properties": [{"name": k, "value": v} for k, v in properties.items()],
            },
        }

    def _role(self) -> None:
        """The role of the tasks, which may have an Envoy configured."""
        trust = {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}}
        self.iam.create_role(
            RoleName="task",
            AssumeRolePolicyDocument=_policy({**trust, "Action": "sts:AssumeRole"}),
        )
        allowed = {"Effect": "Allow", "Action": "appmesh:StreamAggregatedResources"}
        self.iam.put_role_policy(
            RoleName="task",
            PolicyName="envoy",
            PolicyDocument=_policy({**allowed, "Resource": "*"}),
        )

    def _envoy(self, resource: str) -> dict[str, Any]:
        return {
            "name": "envoy",
            "image": "public.ecr.aws/appmesh/aws-appmesh-envoy:v1.20.0.1-prod",
            "essential": True,
            "user": "1337",
            "cpu": 32,
            "memoryReservation": 256,
            "environment": [
                {"name": "APPMESH_RESOURCE_ARN", "value": f"mesh/{self.mesh}/{resource}"},
                *([{"name": "APPMESH_XDS_ENDPOINT", "value": self.xds}] if self.xds else []),
            ],
            "healthCheck": {
                "command": [
                    "CMD-SHELL",
                    "curl -s http://localhost:9901/server_info | grep state | grep -q LIVE",
                ],
                "interval": 5,
                "timeout": 2,
                "retries": 3,
                "startPeriod": 10,
            },
            "logConfiguration": logs(self.app, "envoy"),
        }


NETWORK = {
    "awsvpcConfiguration": {
        "subnets": ["subnet-1", "subnet-2"],
        "securityGroups": ["sg-1"],
        "assignPublicIp": "ENABLED",
    }
}


def _policy(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def logs(app: str, prefix: str) -> dict[str, Any]:
    """The ``awslogs`` configuration of one container."""
    return {
        "logDriver": "awslogs",
        "options": {
            "awslogs-group": f"/ecs/{app}",
            "awslogs-region": "us-east-1",
            "awslogs-stream-prefix": prefix,
            "awslogs-create-group": "true",
        },
    }
