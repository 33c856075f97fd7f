"""The App Mesh service over HTTP: a new endpoint per module, emptied after each test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from tealmesh.store import Store
from tests.apis.appmesh.system import (
    GATEWAY,
    NODE,
    ROUTER,
    gateway_route,
    provided_by,
    route,
)
from tests.support.planes.appmesh import serving
from tests.support.planes.emptied import empty
from tests.support.sdk import client


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with closing(Store.open(tmp_path_factory.mktemp("appmesh") / "state.db")) as made:
        yield made


@pytest.fixture(scope="module")
def url(store: Store) -> Iterator[str]:
    with serving(store) as endpoint:
        yield endpoint


@pytest.fixture
def api(url: str, store: Store) -> Iterator[Any]:
    """A client; everything is deleted afterwards."""
    yield client(url, "appmesh")
    empty(store)


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
