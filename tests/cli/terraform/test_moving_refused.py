"""What `teal terraform moved` refuses, by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tealmesh.cli.main import teal
from tealmesh.cli.terraform.moving import state
from tealmesh.cli.terraform.moving.facts import gathered
from tealmesh.migration.found import Found
from tealmesh.model.errors import TealError
from tests.cli.terraform.plain import (
    CONTAINERS,
    NODE,
    REGISTRY,
    SERVICE,
    document,
    limited,
    mapping,
    mesh,
    route,
)

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


def test_a_service_of_which_nothing_exists_is_refused() -> None:
    gone: Any = {**SERVICE, "sides": [{**SERVICE["sides"][0], "exists": False}]}
    with pytest.raises(TealError, match="no side of it exists"):
        gathered(gone, mesh(), state.read(document(), "state"))


def test_a_state_without_the_service_is_refused_by_what_it_lacks() -> None:
    empty = state.read({"version": 4, "lineage": "l", "resources": []}, "state")
    with pytest.raises(TealError, match="the state has no ECS service of web-blue"):
        gathered(SERVICE, mesh(), empty)


@pytest.mark.parametrize("other", [[], {}, {"version": 3, "lineage": "l"}, {"planned_values": {}}])
def test_what_is_no_state_is_refused(other: Any) -> None:
    with pytest.raises(TealError, match=r"f\.json: must be Terraform's state"):
        state.read(other, "f.json")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--source", "./modules/mesh"], "--source './modules/mesh': must end with"),
        (["--module", "my web"], "--module 'my web': must be a letter or underscore"),
        (["--mesh-provider", "${x}"], "--mesh-provider '${x}': must be aws"),
        (["--mesh-provider", "aws.1"], "the alias in --mesh-provider '1': must be a letter"),
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
