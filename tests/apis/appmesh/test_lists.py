"""The App Mesh API over real HTTP with real boto3: pages, client tokens and tags."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.apis.appmesh.system import NAMES, NODE, PAYLOADS, ROUTER, refused, route
from tests.support.planes.appmesh import Direct


def test_lists_come_in_pages(api: Any) -> None:
    api.create_mesh(meshName="m")
    names = [f"node-{n:02}" for n in range(23)]
    for name in reversed(names):
        api.create_virtual_node(meshName="m", virtualNodeName=name, spec={})
    pages = list(
        api.get_paginator("list_virtual_nodes").paginate(
            meshName="m", PaginationConfig={"PageSize": 10}
        )
    )
    assert [len(page["virtualNodes"]) for page in pages] == [10, 10, 3]
    listed = [entry for page in pages for entry in page["virtualNodes"]]
    assert [entry["virtualNodeName"] for entry in listed] == names
    assert set(listed[0]) == {
        "arn", "createdAt", "lastUpdatedAt", "meshName", "meshOwner", "resourceOwner", "version",
        "virtualNodeName",
    }  # fmt: skip
    assert "nextToken" not in api.list_virtual_nodes(meshName="m", limit=23)


def test_a_page_token_is_good_for_its_own_list_only(system: Any) -> None:
    system.create_virtual_node(meshName="m", virtualNodeName="o", spec=NODE)
    token = system.list_virtual_nodes(meshName="m", limit=1)["nextToken"]
    for bad in ("x", "!!", "bnVsbA", token[:-2], token + "AAAA"):
        message = refused(
            "BadRequestException", system.list_virtual_nodes, meshName="m", nextToken=bad
        )
        assert "nextToken" in message
    refused("BadRequestException", system.list_virtual_routers, meshName="m", nextToken=token)
    system.delete_route(**NAMES["route"])
    system.delete_virtual_node(meshName="m", virtualNodeName="n")
    rest = system.list_virtual_nodes(meshName="m", nextToken=token)["virtualNodes"]
    assert [entry["virtualNodeName"] for entry in rest] == ["o"]


def test_routes_are_listed_under_their_router(system: Any) -> None:
    system.create_virtual_router(meshName="m", virtualRouterName="r2", spec=ROUTER)
    system.create_route(meshName="m", virtualRouterName="r2", routeName="x", spec=route(("n", 1)))
    for router in ("r", "r2"):
        (entry,) = system.list_routes(meshName="m", virtualRouterName=router)["routes"]
        assert (entry["routeName"], entry["virtualRouterName"]) == ("x", router)


def test_a_client_token_makes_a_request_happen_once(api: Any) -> None:
    first = api.create_mesh(meshName="m", clientToken="token-1")["mesh"]
    again = api.create_mesh(meshName="m", clientToken="token-1")["mesh"]
    assert again == first
    message = refused("ConflictException", api.create_mesh, meshName="other", clientToken="token-1")
    assert "token-1" in message
    for _ in range(2):
        updated = api.update_mesh(meshName="m", clientToken="token-1")["mesh"]
        assert updated["metadata"]["version"] == 2
    for bad in ("x" * 37, "a b", "é"):
        assert "clientToken" in refused(
            "BadRequestException", api.create_mesh, meshName="n", clientToken=bad
        )


def test_a_refused_request_does_not_use_its_token_up(api: Any) -> None:
    request = {"meshName": "m", "virtualNodeName": "n", "spec": {}, "clientToken": "t"}
    refused("NotFoundException", api.create_virtual_node, **request)
    api.create_mesh(meshName="m")
    assert api.create_virtual_node(**request)["virtualNode"]["metadata"]["version"] == 1


def test_client_tokens_expire(tmp_path: Path) -> None:
    direct = Direct(tmp_path / "state.db")
    try:
        direct.call("create_mesh", meshName="m", clientToken="t")
        direct.now += 500
        direct.call("create_mesh", meshName="m", clientToken="t")
        direct.now += 101
        with pytest.raises(Exception, match="already exists"):
            direct.call("create_mesh", meshName="m", clientToken="t")
        direct.call("create_mesh", meshName="n", clientToken="u")
        kept = [d.key for d in direct.store.view.list("api.clientToken")]
        assert kept == ["appmesh/CreateMesh/u"]
    finally:
        direct.close()


def test_tags(system: Any) -> None:
    for noun in NAMES:
        described = getattr(system, f"describe_{noun}")(**NAMES[noun])[PAYLOADS[noun]]
        arn = described["metadata"]["arn"]
        system.tag_resource(resourceArn=arn, tags=[{"key": "b", "value": "1"}])
        system.tag_resource(
            resourceArn=arn, tags=[{"key": "a", "value": ""}, {"key": "b", "value": "2"}]
        )
        tags = system.list_tags_for_resource(resourceArn=arn)["tags"]
        assert tags == [{"key": "a", "value": ""}, {"key": "b", "value": "2"}]
        system.untag_resource(resourceArn=arn, tagKeys=["b", "not-there"])
        (left,) = system.list_tags_for_resource(resourceArn=arn)["tags"]
        assert left["key"] == "a"
        again = getattr(system, f"describe_{noun}")(**NAMES[noun])[PAYLOADS[noun]]
        assert again == described


def test_tags_at_creation_and_in_pages(api: Any) -> None:
    tags = [{"key": f"k{n:02}", "value": str(n)} for n in range(50)]
    arn = api.create_mesh(meshName="m", tags=tags)["mesh"]["metadata"]["arn"]
    pages = api.get_paginator("list_tags_for_resource").paginate(
        resourceArn=arn, PaginationConfig={"PageSize": 20}
    )
    assert [tag for page in pages for tag in page["tags"]] == tags
    message = refused(
        "TooManyTagsException", api.tag_resource, resourceArn=arn, tags=[{"key": "z", "value": ""}]
    )
    assert "51 tags" in message
    api.tag_resource(resourceArn=arn, tags=[{"key": "k00", "value": "changed"}])


@pytest.mark.parametrize(
    ("tags", "text"),
    [
        ([{"key": "aws:x", "value": ""}], "reserved"),
        ([{"key": "AWS:x", "value": ""}], "reserved"),
        ([{"key": "a", "value": ""}, {"key": "a", "value": "b"}], "only once"),
    ],
)
def test_tags_that_are_refused(api: Any, tags: list[dict[str, str]], text: str) -> None:
    assert text in refused("BadRequestException", api.create_mesh, meshName="m", tags=tags)
    refused("NotFoundException", api.describe_mesh, meshName="m")
    arn = api.create_mesh(meshName="m")["mesh"]["metadata"]["arn"]
    assert text in refused("BadRequestException", api.tag_resource, resourceArn=arn, tags=tags)


@pytest.mark.parametrize(
    ("arn", "code"),
    [
        ("not-an-arn", "BadRequestException"),
        ("arn:aws:appmesh:us-east-1:123456789012:mesh/no", "NotFoundException"),
        ("arn:aws:appmesh:us-east-1:123456789012:mesh", "NotFoundException"),
        ("arn:aws:appmesh:us-east-1:123456789012:mesh/m/route/x", "NotFoundException"),
        ("arn:aws:appmesh:eu-west-1:123456789012:mesh/m", "NotFoundException"),
        ("arn:aws:ecs:us-east-1:123456789012:mesh/m", "NotFoundException"),
    ],
)
def test_tags_of_nothing(system: Any, arn: str, code: str) -> None:
    refused(code, system.list_tags_for_resource, resourceArn=arn)
    refused(code, system.tag_resource, resourceArn=arn, tags=[])
    refused(code, system.untag_resource, resourceArn=arn, tagKeys=[])
