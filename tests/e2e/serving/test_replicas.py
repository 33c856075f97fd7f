"""Two replicas of `teal serve` on one PostgreSQL: the one that works on a deployment is killed in
the middle of it, under load. No request is lost, and the other one finishes it.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.e2e.serving.test_serve import RATE, SETTINGS, cloud, started
from tests.support.machine import free_port
from tests.support.meshes.article import Article
from tests.support.planes.control_plane import ControlPlane
from tests.support.planes.sample import finished
from tests.support.planes.serving import ServePlane
from tests.support.programs.relay import Relay
from tests.support.programs.traffic import traffic
from tests.support.waiting import until

__all__ = ["cloud", "started"]

FIRST = ("MEASURING",)
EVERY = (
    "SCALING_UP", "CONVERGING_TARGET", "VERIFYING", "BAKING", "CLEANING_UP",
)  # fmt: skip
"""Of those that each deployment is in once; in between it is in SHIFTING, CONVERGING and MEASURING.
"""


class Replicas:
    """Two of them, and what is in front of their gRPC ports."""

    def __init__(self, directory: Path, cloud: ControlPlane, database: str) -> None:
        self.database = sa.create_engine(database)
        url = database.replace("postgresql+psycopg", "postgresql")
        self.planes: list[ServePlane] = []
        for name in ("one", "two"):
            keys = self.planes[0].keys if self.planes else None
            plane = ServePlane(directory / name, cloud, url, keys=keys)
            plane.options = ["--advertise", f"127.0.0.1:{plane.port}"]
            self.planes.append(plane)
        self.front = Relay(*(plane.xds_port for plane in self.planes))

    def leader(self) -> ServePlane | None:
        """The one that works on deployments; None while none does."""
        with self.database.connect() as connection:
            query = sa.text("SELECT holder FROM leases WHERE name = 'rollouts'")
            holder = connection.execute(query).scalar()
        return next((plane for plane in self.planes if _replica(plane) == holder), None)

    def has_been(self, deployments: int, state: str) -> bool:
        """Whether so many deployments have been in a state, by what is committed."""
        with self.database.connect() as connection:
            query = "SELECT body FROM documents WHERE collection = 'teal.journal'"
            bodies = [json.loads(row.body) for row in connection.execute(sa.text(query))]
        return sum(body["transition"] == state for body in bodies) >= deployments

    def other(self, plane: ServePlane) -> ServePlane:
        return next(each for each in self.planes if each is not plane)


def _replica(plane: ServePlane) -> str:
    """Its id; empty while it does not answer."""
    try:
        with urllib.request.urlopen(f"{plane.endpoint}/_teal/health", timeout=5) as answer:
            return str(json.load(answer)["replica"])
    except OSError:
        return ""


@pytest.fixture
def replicas(tmp_path: Path, cloud: ControlPlane, postgres: str) -> Iterator[Replicas]:
    made = Replicas(tmp_path, cloud, postgres)
    try:
        for plane in made.planes:
            plane.start()
        yield made
    finally:
        for plane in made.planes:
            plane.down()
        made.front.close()
        made.database.dispose()


def _running(replicas: Replicas) -> str:
    """The system with its blue side, whose Envoys come to either replica; the gateway's URL."""
    plane = replicas.planes[0]
    article = Article(
        plane.client("appmesh"),
        plane.cloud.client("ecs"),
        plane.cloud.client("servicediscovery"),
        xds=replicas.front.endpoint.removeprefix("http://"),
    )
    article.foundation()
    article.start_side("blue")
    article.create_route(blue=1)
    port = free_port()
    article.gateway(port, "127.0.0.1")
    article.ecs.get_waiter("services_stable").wait(
        cluster=article.cluster,
        services=[article.ecs_service("blue"), "edge"],
        WaiterConfig={"Delay": 1, "MaxAttempts": 60},
    )
    return f"http://127.0.0.1:{port}/"


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "states",
    [pytest.param(FIRST, id="short"), pytest.param(EVERY, id="long", marks=pytest.mark.drill)],
)
def test_the_leader_is_killed_in_the_middle_of_a_deployment(
    replicas: Replicas, tmp_path: Path, states: tuple[str, ...]
) -> None:
    url = _running(replicas)
    settings = tmp_path / "adopted.toml"
    settings.write_text(SETTINGS)
    replicas.planes[1].teal("apply", "--config", str(settings))
    with traffic((url, RATE)) as load:
        load.watch(1.0)
        for number, state in enumerate(states):
            leader = until(replicas.leader)
            asked = replicas.other(leader)
            image = f"example/sample:0.0.{2 - number % 2}"
            asked.teal("deploy", "sample", "--image", image, "--no-follow")
            until(lambda wanted=(number + 1, state): replicas.has_been(*wanted), pause=0.02)
            leader.kill9()
            ended = finished(asked, "sample", 120)
            assert (ended["status"], replicas.leader()) == ("SUCCESSFUL", asked)
            leader.start()
        total = load.stop()
    assert not total.failures
