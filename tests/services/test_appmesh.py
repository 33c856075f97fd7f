"""The App Mesh API over real HTTP with real boto3."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import botocore
import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from tests.support.appmesh import Direct, appmesh_endpoint, client

NODE: dict[str, Any] = {
    "listeners": [{"portMapping": {"port": 8080, "protocol": "http"}}],
    "serviceDiscovery": {"dns": {"hostname": "app.local"}},
}
ROUTER: dict[str, Any] = {"listeners": [{"portMapping": {"port": 80, "protocol": "http"}}]}
GATEWAY: dict[str, Any] = {"listeners": [{"portMapping": {"port": 9080, "protocol": "http"}}]}


def route(*targets: tuple[str, int]) -> dict[str, Any]:
    weighted = [{"virtualNode": node, "weight": weight} for node, weight in targets]
    return {"httpRoute": {"match": {"prefix": "/"}, "action": {"weightedTargets": weighted}}}


def gateway_route(service: str) -> dict[str, Any]:
    target = {"virtualService": {"virtualServiceName": service}}
    return {"httpRoute": {"match": {"prefix": "/"}, "action": {"target": target}}}


def provided_by(kind: str, name: str) -> dict[str, Any]:
    return {"provider": {kind: {f"{kind}Name": name}}}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with appmesh_endpoint(tmp_path_factory.mktemp("appmesh")) as endpoint:
        yield endpoint


@pytest.fixture
def api(url: str, request: pytest.FixtureRequest) -> Iterator[Any]:
    """A client, and nothing left over afterwards."""
    appmesh = client(url)
    yield appmesh
    for mesh in appmesh.list_meshes()["meshes"]:
        empty(appmesh, mesh["meshName"])


@pytest.fixture
def system(api: Any) -> Any:
    """Mesh m, node n, router r, service s, route x, gateway g, gateway route y."""
    api.create_mesh(meshName="m")
    api.create_virtual_node(meshName="m", virtualNodeName="n", spec=NODE)
    api.create_virtual_router(meshName="m", virtualRouterName="r", spec=ROUTER)
    api.create_virtual_service(
        meshName="m", virtualServiceName="s", spec=provided_by("virtualRouter", "r")
    )
    api.create_route(meshName="m", virtualRouterName="r", routeName="x", spec=route(("n", 1)))
    api.create_virtual_gateway(meshName="m", virtualGatewayName="g", spec=GATEWAY)
    api.create_gateway_route(
        meshName="m", virtualGatewayName="g", gatewayRouteName="y", spec=gateway_route("s")
    )
    return api


NAMES = {
    "mesh": {"meshName": "m"},
    "virtual_node": {"meshName": "m", "virtualNodeName": "n"},
    "virtual_router": {"meshName": "m", "virtualRouterName": "r"},
    "virtual_service": {"meshName": "m", "virtualServiceName": "s"},
    "route": {"meshName": "m", "virtualRouterName": "r", "routeName": "x"},
    "virtual_gateway": {"meshName": "m", "virtualGatewayName": "g"},
    "gateway_route": {"meshName": "m", "virtualGatewayName": "g", "gatewayRouteName": "y"},
}
SPECS: dict[str, dict[str, Any]] = {
    "mesh": {"egressFilter": {"type": "ALLOW_ALL"}},
    "virtual_node": NODE,
    "virtual_router": ROUTER,
    "virtual_service": provided_by("virtualNode", "n"),
    "route": route(("n", 7)),
    "virtual_gateway": GATEWAY,
    "gateway_route": gateway_route("s"),
}
PAYLOADS = {
    "mesh": "mesh",
    "virtual_node": "virtualNode",
    "virtual_router": "virtualRouter",
    "virtual_service": "virtualService",
    "route": "route",
    "virtual_gateway": "virtualGateway",
    "gateway_route": "gatewayRoute",
}
DELETION = (
    "gateway_route", "virtual_gateway", "virtual_service", "route", "virtual_router",
    "virtual_node", "mesh",
)  # fmt: skip


def empty(api: Any, mesh: str) -> None:
    """Delete a mesh and all that it holds."""
    for gateway in api.list_virtual_gateways(meshName=mesh)["virtualGateways"]:
        name = {"meshName": mesh, "virtualGatewayName": gateway["virtualGatewayName"]}
        for held in api.list_gateway_routes(**name)["gatewayRoutes"]:
            api.delete_gateway_route(**name, gatewayRouteName=held["gatewayRouteName"])
        api.delete_virtual_gateway(**name)
    for service in api.list_virtual_services(meshName=mesh)["virtualServices"]:
        api.delete_virtual_service(meshName=mesh, virtualServiceName=service["virtualServiceName"])
    for router in api.list_virtual_routers(meshName=mesh)["virtualRouters"]:
        name = {"meshName": mesh, "virtualRouterName": router["virtualRouterName"]}
        for held in api.list_routes(**name)["routes"]:
            api.delete_route(**name, routeName=held["routeName"])
        api.delete_virtual_router(**name)
    for node in api.list_virtual_nodes(meshName=mesh)["virtualNodes"]:
        api.delete_virtual_node(meshName=mesh, virtualNodeName=node["virtualNodeName"])
    api.delete_mesh(meshName=mesh)


def refused(code: str, call: Any, **request: Any) -> str:
    """The message with which ``call`` is refused as ``code``."""
    with pytest.raises(ClientError) as caught:
        call(**request)
    error = caught.value.response["Error"]
    assert error["Code"] == code, error
    return str(error["Message"])


def test_every_operation_of_the_model_has_a_method(tmp_path: Path) -> None:
    data = Path(botocore.__file__).parent / "data/appmesh/2019-01-25/service-2.json.gz"
    model = json.loads(gzip.decompress(data.read_bytes()))
    direct = Direct(tmp_path / "state.db")
    try:
        assert len(model["operations"]) == 38
        for operation in model["operations"]:
            assert callable(getattr(direct.service, xform_name(operation)))
        with pytest.raises(AttributeError, match="no operation 'create_nothing'"):
            direct.service.create_nothing  # noqa: B018
    finally:
        direct.close()


@pytest.mark.parametrize("noun", NAMES)
def test_describe_answers_what_was_created(system: Any, noun: str) -> None:
    names = NAMES[noun]
    described = getattr(system, f"describe_{noun}")(**names)[PAYLOADS[noun]]
    assert {k: v for k, v in described.items() if k.endswith("Name")} == names
    assert described["status"] == {"status": "ACTIVE"}
    metadata = described["metadata"]
    assert metadata["version"] == 1
    assert metadata["meshOwner"] == metadata["resourceOwner"] == "123456789012"
    assert metadata["createdAt"] == metadata["lastUpdatedAt"]
    assert len(metadata["uid"]) == 36


@pytest.mark.parametrize(
    ("noun", "path"),
    [
        ("mesh", "mesh/m"),
        ("virtual_node", "mesh/m/virtualNode/n"),
        ("virtual_router", "mesh/m/virtualRouter/r"),
        ("virtual_service", "mesh/m/virtualService/s"),
        ("route", "mesh/m/virtualRouter/r/route/x"),
        ("virtual_gateway", "mesh/m/virtualGateway/g"),
        ("gateway_route", "mesh/m/virtualGateway/g/gatewayRoute/y"),
    ],
)
def test_arns_are_app_meshs(system: Any, noun: str, path: str) -> None:
    described = getattr(system, f"describe_{noun}")(**NAMES[noun])[PAYLOADS[noun]]
    assert described["metadata"]["arn"] == f"arn:aws:appmesh:us-east-1:123456789012:{path}"


@pytest.mark.parametrize("noun", NAMES)
def test_update_replaces_the_spec_and_counts_versions(system: Any, noun: str) -> None:
    before = getattr(system, f"describe_{noun}")(**NAMES[noun])[PAYLOADS[noun]]
    update = getattr(system, f"update_{noun}")
    answered = update(**NAMES[noun], spec=SPECS[noun])[PAYLOADS[noun]]
    assert answered["spec"] == SPECS[noun]
    assert answered["metadata"]["version"] == 2
    assert answered["metadata"]["uid"] == before["metadata"]["uid"]
    assert answered["metadata"]["createdAt"] == before["metadata"]["createdAt"]
    assert answered["metadata"]["lastUpdatedAt"] > before["metadata"]["lastUpdatedAt"]
    assert getattr(system, f"describe_{noun}")(**NAMES[noun])[PAYLOADS[noun]] == answered


@pytest.mark.parametrize("noun", NAMES)
def test_a_name_is_taken_once(system: Any, noun: str) -> None:
    message = refused(
        "ConflictException", getattr(system, f"create_{noun}"), **NAMES[noun], spec=SPECS[noun]
    )
    assert message.endswith("already exists")


def test_all_can_be_deleted_from_the_outside_in(system: Any) -> None:
    for noun in DELETION:
        answered = getattr(system, f"delete_{noun}")(**NAMES[noun])[PAYLOADS[noun]]
        assert answered["status"] == {"status": "DELETED"}
        refused("NotFoundException", getattr(system, f"describe_{noun}"), **NAMES[noun])
        refused("NotFoundException", getattr(system, f"delete_{noun}"), **NAMES[noun])


@pytest.mark.parametrize(
    ("noun", "text"),
    [
        ("mesh", "please delete"),
        ("virtual_node", "target of a Route: r/x"),
        ("virtual_router", "has Routes: x"),
        ("virtual_service", "GATEWAY_ROUTE: [g/y]"),
        ("virtual_gateway", "has GatewayRoutes: y"),
    ],
)
def test_what_is_in_use_is_not_deleted(system: Any, noun: str, text: str) -> None:
    message = refused("ResourceInUseException", getattr(system, f"delete_{noun}"), **NAMES[noun])
    assert text in message
    getattr(system, f"describe_{noun}")(**NAMES[noun])


@pytest.mark.parametrize("kind", ["virtualNode", "virtualRouter"])
def test_a_provider_is_not_deleted(api: Any, kind: str) -> None:
    api.create_mesh(meshName="m")
    noun = xform_name(kind)
    spec = NODE if kind == "virtualNode" else ROUTER
    getattr(api, f"create_{noun}")(meshName="m", **{f"{kind}Name": "p"}, spec=spec)
    api.create_virtual_service(meshName="m", virtualServiceName="s", spec=provided_by(kind, "p"))
    message = refused(
        "ResourceInUseException",
        getattr(api, f"delete_{noun}"),
        meshName="m",
        **{f"{kind}Name": "p"},
    )
    assert message.endswith("because it is a VirtualService provider: s")
    api.update_virtual_service(meshName="m", virtualServiceName="s", spec={})
    getattr(api, f"delete_{noun}")(meshName="m", **{f"{kind}Name": "p"})


def test_a_backend_does_not_hold_its_service(api: Any) -> None:
    """The user guide lets only gateway routes hold a virtual service."""
    api.create_mesh(meshName="m")
    api.create_virtual_service(meshName="m", virtualServiceName="s", spec={})
    backends = [{"virtualService": {"virtualServiceName": name}} for name in ("s", "not-there")]
    api.create_virtual_node(meshName="m", virtualNodeName="n", spec={"backends": backends})
    api.delete_virtual_service(meshName="m", virtualServiceName="s")


@pytest.mark.parametrize(
    ("operation", "request_", "missing"),
    [
        ("describe_mesh", {"meshName": "no"}, "Mesh with name no"),
        ("list_virtual_nodes", {"meshName": "no"}, "Mesh with name no"),
        (
            "create_virtual_node",
            {"meshName": "no", "virtualNodeName": "a", "spec": {}},
            "Mesh with name no",
        ),
        (
            "list_routes",
            {"meshName": "m", "virtualRouterName": "no"},
            "VirtualRouter with name no under mesh m",
        ),
        (
            "create_route",
            {
                "meshName": "m",
                "virtualRouterName": "no",
                "routeName": "a",
                "spec": route(("n", 1)),
            },
            "VirtualRouter with name no under mesh m",
        ),
        (
            "describe_gateway_route",
            {"meshName": "m", "virtualGatewayName": "g", "gatewayRouteName": "no"},
            "GatewayRoute with name no under VirtualGateway g under mesh m",
        ),
        (
            "update_route",
            {
                "meshName": "m",
                "virtualRouterName": "r",
                "routeName": "x",
                "spec": route(("n", 1), ("no", 0)),
            },
            "VirtualNode with name no is missing",
        ),
        (
            "create_virtual_service",
            {
                "meshName": "m",
                "virtualServiceName": "t",
                "spec": provided_by("virtualRouter", "no"),
            },
            "VirtualRouter with name no is missing",
        ),
        (
            "create_gateway_route",
            {
                "meshName": "m",
                "virtualGatewayName": "g",
                "gatewayRouteName": "z",
                "spec": gateway_route("no"),
            },
            "VirtualService with name no is missing",
        ),
    ],
)
def test_what_is_missing_is_named(
    system: Any, operation: str, request_: dict[str, Any], missing: str
) -> None:
    assert missing in refused("NotFoundException", getattr(system, operation), **request_)


def test_a_spec_is_returned_as_sent_with_the_health_checks_port(api: Any) -> None:
    check = {
        "protocol": "http",
        "path": "/health",
        "healthyThreshold": 2,
        "unhealthyThreshold": 2,
        "timeoutMillis": 2000,
        "intervalMillis": 5000,
    }
    listener = {"portMapping": {"port": 8080, "protocol": "http"}, "healthCheck": check}
    discovery = {
        "awsCloudMap": {
            "namespaceName": "article.local",
            "serviceName": "sample",
            "attributes": [{"key": "ECS_SERVICE_NAME", "value": "svc-blue"}],
        }
    }
    log = {"accessLog": {"file": {"path": "/dev/stdout"}}}
    spec = {"listeners": [listener], "serviceDiscovery": discovery, "logging": log}
    assert api.create_mesh(meshName="m")["mesh"]["spec"] == {}
    created = api.create_virtual_node(meshName="m", virtualNodeName="n", spec=spec)
    filled = {**spec, "listeners": [{**listener, "healthCheck": {**check, "port": 8080}}]}
    assert created["virtualNode"]["spec"] == filled
    described = api.describe_virtual_node(meshName="m", virtualNodeName="n")
    assert described["virtualNode"]["spec"] == filled


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
        direct.now += 3000
        direct.call("create_mesh", meshName="m", clientToken="t")
        direct.now += 601
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


def test_mesh_owner_is_this_account(system: Any) -> None:
    system.describe_mesh(meshName="m", meshOwner="123456789012")
    for operation, request in (
        ("describe_mesh", NAMES["mesh"]),
        ("list_routes", {"meshName": "m", "virtualRouterName": "r"}),
        ("delete_route", NAMES["route"]),
        ("update_route", {**NAMES["route"], "spec": SPECS["route"]}),
        ("create_virtual_node", {"meshName": "m", "virtualNodeName": "z", "spec": {}}),
    ):
        message = refused(
            "ForbiddenException", getattr(system, operation), **request, meshOwner="999999999999"
        )
        assert "123456789012" in message


@pytest.mark.parametrize("name", ["a/b", "a b", "a:b", "é", "x" * 256])
def test_names_that_are_refused(api: Any, name: str) -> None:
    assert "meshName" in refused("BadRequestException", api.create_mesh, meshName=name)


def test_names_of_services_have_no_case(api: Any) -> None:
    api.create_mesh(meshName="m")
    api.create_virtual_service(meshName="m", virtualServiceName="App.local", spec={})
    message = refused(
        "ConflictException",
        api.create_virtual_service,
        meshName="m",
        virtualServiceName="app.LOCAL",
        spec={},
    )
    assert "App.local" in message


def test_of_two_callers_one_gets_the_name(url: str, api: Any) -> None:
    def create(_: int) -> str:
        try:
            client(url).create_mesh(meshName="m")
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return "created"

    with ThreadPoolExecutor(4) as pool:
        outcomes = sorted(pool.map(create, range(4)))
    assert outcomes == ["ConflictException"] * 3 + ["created"]
