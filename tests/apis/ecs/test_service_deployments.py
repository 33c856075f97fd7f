"""The history of a service's deployments, and how its records progress."""

from __future__ import annotations

from typing import Any

import pytest

from tealmesh.model.errors import AwsError
from tests.support.planes.ecs import FARGATE, Direct
from tests.support.planes.ecs import NETWORK as NET

WEB = {
    "cluster": "web",
    "serviceName": "shop",
    "taskDefinition": "web",
    "launchType": "FARGATE",
    "networkConfiguration": NET,
}
OF_SHOP = {"cluster": "web", "service": "shop"}


@pytest.fixture
def direct(direct: Direct) -> Direct:
    direct.ecs("create_cluster", clusterName="web")
    direct.ecs("register_task_definition", **FARGATE)
    direct.ecs("create_service", **WEB)
    return direct


def listed(direct: Direct, **members: Any) -> list[dict[str, Any]]:
    answer = direct.ecs("list_service_deployments", **OF_SHOP, **members)
    deployments: list[dict[str, Any]] = answer["serviceDeployments"]
    return deployments


def test_each_deployment_is_recorded_with_its_revision(direct: Direct) -> None:
    direct.now += 10
    direct.ecs("update_service", **OF_SHOP, desiredCount=3)  # no new deployment
    direct.ecs("update_service", **OF_SHOP, forceNewDeployment=True)
    newest, first = listed(direct)
    assert newest["createdAt"] == first["createdAt"] + 10
    arns = [newest["targetServiceRevisionArn"], "arn:aws:ecs:eu-west-1:1:service-revision/a/b/1"]
    described = direct.ecs("describe_service_revisions", serviceRevisionArns=arns)
    assert described["failures"] == [{"arn": arns[1], "reason": "MISSING"}]
    (revision,) = described["serviceRevisions"]
    assert revision["taskDefinition"].endswith("task-definition/web:1")
    assert revision["containerImages"] == [{"containerName": "app", "image": "example/web:1"}]
    assert revision["launchType"] == "FARGATE"


def test_lists_are_filtered_and_come_in_pages(direct: Direct) -> None:
    for _ in range(3):
        direct.now += 10
        direct.ecs("update_service", **OF_SHOP, forceNewDeployment=True)
    times = [one["createdAt"] for one in listed(direct)]
    assert times == sorted(times, reverse=True)
    assert len(listed(direct, createdAt={"after": times[1]})) == 2
    assert len(listed(direct, createdAt={"before": times[2]})) == 2
    assert listed(direct, status=["SUCCESSFUL"]) == []
    page = direct.ecs("list_service_deployments", **OF_SHOP, maxResults=3)
    rest = direct.ecs(
        "list_service_deployments", **OF_SHOP, maxResults=3, nextToken=page["nextToken"]
    )
    assert [len(p["serviceDeployments"]) for p in (page, rest)] == [3, 1]
    assert "nextToken" not in rest


@pytest.mark.parametrize(
    ("stop", "code"),
    [
        ({}, "ConflictException"),  # the first one: there is nothing to roll back to
        ({"stopType": "ABORT"}, "InvalidParameterException"),
        ({"serviceDeploymentArn": "arn:x"}, "ServiceDeploymentNotFoundException"),
    ],
)
def test_stopping_is_refused(direct: Direct, stop: dict[str, str], code: str) -> None:
    named = {"serviceDeploymentArn": listed(direct)[0]["serviceDeploymentArn"], **stop}
    with pytest.raises(AwsError) as caught:
        direct.ecs("stop_service_deployment", **named)
    assert caught.value.code == code
