"""The users' procedure by boto3 and the AWS CLI, step by step, under traffic."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from tests.support.machine import REPOSITORY, free_port
from tests.support.meshes.article import Article
from tests.support.planes.control_plane import ControlPlane, control_plane
from tests.support.programs.traffic import Traffic, traffic


def _config(directory: Path) -> Path:
    app = REPOSITORY / "examples" / "sample" / "app.py"
    images = {
        f"example/sample:0.0.{version}": [sys.executable, str(app), "--version", str(version)]
        for version in (1, 2)
    }
    path = directory / "teal.toml"
    lines = ["[mesh]", 'name = "images-only"', "[images]"]
    path.write_text(
        "\n".join(lines + [f"{json.dumps(k)} = {json.dumps(v)}" for k, v in images.items()])
    )
    return path


def _steady(article: Article, *services: str) -> None:
    waiter = article.ecs.get_waiter("services_stable")
    waiter.wait(
        cluster=article.cluster,
        services=list(services),
        WaiterConfig={"Delay": 1, "MaxAttempts": 40},
    )


def _settled(load: Traffic, expected: set[str]) -> None:
    """Wait until all answers within a second come from exactly these versions."""
    deadline = time.monotonic() + 20
    while set((seen := load.watch(1.0)).versions) != expected:
        assert time.monotonic() < deadline, f"{dict(seen.versions)} and not {expected}"


def _weights(plane: ControlPlane, article: Article, **weights: int) -> None:
    """Change weights with the AWS CLI, as operators do."""
    answer = plane.aws(
        "appmesh", "update-route",
        "--mesh-name", article.mesh,
        "--virtual-router-name", article.app,
        "--route-name", article.app,
        "--spec", json.dumps(article.route_spec(**weights)),
    )  # fmt: skip
    targets = answer["route"]["spec"]["httpRoute"]["action"]["weightedTargets"]
    assert {t["virtualNode"]: t["weight"] for t in targets} == {
        f"{article.app}-{side}": weight for side, weight in weights.items()
    }


def test_the_procedure_from_blue_to_green_and_back_loses_nothing(tmp_path: Path) -> None:
    with control_plane(tmp_path, _config(tmp_path)) as plane:
        article = Article(
            plane.client("appmesh"), plane.client("ecs"), plane.client("servicediscovery")
        )
        port = free_port()
        article.foundation()
        article.start_side("blue")
        article.create_route(blue=1)
        article.gateway(port, "127.0.0.1")
        _steady(article, article.ecs_service("blue"), "edge")

        with traffic((f"http://127.0.0.1:{port}/", 150.0)) as load:
            _settled(load, {"1"})
            # 1. Green starts, without requests.
            article.start_side("green")
            _weights(plane, article, blue=1, green=0)
            _steady(article, article.ecs_service("green"))
            assert set(load.watch(1.0).versions) == {"1"}
            # 2. Both get requests.
            _weights(plane, article, blue=1, green=1)
            _settled(load, {"1", "2"})
            seen = load.watch(3.0)
            assert abs(seen.versions["2"] / seen.sent - 0.5) < 4 * (0.25 / seen.sent) ** 0.5
            # 3. Blue gets none.
            _weights(plane, article, blue=0, green=1)
            _settled(load, {"2"})
            # 4. Blue is stopped and removed.
            article.update_route(green=1)
            article.stop_side("blue")
            assert set(load.watch(1.0).versions) == {"2"}
            # And back: the next release uses blue again.
            article.start_side("blue")
            _steady(article, article.ecs_service("blue"))
            _weights(plane, article, blue=1, green=0)
            _settled(load, {"1"})
            total = load.stop()

        assert not total.failures
        assert total.sent > 2000
        _delete_everything(article)


def _delete_everything(article: Article) -> None:
    """Delete everything, in the order of the references."""
    appmesh, mesh = article.appmesh, {"meshName": article.mesh}
    article.ecs.delete_service(cluster=article.cluster, service="edge", force=True)
    appmesh.delete_gateway_route(virtualGatewayName="edge", gatewayRouteName="all", **mesh)
    appmesh.delete_virtual_gateway(virtualGatewayName="edge", **mesh)
    appmesh.delete_route(virtualRouterName=article.app, routeName=article.app, **mesh)
    for side in ("blue", "green"):
        article.stop_side(side)
    appmesh.delete_virtual_service(virtualServiceName=article.virtual_service, **mesh)
    appmesh.delete_virtual_router(virtualRouterName=article.app, **mesh)
    appmesh.delete_mesh(**mesh)
    service = article.registry_arn.rpartition("/")[2]
    namespace = article.discovery.get_service(Id=service)["Service"]["NamespaceId"]
    article.discovery.delete_service(Id=service)
    article.discovery.delete_namespace(Id=namespace)
    article.ecs.get_waiter("services_inactive").wait(
        cluster=article.cluster, services=["edge"], WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    article.ecs.delete_cluster(cluster=article.cluster)

    assert appmesh.list_meshes()["meshes"] == []
    assert article.discovery.list_namespaces()["Namespaces"] == []
    assert article.ecs.list_clusters()["clusterArns"] == []
