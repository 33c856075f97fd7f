"""ECS services of a real control plane: create, await and describe them."""

from __future__ import annotations

from typing import Any

from tests.support.planes.ecs import NETWORK
from tests.wire.tasks import CLUSTER, FAST, Tasks


def app(image: str = "team/web:1", **members: Any) -> dict[str, Any]:
    return {
        "name": "app",
        "image": image,
        "portMappings": [{"containerPort": 8080}],
        "healthCheck": {"command": ["CMD-SHELL", "curl -fs http://localhost:8080/"]},
        **members,
    }


def create(tasks: Tasks, name: str, definition: str, **members: Any) -> None:
    launched = {} if "capacityProviderStrategy" in members else {"launchType": "FARGATE"}
    tasks.ecs.create_service(
        cluster=CLUSTER,
        serviceName=name,
        taskDefinition=definition,
        networkConfiguration=NETWORK,
        **{"desiredCount": 1, **launched, **members},
    )


def stable(tasks: Tasks, name: str) -> dict[str, Any]:
    tasks.ecs.get_waiter("services_stable").wait(
        cluster=CLUSTER, services=[name], WaiterConfig=FAST
    )
    return describe(tasks, name)


def describe(tasks: Tasks, name: str) -> dict[str, Any]:
    answer = tasks.ecs.describe_services(cluster=CLUSTER, services=[name])
    service: dict[str, Any] = answer["services"][0]
    return service


def tasks_of(tasks: Tasks, name: str) -> list[dict[str, Any]]:
    arns = tasks.ecs.list_tasks(cluster=CLUSTER, serviceName=name)["taskArns"]
    return [tasks.describe(arn) for arn in arns]


def deployments(tasks: Tasks, name: str) -> list[dict[str, Any]]:
    """The service's deployments, newest first."""
    listed = tasks.ecs.list_service_deployments(cluster=CLUSTER, service=name)
    arns = [brief["serviceDeploymentArn"] for brief in listed["serviceDeployments"]]
    described = tasks.ecs.describe_service_deployments(serviceDeploymentArns=arns)
    assert described["failures"] == []
    newest_first: list[dict[str, Any]] = described["serviceDeployments"]
    return newest_first
