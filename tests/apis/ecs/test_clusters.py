"""Clusters and capacity providers through boto3."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tealmesh.model.errors import AwsError
from tests.support.planes.ecs import FARGATE, NETWORK, Direct, Endpoint


@pytest.fixture
def ecs(served: Endpoint) -> Any:
    return served.client("ecs")


def code(caught: pytest.ExceptionInfo[ClientError]) -> str:
    return str(caught.value.response["Error"]["Code"])


def test_a_cluster_is_described_as_it_was_created(ecs: Any) -> None:
    created = ecs.create_cluster(
        clusterName="web",
        tags=[{"key": "team", "value": "shop"}],
        settings=[{"name": "containerInsights", "value": "enabled"}],
        capacityProviders=["FARGATE", "FARGATE_SPOT"],
        defaultCapacityProviderStrategy=[{"capacityProvider": "FARGATE", "weight": 1}],
    )["cluster"]
    assert created["clusterArn"] == "arn:aws:ecs:us-east-1:123456789012:cluster/web"
    assert created["status"] == "ACTIVE"
    include = ["TAGS", "SETTINGS", "STATISTICS"]
    for name in ("web", created["clusterArn"]):
        answer = ecs.describe_clusters(clusters=[name], include=include)
        assert answer["failures"] == []
        (cluster,) = answer["clusters"]
        assert cluster["tags"] == [{"key": "team", "value": "shop"}]
        assert cluster["settings"] == [{"name": "containerInsights", "value": "enabled"}]
        assert cluster["defaultCapacityProviderStrategy"] == [
            {"capacityProvider": "FARGATE", "weight": 1, "base": 0}
        ]
        assert {"name": "activeFargateServiceCount", "value": "0"} in cluster["statistics"]
    (plain,) = ecs.describe_clusters(clusters=["web"])["clusters"]
    assert "tags" not in plain
    assert plain["settings"] == [{"name": "containerInsights", "value": "enabled"}]


def test_creating_a_cluster_again_returns_the_existing_one(ecs: Any) -> None:
    first = ecs.create_cluster(settings=[{"name": "containerInsights", "value": "enabled"}])
    assert ecs.create_cluster()["cluster"] == first["cluster"]
    assert first["cluster"]["clusterName"] == "default"
    assert ecs.describe_clusters()["clusters"][0]["clusterName"] == "default"


def test_missing_clusters_are_failures(ecs: Any) -> None:
    answer = ecs.describe_clusters(clusters=["nowhere"])
    assert answer["clusters"] == []
    assert answer["failures"] == [
        {"arn": "arn:aws:ecs:us-east-1:123456789012:cluster/nowhere", "reason": "MISSING"}
    ]


def test_a_deleted_cluster_is_inactive_and_its_name_is_free(ecs: Any) -> None:
    ecs.create_cluster(clusterName="web")
    assert ecs.delete_cluster(cluster="web")["cluster"]["status"] == "INACTIVE"
    assert ecs.list_clusters()["clusterArns"] == []
    assert ecs.describe_clusters(clusters=["web"])["clusters"][0]["status"] == "INACTIVE"
    with pytest.raises(ClientError, match="inactive") as caught:
        ecs.list_tasks(cluster="web")
    assert code(caught) == "ClusterNotFoundException"
    assert ecs.create_cluster(clusterName="web")["cluster"]["status"] == "ACTIVE"


def test_a_cluster_with_services_or_tasks_is_not_deleted(tmp_path: Path) -> None:
    direct = Direct(tmp_path / "state.db")
    direct.ecs("create_cluster", clusterName="web")
    direct.ecs("register_task_definition", **FARGATE)
    wanted = {"cluster": "web", "taskDefinition": "web", "launchType": "FARGATE"}
    service = direct.ecs(
        "create_service", **wanted, serviceName="web", networkConfiguration=NETWORK
    )["service"]
    with pytest.raises(AwsError, match="Services are active"):
        direct.ecs("delete_cluster", cluster="web")
    direct.write("ecs.service", "web", "web", body={**service, "status": "INACTIVE"})
    (task,) = direct.ecs("run_task", **wanted, networkConfiguration=NETWORK)["tasks"]
    (shown,) = direct.ecs("describe_clusters", clusters=["web"])["clusters"]
    assert (shown["pendingTasksCount"], shown["activeServicesCount"]) == (1, 0)
    with pytest.raises(AwsError, match="Tasks are active"):
        direct.ecs("delete_cluster", cluster="web")
    identity = task["taskArn"].rpartition("/")[2]
    direct.write("ecs.task", "web", identity, body={**task, "lastStatus": "STOPPED"})
    direct.ecs("delete_cluster", cluster="web")
    direct.ecs("create_cluster", clusterName="web")
    assert direct.ecs("describe_services", cluster="web", services=["web"])["services"] == []
    direct.store.close()


def test_settings_and_configuration_change(ecs: Any) -> None:
    ecs.create_cluster(clusterName="web")
    on = [{"name": "containerInsights", "value": "enabled"}]
    assert ecs.update_cluster_settings(cluster="web", settings=on)["cluster"]["settings"] == on
    configuration = {"executeCommandConfiguration": {"logging": "DEFAULT"}}
    changed = ecs.update_cluster(cluster="web", configuration=configuration)["cluster"]
    assert (changed["settings"], changed["configuration"]) == (on, configuration)
    (plain,) = ecs.describe_clusters(clusters=["web"])["clusters"]
    assert "configuration" not in plain


def test_capacity_providers_are_set_and_described(ecs: Any) -> None:
    ecs.create_cluster(clusterName="web")
    strategy = [{"capacityProvider": "FARGATE_SPOT", "weight": 1, "base": 0}]
    cluster = ecs.put_cluster_capacity_providers(
        cluster="web",
        capacityProviders=["FARGATE", "FARGATE_SPOT"],
        defaultCapacityProviderStrategy=strategy,
    )["cluster"]
    assert cluster["capacityProviders"] == ["FARGATE", "FARGATE_SPOT"]
    assert cluster["defaultCapacityProviderStrategy"] == strategy
    providers = ecs.describe_capacity_providers()["capacityProviders"]
    assert [(p["name"], p["status"]) for p in providers] == [
        ("FARGATE", "ACTIVE"),
        ("FARGATE_SPOT", "ACTIVE"),
    ]
    missing = ecs.describe_capacity_providers(capacityProviders=["mine"])
    assert missing["failures"][0]["reason"] == "MISSING"


def test_a_provider_in_use_is_not_removed(ecs: Any) -> None:
    ecs.create_cluster(clusterName="web", capacityProviders=["FARGATE"])
    ecs.register_task_definition(**FARGATE)
    service = ecs.create_service(
        cluster="web",
        serviceName="web",
        taskDefinition="web",
        networkConfiguration=NETWORK,
        capacityProviderStrategy=[{"capacityProvider": "FARGATE", "weight": 1}],
    )["service"]
    assert "launchType" not in service
    with pytest.raises(ClientError, match="service web uses FARGATE") as caught:
        ecs.put_cluster_capacity_providers(
            cluster="web", capacityProviders=[], defaultCapacityProviderStrategy=[]
        )
    assert code(caught) == "ResourceInUseException"


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        ({"clusterName": "no spaces"}, "letters"),
        ({"clusterName": "x" * 256}, "1 to 255"),
        ({"capacityProviders": ["mine"]}, "'mine' was not found"),
        ({"settings": [{"name": "containerInsights", "value": "yes"}]}, "enabled, disabled"),
        ({"tags": [{"key": "aws:x", "value": "1"}]}, "reserved"),
        ({"tags": [{"key": "x", "value": "1"}, {"key": "x", "value": "2"}]}, "only once"),
        (
            {
                "capacityProviders": ["FARGATE"],
                "defaultCapacityProviderStrategy": [{"capacityProvider": "FARGATE"}],
            },
            "weight",
        ),
        (
            {"defaultCapacityProviderStrategy": [{"capacityProvider": "FARGATE", "weight": 1}]},
            "not associated",
        ),
    ],
)
def test_a_wrong_cluster_is_refused(ecs: Any, request_: dict[str, Any], text: str) -> None:
    with pytest.raises(ClientError, match=text) as caught:
        ecs.create_cluster(**request_)
    assert code(caught) == "InvalidParameterException"
    assert ecs.list_clusters()["clusterArns"] == []


def test_clusters_are_listed_in_pages(ecs: Any) -> None:
    names = [f"cluster-{n}" for n in range(7)]
    for name in names:
        ecs.create_cluster(clusterName=name)
    pages = list(ecs.get_paginator("list_clusters").paginate(PaginationConfig={"PageSize": 3}))
    assert [len(page["clusterArns"]) for page in pages] == [3, 3, 1]
    arns = [arn for page in pages for arn in page["clusterArns"]]
    assert [arn.rpartition("/")[2] for arn in arns] == names
    with pytest.raises(ClientError, match="nextToken"):
        ecs.list_clusters(nextToken="nonsense")


def test_the_aws_cli_creates_and_deletes_a_cluster(served: Endpoint) -> None:
    served.aws("ecs", "create-cluster", "--cluster-name", "web", "--tags", "key=a,value=b")
    (cluster,) = served.aws("ecs", "describe-clusters", "--clusters", "web", "--include", "TAGS")[
        "clusters"
    ]
    assert cluster["tags"] == [{"key": "a", "value": "b"}]
    assert served.aws("ecs", "delete-cluster", "--cluster", "web")["cluster"]["status"] == (
        "INACTIVE"
    )
