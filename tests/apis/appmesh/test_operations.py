"""Every operation of App Mesh is a method, found by name."""

from __future__ import annotations

import inspect

import pytest
from botocore import xform_name

from tealmesh.apis.appmesh.api import AppMesh
from tealmesh.aws.wire.apimodel import load_model

OPERATIONS = (
    "create_mesh",
    "describe_mesh",
    "update_mesh",
    "delete_mesh",
    "list_meshes",
    "create_virtual_node",
    "describe_virtual_node",
    "update_virtual_node",
    "delete_virtual_node",
    "list_virtual_nodes",
    "create_virtual_service",
    "describe_virtual_service",
    "update_virtual_service",
    "delete_virtual_service",
    "list_virtual_services",
    "create_virtual_router",
    "describe_virtual_router",
    "update_virtual_router",
    "delete_virtual_router",
    "list_virtual_routers",
    "create_route",
    "describe_route",
    "update_route",
    "delete_route",
    "list_routes",
    "create_virtual_gateway",
    "describe_virtual_gateway",
    "update_virtual_gateway",
    "delete_virtual_gateway",
    "list_virtual_gateways",
    "create_gateway_route",
    "describe_gateway_route",
    "update_gateway_route",
    "delete_gateway_route",
    "list_gateway_routes",
    "tag_resource",
    "untag_resource",
    "list_tags_for_resource",
)


def test_these_are_the_operations_of_the_model() -> None:
    assert sorted(OPERATIONS) == sorted(map(xform_name, load_model("appmesh").operation_names))


@pytest.mark.parametrize("name", OPERATIONS)
def test_each_operation_is_a_method(name: str) -> None:
    method = getattr(AppMesh, name)
    assert inspect.iscoroutinefunction(method)
    assert method.__qualname__ == f"AppMesh.{name}"
    assert list(inspect.signature(method).parameters) == ["self", "caller", "request"]
    assert method.__doc__


def test_other_names_are_no_operations() -> None:
    assert not hasattr(AppMesh, "create_virtual_switch")
