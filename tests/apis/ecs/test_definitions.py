"""Task definitions: what ECS fills in, and the life of a revision."""

from __future__ import annotations

from typing import Any

import pytest

from tealmesh.model.errors import AwsError
from tests.apis.ecs.definitions import container, definition, with_containers
from tests.support.meshes.article import Article
from tests.support.planes.ecs import FARGATE, NETWORK, Direct, Endpoint


def test_ecs_fills_in_what_was_not_sent(served: Endpoint) -> None:
    ecs = served.client("ecs")
    check = {"command": ["CMD", "true"]}
    sent = with_containers(
        container(portMappings=[{"containerPort": 80}], healthCheck=check, command=["serve"]),
        tags=[{"key": "a", "value": "b"}],
    )
    answer = ecs.register_task_definition(**sent)
    assert answer["tags"] == sent["tags"]
    registered = answer["taskDefinition"]
    assert registered["taskDefinitionArn"].endswith(":task-definition/web:1")
    assert (registered["revision"], registered["status"]) == (1, "ACTIVE")
    assert registered["compatibilities"] == ["EC2", "FARGATE"]
    assert (registered["cpu"], registered["memory"], registered["networkMode"]) == (
        "256",
        "512",
        "awsvpc",
    )
    assert registered["registeredAt"].year > 2000
    assert (
        registered["volumes"],
        registered["placementConstraints"],
        registered["requiresAttributes"],
    ) == (
        [],
        [],
        [],
    )
    assert registered["containerDefinitions"] == [
        {
            "name": "app",
            "image": "example/web:1",
            "cpu": 0,
            "essential": True,
            "environment": [],
            "mountPoints": [],
            "volumesFrom": [],
            "portMappings": [{"containerPort": 80, "hostPort": 80, "protocol": "tcp"}],
            "healthCheck": {**check, "interval": 30, "timeout": 5, "retries": 3},
            "command": ["serve"],
        }
    ]


def test_a_definition_is_described_as_it_was_sent(served: Endpoint) -> None:
    ecs = served.client("ecs")
    sent = Article(None, ecs, None).task_definition("blue")
    ecs.register_task_definition(**sent)
    described = ecs.describe_task_definition(taskDefinition="sample-blue")["taskDefinition"]
    assert {k: described[k] for k in sent if k != "containerDefinitions"} == {
        k: v for k, v in sent.items() if k != "containerDefinitions"
    }
    for mine, theirs in zip(
        sent["containerDefinitions"], described["containerDefinitions"], strict=True
    ):
        assert {k: theirs[k] for k in mine} == mine


def test_revisions_count_and_a_family_means_its_newest_active_one(direct: Direct) -> None:
    for _ in range(3):
        direct.ecs("register_task_definition", **FARGATE)

    def revision(text: str) -> int:
        described = direct.ecs("describe_task_definition", taskDefinition=text)["taskDefinition"]
        return int(described["revision"])

    assert (revision("web"), revision("web:2")) == (3, 2)
    gone = direct.ecs("deregister_task_definition", taskDefinition="web:3")["taskDefinition"]
    assert (gone["status"], gone["deregisteredAt"]) == ("INACTIVE", direct.now)
    assert (revision("web"), revision("web:3")) == (2, 3)
    assert revision(gone["taskDefinitionArn"]) == 3
    assert direct.ecs("register_task_definition", **FARGATE)["taskDefinition"]["revision"] == 4


@pytest.mark.parametrize(
    "text",
    [
        "nothing",
        "web:9",
        "web:x",
        "web:",
        "",
        "web:²",
        "arn:aws:ecs:eu-west-1:1:task-definition/web:1",
    ],
)
def test_a_missing_definition(direct: Direct, text: str) -> None:
    direct.ecs("register_task_definition", **FARGATE)
    with pytest.raises(AwsError, match="Unable to describe task definition") as caught:
        direct.ecs("describe_task_definition", taskDefinition=text)
    assert caught.value.code == "ClientException"


def test_a_revision_is_deregistered_once_and_by_its_number(direct: Direct) -> None:
    direct.ecs("register_task_definition", **FARGATE)
    with pytest.raises(AwsError, match="FAMILY:REVISION"):
        direct.ecs("deregister_task_definition", taskDefinition="web")
    direct.ecs("deregister_task_definition", taskDefinition="web:1")
    with pytest.raises(AwsError, match="inactive"):
        direct.ecs("deregister_task_definition", taskDefinition="web:1")


def test_deleted_revisions_disappear_once_unused_and_their_numbers_are_not_reused(
    direct: Direct,
) -> None:
    direct.ecs("create_cluster", clusterName="web")
    direct.ecs("register_task_definition", **FARGATE)
    (task,) = direct.ecs(
        "run_task",
        cluster="web",
        taskDefinition="web",
        launchType="FARGATE",
        networkConfiguration=NETWORK,
    )["tasks"]
    answer = direct.ecs("delete_task_definitions", taskDefinitions=["web:1", "web:7"])
    assert answer["taskDefinitions"] == []
    assert [f["reason"].partition(".")[0] for f in answer["failures"]] == [
        "The specified task definition is still in ACTIVE status",
        "The specified task definition does not exist",
    ]
    direct.ecs("deregister_task_definition", taskDefinition="web:1")
    (deleted,) = direct.ecs("delete_task_definitions", taskDefinitions=["web:1"])["taskDefinitions"]
    assert deleted["status"] == "DELETE_IN_PROGRESS"
    direct.ecs("describe_task_definition", taskDefinition="web:1")  # a task still uses it
    identity = task["taskArn"].rpartition("/")[2]
    direct.write("ecs.task", "web", identity, body={**task, "lastStatus": "STOPPED"})
    assert direct.ecs("register_task_definition", **FARGATE)["taskDefinition"]["revision"] == 2
    with pytest.raises(AwsError, match="Unable to describe"):
        direct.ecs("describe_task_definition", taskDefinition="web:1")


def test_definitions_are_listed_by_family_status_and_number(served: Endpoint) -> None:
    ecs = served.client("ecs")
    for family, count in (("web", 11), ("web-api", 1), ("old", 1)):
        for _ in range(count):
            ecs.register_task_definition(**definition(family=family))
    ecs.deregister_task_definition(taskDefinition="old:1")

    def listed(**request: Any) -> list[str]:
        pages = ecs.get_paginator("list_task_definitions").paginate(
            PaginationConfig={"PageSize": 4}, **request
        )
        return [arn.rpartition("/")[2] for page in pages for arn in page["taskDefinitionArns"]]

    ascending = [f"web:{n}" for n in range(1, 12)]
    assert listed(familyPrefix="web") == ascending
    assert listed(familyPrefix="web", sort="DESC") == ascending[::-1]
    assert sorted(listed()) == sorted([*ascending, "web-api:1"])
    assert listed(status="INACTIVE") == ["old:1"]
    families = ecs.list_task_definition_families
    assert families()["families"] == ["old", "web", "web-api"]
    assert families(status="ACTIVE", familyPrefix="web")["families"] == ["web", "web-api"]
    assert families(status="INACTIVE")["families"] == ["old"]


@pytest.mark.parametrize(
    ("cpu", "memory", "kept"),
    [
        ("1 vCPU", "2 GB", ("1024", "2048")),
        (".25 vcpu", "0.5GB", ("256", "512")),
        ("0512", "1024", ("512", "1024")),
    ],
)
def test_sizes_may_have_units(direct: Direct, cpu: str, memory: str, kept: tuple[str, str]) -> None:
    answer = direct.ecs("register_task_definition", **definition(cpu=cpu, memory=memory))
    registered = answer["taskDefinition"]
    assert (registered["cpu"], registered["memory"]) == kept


def test_the_aws_cli_registers_and_describes(served: Endpoint) -> None:
    served.aws(
        "ecs",
        "register-task-definition",
        "--family=web",
        "--requires-compatibilities=FARGATE",
        "--network-mode=awsvpc",
        "--cpu=256",
        "--memory=512",
        "--container-definitions=name=app,image=example/web:1,essential=true",
    )
    described = served.aws("ecs", "describe-task-definition", "--task-definition=web:1")
    assert described["taskDefinition"]["containerDefinitions"][0]["image"] == "example/web:1"
