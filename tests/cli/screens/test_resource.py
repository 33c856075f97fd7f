"""A resource of a mesh by the name that a user gives it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.cli.screens.resource import KINDS, Named, found, named, shown
from tests.cli.command_line import assert_one_line, teal
from tests.cli.screens.test_mesh import ANSWER
from tests.cli.teal_api import TealApi

ARN = "arn:aws:appmesh:us-east-1:123456789012:mesh/shop/"
RESOURCE: dict[str, Any] = {
    "mesh": "shop", "kind": "route", "name": "r", "parent": "web", "version": 3,
    "createdAt": 1000.0, "updatedAt": 2000.0, "spec": '{"priority":1}',
    "envoyResources": [
        {"type": "routes", "name": "web", "envoys": ["a", "b"], "content": '{"name":"路"}'},
    ],
    "acknowledged": ["a"], "lagging": ["b"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("web-blue", Named("", "", "web-blue")),
        ("virtualNode/web-blue", Named("", "virtualNode", "web-blue")),
        ("route/web/r", Named("", "route", "r", "web")),
        ("mesh/shop/virtualNode/web-blue", Named("shop", "virtualNode", "web-blue")),
        ("mesh/shop/virtualRouter/web/route/r", Named("shop", "route", "r", "web")),
        (f"{ARN}virtualService/web.local", Named("shop", "virtualService", "web.local")),
        (f"{ARN}virtualGateway/e/gatewayRoute/all", Named("shop", "gatewayRoute", "all", "e")),
        ("route/r", None),
        ("mesh/shop", None),
        ("virtualNode/", None),
        ("virtualGateway/edge/route/r", None),
    ],
)  # fmt: skip
def test_names(text: str, wanted: Named | None) -> None:
    assert named(text) == wanted


@given(st.text("a/:meshrouten.-", max_size=40), st.sampled_from(["", "arn:", "mesh/", ARN]))
def test_any_text_is_a_name_or_is_none(text: str, before: str) -> None:
    one = named(before + text)
    assert one is None or (one.name and (not one.kind or one.kind in KINDS))


def test_every_resource_of_a_graph_is_found_by_its_id_and_by_its_name() -> None:
    for node in ANSWER["graph"]["nodes"]:
        by_id = named(node["id"])
        assert by_id is not None
        (one,) = found(ANSWER["graph"], by_id)
        assert (one.mesh, one.identity) == ("shop", node["id"])
        by_name = named(node["name"])
        assert by_name is not None
        assert one in found(ANSWER["graph"], by_name)


def test_what_is_shown() -> None:
    lines = list(shown(RESOURCE, whole=True))  # type: ignore[arg-type]
    assert lines[0].startswith("route r of web of mesh shop: version 3, changed ")
    assert '    "priority": 1' in lines
    assert "  routes web: 2 Envoys" in lines
    assert '      "name": "路"' in lines
    assert lines[-2:] == ["acknowledged by 1 Envoy", "not yet by b"]
    assert '      "name": "路"' not in list(shown(RESOURCE, whole=False))  # type: ignore[arg-type]


def test_the_command(api: TealApi) -> None:
    api.operations["GetStatus"] = lambda _: {
        "revision": 1, "services": [], "gateways": [], "meshes": [{"name": "shop"}],
    }  # fmt: skip
    api.operations["GetMeshGraph"] = lambda _: ANSWER
    api.operations["GetResource"] = lambda _: RESOURCE
    done = teal("mesh", "show", "route/web/r", "--json", endpoint=api.endpoint)
    assert json.loads(done.stdout) == RESOURCE
    assert api.requests("GetResource") == [
        {"mesh": "shop", "kind": "route", "name": "r", "parent": "web"}
    ]
    assert "version 3" in teal("mesh", "show", "r", endpoint=api.endpoint).stdout
    assert "mesh shop: 3 of 3" in teal("mesh", "show", endpoint=api.endpoint).stdout
    # The name of a virtual router, and of nothing else.
    assert "version 3" in teal("mesh", "show", "web", endpoint=api.endpoint).stdout
    refused = teal("mesh", "show", "nothing", endpoint=api.endpoint)
    assert_one_line(refused, "no mesh and no resource is called nothing")
