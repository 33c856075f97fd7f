"""Envoys between two replicas of `teal serve`: while one is stopped, started again and killed, and
weights change, no request is lost and every Envoy ends up with the newest weights.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.machine import free_port
from tests.support.meshes.article import Article
from tests.support.planes.control_plane import ControlPlane, control_plane
from tests.support.planes.sample import IMAGES, api
from tests.support.planes.serving import ServePlane, serve_plane
from tests.support.programs.relay import relay
from tests.support.programs.traffic import traffic
from tests.support.waiting import until

RATE = 100.0
OPTIONS = ("--stream-drain", "2", "--stream-age", "4")
"""So that connections are recycled all the time."""


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[ControlPlane]:
    config = tmp_path / "teal.toml"
    lines = "\n".join(f"{json.dumps(k)} = {json.dumps(v)}" for k, v in IMAGES.items())
    config.write_text(f"[images]\n{lines}\n")
    with control_plane(tmp_path, config) as running:
        yield running


def converged(plane: ServePlane, mesh: str) -> bool:
    return bool(api(plane).get_convergence(mesh, None, 5)["converged"])


@pytest.mark.drill
@pytest.mark.timeout(300)
def test_replicas_come_and_go(cloud: ControlPlane, tmp_path: Path, postgres: str) -> None:
    with serve_plane(tmp_path / "one", cloud, postgres, OPTIONS) as one:
        two = ServePlane(tmp_path / "two", cloud, postgres, OPTIONS, keys=one.keys)
        try:
            two.start()
            _come_and_go(one, two, cloud)
        finally:
            two.down()


def _come_and_go(one: ServePlane, two: ServePlane, cloud: ControlPlane) -> None:
    with relay(one.xds_port, two.xds_port) as spread:
        article = Article(
            two.client("appmesh"),
            cloud.client("ecs"),
            cloud.client("servicediscovery"),
            iam=cloud.client("iam"),
            xds=f"127.0.0.1:{spread.port}",
        )
        article.foundation()
        for side in ("blue", "green"):
            article.start_side(side)
        article.create_route(blue=1, green=1)
        port = free_port()
        article.gateway(port, "127.0.0.1")
        article.ecs.get_waiter("services_stable").wait(
            cluster=article.cluster,
            services=[article.ecs_service("blue"), article.ecs_service("green"), "edge"],
            WaiterConfig={"Delay": 1, "MaxAttempts": 60},
        )
        until(lambda: converged(two, article.mesh), two.log)
        with traffic((f"http://127.0.0.1:{port}/", RATE)) as load:
            load.watch(1.0)
            # Stopped: its Envoys are let go one after the other, and weights change meanwhile.
            assert one.process is not None
            one.process.send_signal(signal.SIGTERM)
            for weight in (1, 2, 3, 4):
                article.update_route(blue=weight, green=5 - weight)
                load.watch(0.7)
            until(lambda: one.process is not None and one.process.poll() is not None, one.log)
            until(lambda: converged(two, article.mesh), two.log)
            one.start()
            load.watch(6.0)  # connections are recycled, some to the new one
            article.appmesh = one.client("appmesh")
            two.kill9()
            for weight in (4, 3, 2, 1):
                article.update_route(blue=weight, green=5 - weight)
                load.watch(0.7)
            until(lambda: converged(one, article.mesh), one.log)
            article.update_route(blue=0, green=1)
            until(lambda: converged(one, article.mesh), one.log)
            load.watch(0.5)
            last = load.watch(1.5)
            total = load.stop()
        assert not total.failures
        assert len(last.versions) == 1
