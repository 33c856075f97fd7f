"""Weights of several routes where the endpoint can only change them one after the other, as AWS."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tealmesh.aws.clients import client
from tealmesh.model.errors import NoSuchResource, NotYet
from tealmesh.rollout.adopted import MeshService, MeshSide
from tealmesh.rollout.drivers.aws import Aws
from tealmesh.rollout.drivers.route import Routes
from tests.apis.appmesh.system import NODE, ROUTER, route
from tests.support.planes.appmesh import appmesh_endpoint

NAMES: dict[str, Any] = {"meshName": "m", "virtualRouterName": "r"}
SERVICE = MeshService(
    name="web",
    mesh="m",
    hostname="web.m.local",
    router="r",
    routes=("first", "rest"),
    port=8080,
    protocol="http",
    found=(MeshSide("blue", "web-blue"), MeshSide("green", "web-green")),
)


@pytest.fixture
def aws(tmp_path: Path) -> Iterator[Aws]:
    """App Mesh alone, with two routes of the service and one of somebody else."""
    with appmesh_endpoint(tmp_path) as url:
        made = Aws(lambda service: client(service, url))
        api = client("appmesh", url)
        api.create_mesh(meshName="m")
        for node in ("web-blue", "web-green", "legacy"):
            api.create_virtual_node(meshName="m", virtualNodeName=node, spec=NODE)
        api.create_virtual_router(**NAMES, spec=ROUTER)
        specs = {
            "first": {**route(("web-blue", 1)), "priority": 5},
            "rest": route(("web-blue", 100)),
            "other": route(("legacy", 1), ("web-green", 3)),
        }
        for name, spec in specs.items():
            api.create_route(**NAMES, routeName=name, spec=spec)
        yield made
        made.close()


def test_routes_change_one_after_the_other_if_none_has_changed_meanwhile(aws: Aws) -> None:
    routes = Routes(aws)

    async def scenario() -> None:
        live = await routes.live(SERVICE)
        assert (live.weights, live.version, live.apart) == ({"blue": 1}, 2, {})
        assert live.elsewhere == {"green": ("other",)}
        written: list[str] = []
        update = aws.update_route

        async def noted(mesh: str, router: str, name: str, spec: Any, version: int) -> None:
            written.append(name)
            await update(mesh, router, name, spec, version)

        aws.update_route = noted  # type: ignore[method-assign]
        await routes.set_weights(SERVICE, {"blue": 90, "green": 10}, live.version)
        # What is matched first is changed last.
        assert written == ["rest", "first"]
        after = await routes.live(SERVICE)
        both = {"blue": 90, "green": 10}
        assert (after.weights, after.version) == (both, 4)
        assert after.by_route == {"first": both, "rest": both}
        with pytest.raises(NotYet, match="somebody else has just changed"):
            await routes.set_weights(SERVICE, {"blue": 0, "green": 100}, live.version)
        with pytest.raises(NotYet, match="route first to lead elsewhere: web-green has weight 10"):
            await routes.leave(SERVICE, "web-green")
        await routes.set_weights(SERVICE, {"blue": 100, "green": 0}, after.version)
        await routes.leave(SERVICE, "web-green")
        assert (await routes.live(SERVICE)).by_route == {
            "first": {"blue": 100},
            "rest": {"blue": 100},
        }
        await aws.appmesh(lambda api: api.delete_route(**NAMES, routeName="first"))
        assert (await routes.live(SERVICE)).gone == ("first",)
        with pytest.raises(NoSuchResource, match="router r has no route first"):
            await routes.set_weights(SERVICE, {"blue": 1, "green": 1}, None)

    asyncio.run(scenario())
