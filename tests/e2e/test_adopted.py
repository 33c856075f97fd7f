"""The users' system, made by others, is deployed by `teal`: copied, shifted, cleaned up."""

from __future__ import annotations

import json
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
@pytest.mark.scenario
def test_the_inactive_side_is_copied_and_the_old_one_is_left_as_it_was_found(
    plane: ControlPlane,
) -> None:
    article, url = started(plane, "blue")
    before = route(article)["httpRoute"]
    plan = json.loads(plane.teal("deploy", "sample", ":0.0.2", "--plan", "--json").stdout)
    assert (plan["starts"], plan["oldSide"], plan["newSide"]) == (True, "blue", "green")
    assert route(article)["httpRoute"] == before
    with traffic((url, RATE)) as load:
        plane.teal("deploy", "sample", "--image", "example/sample:0.0.2")
        first = finished(plane, "sample")
        assert first["status"] == "SUCCESSFUL"
        assert "the deployment succeeded" in plane.teal("explain", "sample").stdout
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
    # What the first one changed is known when its side has gone, and its name is no difference.
    changed = api(plane).explain("sample", first["deploymentId"])["definition"]
    assert [one["after"] for one in changed["differences"]] == ['"example/sample:0.0.2"']
    nodes = article.appmesh.list_virtual_nodes(meshName=article.mesh)["virtualNodes"]
    assert [node["virtualNodeName"] for node in nodes] == ["sample-blue"]
    assert [s["side"] for s in api(plane).get_status()["services"][0]["sides"]] == ["blue", "green"]


@pytest.mark.drill
@pytest.mark.timeout(180)
def test_sides_that_stand_ready_stay_and_a_restart_in_between_loses_nothing(
    plane: ControlPlane,
) -> None:
    article, url = started(plane, "blue", "green")
    article.update_route(blue=1, green=0)
    with traffic((url, RATE)) as load:
        plane.teal(
            "deploy", "sample.article.local", "--image", "example/sample:0.0.2", "--no-follow"
        )
        while api(plane).get_deployment("sample")["phase"] != "PRODUCTION_TRAFFIC_SHIFT":
            assert api(plane).get_deployment("sample")["status"] == "IN_PROGRESS"
        plane.kill9()
        plane.start()
        assert finished(plane, "sample")["status"] == "SUCCESSFUL"
        assert set(load.watch(1.0).versions) == {"2"}
        plane.teal("weights", "sample", "green=3")
        total = load.stop()
    assert not total.failures
    blue, green = article.ecs.describe_services(
        cluster=article.cluster, services=[article.ecs_service(side) for side in ("blue", "green")]
    )["services"]
    assert (blue["status"], blue["desiredCount"], blue["runningCount"]) == ("ACTIVE", 0, 0)
    assert (green["desiredCount"], green["runningCount"]) == (1, 1)
    assert green["taskDefinition"].endswith(":1")  # It had that image already.
    targets = route(article)["httpRoute"]["action"]["weightedTargets"]
    assert {t["virtualNode"]: t["weight"] for t in targets} == {"sample-blue": 0, "sample-green": 3}
    # The idle side gets a new revision, of which only the image is new.
    plane.teal("deploy", "sample", "--image", "example/sample:faulty", check=False)
    failed = finished(plane, "sample")
    assert failed["status"] == "ROLLBACK_SUCCESSFUL", failed
    first, second = (
        article.ecs.describe_task_definition(taskDefinition=f"sample-blue:{n}")["taskDefinition"]
        for n in (1, 2)
    )
    first["containerDefinitions"][0]["image"] = "example/sample:faulty"
    assert first["containerDefinitions"] == second["containerDefinitions"]
    assert first["proxyConfiguration"] == second["proxyConfiguration"]
    shown = plane.teal("adopt", "sample", "--clean-up", "delete", "--container", "app").stdout
    assert "green: virtual node sample-green, ECS service article/article-sample-green" in shown
    refused = plane.teal("adopt", "sample", "--container", "wrong", check=False)
    assert "no container wrong (known: app, envoy, xray)" in refused.stderr
    refused = plane.teal("adopt", "sample", "--side", "red=x", check=False)
    assert "no side red (known: blue, green)" in refused.stderr
