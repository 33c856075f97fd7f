"""The App Mesh service over HTTP: a new endpoint per module, emptied after each test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.apis.appmesh.system import (
    GATEWAY,
    NODE,
    ROUTER,
    empty,
    gateway_route,
    provided_by,
    route,
)
from tests.support.planes.appmesh import appmesh_endpoint
from tests.support.sdk import client


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with appmesh_endpoint(tmp_path_factory.mktemp("appmesh")) as endpoint:
        yield endpoint


@pytest.fixture
def api(url: str, request: pytest.FixtureRequest) -> Iterator[Any]:
    """A client; all meshes are deleted afterwards."""
    appmesh = client(url, "appmesh")
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
