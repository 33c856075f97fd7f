"""The users' system against the API alone, without an engine: every resource of their Terraform,
the four steps of their procedure, and the deletion of everything, by boto3 and the AWS CLI.

`test_article.py` does it with tasks and traffic.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tealmesh.store import Transaction, tables
from tests.support.meshes.article import Article
from tests.support.planes.ecs import Endpoint, endpoint


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Endpoint]:
    with endpoint(tmp_path) as running:
        yield running


@pytest.fixture
def article(served: Endpoint) -> Article:
    made = Article(
        served.client("appmesh"), served.client("ecs"), served.client("servicediscovery")
    )
    made.foundation()
    return made


def weights(article: Article) -> dict[str, int]:
    route = article.appmesh.describe_route(
        meshName=article.mesh, virtualRouterName=article.app, routeName=article.app
    )["route"]
    targets = route["spec"]["httpRoute"]["action"]["weightedTargets"]
    return {target["virtualNode"]: target["weight"] for target in targets}


def statuses(article: Article, *sides: str) -> list[str]:
    names = [article.ecs_service(side) for side in sides]
    answer = article.ecs.describe_services(cluster=article.cluster, services=names)
    assert answer["failures"] == []
    return [service["status"] for service in answer["services"]]


def drained(served: Endpoint, article: Article, side: str) -> None:
    """Act as the engine does when the last task of a deleted service has stopped."""
    name = article.ecs_service(side)

    def change(tx: Transaction) -> None:
        document = tx.get(tables.ECS_SERVICES, article.cluster, name)
        assert document is not None
        assert document.body["status"] == "DRAINING"
        tx.replace(document, {**document.body, "status": "INACTIVE", "deployments": []})

    served.write(change)


def test_every_resource_is_returned_as_it_was_created(article: Article) -> None:
    article.start_side("blue")
    article.create_route(blue=1)
    node = article.appmesh.describe_virtual_node(
        meshName=article.mesh, virtualNodeName="sample-blue"
    )["virtualNode"]
    health = node["spec"]["listeners"][0]["healthCheck"]
    assert health["port"] == article.port  # App Mesh fills it in from the listener
    assert node["spec"]["serviceDiscovery"] == article.node_spec("blue")["serviceDiscovery"]
    name = article.ecs_service("blue")
    (service,) = article.ecs.describe_services(cluster=article.cluster, services=[name])["services"]
    assert service["serviceRegistries"] == [{"registryArn": article.registry_arn}]
    assert service["platformVersion"] == "1.4.0"
    assert service["taskDefinition"].endswith(":task-definition/sample-blue:1")
    (deployment,) = service["deployments"]
    assert (deployment["status"], deployment["rolloutState"]) == ("PRIMARY", "IN_PROGRESS")
    definition = article.ecs.describe_task_definition(taskDefinition=service["taskDefinition"])[
        "taskDefinition"
    ]
    sent = article.task_definition("blue")
    assert [c["name"] for c in definition["containerDefinitions"]] == ["app", "envoy", "xray"]
    assert definition["proxyConfiguration"] == sent["proxyConfiguration"]
    assert definition["requiresCompatibilities"] == ["FARGATE"]
    registry = article.discovery.get_service(Id=article.registry_arn)["Service"]
    assert registry["HealthCheckCustomConfig"] == {"FailureThreshold": 1}
    discovered = article.discovery.discover_instances(
        NamespaceName=article.namespace,
        ServiceName=article.app,
        QueryParameters={"ECS_SERVICE_NAME": name},
    )
    assert discovered["Instances"] == []


def test_the_four_steps_and_back_to_nothing(served: Endpoint, article: Article) -> None:
    article.start_side("blue")
    article.create_route(blue=1)
    # 1: green starts, without requests
    article.start_side("green")
    article.update_route(blue=1, green=0)
    assert statuses(article, "blue", "green") == ["ACTIVE", "ACTIVE"]
    # 2 and 3: green gets a weight, then blue loses its own
    article.update_route(blue=1, green=1)
    article.update_route(blue=0, green=1)
    assert weights(article) == {"sample-blue": 0, "sample-green": 1}
    # 4: blue stops; its node cannot be deleted while the route names it
    blue = {"cluster": article.cluster, "service": article.ecs_service("blue")}
    with pytest.raises(ClientError, match="scaled above 0"):
        article.ecs.delete_service(**blue)
    article.ecs.update_service(**blue, desiredCount=0)
    article.ecs.delete_service(**blue)
    assert statuses(article, "blue", "green") == ["DRAINING", "ACTIVE"]
    drained(served, article, "blue")
    article.ecs.get_waiter("services_inactive").wait(
        cluster=article.cluster,
        services=[blue["service"]],
        WaiterConfig={"Delay": 1, "MaxAttempts": 2},
    )
    node = {"meshName": article.mesh, "virtualNodeName": "sample-blue"}
    with pytest.raises(article.appmesh.exceptions.ResourceInUseException):
        article.appmesh.delete_virtual_node(**node)
    article.update_route(green=1)
    article.appmesh.delete_virtual_node(**node)
    assert weights(article) == {"sample-green": 1}
    # The next release uses blue: the name of the deleted service is free.
    article.start_side("blue")
    assert statuses(article, "blue") == ["ACTIVE"]
    _take_down(served, article)


def _take_down(served: Endpoint, article: Article) -> None:
    mesh = {"meshName": article.mesh}
    with pytest.raises(ClientError, match="Services are active"):
        article.ecs.delete_cluster(cluster=article.cluster)
    for side in ("blue", "green"):
        name = article.ecs_service(side)
        article.ecs.delete_service(cluster=article.cluster, service=name, force=True)
        drained(served, article, side)
    article.appmesh.delete_route(**mesh, virtualRouterName=article.app, routeName=article.app)
    for side in ("blue", "green"):
        article.appmesh.delete_virtual_node(**mesh, virtualNodeName=f"sample-{side}")
    article.appmesh.delete_virtual_service(**mesh, virtualServiceName=article.virtual_service)
    article.appmesh.delete_virtual_router(**mesh, virtualRouterName=article.app)
    article.appmesh.delete_mesh(**mesh)
    article.ecs.delete_cluster(cluster=article.cluster)
    (namespace,) = article.discovery.list_namespaces()["Namespaces"]
    with pytest.raises(article.discovery.exceptions.ResourceInUse):
        article.discovery.delete_namespace(Id=namespace["Id"])
    article.discovery.delete_service(Id=article.registry_arn.rpartition("/")[2])
    article.discovery.delete_namespace(Id=namespace["Id"])
    for arn in article.ecs.list_task_definitions()["taskDefinitionArns"]:
        article.ecs.deregister_task_definition(taskDefinition=arn)
    assert article.appmesh.list_meshes()["meshes"] == []
    assert article.ecs.list_clusters()["clusterArns"] == []
    assert article.ecs.list_task_definitions()["taskDefinitionArns"] == []
    assert article.discovery.list_namespaces()["Namespaces"] == []


def test_the_aws_cli_creates_a_side(served: Endpoint, article: Article) -> None:
    definition = {**article.task_definition("green"), "family": "by-cli"}
    served.aws("ecs", "register-task-definition", "--cli-input-json", json.dumps(definition))
    node = {
        "meshName": article.mesh,
        "virtualNodeName": "by-cli",
        "spec": article.node_spec("green"),
    }
    served.aws("appmesh", "create-virtual-node", "--cli-input-json", json.dumps(node))
    created = served.aws(
        "ecs",
        "create-service",
        f"--cluster={article.cluster}",
        "--service-name=by-cli",
        "--task-definition=by-cli",
        "--desired-count=1",
        "--launch-type=FARGATE",
        "--platform-version=1.4.0",
        "--network-configuration=awsvpcConfiguration={subnets=[s-1,s-2],securityGroups=[sg-1],"
        "assignPublicIp=ENABLED}",
        f"--service-registries=registryArn={article.registry_arn}",
    )["service"]
    listed: dict[str, Any] = served.aws("ecs", "list-services", f"--cluster={article.cluster}")
    assert listed["serviceArns"] == [created["serviceArn"]]
    discovered = served.aws(
        "servicediscovery",
        "discover-instances",
        f"--namespace-name={article.namespace}",
        f"--service-name={article.app}",
    )
    assert discovered["Instances"] == []
