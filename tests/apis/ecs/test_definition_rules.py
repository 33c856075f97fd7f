"""Which task definitions ECS refuses, and why."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.apis.ecs.definition_rules import FARGATE_MEMORY, problems
from tealmesh.apis.ecs.definitions import filled
from tealmesh.model.errors import AwsError
from tests.apis.ecs.definitions import container, definition, with_containers
from tests.support.planes.ecs import FARGATE, Direct


def first_problem(request: dict[str, Any]) -> str:
    return next(problems(filled(request)), "")


WRONG = [
    (definition(family="no spaces"), "Family contains invalid characters"),
    (definition(networkMode="bridge"), "Fargate only supports network mode"),
    (definition(cpu=""), "'cpu' be defined at the task level"),
    (definition(memory=""), "'memory' be defined at the task level"),
    (definition(cpu="256", memory="4096"), "No Fargate configuration exists"),
    (definition(cpu="300"), "No Fargate configuration exists"),
    (definition(pidMode="host"), "pidMode 'host'. The supported value for pidMode is 'task'."),
    (with_containers(), "Container list cannot be empty"),
    (with_containers(*(container(name=f"c{n}") for n in range(11))), "at most 10"),
    (with_containers(container(name="no spaces")), "Container.name contains invalid"),
    (with_containers(container(name="")), "Container.name should not be null"),
    (with_containers(container(image="")), "Container.image should not be null"),
    (with_containers(container(), container()), "'app' is used twice"),
    (with_containers(container(essential=False)), "at least one essential container"),
    (
        with_containers(container(environment=[{"name": "A=B", "value": ""}])),
        r"variable name 'A=B' must have neither '=' nor a NUL character: container 'app'",
    ),
    (
        with_containers(container(environment=[{"name": "A", "value": "x\0"}])),
        r"value of environment variable 'A' must not have a NUL character",
    ),
    ({**FARGATE, "volumes": [{"name": "../../x"}]}, r"Volume name '../../x' is invalid"),
    (with_containers(container(memory=3)), "'memory' = 3: must be 4 MiB or more"),
    (with_containers(container(memory=64, memoryReservation=128)), "greater than or equal"),
    (with_containers(container(memory=1024)), "'memory' must not be more than the task's"),
    (
        with_containers(
            container(memoryReservation=300),
            container(name="b", memory=400, memoryReservation=300),
        ),
        r"sum of the containers' memoryReservation \(600\)",
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
    (with_containers(container(stopTimeout=121)), "'stopTimeout' must be at most 120"),
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


def test_what_no_documentation_forbids_is_accepted() -> None:
    """See docs/rules.md."""
    assert first_problem(with_containers(container(memory=4))) == ""
    assert first_problem(definition(proxyConfiguration=proxy(Other="1"))) == ""
    slow = {"name": "app", "image": "example/web:1", "memory": 64, "stopTimeout": 600}
    assert first_problem({"family": "f", "containerDefinitions": [slow]}) == ""


@pytest.mark.parametrize(
    "containers",
    [
        # A hard limit is a limit; what is reserved is memoryReservation.
        [container(memory=512), container(name="b", memoryReservation=256)],
        [container(memory=512), container(name="b", memory=512)],
        [container(memory=512, memoryReservation=256), container(name="b", memoryReservation=256)],
    ],
)
def test_hard_limits_may_add_up_to_more_than_the_task_has(containers: list[Any]) -> None:
    assert first_problem(with_containers(*containers)) == ""


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
        (proxy("AppPorts", AppPorts="http"), "'http' is not a port"),
        (proxy(EgressIgnoredPorts="22,99999"), "'99999' is not a port"),
        (proxy("IgnoredUID", IgnoredUID="1\n-A INPUT -j DROP"), "is not the id of a user"),
        (proxy(IgnoredGID="-1"), "is not the id of a user"),
        (proxy("IgnoredUID", IgnoredUID="envoy"), ""),
        (proxy(EgressIgnoredIPs="10.0.0.1, fd00::/8"), ""),
        (proxy(EgressIgnoredIPs="10.0.0.1\n-j"), "neither an IP address nor a CIDR block"),
    ],
)
def test_the_proxy_configuration_is_checked(configuration: dict[str, Any], text: str) -> None:
    problem = first_problem(definition(proxyConfiguration=configuration))
    assert text in problem
    assert bool(problem) == bool(text)


def test_a_proxy_needs_awsvpc() -> None:
    request = definition(proxyConfiguration=PROXY, networkMode="bridge")
    del request["requiresCompatibilities"]
    assert "only supported when networkMode=awsvpc" in first_problem(request)


def test_outside_fargate_each_container_needs_memory(direct: Direct) -> None:
    request = {"family": "plain", "containerDefinitions": [container()]}
    with pytest.raises(AwsError, match="'memory' or 'memoryReservation'"):
        direct.ecs("register_task_definition", **request)
    linked = container(memory=128, portMappings=[{"containerPort": 80}], links=["other"])
    with pytest.raises(AwsError, match="links is not supported"):
        direct.ecs("register_task_definition", **request | {"containerDefinitions": [linked]})
    del linked["links"]
    request["containerDefinitions"] = [linked]
    registered = direct.ecs("register_task_definition", **request)["taskDefinition"]
    assert (registered["networkMode"], registered["compatibilities"]) == (
        "bridge",
        ["EXTERNAL", "EC2"],
    )
    assert registered["containerDefinitions"][0]["portMappings"][0]["hostPort"] == 0
    assert "cpu" not in registered


@pytest.mark.parametrize("text", ["lots", "1 GB", "-256", "0.3 vCPU", "1.5"])
def test_an_unreadable_size_is_refused(direct: Direct, text: str) -> None:
    with pytest.raises(AwsError, match=r"write 512 or \.5 vCPU"):
        direct.ecs("register_task_definition", **definition(cpu=text))


def test_every_fargate_size_is_accepted() -> None:
    sizes = list(
        itertools.chain.from_iterable(
            ((cpu, memory) for memory in memories) for cpu, memories in FARGATE_MEMORY.items()
        )
    )
    assert len(sizes) > 70
    for cpu, memory in sizes:
        assert first_problem(definition(cpu=str(cpu), memory=str(memory))) == ""


@given(st.integers(1, 20000), st.integers(1, 130000))
def test_no_other_size_is_accepted(cpu: int, memory: int) -> None:
    problem = first_problem(definition(cpu=str(cpu), memory=str(memory)))
    assert (not problem) == (memory in FARGATE_MEMORY.get(cpu, ()))


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
    problem = first_problem(with_containers(*containers))
    assert ("cycle" in problem) == any((n, n) in reach for n in range(6))
