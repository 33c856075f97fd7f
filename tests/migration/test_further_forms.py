"""The same things in further forms: AWS Config of an organisation, plans that destroy, directories
with nothing to read, dumps of a part, and endpoints that play a part of App Mesh.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from click.testing import CliRunner
from moto.server import ThreadedMotoServer

from tealmesh.cli.main import teal
from tealmesh.migration.found import Found, settled
from tealmesh.migration.readers import Text, read
from tests.migration.samples import GATEWAY_DUMP, PLAN

NODE: dict[str, Any] = {"Backends": []}
ITEM = {
    "accountId": "111122223333",
    "awsRegion": "eu-west-1",
    "resourceType": "AWS::AppMesh::VirtualNode",
    "resourceId": "shop|web",
    "resourceName": "web",
    "configurationItemCaptureTime": "2026-08-30T10:11:12.123000+09:00",
    "configurationItemStatus": "OK",
    "configuration": json.dumps(
        {"MeshName": "shop", "VirtualNodeName": "web", "MeshOwner": "111122223333", "Spec": NODE}
    ),
}
IDENTITY = {"resourceType": "AWS::AppMesh::VirtualNode", "resourceId": "shop|web"}


def found(*documents: Any) -> Found:
    return settled(read([Text(f"file{i}", json.dumps(one)) for i, one in enumerate(documents)], {}))


def remarks(result: Found) -> list[str]:
    return [f"{one.where}: {one.text}" for one in result.remarks]


@pytest.mark.parametrize(
    "answer",
    [
        {"configurationItems": [ITEM]},
        {"baseConfigurationItems": [ITEM], "unprocessedResourceKeys": []},
        {"ConfigurationItem": ITEM},
        {"BaseConfigurationItems": [ITEM], "UnprocessedResourceIdentifiers": []},
        {"Results": [json.dumps(ITEM)], "QueryInfo": {"SelectFields": []}},
    ],
    ids=["get", "batch-get", "get-aggregate", "batch-get-aggregate", "select"],
)
def test_each_answer_of_aws_config(answer: Any) -> None:
    result = found({"mesh": {"meshName": "shop", "spec": {}}}, answer)
    assert [str(one.name) for one in result.resources] == ["mesh shop", "shop: virtualNode/web"]
    assert remarks(result) == [], "the mesh is of the account that the item is of"


def test_the_mesh_of_another_account_is_told() -> None:
    told = remarks(found({"configurationItem": {**ITEM, "accountId": "999988887777"}}))
    assert any("is in a mesh of account 111122223333, shared with this one" in one for one in told)


def test_what_aws_config_has_discovered_has_names_alone() -> None:
    names = [
        {"resourceIdentifiers": [IDENTITY]},
        {
            "ResourceIdentifiers": [
                {name[0].upper() + name[1:]: one for name, one in IDENTITY.items()}
            ]
        },
    ]
    alone = "AWS::AppMesh::VirtualNode shop|web: has its name alone: give what"
    assert [alone in one for one in remarks(found(*names))] == [True, True]
    assert not [one for one in remarks(found(*names, {"Results": [ITEM]})) if alone in one]


def test_what_a_plan_destroys_is_told() -> None:
    change = {"actions": ["delete"], "before": {"name": "old"}, "after": None}
    gone = {"address": "aws_appmesh_virtual_node.old", "type": "aws_appmesh_virtual_node"}
    plan = {**PLAN, "resource_changes": [{**gone, "change": change}]}
    said = "file0: aws_appmesh_virtual_node.old: is destroyed by the plan: left out"
    assert said in remarks(found(plan))


@pytest.mark.parametrize("also", [False, True], ids=["nothing else", "another file"])
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("main.tf", "which does not say what was made of it: give the state, `terraform state"),
        ("live/prod/terragrunt.hcl", "`terragrunt state pull > terraform.tfstate` in each"),
    ],
)
def test_a_directory_with_configuration_alone(
    name: str, said: str, also: bool, tmp_path: Path
) -> None:
    file = tmp_path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()
    if also:
        (tmp_path / "package.json").write_text("{}")
    done = CliRunner().invoke(teal, ["import", str(tmp_path), "--plan"])
    assert done.exit_code != 0
    assert said in str(done.exception)


def test_a_part_of_a_dump_lacks_whose_it_is() -> None:
    part = {"configs": [one for one in GATEWAY_DUMP["configs"] if "bootstrap" not in one]}
    assert remarks(found(part)) == [
        "file0: it has no bootstrap, which says whose it is: take the whole config_dump"
    ]


@pytest.fixture
def moto(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A moto of its own, which has no virtual services."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        yield "http://{}:{}".format(*server.get_host_and_port())
    finally:
        server.stop()


def test_an_endpoint_that_has_not_all_of_app_mesh(moto: str) -> None:
    mesh = boto3.client("appmesh", endpoint_url=moto, region_name="us-east-1")
    mesh.create_mesh(meshName="shop", tags=[{"key": "team", "value": "web"}])
    mesh.create_virtual_node(meshName="shop", virtualNodeName="web", spec={})
    done = CliRunner().invoke(teal, ["import", "--from", moto, "--plan", "--json"])
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert [one["kind"] for one in said["resources"]] == ["mesh", "virtualNode"]
    assert [one["text"] for one in said["remarks"]] == [
        f"{moto} does not know ListVirtualServices: it is read without them"
    ]
