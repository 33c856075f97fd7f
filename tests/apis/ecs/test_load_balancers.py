"""``loadBalancers`` of services: what is stored and shown, and what is refused in ECS's words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.planes.control_plane import ControlPlane, control_plane
from tests.support.planes.ecs import FARGATE, NETWORK
from tests.support.planes.elb import forward, listener, load_balancer, network, target_group

BRIDGE = {
    "family": "bridge",
    "networkMode": "bridge",
    "containerDefinitions": [
        {
            "name": "app",
            "image": "example/web:1",
            "memory": 64,
            "portMappings": [{"containerPort": 8080}],
        }
    ],
}


class Groups:
    """Target groups of one control plane."""

    def __init__(self, plane: ControlPlane) -> None:
        self.ecs, elb = plane.client("ecs"), plane.client("elbv2")
        self.ecs.create_cluster(clusterName="c")
        self.ecs.register_task_definition(**FARGATE)
        self.ecs.register_task_definition(**BRIDGE)
        made = network(plane)
        balancer = load_balancer(elb, made, "front")
        self.ip, self.other = (target_group(elb, made, name) for name in ("ip", "other"))
        self.instance = target_group(elb, made, "instance", TargetType="instance")
        self.idle = target_group(elb, made, "idle")
        listener(elb, balancer, 80, forward(self.ip, self.other, self.instance))

    def balancer(self, group: str, **members: Any) -> dict[str, Any]:
        return {
            "targetGroupArn": getattr(self, group, group),
            "containerName": "app",
            "containerPort": 8080,
            **members,
        }

    def create(self, name: str, *balancers: dict[str, Any], **members: Any) -> dict[str, Any]:
        request = {"taskDefinition": "web", "launchType": "FARGATE", "desiredCount": 0}
        if members.get("taskDefinition", "web") == "web":
            request["networkConfiguration"] = NETWORK
        answer = self.ecs.create_service(
            cluster="c", serviceName=name, loadBalancers=list(balancers), **{**request, **members}
        )
        service: dict[str, Any] = answer["service"]
        return service


@pytest.fixture(scope="module")
def groups(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Groups]:
    with control_plane(tmp_path_factory.mktemp("groups")) as plane:
        yield Groups(plane)


GONE = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/gone/0123456789abcdef"


@pytest.mark.parametrize(
    ("group", "members", "text"),
    [
        ("", {}, "Target Group ARN can not be blank."),
        (GONE, {}, f"targetGroupArn = '{GONE}': there is no such target group."),
        ("idle", {}, "does not have an associated load balancer."),
        ("instance", {}, "has target type instance, which is incompatible with the awsvpc"),
        ("ip", {"containerName": ""}, "Container Name can not be blank."),
        ("ip", {"containerName": "web"}, "The container web does not exist in the task definition"),
        ("ip", {"containerPort": 81}, "The container app did not have a container port 81 defined"),
        ("ip", {"loadBalancerName": "classic"}, "loadBalancerName: not supported"),
    ],
)
def test_what_tasks_could_not_be_registered_in_is_refused(
    groups: Groups, group: str, members: dict[str, Any], text: str
) -> None:
    with pytest.raises(ClientError) as refused:
        groups.create("refused", groups.balancer(group, **members))
    error = refused.value.response["Error"]
    assert error["Code"] == "InvalidParameterException"
    assert text in error["Message"]
    assert groups.ecs.describe_services(cluster="c", services=["refused"])["services"] == []


def test_at_most_five_target_groups(groups: Groups) -> None:
    with pytest.raises(ClientError, match="load balancers can have at most 5 items"):
        groups.create("six", *[groups.balancer("ip")] * 6)


def test_load_balancers_are_shown_and_a_change_is_a_new_deployment(groups: Groups) -> None:
    first = groups.create("shown", groups.balancer("ip"))
    assert first["loadBalancers"] == [groups.balancer("ip")]
    assert first["roleArn"].endswith("AWSServiceRoleForECS")

    both = [groups.balancer("ip"), groups.balancer("other")]
    changed = groups.ecs.update_service(cluster="c", service="shown", loadBalancers=both)["service"]
    assert changed["loadBalancers"] == both
    assert len(changed["deployments"]) == 2
    again = groups.ecs.update_service(cluster="c", service="shown", desiredCount=0)["service"]
    assert again["loadBalancers"] == both
    none = groups.ecs.update_service(cluster="c", service="shown", loadBalancers=[])["service"]
    assert none["loadBalancers"] == []


def test_a_new_definition_needs_the_container_port(groups: Groups) -> None:
    groups.create("ports", groups.balancer("ip"))
    container = {**FARGATE["containerDefinitions"][0], "portMappings": [{"containerPort": 9090}]}
    groups.ecs.register_task_definition(
        **{**FARGATE, "family": "moved", "containerDefinitions": [container]}
    )
    with pytest.raises(ClientError, match="did not have a container port 8080 defined"):
        groups.ecs.update_service(cluster="c", service="ports", taskDefinition="moved")


def test_without_awsvpc_any_target_type_and_a_role_are_accepted(groups: Groups) -> None:
    service = groups.create(
        "bridge",
        groups.balancer("instance"),
        taskDefinition="bridge",
        launchType="EC2",
        role="ecsServiceRole",
    )
    assert service["roleArn"] == "arn:aws:iam::123456789012:role/ecsServiceRole"
    with pytest.raises(ClientError, match="You cannot specify an IAM role for services"):
        groups.create("role", groups.balancer("ip"), role="ecsServiceRole")
