"""Task definitions: what ECS fills in, what it refuses, and the life of a revision."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.apis.ecs.definition_rules import FARGATE_MEMORY, problems
from tealmesh.apis.ecs.definitions import filled
from tealmesh.model.errors import AwsError
from tests.support.meshes.article import Article
from tests.support.planes.ecs import FARGATE, NETWORK, Direct, Endpoint, endpoint


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Endpoint]:
    with endpoint(tmp_path) as found:
        yield found


@pytest.fixture
def direct(tmp_path: Path) -> Iterator[Direct]:
    found = Direct(tmp_path / "state.db")
    yield found
    found.store.close()


def definition(**changed: Any) -> dict[str, Any]:
    return {**copy.deepcopy(FARGATE), **changed}


def container(**changed: Any) -> dict[str, Any]:
    return {"name": "app", "image": "example/web:1", **changed}


def with_containers(*containers: dict[str, Any], **changed: Any) -> dict[str, Any]:
    return definition(containerDefinitions=list(containers), **changed)


def first_problem(request: dict[str, Any]) -> str:
    return next(problems(filled(request)), "")


def test_ecs_fills_in_what_was_not_sent(served: Endpoint) -> None:
    ecs = served.client("ecs")
    check = {"command": ["CMD", "true"]}
    sent = with_containers(
        container(portMappings=[{"containerPort": 80}], healthCheck=check, command=["serve"]),
        tags=[{"key": "a", "value": "b"}],
    )
    answer = ecs.register_task_definition(**sent)
    assert answer["tags"] == sent["tags"]
    found = answer["taskDefinition"]
    assert found["taskDefinitionArn"].endswith(":task-definition/web:1")
    assert (found["revision"], found["status"]) == (1, "ACTIVE")
    assert found["compatibilities"] == ["EC2", "FARGATE"]
    assert (found["cpu"], found["memory"], found["networkMode"]) == ("256", "512", "awsvpc")
    assert found["registeredAt"].year > 2000
    assert (found["volumes"], found["placementConstraints"], found["requiresAttributes"]) == (
        [],
        [],
        [],
    )
    assert found["containerDefinitions"] == [
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


def test_the_users_definition_comes_back_as_sent(served: Endpoint) -> None:
    ecs = served.client("ecs")
    sent = Article(None, ecs, None).task_definition("blue")
    ecs.register_task_definition(**sent)
    found = ecs.describe_task_definition(taskDefinition="sample-blue")["taskDefinition"]
    assert {k: found[k] for k in sent if k != "containerDefinitions"} == {
        k: v for k, v in sent.items() if k != "containerDefinitions"
    }
    for mine, theirs in zip(
        sent["containerDefinitions"], found["containerDefinitions"], strict=True
    ):
        assert {k: theirs[k] for k in mine} == mine


def test_revisions_count_and_a_family_means_its_newest_active_one(direct: Direct) -> None:
    for _ in range(3):
        direct.ecs("register_task_definition", **FARGATE)

    def revision(text: str) -> int:
        found = direct.ecs("describe_task_definition", taskDefinition=text)["taskDefinition"]
        return int(found["revision"])

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
def test_a_definition_that_is_not_there(direct: Direct, text: str) -> None:
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


def test_deleted_revisions_go_when_nobody_uses_them_and_never_come_back(direct: Direct) -> None:
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
    direct.ecs("describe_task_definition", taskDefinition="web:1")  # a task uses it still
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


WRONG = [
    (definition(family="no spaces"), "Family contains invalid characters"),
    (definition(networkMode="bridge"), "Fargate only supports network mode"),
    (definition(cpu=""), "'cpu' be defined at the task level"),
    (definition(memory=""), "'memory' be defined at the task level"),
    (definition(cpu="256", memory="4096"), "No Fargate configuration exists"),
    (definition(cpu="300"), "No Fargate configuration exists"),
    (definition(pidMode="host"), "pidMode 'host'"),
    (with_containers(), "Container list cannot be empty"),
    (with_containers(*(container(name=f"c{n}") for n in range(11))), "at most 10"),
    (with_containers(container(name="no spaces")), "Container.name contains invalid"),
    (with_containers(container(name="")), "Container.name should not be null"),
    (with_containers(container(image="")), "Container.image should not be null"),
    (with_containers(container(), container()), "'app' is used twice"),
    (with_containers(container(essential=False)), "at least one essential container"),
    (with_containers(container(memory=4)), "'memory' must be 6 MiB or more"),
    (with_containers(container(memory=64, memoryReservation=128)), "greater than or equal"),
    (with_containers(container(memory=1024)), "'memory' must not be more than the task's"),
    (
        with_containers(container(memory=300), container(name="b", memory=300)),
        r"sum of the containers' memory \(600\)",
    ),
    (with_containers(container(cpu=257)), r"sum of the containers' cpu \(257\)"),
    (with_containers(container(links=["b"])), "Links are not supported"),
    (with_containers(container(privileged=True)), "privileged"),
    (
        with_containers(container(logConfiguration={"logDriver": "syslog"})),
        "log driver 'syslog'",
    ),
    (
        with_containers(container(logConfiguration={"logDriver": "awslogs", "options": {}})),
        "requires options: awslogs-group, awslogs-region",
    ),
    ({**FARGATE, "ephemeralStorage": {"sizeInGiB": 20}}, "must be 21 to 200"),
    (
        {**FARGATE, "runtimePlatform": {"operatingSystemFamily": "WINDOWS_SERVER_2022_CORE"}},
        "'WINDOWS_SERVER_2022_CORE' is not supported",
    ),
    (
        with_containers(container(portMappings=[{"containerPort": 80, "hostPort": 81}])),
        "networkMode=awsvpc, the host ports and container ports",
    ),
    (with_containers(container(portMappings=[{"containerPort": 0}])), "1 to 65535"),
    (with_containers(container(portMappings=[{"hostPort": 5}])), "1 to 65535"),
    (with_containers(container(stopTimeout=121)), "'stopTimeout' must be 0 to 120"),
    (with_containers(container(healthCheck={"command": ["curl"]})), "must begin with CMD"),
    (with_containers(container(healthCheck={"command": ["CMD"]})), "a command after CMD"),
    (
        with_containers(container(healthCheck={"command": ["CMD", "true"], "interval": 1})),
        "interval of container 'app' must be 5 to 300",
    ),
    (
        with_containers(container(mountPoints=[{"sourceVolume": "v", "containerPath": "/v"}])),
        "Unknown volume 'v'",
    ),
    (
        with_containers(container(dependsOn=[{"containerName": "b", "condition": "START"}])),
        "'app' depends on 'b', which is not in the definition",
    ),
    (
        with_containers(
            container(dependsOn=[{"containerName": "b", "condition": "HEALTHY"}]),
            container(name="b"),
        ),
        "'b' has no healthCheck",
    ),
    (
        with_containers(
            container(dependsOn=[{"containerName": "b", "condition": "SUCCESS"}]),
            container(name="b"),
        ),
        "must not be essential",
    ),
    (
        with_containers(
            container(dependsOn=[{"containerName": "b", "condition": "START"}]),
            container(name="b", dependsOn=[{"containerName": "app", "condition": "START"}]),
        ),
        "must have no cycle",
    ),
]


@pytest.mark.parametrize(("request_", "text"), WRONG, ids=[text for _, text in WRONG])
def test_a_wrong_definition_is_refused(direct: Direct, request_: dict[str, Any], text: str) -> None:
    with pytest.raises(AwsError, match=text) as caught:
        direct.ecs("register_task_definition", **request_)
    assert caught.value.code == "ClientException"
    assert direct.store.revision == 0


PROXY = {
    "type": "APPMESH",
    "containerName": "app",
    "properties": [
        {"name": "AppPorts", "value": "8080,8081"},
        {"name": "IgnoredUID", "value": "1337"},
        {"name": "ProxyIngressPort", "value": "15000"},
        {"name": "ProxyEgressPort", "value": "15001"},
    ],
}


def proxy(drop: str = "", **added: str) -> dict[str, Any]:
    properties = [p for p in PROXY["properties"] if p["name"] != drop]  # type: ignore[index]
    properties += [{"name": name, "value": value} for name, value in added.items()]
    return {**PROXY, "properties": properties}


@pytest.mark.parametrize(
    ("configuration", "text"),
    [
        (PROXY, ""),
        (proxy("IgnoredUID", IgnoredGID="7"), ""),
        ({**PROXY, "containerName": "envoy"}, "'envoy' is not a container"),
        (proxy("AppPorts"), "needs the property AppPorts"),
        (proxy("ProxyIngressPort"), "needs the property ProxyIngressPort"),
        (proxy("IgnoredUID"), "IgnoredUID or IgnoredGID"),
        (proxy(Other="1"), "Unknown property 'Other'"),
        (proxy("AppPorts", AppPorts="http"), "'http' is not a port"),
        (proxy(EgressIgnoredPorts="22,99999"), "'99999' is not a port"),
    ],
)
def test_the_proxy_configuration_is_checked(configuration: dict[str, Any], text: str) -> None:
    found = first_problem(definition(proxyConfiguration=configuration))
    assert text in found
    assert bool(found) == bool(text)


def test_a_proxy_needs_awsvpc() -> None:
    request = definition(proxyConfiguration=PROXY, networkMode="bridge")
    del request["requiresCompatibilities"]
    assert "only supported when networkMode=awsvpc" in first_problem(request)


def test_outside_fargate_memory_is_a_container_s_affair(direct: Direct) -> None:
    request = {"family": "plain", "containerDefinitions": [container()]}
    with pytest.raises(AwsError, match="'memory' or 'memoryReservation'"):
        direct.ecs("register_task_definition", **request)
    linked = container(memory=128, portMappings=[{"containerPort": 80}], links=["other"])
    with pytest.raises(AwsError, match="links is not supported"):
        direct.ecs("register_task_definition", **request | {"containerDefinitions": [linked]})
    del linked["links"]
    request["containerDefinitions"] = [linked]
    found = direct.ecs("register_task_definition", **request)["taskDefinition"]
    assert (found["networkMode"], found["compatibilities"]) == ("bridge", ["EXTERNAL", "EC2"])
    assert found["containerDefinitions"][0]["portMappings"][0]["hostPort"] == 0
    assert "cpu" not in found


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
    found = answer["taskDefinition"]
    assert (found["cpu"], found["memory"]) == kept


@pytest.mark.parametrize("text", ["lots", "1 GB", "-256", "0.3 vCPU", "1.5"])
def test_a_size_that_cannot_be_read(direct: Direct, text: str) -> None:
    with pytest.raises(AwsError, match=r"write 512 or \.5 vCPU"):
        direct.ecs("register_task_definition", **definition(cpu=text))


def test_every_size_of_fargate_is_taken() -> None:
    sizes = list(
        itertools.chain.from_iterable(
            ((cpu, memory) for memory in memories) for cpu, memories in FARGATE_MEMORY.items()
        )
    )
    assert len(sizes) > 70
    for cpu, memory in sizes:
        assert first_problem(definition(cpu=str(cpu), memory=str(memory))) == ""


@given(st.integers(1, 20000), st.integers(1, 130000))
def test_no_other_size_is(cpu: int, memory: int) -> None:
    found = first_problem(definition(cpu=str(cpu), memory=str(memory)))
    assert (not found) == (memory in FARGATE_MEMORY.get(cpu, ()))


CONDITIONS = st.sampled_from(["START", "HEALTHY"])


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), CONDITIONS), max_size=12))
def test_dependencies_are_refused_exactly_when_they_have_a_cycle(
    edges: list[tuple[int, int, str]],
) -> None:
    containers = [
        container(
            name=f"c{n}",
            healthCheck={"command": ["CMD", "true"]},
            dependsOn=[
                {"containerName": f"c{to}", "condition": condition}
                for start, to, condition in edges
                if start == n
            ],
        )
        for n in range(6)
    ]
    # Reference: a graph has a cycle exactly when some node reaches itself (Warshall's closure).
    reach = {(start, to) for start, to, _ in edges}
    for k, i, j in itertools.product(range(6), repeat=3):
        if (i, k) in reach and (k, j) in reach:
            reach.add((i, j))
    found = first_problem(with_containers(*containers))
    assert ("cycle" in found) == any((n, n) in reach for n in range(6))


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
    found = served.aws("ecs", "describe-task-definition", "--task-definition=web:1")
    assert found["taskDefinition"]["containerDefinitions"][0]["image"] == "example/web:1"
