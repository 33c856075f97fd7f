"""The App Mesh API over real HTTP with real boto3: resources and their parents."""

from __future__ import annotations

import gzip
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import botocore
import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from tests.apis.appmesh.system import (
    DELETION,
    NAMES,
    NODE,
    PAYLOADS,
    ROUTER,
    SPECS,
    gateway_route,
    provided_by,
    refused,
    route,
)
from tests.support.planes.appmesh import Direct
from tests.support.sdk import client


def test_every_operation_of_the_model_has_a_method(tmp_path: Path) -> None:
    data = Path(botocore.__file__).parent / "data/appmesh/2019-01-25/service-2.json.gz"
    model = json.loads(gzip.decompress(data.read_bytes()))
    direct = Direct(tmp_path / "state.db")
    try:
        assert len(model["operations"]) == 38
        for operation in model["operations"]:
            assert callable(getattr(direct.service, xform_name(operation)))
        with pytest.raises(AttributeError, match="no attribute 'create_nothing'"):
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
            client(url, "appmesh").create_mesh(meshName="m")
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return "created"

    with ThreadPoolExecutor(4) as pool:
        outcomes = sorted(pool.map(create, range(4)))
    assert outcomes == ["ConflictException"] * 3 + ["created"]
