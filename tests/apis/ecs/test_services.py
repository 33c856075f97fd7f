"""Services: creating, updating and deleting them, their deployments, and refused requests."""

from __future__ import annotations

from typing import Any

import pytest

from tealmesh.model.errors import AwsError
from tests.support.planes.ecs import FARGATE, NETWORK, Direct, Endpoint

WEB = {
    "cluster": "web",
    "serviceName": "shop",
    "taskDefinition": "web",
    "desiredCount": 2,
    "launchType": "FARGATE",
    "networkConfiguration": NETWORK,
}


@pytest.fixture
def served(served: Endpoint) -> Endpoint:
    ecs = served.client("ecs")
    ecs.create_cluster(clusterName="web")
    ecs.register_task_definition(**FARGATE)
    return served


@pytest.fixture
def direct(direct: Direct) -> Direct:
    direct.ecs("create_cluster", clusterName="web")
    direct.ecs("register_task_definition", **FARGATE)
    return direct


def update(direct: Direct, **changed: Any) -> dict[str, Any]:
    request = {"cluster": "web", "service": "shop", **changed}
    updated: dict[str, Any] = direct.ecs("update_service", **request)["service"]
    return updated


def describe(direct: Direct, *names: str) -> list[dict[str, Any]]:
    deployments: list[dict[str, Any]] = direct.ecs(
        "describe_services", cluster="web", services=list(names)
    )["services"]
    return deployments


def test_a_service_is_described_as_it_was_created(served: Endpoint) -> None:
    ecs = served.client("ecs")
    tags = [{"key": "team", "value": "shop"}]
    created = ecs.create_service(**WEB, tags=tags, propagateTags="SERVICE")["service"]
    arn = "arn:aws:ecs:us-east-1:123456789012:service/web/shop"
    assert (created["serviceArn"], created["status"]) == (arn, "ACTIVE")
    assert (created["desiredCount"], created["runningCount"]) == (2, 0)
    assert created["platformVersion"] == "LATEST"
    assert created["deploymentConfiguration"] == {
        "deploymentCircuitBreaker": {"enable": False, "rollback": False},
        "maximumPercent": 200,
        "minimumHealthyPercent": 100,
        "strategy": "ROLLING",
    }
    network = {"subnets": ["subnet-1"], "securityGroups": [], "assignPublicIp": "DISABLED"}
    assert created["networkConfiguration"] == {"awsvpcConfiguration": network}
    (deployment,) = created["deployments"]
    assert deployment["id"].startswith("ecs-svc/")
    assert len(deployment["id"].removeprefix("ecs-svc/")) == 19
    assert (deployment["status"], deployment["rolloutState"]) == ("PRIMARY", "IN_PROGRESS")
    assert deployment["platformVersion"] == "1.4.0"
    for name in ("shop", arn, "arn:aws:ecs:us-east-1:123456789012:service/shop"):
        (described,) = ecs.describe_services(cluster="web", services=[name], include=["TAGS"])[
            "services"
        ]
        assert described == created
    (plain,) = ecs.describe_services(cluster=created["clusterArn"], services=[arn])["services"]
    assert "tags" not in plain
    assert "teal" not in plain


def test_a_service_is_created_once_by_name_and_by_client_token(direct: Direct) -> None:
    first = direct.ecs("create_service", **WEB, clientToken="t1")
    assert direct.ecs("create_service", **WEB, clientToken="t1") == first
    for request in (WEB, {**WEB, "desiredCount": 3, "clientToken": "t1"}):
        with pytest.raises(AwsError, match="Creation of service was not idempotent"):
            direct.ecs("create_service", **request)


def test_a_new_count_edits_the_primary_deployment(direct: Direct) -> None:
    created = direct.ecs("create_service", **WEB)["service"]
    direct.now += 10
    changed = update(direct, desiredCount=5)
    (deployment,) = changed["deployments"]
    assert (changed["desiredCount"], deployment["desiredCount"]) == (5, 5)
    assert deployment["id"] == created["deployments"][0]["id"]
    assert (deployment["createdAt"], deployment["updatedAt"]) == (direct.now - 10, direct.now)


def test_a_new_definition_makes_a_new_primary_deployment(direct: Direct) -> None:
    first = direct.ecs("create_service", **WEB)["service"]["deployments"][0]
    direct.ecs("register_task_definition", **FARGATE)
    changed = update(direct, taskDefinition="web", desiredCount=3)
    assert [d["status"] for d in changed["deployments"]] == ["PRIMARY", "ACTIVE"]
    new, old = changed["deployments"]
    assert old == {**first, "status": "ACTIVE"}
    assert new["taskDefinition"].endswith("web:2")
    assert (new["desiredCount"], new["rolloutState"]) == (3, "IN_PROGRESS")
    assert changed["taskDefinition"] == new["taskDefinition"]


@pytest.mark.parametrize(
    ("request_", "deployments"),
    [
        ({"forceNewDeployment": True}, 2),
        ({"platformVersion": "1.3.0"}, 2),
        ({"networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-2"]}}}, 2),
        ({"networkConfiguration": NETWORK}, 1),
        ({"taskDefinition": "web:1"}, 1),
        ({"platformVersion": "LATEST"}, 1),
        ({"enableExecuteCommand": True}, 1),
        ({"healthCheckGracePeriodSeconds": 30}, 1),
        ({"deploymentConfiguration": {"maximumPercent": 150}}, 1),
        ({}, 1),
    ],
)
def test_which_changes_start_a_new_deployment(
    direct: Direct, request_: dict[str, Any], deployments: int
) -> None:
    direct.ecs("create_service", **WEB)
    changed = update(direct, **request_)
    assert len(changed["deployments"]) == deployments
    for member in ("enableExecuteCommand", "healthCheckGracePeriodSeconds"):
        if member in request_:
            assert changed[member] == request_[member]


def test_deployment_configuration_is_merged(direct: Direct) -> None:
    direct.ecs("create_service", **WEB)
    breaker = {"enable": True, "rollback": True}
    update(direct, deploymentConfiguration={"deploymentCircuitBreaker": breaker})
    changed = update(direct, deploymentConfiguration={"minimumHealthyPercent": 50})
    assert changed["deploymentConfiguration"] == {
        "deploymentCircuitBreaker": breaker,
        "maximumPercent": 200,
        "minimumHealthyPercent": 50,
        "strategy": "ROLLING",
    }


def test_a_service_keeps_using_a_deregistered_definition(direct: Direct) -> None:
    direct.ecs("create_service", **WEB)
    direct.ecs("deregister_task_definition", taskDefinition="web:1")
    assert update(direct, desiredCount=4)["desiredCount"] == 4
    with pytest.raises(AwsError, match="TaskDefinition is inactive"):
        update(direct, forceNewDeployment=True)


def test_a_service_changes_from_launch_type_to_capacity_providers(direct: Direct) -> None:
    direct.ecs("create_service", **WEB)
    direct.ecs(
        "put_cluster_capacity_providers",
        cluster="web",
        capacityProviders=["FARGATE_SPOT"],
        defaultCapacityProviderStrategy=[],
    )
    strategy = [{"capacityProvider": "FARGATE_SPOT", "weight": 1, "base": 0}]
    changed = update(direct, capacityProviderStrategy=strategy, forceNewDeployment=True)
    assert changed["capacityProviderStrategy"] == strategy
    assert "launchType" not in changed
    assert changed["deployments"][0]["capacityProviderStrategy"] == strategy
    back = update(direct, capacityProviderStrategy=[])
    assert (back["launchType"], back.get("capacityProviderStrategy")) == ("FARGATE", None)
    assert update(direct, capacityProviderStrategy=[]) == back  # no strategy is left to remove


def test_deleting_needs_a_count_of_zero_or_force_and_drains(direct: Direct) -> None:
    direct.ecs("create_service", **WEB)
    with pytest.raises(AwsError, match="cannot be stopped while it is scaled above 0") as caught:
        direct.ecs("delete_service", cluster="web", service="shop")
    assert caught.value.code == "InvalidParameterException"
    gone = direct.ecs("delete_service", cluster="web", service="shop", force=True)["service"]
    assert (gone["status"], gone["desiredCount"]) == ("DRAINING", 0)
    assert gone["deployments"][0]["desiredCount"] == 0
    assert direct.ecs("delete_service", cluster="web", service="shop")["service"] == gone
    assert direct.ecs("list_services", cluster="web")["serviceArns"] == []
    with pytest.raises(AwsError, match="Service was not ACTIVE") as caught:
        update(direct, desiredCount=1)
    assert caught.value.code == "ServiceNotActiveException"
    with pytest.raises(AwsError, match="still Draining"):
        direct.ecs("create_service", **WEB)


def test_an_inactive_service_is_shown_and_its_name_is_free(direct: Direct) -> None:
    body = direct.ecs("create_service", **WEB)["service"]
    # As the engine leaves it once the last task has stopped.
    inactive = {**body, "status": "INACTIVE", "deployments": [], "desiredCount": 0}
    direct.write("ecs.service", "web", "shop", body=inactive)
    assert [s["status"] for s in describe(direct, "shop")] == ["INACTIVE"]
    for operation, code in (
        ("delete_service", "ServiceNotFoundException"),
        ("update_service", "ServiceNotActiveException"),
    ):
        with pytest.raises(AwsError) as caught:
            direct.ecs(operation, cluster="web", service="shop")
        assert caught.value.code == code
    again = direct.ecs("create_service", **WEB)["service"]
    assert again["status"] == "ACTIVE"
    assert again["deployments"][0]["id"] != body["deployments"][0]["id"]


def test_missing_services_and_clusters(direct: Direct) -> None:
    answer = direct.ecs("describe_services", cluster="web", services=["gone"])
    arn = "arn:aws:ecs:us-east-1:123456789012:service/web/gone"
    assert answer == {"services": [], "failures": [{"arn": arn, "reason": "MISSING"}]}
    for operation, request, code in (
        ("update_service", {"cluster": "web", "service": "gone"}, "ServiceNotFoundException"),
        ("delete_service", {"cluster": "web", "service": "gone"}, "ServiceNotFoundException"),
        ("create_service", {**WEB, "cluster": "gone"}, "ClusterNotFoundException"),
        ("describe_services", {"services": ["x"]}, "ClusterNotFoundException"),
        ("list_services", {"cluster": "gone"}, "ClusterNotFoundException"),
    ):
        with pytest.raises(AwsError, match="not found") as caught:
            direct.ecs(operation, **request)
        assert caught.value.code == code


REGISTRY = "arn:aws:servicediscovery:us-east-1:123456789012:service/srv-none"
STRATEGY = [{"capacityProvider": "FARGATE", "weight": 1}]
WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"serviceName": "no spaces"}, "InvalidParameterException", "serviceName = 'no spaces'"),
    ({"taskDefinition": ""}, "ClientException", "can not be blank"),
    ({"taskDefinition": "gone"}, "ClientException", "TaskDefinition not found"),
    ({"desiredCount": -1}, "InvalidParameterException", "0 to 5000"),
    ({"healthCheckGracePeriodSeconds": -1}, "InvalidParameterException", "not be negative"),
    ({"networkConfiguration": {}}, "InvalidParameterException", "must be provided"),
    (
        {"networkConfiguration": {"awsvpcConfiguration": {"subnets": []}}},
        "InvalidParameterException",
        "subnets must have 1 to 16",
    ),
    ({"platformVersion": "9.9"}, "PlatformUnknownException", "does not exist"),
    ({"launchType": "EXTERNAL"}, "InvalidParameterException", "FARGATE or EC2"),
    (
        {"launchType": "EC2", "platformVersion": "LATEST"},
        "InvalidParameterException",
        "must be null",
    ),
    ({"capacityProviderStrategy": STRATEGY}, "InvalidParameterException", "both a launch type"),
    ({"serviceRegistries": [{"registryArn": REGISTRY}]}, "InvalidParameterException", "no such"),
    (
        {"serviceRegistries": [{"registryArn": REGISTRY}] * 2},
        "InvalidParameterException",
        "at most 1",
    ),
    (
        {"placementStrategy": [{"type": "random"}]},
        "InvalidParameterException",
        "placementStrategy is not supported with FARGATE",
    ),
    (
        {"deploymentConfiguration": {"maximumPercent": 100, "minimumHealthyPercent": 100}},
        "InvalidParameterException",
        "block deployments",
    ),
    (
        {"deploymentConfiguration": {"maximumPercent": 50}},
        "InvalidParameterException",
        "100 or more",
    ),
    (
        {"deploymentConfiguration": {"minimumHealthyPercent": 101}},
        "InvalidParameterException",
        "0 to 100",
    ),
    (
        {"deploymentConfiguration": {"strategy": "BLUE_GREEN"}},
        "InvalidParameterException",
        "teal deploy",
    ),
    (
        {"deploymentConfiguration": {"deploymentCircuitBreaker": {"rollback": True}}},
        "InvalidParameterException",
        "rollback needs enable",
    ),
    ({"deploymentController": {"type": "EXTERNAL"}}, "InvalidParameterException", "must be ECS"),
    ({"schedulingStrategy": "DAEMON"}, "InvalidParameterException", "not supported on Fargate"),
    (
        {"loadBalancers": [{"containerName": "app"}]},
        "InvalidParameterException",
        "Target Group ARN can not be blank",
    ),
    (
        {"serviceConnectConfiguration": {"enabled": True}},
        "InvalidParameterException",
        "serviceConnectConfiguration: not supported",
    ),
]


@pytest.mark.parametrize(("changed", "code", "text"), WRONG, ids=[text for *_, text in WRONG])
def test_a_wrong_service_is_refused(
    direct: Direct, changed: dict[str, Any], code: str, text: str
) -> None:
    with pytest.raises(AwsError, match=text) as caught:
        direct.ecs("create_service", **{**WEB, **changed})
    assert caught.value.code == code
    assert direct.ecs("list_services", cluster="web")["serviceArns"] == []


def test_fargate_accepts_only_compatible_definitions(direct: Direct) -> None:
    plain = [{"name": "app", "image": "example/web:1", "memory": 128}]
    direct.ecs("register_task_definition", family="plain", containerDefinitions=plain)
    request = {**WEB, "taskDefinition": "plain"}
    with pytest.raises(AwsError, match="does not support launch_type FARGATE"):
        direct.ecs("create_service", **request)
    with pytest.raises(AwsError, match="not valid for the given networkMode"):
        direct.ecs("create_service", **{**request, "launchType": "EC2"})
    request |= {"launchType": "EC2", "networkConfiguration": {}}
    created = direct.ecs("create_service", **request)["service"]
    assert created["launchType"] == "EC2"
    assert "platformVersion" not in created


def test_services_are_listed_in_pages_and_by_launch_type(served: Endpoint) -> None:
    ecs = served.client("ecs")
    names = [f"shop-{n}" for n in range(5)]
    for name in names:
        ecs.create_service(**{**WEB, "serviceName": name})
    pages = ecs.get_paginator("list_services").paginate(
        cluster="web", PaginationConfig={"PageSize": 2}
    )
    arns = [arn for page in pages for arn in page["serviceArns"]]
    assert [arn.rpartition("/")[2] for arn in arns] == names
    assert ecs.list_services(cluster="web", launchType="EC2")["serviceArns"] == []
    assert len(ecs.list_services(cluster="web", launchType="FARGATE")["serviceArns"]) == 5


def test_the_aws_cli_creates_changes_and_deletes_a_service(served: Endpoint) -> None:
    served.aws(
        "ecs",
        "create-service",
        "--cluster=web",
        "--service-name=shop",
        "--task-definition=web:1",
        "--desired-count=1",
        "--launch-type=FARGATE",
        "--network-configuration=awsvpcConfiguration={subnets=[subnet-1]}",
    )
    named = ("--cluster=web", "--service=shop")
    changed = served.aws("ecs", "update-service", *named, "--desired-count=2")["service"]
    assert changed["desiredCount"] == 2
    forced = served.aws("ecs", "update-service", *named, "--force-new-deployment")["service"]
    assert len(forced["deployments"]) == 2
    gone = served.aws("ecs", "delete-service", *named, "--force")["service"]
    assert gone["status"] == "DRAINING"
