"""The users' system, made by others, is deployed by `teal`: copied, shifted, cleaned up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.machine import free_port
from tests.support.meshes.article import Article
from tests.support.planes.control_plane import ControlPlane, control_plane
from tests.support.planes.sample import IMAGES, api, finished
from tests.support.programs.traffic import traffic

RATE = 100.0


@pytest.fixture
def plane(tmp_path: Path) -> Iterator[ControlPlane]:
    config = tmp_path / "teal.toml"
    images = "\n".join(f"{_text(k)} = [{', '.join(map(_text, v))}]" for k, v in IMAGES.items())
    config.write_text(
        f"""[images]
{images}

[adopted.sample.strategy]
steps = [10, 50, 100]
step_time = "500ms"
bake_time = "300ms"
step_timeout = "30s"

[adopted.sample.gates]
min_requests = 20
"""
    )
    with control_plane(tmp_path, config) as running:
        yield running


def _text(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def started(plane: ControlPlane, *sides: str) -> tuple[Article, str]:
    """The system with these sides, the first with all the weight; and the URL of its gateway."""
    article = Article(
        plane.client("appmesh"), plane.client("ecs"), plane.client("servicediscovery")
    )
    article.foundation()
    for side in sides:
        article.start_side(side)
    article.create_route(**{side: int(side == sides[0]) for side in sides})
    port = free_port()
    article.gateway(port, "127.0.0.1")
    article.ecs.get_waiter("services_stable").wait(
        cluster=article.cluster,
        services=[*(article.ecs_service(side) for side in sides), "edge"],
        WaiterConfig={"Delay": 1, "MaxAttempts": 60},
    )
    return article, f"http://127.0.0.1:{port}/"


def route(article: Article) -> Any:
    return article.appmesh.describe_route(
        meshName=article.mesh, virtualRouterName=article.app, routeName=article.app
    )["route"]["spec"]


@pytest.mark.timeout(180)
def test_the_inactive_side_is_copied_and_the_old_one_is_left_as_it_was_found(
    plane: ControlPlane,
) -> None:
    article, url = started(plane, "blue")
    before = route(article)["httpRoute"]
    with traffic((url, RATE)) as load:
        plane.teal("deploy", "sample", "--image", "example/sample:0.0.2")
        assert finished(plane, "sample")["status"] == "SUCCESSFUL"
        assert set(load.watch(1.0).versions) == {"2"}
        after = route(article)["httpRoute"]
        assert after["action"]["weightedTargets"] == [
            {"virtualNode": "sample-green", "weight": 100}
        ]
        assert {**after, "action": 0} == {**before, "action": 0}
        # The other way round, by going back to the image before.
        plane.teal("rollback", "sample")
        assert finished(plane, "sample")["status"] == "SUCCESSFUL"
        assert set(load.watch(1.0).versions) == {"1"}
        total = load.stop()
    assert not total.failures
    nodes = article.appmesh.list_virtual_nodes(meshName=article.mesh)["virtualNodes"]
    assert [node["virtualNodeName"] for node in nodes] == ["sample-blue"]
    assert [s["side"] for s in api(plane).get_status()["services"][0]["sides"]] == ["blue", "green"]
