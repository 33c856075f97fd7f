"""What `teal terraform moved` says of a service; real Terraform does it in
tests/terraform/test_moved.py.
"""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tealmesh.cli.main import teal
from tealmesh.cli.terraform.moving import blocks, state
from tealmesh.cli.terraform.moving.facts import gathered
from tealmesh.cli.terraform.moving.mapping import Mapping, mapped
from tealmesh.migration.found import Found, Name, Resource
from tealmesh.model import wire
from tealmesh.model.errors import TealError
from tealmesh.model.mesh import Kind

ROLE = "arn:aws:iam::1:role/web-tasks"
TASK = "arn:aws:ecs:us-east-1:1:task-definition/web-blue:3"
REGISTRY = "arn:aws:servicediscovery:us-east-1:1:service/srv-1"
CONTAINERS = [
    {"name": "web", "image": "web:1", "environment": [{"name": "A", "value": "${b}"}]},
    {
        "name": "envoy",
        "image": "envoy:1",
        "environment": [
            {"name": "APPMESH_RESOURCE_ARN", "value": "mesh/shop/virtualNode/web-blue"},
            {"name": "APPMESH_XDS_ENDPOINT", "value": "ads:18000"},
            {"name": "ENVOY_LOG_LEVEL", "value": "debug"},
        ],
    },
]
STATE: list[tuple[str, str, Any, dict[str, Any]]] = [
    ("aws_appmesh_virtual_router", "web", None, {"name": "web", "mesh_name": "shop"}),
    (
        "aws_appmesh_route",
        "only_blue",
        0,
        {"name": "only-blue", "mesh_name": "shop", "virtual_router_name": "web"},
    ),
    ("aws_appmesh_virtual_node", "side", "blue", {"name": "web-blue", "mesh_name": "shop"}),
    (
        "aws_ecs_service",
        "side",
        "blue",
        {
            "name": "web-blue",
            "cluster": "shop",
            "launch_type": "FARGATE",
            "desired_count": 3,
            "task_definition": TASK,
            "service_registries": [{"registry_arn": REGISTRY}],
            "network_configuration": [{"subnets": ["subnet-2", "subnet-1"]}],
        },
    ),
    (
        "aws_ecs_task_definition",
        "side",
        "blue",
        {
            "arn": TASK,
            "family": "web-blue",
            "task_role_arn": ROLE,
            "execution_role_arn": "arn:aws:iam::1:role/execution",
            "container_definitions": json.dumps(CONTAINERS),
        },
    ),
    (
        "aws_service_discovery_service",
        "web",
        None,
        {
            "id": "srv-1",
            "dns_config": [
                {
                    "namespace_id": "ns-1",
                    "routing_policy": "MULTIVALUE",
                    "dns_records": [{"type": "A", "ttl": 10}],
                }
            ],
            "health_check_custom_config": [{"failure_threshold": 1}],
        },
    ),
    ("aws_iam_role", "web", None, {"name": "web-tasks", "arn": ROLE}),
    (
        "aws_iam_role_policy",
        "mesh",
        None,
        {"role": "web-tasks", "policy": '{"Action": "appmesh:StreamAggregatedResources"}'},
    ),
    ("aws_iam_role_policy", "more", None, {"role": "web-tasks", "policy": "{}"}),
    (
        "aws_iam_role_policy_attachment",
        "logs",
        None,
        {"role": "web-tasks", "policy_arn": "arn:aws:iam::aws:policy/Logs"},
    ),
]
NODE = {
    "listeners": [{"portMapping": {"port": 8080, "protocol": "http"}}],
    "serviceDiscovery": {"awsCloudMap": {"namespaceName": "shop.local", "serviceName": "web"}},
}
TARGET = {"virtualNode": "web-blue", "weight": 7}
ROUTE = {"httpRoute": {"match": {"prefix": "/"}, "action": {"weightedTargets": [TARGET]}}}
SERVICE: wire.ServiceDescription = {
    "name": "web",
    "mesh": "shop",
    "hostname": "web.shop.local",
    "container": "web",
    "routes": ["only-blue"],
    "sides": [
        {
            "side": "blue",
            "virtualNode": "web-blue",
            "exists": True,
            "cluster": "shop",
            "ecsService": "web-blue",
            "taskDefinition": TASK,
            "image": "web:1",
            "weight": 7,
        },
        {"side": "green", "virtualNode": "web-green", "exists": False, "weight": 0},
    ],
}


def document(changes: dict[str, dict[str, Any]] | None = None) -> dict[str, Any]:
    """A state file; ``changes`` of attributes, by type."""
    return {
        "version": 4,
        "lineage": "l",
        "resources": [
            {
                "mode": "managed",
                "type": kind,
                "name": name,
                "instances": [
                    {
                        **({} if key is None else {"index_key": key}),
                        "attributes": {**values, **(changes or {}).get(kind, {})},
                    }
                ],
            }
            for kind, name, key, values in STATE
        ],
    }


def mesh(node: dict[str, Any] | None = None, *routes: Resource) -> Found:
    virtual = {"provider": {"virtualRouter": {"virtualRouterName": "web"}}}
    return Found(
        [
            Resource(Name(Kind.VIRTUAL_SERVICE, "shop", "web.shop.local"), virtual, ""),
            Resource(Name(Kind.VIRTUAL_ROUTER, "shop", "web"), {}, ""),
            Resource(Name(Kind.VIRTUAL_NODE, "shop", "web-blue"), {**NODE, **(node or {})}, ""),
            *(routes or [route("only-blue")]),
        ]
    )


def route(name: str, spec: dict[str, Any] | None = None) -> Resource:
    return Resource(Name(Kind.ROUTE, "shop", name, "web"), spec or ROUTE, "")


def limited(**timeout: Any) -> Resource:
    return route("only-blue", {"httpRoute": {**ROUTE["httpRoute"], "timeout": timeout}})


def mapping(
    found: Found | None = None,
    changes: dict[str, dict[str, Any]] | None = None,
    *,
    owned: bool = True,
) -> Mapping:
    instances = state.read(document(changes), "state")
    facts = gathered(SERVICE, found or mesh(), instances)
    return mapped(facts, "web", "./modules/bluegreen-service", owned=owned)


def test_what_the_state_has_is_moved_and_what_it_lacks_imported() -> None:
    made = mapping()
    assert dict(made.moved)["aws_appmesh_route.only_blue[0]"] == (
        "module.web.aws_appmesh_route.this"
    )
    assert dict(made.moved)['aws_ecs_service.side["blue"]'] == (
        'module.web.aws_ecs_service.side["blue"]'
    )
    assert made.imported == (
        ("module.web.aws_appmesh_virtual_service.this", "shop/web.shop.local"),
    )
    assert not [to for _, to in made.moved if "green" in to], "it does not exist"
    assert made.removed == ()


def test_the_arguments_say_what_is_there() -> None:
    given = mapping().arguments
    assert given["blue"] == {"is_active": True, "weight": 7, "image": "web:1"}
    assert given["green"] == {"is_active": False, "weight": 0, "image": "web:1"}
    assert given["names"] == {"route": "only-blue", "task_role": "web-tasks"}
    assert given["desired_count"] == 3
    assert given["subnets"] == ["subnet-1", "subnet-2"]
    assert given["xds_endpoint"] == "ads:18000"
    assert given["envoy_environment"] == {"ENVOY_LOG_LEVEL": "debug"}
    assert "hostname" not in given, "it is what the module gives it"


def test_a_template_in_a_value_is_none_in_the_text() -> None:
    assert 'value = "$${b}"' in blocks.text(mapping(), (1, 7), "aws").replace("  ", " ")


def test_a_role_of_the_service_alone_is_moved_with_its_policies() -> None:
    made = mapping()
    moved = dict(made.moved)
    assert moved["aws_iam_role.web"] == "module.web.aws_iam_role.task"
    assert moved["aws_iam_role_policy.mesh"] == "module.web.aws_iam_role_policy.envoy"
    assert moved["aws_iam_role_policy_attachment.logs"] == (
        'module.web.aws_iam_role_policy_attachment.task["arn:aws:iam::aws:policy/Logs"]'
    )
    assert any(note.startswith("aws_iam_role_policy.more stays") for note in made.notes)


def test_a_role_that_others_have_too_stays() -> None:
    whole = document()
    other = deepcopy(whole["resources"][4])
    other["name"] = "gateway"
    other["instances"][0]["attributes"] |= {"arn": f"{TASK}9", "family": "gateway"}
    whole["resources"].append(other)
    facts = gathered(SERVICE, mesh(), state.read(whole, "state"))
    made = mapped(facts, "web", "./modules/bluegreen-service", owned=True)
    assert not [one for one, _ in made.moved if "aws_iam" in one]
    assert any('aws_ecs_task_definition.gateway["blue"] has that role' in n for n in made.notes)


def test_a_second_route_of_the_same_match_is_left_and_forgotten() -> None:
    both = {"httpRoute": {**ROUTE["httpRoute"]}}
    found = mesh(None, route("both", both), route("only-blue"))
    whole = document()
    second = deepcopy(whole["resources"][1])
    second["name"] = "both"
    second["instances"][0]["attributes"]["name"] = "both"
    whole["resources"].append(second)
    facts = gathered(SERVICE, found, state.read(whole, "state"))
    made = mapped(facts, "web", "./modules/bluegreen-service", owned=True)
    assert made.arguments["names"]["route"] == "both"
    assert made.removed == ("aws_appmesh_route.only_blue",)
    assert "removed {\n  from = aws_appmesh_route.only_blue\n" in blocks.text(made, (1, 7), "aws")
    older = blocks.text(made, (1, 6), "aws.mesh")
    assert "removed {" not in older
    assert "{ aws = aws, aws.mesh = aws.mesh }" in older
    assert "terraform state rm aws_appmesh_route.only_blue" in older


REFUSED: list[tuple[str, dict[str, dict[str, Any]]]] = [
    (
        'aws_ecs_service.side["blue"]: launch_type is "EC2"',
        {"aws_ecs_service": {"launch_type": "EC2"}},
    ),
    ('aws_ecs_service.side["blue"]: load_balancer', {"aws_ecs_service": {"load_balancer": [{}]}}),
    (
        'aws_ecs_service.side["blue"]: deployment_controller',
        {"aws_ecs_service": {"deployment_controller": [{"type": "CODE_DEPLOY"}]}},
    ),
    (
        'aws_ecs_service.side["blue"]: service_registries',
        {"aws_ecs_service": {"service_registries": [{"registry_arn": REGISTRY, "port": 1}]}},
    ),
    (
        "aws_service_discovery_service.web: dns_config",
        {"aws_service_discovery_service": {"dns_config": [{"routing_policy": "WEIGHTED"}]}},
    ),
    (
        "aws_service_discovery_service.web: health_check_custom_config",
        {"aws_service_discovery_service": {"health_check_custom_config": []}},
    ),
    (
        'aws_ecs_task_definition.side["blue"]: volume',
        {"aws_ecs_task_definition": {"volume": [{"name": "v"}]}},
    ),
    (
        'aws_ecs_task_definition.side["blue"]: container logs',
        {
            "aws_ecs_task_definition": {
                "container_definitions": json.dumps([*CONTAINERS, {"name": "logs", "image": "l"}])
            }
        },
    ),
]


@pytest.mark.parametrize(("named", "changes"), REFUSED, ids=[name for name, _ in REFUSED])
def test_what_would_be_replaced_or_taken_away_is_named(
    named: str, changes: dict[str, dict[str, Any]]
) -> None:
    with pytest.raises(TealError) as refused:
        mapping(changes=changes)
    assert named in str(refused.value)


def test_task_definitions_stay_as_they_are_where_deployments_own_them() -> None:
    mapping(changes={"aws_ecs_task_definition": {"volume": [{"name": "v"}]}}, owned=False)


@pytest.mark.parametrize(
    ("named", "found"),
    [
        ("virtual node web-blue: backendDefaults", mesh({"backendDefaults": {}})),
        (
            "virtual node web-blue: its listener's tls",
            mesh({"listeners": [{**NODE["listeners"][0], "tls": {}}]}),  # type: ignore[index]
        ),
        (
            "virtual node web-blue: it is not discovered by Cloud Map",
            mesh({"serviceDiscovery": {"dns": {"hostname": "web"}}}),
        ),
        ("route api of router web", mesh(None, route("only-blue"), route("api", {"tcpRoute": {}}))),
        ("route only-blue: its idle timeout", mesh(None, limited(idle={"unit": "s", "value": 9}))),
        (
            "route only-blue: a request may take 0 s",
            mesh(None, limited(perRequest={"unit": "s", "value": 0})),
        ),
        (
            "route only-blue: a request may take 1500 ms",
            mesh(None, limited(perRequest={"unit": "ms", "value": 1500})),
        ),
        (
            "route api of router web",
            mesh(None, route("api", {"httpRoute": {"match": {"prefix": "/api"}}})),
        ),
    ],
)
def test_what_the_module_has_not_in_the_mesh_is_named(named: str, found: Found) -> None:
    with pytest.raises(TealError) as refused:
        mapping(found)
    assert named in str(refused.value)


def test_a_limit_of_whole_seconds_is_the_modules() -> None:
    found = mesh(None, limited(perRequest={"unit": "ms", "value": 30_000}))
    assert mapping(found).arguments["timeout_seconds"] == 30


def test_a_service_of_which_nothing_exists_is_refused() -> None:
    gone: Any = {**SERVICE, "sides": [{**SERVICE["sides"][0], "exists": False}]}
    with pytest.raises(TealError, match="no side of it exists"):
        gathered(gone, mesh(), state.read(document(), "state"))


def test_a_state_without_the_service_is_refused_by_what_it_lacks() -> None:
    empty = state.read({"version": 4, "lineage": "l", "resources": []}, "state")
    with pytest.raises(TealError, match="the state has no ECS service of web-blue"):
        gathered(SERVICE, mesh(), empty)


def test_addresses_are_the_same_from_a_state_file_and_from_show() -> None:
    kept = {
        "version": 4,
        "lineage": "l",
        "resources": [
            {
                "module": 'module.a["x"]',
                "mode": "managed",
                "type": "t",
                "name": "n",
                "instances": [
                    {"index_key": "a]b", "attributes": {"v": 1}},
                    {"index_key": 0, "deposed": "1", "attributes": {}},
                ],
            },
            {"mode": "data", "type": "t", "name": "d", "instances": [{"attributes": {}}]},
        ],
    }
    one = {"address": 'module.a["x"].t.n["a]b"]', "mode": "managed", "type": "t", "name": "n"}
    module = {"address": 'module.a["x"]', "resources": [{**one, "values": {"v": 1}}]}
    shown = {"format_version": "1.0", "values": {"root_module": {"child_modules": [module]}}}
    assert state.read(kept, "a") == state.read(shown, "b")
    (found,) = state.read(kept, "a")
    assert found.resource == 'module.a["x"].t.n'


@pytest.mark.parametrize("other", [[], {}, {"version": 3, "lineage": "l"}, {"planned_values": {}}])
def test_what_is_no_state_is_refused(other: Any) -> None:
    with pytest.raises(TealError, match=r"f\.json: must be Terraform's state"):
        state.read(other, "f.json")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--source", "./modules/mesh"], "--source './modules/mesh': must end with"),
        (["--module", "my web"], "--module 'my web': must be letters"),
        (["--mesh-provider", "${x}"], "--mesh-provider '${x}': must be aws"),
        (["--state", "gone.json"], "gone.json: No such file"),
        (["--directory", "."], "--directory .: no configuration (*.tf) is there"),
    ],
)
def test_a_wrong_argument_is_named(
    arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(teal, ["terraform", "moved", "web", *arguments])
    assert done.exit_code != 0
    told = str(done.exception) if isinstance(done.exception, TealError) else done.output
    assert said in told
