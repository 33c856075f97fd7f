"""Two replicas of `teal serve` on one PostgreSQL: all Envoys are cut off at once while a deployment
changes weights, then the replica that works on it is killed, under load. No request is lost, and
the other one finishes it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from bench.swarm.owned import owned

from tests.e2e.serving.test_serve import RATE, SETTINGS, cloud
from tests.support.planes.control_plane import ControlPlane
from tests.support.planes.replicas import Replicas, edge
from tests.support.planes.replicas import replicas as running
from tests.support.planes.sample import finished
from tests.support.programs.traffic import traffic
from tests.support.waiting import until

__all__ = ["cloud"]

FIRST = ("MEASURING",)
EVERY = (
    "SCALING_UP", "CONVERGING_TARGET", "VERIFYING", "BAKING", "CLEANING_UP",
)  # fmt: skip
"""Of those that each deployment is in once; in between it is in SHIFTING, CONVERGING and MEASURING.
"""


MANY = 60
"""Envoys of the swarm, beside those of the tasks."""


@pytest.fixture
def replicas(tmp_path: Path, cloud: ControlPlane, postgres: str) -> Iterator[Replicas]:
    with running(tmp_path, cloud, postgres) as made:
        yield made


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "states",
    [
        pytest.param(FIRST, id="short", marks=pytest.mark.scenario),
        pytest.param(EVERY, id="long", marks=pytest.mark.drill),
    ],
)
def test_the_leader_is_killed_in_the_middle_of_a_deployment(
    replicas: Replicas, tmp_path: Path, states: tuple[str, ...]
) -> None:
    article = replicas.article()
    url = edge(article)
    settings = tmp_path / "adopted.toml"
    settings.write_text(SETTINGS)
    replicas.planes[1].teal("apply", "--config", str(settings))
    ports, many = [plane.xds_port for plane in replicas.planes], [article.caller("many")]
    with (
        owned(MANY, ports, replicas.planes[0].keys, many) as swarm,
        traffic((url, RATE)) as load,
    ):
        swarm.ask("storm")
        load.watch(1.0)
        for number, state in enumerate(states):
            leader = until(replicas.leader)
            asked = replicas.other(leader)
            image = f"example/sample:0.0.{2 - number % 2}"
            asked.teal("deploy", "sample", "--image", image, "--no-follow")
            if states is FIRST:
                until(lambda: replicas.has_been(1, "SHIFTING"), pause=0.02)
                replicas.front.cut()
                swarm.ask("again")
            until(lambda wanted=(number + 1, state): replicas.has_been(*wanted), pause=0.02)
            leader.kill9()
            ended = finished(asked, "sample", 120)
            assert (ended["status"], replicas.leader()) == ("SUCCESSFUL", asked)
            dead = f"127.0.0.1:{leader.port}: dead"
            assert dead in asked.teal("status").stdout
            assert dead in asked.teal("doctor", check=False).stdout
            leader.start()
        total = load.stop()
    assert not total.failures
