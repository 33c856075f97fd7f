"""Tags and account settings of ECS through boto3."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.planes.ecs import FARGATE, NETWORK, Endpoint


@pytest.fixture
def arns(served: Endpoint) -> dict[str, str]:
    """One resource of each kind that can be tagged."""
    ecs = served.client("ecs")
    wanted = {
        "cluster": "web",
        "taskDefinition": "web",
        "launchType": "FARGATE",
        "networkConfiguration": NETWORK,
    }
    return {
        "cluster": ecs.create_cluster(clusterName="web")["cluster"]["clusterArn"],
        "definition": ecs.register_task_definition(**FARGATE)["taskDefinition"][
            "taskDefinitionArn"
        ],
        "service": ecs.create_service(serviceName="shop", **wanted)["service"]["serviceArn"],
        "task": ecs.run_task(**wanted)["tasks"][0]["taskArn"],
    }


@pytest.mark.parametrize("kind", ["cluster", "definition", "service", "task"])
def test_tags_are_set_listed_and_removed(served: Endpoint, arns: dict[str, str], kind: str) -> None:
    ecs, arn = served.client("ecs"), arns[kind]
    assert ecs.list_tags_for_resource(resourceArn=arn)["tags"] == []
    ecs.tag_resource(resourceArn=arn, tags=[{"key": "b", "value": "1"}, {"key": "a", "value": "2"}])
    ecs.tag_resource(resourceArn=arn, tags=[{"key": "b", "value": "3"}])
    assert ecs.list_tags_for_resource(resourceArn=arn)["tags"] == [
        {"key": "a", "value": "2"},
        {"key": "b", "value": "3"},
    ]
    ecs.untag_resource(resourceArn=arn, tagKeys=["a", "never"])
    assert ecs.list_tags_for_resource(resourceArn=arn)["tags"] == [{"key": "b", "value": "3"}]


def test_describe_shows_tags_only_if_asked(served: Endpoint, arns: dict[str, str]) -> None:
    ecs, tags = served.client("ecs"), [{"key": "a", "value": "1"}]
    ecs.tag_resource(resourceArn=arns["definition"], tags=tags)
    named = {"taskDefinition": "web:1"}
    assert ecs.describe_task_definition(**named, include=["TAGS"])["tags"] == tags
    assert "tags" not in ecs.describe_task_definition(**named)


@pytest.mark.parametrize(
    ("arn", "code"),
    [
        ("nonsense", "InvalidParameterException"),
        ("arn:aws:ecs:us-east-1:123456789012:thing/x", "InvalidParameterException"),
        ("arn:aws:ecs:us-east-1:123456789012:cluster/gone", "ClusterNotFoundException"),
        ("arn:aws:ecs:us-east-1:123456789012:service/gone/x", "ClusterNotFoundException"),
        ("arn:aws:ecs:us-east-1:123456789012:service/web/x", "ResourceNotFoundException"),
        ("arn:aws:ecs:us-east-1:123456789012:task-definition/x:1", "ResourceNotFoundException"),
    ],
)
def test_what_cannot_be_tagged(served: Endpoint, arns: dict[str, str], arn: str, code: str) -> None:
    ecs = served.client("ecs")
    with pytest.raises(ClientError) as caught:
        ecs.tag_resource(resourceArn=arn, tags=[{"key": "a", "value": "1"}])
    assert caught.value.response["Error"]["Code"] == code
    with pytest.raises(ClientError):
        ecs.list_tags_for_resource(resourceArn=arn)


def test_at_most_fifty_tags(served: Endpoint, arns: dict[str, str]) -> None:
    ecs = served.client("ecs")
    many = [{"key": f"k{n}", "value": ""} for n in range(50)]
    ecs.tag_resource(resourceArn=arns["cluster"], tags=many)
    with pytest.raises(ClientError, match="51 tags: at most 50"):
        ecs.tag_resource(resourceArn=arns["cluster"], tags=[{"key": "one", "value": "more"}])


def _values(answer: dict[str, Any]) -> dict[str, str]:
    return {setting["name"]: setting["value"] for setting in answer["settings"]}


def test_account_settings_are_stored_and_have_defaults(served: Endpoint) -> None:
    ecs = served.client("ecs")
    assert ecs.list_account_settings()["settings"] == []
    pages = ecs.get_paginator("list_account_settings").paginate(
        effectiveSettings=True, PaginationConfig={"PageSize": 4}
    )
    effective = {k: v for page in pages for k, v in _values(page).items()}
    assert effective["serviceLongArnFormat"] == "enabled"
    ecs.put_account_setting_default(name="containerInsights", value="enabled")
    wanted = {"name": "containerInsights", "effectiveSettings": True}
    assert _values(ecs.list_account_settings(**wanted)) == {"containerInsights": "enabled"}
    put = ecs.put_account_setting(name="containerInsights", value="disabled")["setting"]
    assert put["principalArn"] == "arn:aws:iam::123456789012:root"
    assert _values(ecs.list_account_settings(**wanted)) == {"containerInsights": "disabled"}
    ecs.delete_account_setting(name="containerInsights")
    assert _values(ecs.list_account_settings(**wanted)) == {"containerInsights": "enabled"}
    with pytest.raises(ClientError, match="do not have the setting"):
        ecs.delete_account_setting(name="containerInsights")
    with pytest.raises(ClientError, match="must be one of disabled, enabled"):
        ecs.put_account_setting(name="awsvpcTrunking", value="maybe")


def test_a_tag_that_the_engine_cannot_follow_is_refused(
    served: Endpoint, arns: dict[str, str]
) -> None:
    ecs, service = served.client("ecs"), arns["service"]
    with pytest.raises(ClientError, match="teal:replace-after = 'soon': must be a duration") as e:
        ecs.tag_resource(resourceArn=service, tags=[{"key": "teal:replace-after", "value": "soon"}])
    assert e.value.response["Error"]["Code"] == "InvalidParameterException"
    ecs.tag_resource(resourceArn=service, tags=[{"key": "teal:replace-after", "value": "never"}])
