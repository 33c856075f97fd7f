"""Several routes get other targets in one revision, or none does."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tealmesh.store import tables
from tests.apis.appmesh.system import ROUTER, route
from tests.apis.tealmesh.plane import Plane, refused

NODE = {"serviceDiscovery": {"dns": {"hostname": "app.local"}}}
HTTP = {"portMapping": {"port": 8080, "protocol": "http"}}


@pytest.fixture
def routes(plane: Plane) -> Plane:
    """Mesh m with nodes a and b, and router r with the routes x and y, both to a."""
    appmesh = plane.aws("appmesh")
    appmesh.create_mesh(meshName="m")
    for node in ("a", "b"):
        spec = {**NODE, "listeners": [HTTP]}
        appmesh.create_virtual_node(meshName="m", virtualNodeName=node, spec=spec)
    appmesh.create_virtual_router(meshName="m", virtualRouterName="r", spec=ROUTER)
    for name in ("x", "y"):
        appmesh.create_route(
            meshName="m", virtualRouterName="r", routeName=name, spec=route(("a", 1))
        )
    return plane


def shift(name: str, version: int = 1, **weights: int) -> dict[str, Any]:
    targets = [{"virtualNode": node, "weight": weight} for node, weight in weights.items()]
    return {
        "virtualRouterName": "r",
        "routeName": name,
        "version": version,
        "weightedTargets": targets,
    }


def present(plane: Plane) -> dict[str, Any]:
    answers = {
        name: plane.aws("appmesh").describe_route(
            meshName="m", virtualRouterName="r", routeName=name
        )["route"]
        for name in ("x", "y")
    }
    return {
        name: (answer["metadata"]["version"], answer["spec"]["httpRoute"])
        for name, answer in answers.items()
    }


def test_all_routes_change_in_one_revision(routes: Plane) -> None:
    before, revision = present(routes), routes.store.revision
    answer = routes.shift_weights(mesh="m", routes=[shift("x", a=3, b=1), shift("y", a=90, b=10)])
    assert (answer["revision"], routes.store.revision) == (revision + 1, revision + 1)
    assert [(r["routeName"], r["version"]) for r in answer["routes"]] == [("x", 2), ("y", 2)]
    after = present(routes)
    for name, weights in (("x", {"a": 3, "b": 1}), ("y", {"a": 90, "b": 10})):
        targets = after[name][1]["action"]["weightedTargets"]
        assert {t["virtualNode"]: t["weight"] for t in targets} == weights
        assert {**after[name][1], "action": 0} == {**before[name][1], "action": 0}
    # The audit has one change of both, by whoever asked.
    (event,) = [e for e in routes.list_events()["events"] if e["revision"] == revision + 1]
    assert (event["actor"], event["operation"]) == ("tester", "ShiftWeights")
    assert "route x of router r" in event["message"]
    assert "route y of router r" in event["message"]


@pytest.mark.parametrize(
    ("second", "code", "said"),
    [
        (shift("y", 7, b=1), "ConflictException", "has version 1, not 7"),
        (shift("z", b=1), "NotFoundException", "Route with name z under VirtualRouter r"),
        (shift("y", c=1), "NotFoundException", "VirtualNode with name c"),
        (shift("y", a=0, b=101), "BadRequestException", "weight"),
        (shift("x", b=1), "BadRequestException", "route x of router r is named twice"),
    ],
)
def test_one_that_cannot_be_changed_leaves_all_as_they_are(
    routes: Plane, second: dict[str, Any], code: str, said: str
) -> None:
    before, revision = present(routes), routes.store.revision
    with pytest.raises(ClientError) as error:
        routes.shift_weights(mesh="m", routes=[shift("x", b=1), second])
    assert refused(error)[0] == code
    assert said in refused(error)[1]
    assert (present(routes), routes.store.revision) == (before, revision)


def test_a_route_that_has_these_targets_keeps_its_version(routes: Plane) -> None:
    answer = routes.shift_weights(mesh="m", routes=[shift("x", a=1), shift("y", b=1)])
    assert [r["version"] for r in answer["routes"]] == [1, 2]
    with pytest.raises(ClientError, match="NotFoundException"):
        routes.shift_weights(mesh="other", routes=[shift("x", a=1)])
    assert len(routes.store.view.list(tables.ROUTES, "m", "r")) == 2
