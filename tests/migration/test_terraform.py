"""Terraform's state and configuration, of random specifications and by the real program."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.migration.found import Found, Name, settled
from tealmesh.migration.readers import Text, read
from tealmesh.migration.readers.terraform import TYPES
from tealmesh.migration.spelling import from_terraform, spec_shape
from tealmesh.migration.writers.terraform import literal
from tealmesh.model.errors import TealError
from tealmesh.model.mesh import Kind
from tests.migration.as_terraform import as_state, zeroless
from tests.support.meshes.shapes import values
from tests.support.planes.control_plane import control_plane
from tests.support.programs.terraform import NO_TERRAFORM, Terraform, terraform_binary

EVERYTHING = Path(__file__).parents[1] / "terraform" / "everything"


def unordered(value: Any) -> Any:
    """Sets have no order in Terraform; what is not set reads as false, and of a duration as 0."""
    if isinstance(value, dict):
        unset = (False, [])
        return {k: unordered(v) for k, v in value.items() if v not in unset or k == "weight"}
    if isinstance(value, list):
        return sorted(
            (unordered(one) for one in value), key=lambda one: json.dumps(one, sort_keys=True)
        )
    return value


def test_texts_are_escaped_as_terraform_reads_them() -> None:
    assert literal("\b\f\x7f") == r'"\u0008\u000c\u007f"'
    assert literal("${a} $${a} %{b} %%{b}") == r'"$${a} \u0024$${a} %%{b} \u0025%%{b}"'


@given(data=st.data(), kind=st.sampled_from(Kind))
def test_a_specification_comes_back_from_a_state(data: st.DataObject, kind: Kind) -> None:
    shape = spec_shape(kind)
    spec = data.draw(values(shape))
    spec.pop("priority", None)  # 0 and none are the same to the provider
    told: list[str] = []
    back = from_terraform(shape, as_state(shape, spec), lambda _path, text: told.append(text))
    assert zeroless(back) == zeroless(spec)
    assert not told


def state(*resources: dict[str, Any], version: int = 4) -> str:
    return json.dumps(
        {"version": version, "serial": 1, "lineage": "x", "terraform_version": "1.5.0",
         "resources": list(resources)}
    )  # fmt: skip


def managed(kind: str, name: str, **attributes: Any) -> dict[str, Any]:
    return {
        "mode": "managed",
        "type": f"aws_appmesh_{kind}",
        "name": name,
        "instances": [{"attributes": {"name": name, **attributes}}],
    }


def found(text: str) -> Found:
    return settled(read([Text("state", text)], {}))


def test_what_is_missing_and_what_is_not_kept_is_named() -> None:
    target = [{"virtual_node": "gone", "weight": 0}]
    route = {"http_route": [{"match": [{"prefix": "/"}], "action": [{"weighted_target": target}]}]}
    result = found(
        state(
            managed("virtual_router", "web", mesh_name="shop", mesh_owner="1", resource_owner="2",
                    spec=[{"listener": [{"port_mapping": [{"port": 80, "protocol": "http"}]}]}]),
            managed("route", "all", mesh_name="shop", virtual_router_name="web",
                    spec=[{**route, "shiny": [{"new": 1}]}]),
            managed("virtual_node", "bad", mesh_name="shop",
                    spec=[{"listener": [{"port_mapping": [{"port": 80, "protocol": "tpc"}]}]}]),
        )
    )  # fmt: skip
    said = {(one.where, one.text) for one in result.remarks}
    assert ("mesh shop", "is declared nowhere: made without an egress filter") in said
    assert ("shop: route/web/all", "names the virtualNode gone, which is not here") in said
    assert any("shiny" in text for _, text in said)
    assert any("account 1" in text for _, text in said)
    assert any("'tpc'" in text for _, text in said)
    (one,) = [r for r in result.resources if r.name.kind is Kind.ROUTE]
    targets = one.spec["httpRoute"]["action"]["weightedTargets"]
    assert targets == [{"virtualNode": "gone", "weight": 0}], "a weight of 0 is a weight"


def test_the_order_is_one_in_which_they_can_be_created() -> None:
    names = [f"aws_appmesh_{kind}" for kind in ("route", "virtual_router", "virtual_node", "mesh")]
    made = [
        managed("mesh", "shop"),
        managed("route", "all", mesh_name="shop", virtual_router_name="web", spec=[{}]),
        managed("virtual_router", "web", mesh_name="shop", spec=[{}]),
        managed("virtual_node", "blue", mesh_name="shop", spec=[{}]),
    ]
    assert set(names) <= set(TYPES)
    kinds = [one.name.kind for one in found(state(*reversed(made))).resources]
    assert kinds == [Kind.MESH, Kind.VIRTUAL_NODE, Kind.VIRTUAL_ROUTER, Kind.ROUTE]


def test_modules_and_plans() -> None:
    values = {"name": "shop", "spec": []}
    inner = {"address": "module.a.aws_appmesh_mesh.m[0]", "mode": "managed", "values": values}
    module = {"resources": [{**inner, "type": "aws_appmesh_mesh"}]}
    root = {"root_module": {"resources": [], "child_modules": [module]}}
    for member in ("values", "planned_values"):
        text = json.dumps({"format_version": "1.0", "terraform_version": "1.5.0", member: root})
        (one,) = found(text).resources
        assert one.name == Name(Kind.MESH, "shop", "shop")
        assert "module.a" in one.origin


def test_a_state_of_an_old_terraform_says_what_to_do() -> None:
    old = json.dumps({"version": 3, "serial": 1, "lineage": "x", "modules": []})
    with pytest.raises(TealError, match=r"version 3, of Terraform before 0\.12"):
        found(old)


def teal(*arguments: str, endpoint: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tealmesh.cli", *arguments, "--endpoint", endpoint]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.scenario
@pytest.mark.skipif(terraform_binary() is None, reason=NO_TERRAFORM)
@pytest.mark.timeout(300)
def test_in_by_a_state_and_out_as_a_configuration_that_changes_nothing(tmp_path: Path) -> None:
    """`teal import` makes what Terraform made elsewhere; what `teal export` writes has an empty
    plan there, and comes in again as the same mesh.
    """
    (tmp_path / "one").mkdir()
    with control_plane(tmp_path / "one") as there:
        (tmp_path / "mesh").mkdir()
        (tmp_path / "mesh" / "main.tf").write_text(only_mesh(EVERYTHING / "main.tf"))
        Terraform(tmp_path / "mesh", {"endpoint": there.endpoint}).init().apply()
        expected = teal("export", "--to", "json", endpoint=there.endpoint)
        assert len(json.loads(expected.stdout)) >= 7, expected.stderr
    (tmp_path / "two").mkdir()
    with control_plane(tmp_path / "two") as here:
        brought = str(tmp_path / "mesh" / "terraform.tfstate")
        done = teal("import", brought, "--yes", endpoint=here.endpoint)
        assert done.returncode == 0, done.stderr
        again = teal("import", brought, "--yes", endpoint=here.endpoint)
        assert "nothing to create: everything is there" in again.stdout
        assert unordered(json.loads(expected.stdout)) == unordered(
            json.loads(teal("export", "--to", "json", endpoint=here.endpoint).stdout)
        )
        with_its_own_state = Terraform(tmp_path / "mesh", {"endpoint": here.endpoint})
        assert with_its_own_state.changes() == "", "the configuration goes on where it was"
        here.client("appmesh").create_route(**route_of_odd_texts("everything", "router", "node"))
        back = tmp_path / "back"
        teal("export", "--adopt", "--directory", str(back), endpoint=here.endpoint)
        (back / "provider.tf").write_text(provider_of(EVERYTHING / "main.tf"))
        terraform = Terraform(back, {"endpoint": here.endpoint}).init()
        printed = terraform.apply()
        assert "imported, 0 added, 0 changed, 0 destroyed" in printed, printed
        assert terraform.changes() == ""


def route_of_odd_texts(mesh: str, router: str, node: str) -> dict[str, Any]:
    """A route whose texts mean something else in Terraform's language."""
    texts = ["${x}", "$${x}", "$$$${x}", "%{if y}", "%%{y}", 'a"b\\c', "é漢\t", "$ % { }"]
    headers = [{"name": f"x-{i}", "match": {"exact": text}} for i, text in enumerate(texts)]
    match = {"prefix": "/odd", "headers": headers}
    action = {"weightedTargets": [{"virtualNode": node, "weight": 1}]}
    names = {"meshName": mesh, "virtualRouterName": router, "routeName": "odd"}
    return {**names, "spec": {"httpRoute": {"match": match, "action": action}}}


def provider_of(file: Path) -> str:
    """What is before the first resource of a configuration."""
    return file.read_text().partition('\nresource "')[0]


def only_mesh(file: Path) -> str:
    """A configuration without what is not App Mesh's."""
    blocks = re.findall(r'^resource "aws_appmesh_.*?^}\n', file.read_text(), re.S | re.M)
    text = "\n".join([provider_of(file), *blocks])
    return re.sub(r"= aws_service_discovery_(\w+)\.\w+\.name", r'= "\1"', text)
