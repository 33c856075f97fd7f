"""Capacity providers of Auto Scaling groups, and daemons: what clusters of EC2 instances have."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tealmesh.model.errors import AwsError
from tests.support.planes.ecs import FARGATE, NETWORK, Direct, Endpoint

GROUP = "arn:aws:autoscaling:us-east-1:123456789012:autoScalingGroup:uuid:autoScalingGroupName/web"


@pytest.fixture
def ecs(served: Endpoint) -> Any:
    return served.client("ecs")


def created(ecs: Any, name: str = "web", **members: Any) -> dict[str, Any]:
    provider: dict[str, Any] = ecs.create_capacity_provider(
        name=name, autoScalingGroupProvider={"autoScalingGroupArn": GROUP, **members}
    )["capacityProvider"]
    return provider


def test_a_provider_is_shown_as_it_was_sent_with_the_defaults(ecs: Any) -> None:
    sent = {"managedScaling": {"status": "ENABLED", "targetCapacity": 90}}
    provider = created(ecs, **sent, managedTerminationProtection="ENABLED")
    assert provider["status"] == "ACTIVE"
    assert provider["autoScalingGroupProvider"] == {
        "autoScalingGroupArn": GROUP,
        "managedScaling": {
            "status": "ENABLED",
            "targetCapacity": 90,
            "minimumScalingStepSize": 1,
            "maximumScalingStepSize": 10000,
            "instanceWarmupPeriod": 300,
        },
        "managedTerminationProtection": "ENABLED",
        "managedDraining": "ENABLED",
    }
    arn = provider["capacityProviderArn"]
    ecs.tag_resource(resourceArn=arn, tags=[{"key": "team", "value": "a"}])
    (shown,) = ecs.describe_capacity_providers(capacityProviders=[arn], include=["TAGS"])[
        "capacityProviders"
    ]
    assert shown["tags"] == [{"key": "team", "value": "a"}]
    names = [p["name"] for p in ecs.describe_capacity_providers()["capacityProviders"]]
    assert names == ["FARGATE", "FARGATE_SPOT", "web"]


def test_an_update_changes_only_what_it_names(ecs: Any) -> None:
    created(ecs, managedScaling={"status": "ENABLED", "targetCapacity": 90})
    changed = ecs.update_capacity_provider(
        name="web", autoScalingGroupProvider={"managedScaling": {"targetCapacity": 50}}
    )["capacityProvider"]["autoScalingGroupProvider"]
    assert changed["managedScaling"]["status"] == "ENABLED"
    assert changed["managedScaling"]["targetCapacity"] == 50
    assert changed["autoScalingGroupArn"] == GROUP


def test_a_service_is_launched_by_a_provider_and_its_tasks_are_not_on_fargate(ecs: Any) -> None:
    created(ecs)
    strategy = [{"capacityProvider": "web", "weight": 1, "base": 0}]
    cluster = ecs.create_cluster(
        clusterName="web", capacityProviders=["web"], defaultCapacityProviderStrategy=strategy
    )["cluster"]
    assert cluster["capacityProviders"] == ["web"]
    ecs.register_task_definition(**FARGATE)
    made = {"cluster": "web", "taskDefinition": "web", "networkConfiguration": NETWORK}
    service = ecs.create_service(serviceName="web", **made)["service"]
    assert service["capacityProviderStrategy"] == strategy
    assert "platformVersion" not in service


def test_a_provider_that_a_cluster_has_is_not_deleted(ecs: Any) -> None:
    created(ecs)
    ecs.create_cluster(clusterName="shop", capacityProviders=["web"])
    with pytest.raises(ClientError, match="associated with cluster: shop"):
        ecs.delete_capacity_provider(capacityProvider="web")
    ecs.delete_cluster(cluster="shop")
    deleted = ecs.delete_capacity_provider(capacityProvider="web")["capacityProvider"]
    assert (deleted["status"], deleted["updateStatus"]) == ("INACTIVE", "DELETE_COMPLETE")
    (shown,) = ecs.describe_capacity_providers(capacityProviders=["web"])["capacityProviders"]
    assert shown["status"] == "INACTIVE"
    with pytest.raises(ClientError, match="does not exist"):
        ecs.delete_capacity_provider(capacityProvider="web")
    assert created(ecs)["status"] == "ACTIVE"


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"name": "fargate-2"}, "must not begin with"),
    ({"name": "a b"}, "letters, digits"),
    ({"autoScalingGroupProvider": None}, "autoScalingGroupProvider: must be given"),
    ({"managedInstancesProvider": {"infrastructureRoleArn": "arn"}}, "managedInstancesProvider"),
    ({"managedScaling": {"targetCapacity": 0}}, "targetCapacity = 0: must be 1 to 100"),
]


@pytest.mark.parametrize(("changed", "text"), WRONG, ids=[text for _, text in WRONG])
def test_a_wrong_provider_is_refused_by_name(
    direct: Direct, changed: dict[str, Any], text: str
) -> None:
    group = {"autoScalingGroupArn": GROUP}
    if "managedScaling" in changed:
        group |= changed
        changed = {}
    request = {"name": "web", "autoScalingGroupProvider": group, **changed}
    sent = {name: value for name, value in request.items() if value is not None}
    with pytest.raises(AwsError, match=text):
        direct.ecs("create_capacity_provider", **sent)
    names = [p["name"] for p in direct.ecs("describe_capacity_providers")["capacityProviders"]]
    assert names == ["FARGATE", "FARGATE_SPOT"]


def test_a_strategy_has_providers_of_one_kind(ecs: Any) -> None:
    created(ecs)
    with pytest.raises(ClientError, match="cannot contain a mix"):
        ecs.create_cluster(
            capacityProviders=["web", "FARGATE"],
            defaultCapacityProviderStrategy=[
                {"capacityProvider": "web", "weight": 1},
                {"capacityProvider": "FARGATE", "weight": 1},
            ],
        )


def test_a_daemon_has_one_task_on_the_one_machine(ecs: Any) -> None:
    ecs.create_cluster(clusterName="web")
    plain = [{"name": "agent", "image": "example/agent:1", "memory": 64}]
    ecs.register_task_definition(family="agent", containerDefinitions=plain)
    made = {"cluster": "web", "serviceName": "agent", "taskDefinition": "agent"}
    service = ecs.create_service(**made, schedulingStrategy="DAEMON")["service"]
    assert service["desiredCount"] == 1
    assert service["schedulingStrategy"] == "DAEMON"
    configuration = service["deploymentConfiguration"]
    assert configuration["maximumPercent"] == 100
    assert configuration["minimumHealthyPercent"] == 0
    changed = ecs.update_service(cluster="web", service="agent", desiredCount=3)["service"]
    assert changed["desiredCount"] == 1
    listed = ecs.list_services(cluster="web", schedulingStrategy="DAEMON")["serviceArns"]
    assert listed == [service["serviceArn"]]
    # Only services of replicas must be scaled to 0 before.
    ecs.delete_service(cluster="web", service="agent")


def test_a_provider_is_not_taken_from_under_a_service(ecs: Any) -> None:
    """ECS has one order: from the service, from the cluster, then the provider itself."""
    created(ecs)
    strategy = [{"capacityProvider": "web", "weight": 1}]
    ecs.create_cluster(clusterName="web", capacityProviders=["web", "FARGATE"])
    ecs.register_task_definition(**FARGATE)
    ecs.create_service(
        cluster="web",
        serviceName="web",
        taskDefinition="web",
        networkConfiguration=NETWORK,
        capacityProviderStrategy=strategy,
    )
    with pytest.raises(ClientError, match="associated with cluster: web"):
        ecs.delete_capacity_provider(capacityProvider="web")
    none: dict[str, Any] = {"capacityProviders": [], "defaultCapacityProviderStrategy": []}
    with pytest.raises(ClientError, match="is in use and cannot be removed: service web uses web"):
        ecs.put_cluster_capacity_providers(cluster="web", **none)
