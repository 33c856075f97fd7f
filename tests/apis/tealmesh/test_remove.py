"""Remove deletes what `teal apply` made for a service or gateway, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tealmesh.store import tables
from tests.apis.tealmesh.plane import TOML, Plane, refused


def removed(plane: Plane, name: str) -> dict[str, Any]:
    """Remove it whole, as if its tasks stopped as soon as they are asked to."""
    answer: dict[str, Any] = plane.remove(name=name)
    for side in (f"{name}-blue", f"{name}-green", name):
        if plane.store.view.get(tables.ECS_SERVICES, "demo", side) is not None:
            plane.tasks_are_gone(side)
    assert not answer["done"]
    last: dict[str, Any] = plane.remove(name=name)
    assert last["done"]
    return last


def everything(plane: Plane) -> dict[str, Any]:
    """All documents that say what there is, without what says that something is gone."""
    return {
        f"{collection}/{key}": document.body
        for collection, found in plane.store.view.collections.items()
        for key, document in found.items()
        if str(collection) not in ("api.clientToken", "ecs.family", "servicediscovery.operation")
        and document.body.get("status") != "INACTIVE"
        and str(collection) not in ("ecs.serviceDeployment", "teal.image")
    }


def test_everything_is_deleted_and_nothing_else(plane: Plane) -> None:
    shared = {"appmesh.mesh", "ecs.cluster", "servicediscovery.namespace"}
    plane.apply()
    before = everything(plane)
    planned = plane.remove(name="front", plan=True)
    assert everything(plane) == before
    assert planned["callers"] == ["gateway edge routes /front to it"]
    removed(plane, "front")
    left = everything(plane)
    assert not [name for name in left if "front" in name and "edge" not in name], left
    assert {
        n: b for n, b in before.items() if "/web" in n or "web-blue" in n
    }.items() <= left.items()
    assert planned["changes"][0]["what"] == "gateway route prefix-front of edge"
    removed(plane, "edge")
    removed(plane, "web")
    assert {name.partition("/")[0] for name in everything(plane)} == shared
    # All of it can be made again.
    plane.apply()
    kinds = [name.partition("/")[0] for name in before]
    assert sorted(kinds) == sorted(name.partition("/")[0] for name in everything(plane))


def test_tasks_stop_before_what_they_need_is_deleted(plane: Plane) -> None:
    plane.apply()
    answer = plane.remove(name="web")
    assert (answer["done"], answer["waitingFor"]) == (False, ["the last task of web-blue to stop"])
    mesh = plane.aws("appmesh")
    assert mesh.describe_virtual_node(meshName="demo", virtualNodeName="web-blue")
    (web,) = [s for s in plane.get_status()["services"] if s["name"] == "web"]
    assert web["removing"]
    with pytest.raises(ClientError) as error:
        plane.deploy(service="web", image="example/web:2")
    assert refused(error)[0] == "ConflictException"
    plane.tasks_are_gone("web-blue")
    assert plane.remove(name="web")["done"]
    with pytest.raises(ClientError, match="no service or gateway 'web'"):
        plane.remove(name="web")


def test_what_others_made_and_leads_to_it_is_named_and_nothing_is_removed(plane: Plane) -> None:
    plane.apply()
    mesh, ecs = plane.aws("appmesh"), plane.aws("ecs")
    target = {"virtualService": {"virtualServiceName": "web.demo.local"}}
    mesh.create_gateway_route(
        meshName="demo",
        virtualGatewayName="edge",
        gatewayRouteName="mine",
        spec={"httpRoute": {"match": {"prefix": "/mine"}, "action": {"target": target}}},
    )
    to_blue = {"weightedTargets": [{"virtualNode": "web-blue", "weight": 1}]}
    mesh.create_route(
        meshName="demo",
        virtualRouterName="web",
        routeName="mine",
        spec={"httpRoute": {"match": {"prefix": "/x"}, "action": to_blue}},
    )
    mesh.create_virtual_service(
        meshName="demo",
        virtualServiceName="mine.local",
        spec={"provider": {"virtualNode": {"virtualNodeName": "web-blue"}}},
    )
    discovery = plane.aws("servicediscovery")
    (registry,) = [s for s in discovery.list_services()["Services"] if s["Name"] == "web"]
    ecs.create_service(
        cluster="demo",
        serviceName="mine",
        taskDefinition="web-blue",
        desiredCount=0,
        serviceRegistries=[{"registryArn": registry["Arn"]}],
        networkConfiguration={"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
    )
    before = everything(plane)
    with pytest.raises(ClientError) as error:
        plane.remove(name="web")
    code, message = refused(error)
    assert code == "BadRequestException"
    for named in (
        "gateway route mine of edge, made by others, leads to it",
        "virtual service mine.local, made by others, leads to it",
        "route mine of router web, made by others, is in its router",
        "ECS service mine, made by others, is in its registry",
    ):
        assert named in message
    assert everything(plane) == before
    with pytest.raises(ClientError, match="gateway route mine of edge was made by others"):
        plane.remove(name="edge")


def test_task_definitions_of_others_stay(plane: Plane) -> None:
    plane.apply()
    ecs = plane.aws("ecs")
    container = {"name": "job", "image": "example/web:1", "memory": 64}
    ecs.register_task_definition(family="web-blue", containerDefinitions=[container])
    removed(plane, "web")
    arns = ecs.list_task_definitions(familyPrefix="web-blue")["taskDefinitionArns"]
    assert [arn.rpartition("/")[2] for arn in arns] == ["web-blue:2"]


def test_what_terraform_made_is_removed_by_terraform(plane: Plane) -> None:
    mesh = plane.aws("appmesh")
    mesh.create_mesh(meshName="bank")
    gateway = {"listeners": [{"portMapping": {"port": 80, "protocol": "http"}}]}
    mesh.create_virtual_gateway(meshName="bank", virtualGatewayName="door", spec=gateway)
    mesh.create_virtual_service(meshName="bank", virtualServiceName="ledger.local", spec={})
    for name in ("door", "ledger", "ledger.local"):
        with pytest.raises(ClientError) as error:
            plane.remove(name=name)
        assert "was not made by `teal apply`: remove it where it was made" in refused(error)[1]


def test_what_others_made_is_refused_by_name(plane: Plane) -> None:
    plane.apply(
        TOML.replace("[services.front]", "[services.behind]").replace('"front"', '"behind"')
    )
    with pytest.raises(ClientError) as error:
        plane.remove(name="behnid")
    assert refused(error) == (
        "NotFoundException",
        "no service or gateway 'behnid' (known: behind, edge, web); did you mean behind?",
    )
