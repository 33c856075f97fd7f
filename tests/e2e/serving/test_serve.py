"""`teal serve` deploys what runs in the ECS of a `teal up`, and loses no request."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from tests.support.machine import free_port
from tests.support.meshes.article import Article
from tests.support.planes.control_plane import ControlPlane, control_plane
from tests.support.planes.replicas import answers, edge
from tests.support.planes.sample import IMAGES, Sample, api, finished
from tests.support.planes.serving import ServePlane, serve_plane
from tests.support.programs.traffic import traffic
from tests.support.waiting import until

RATE = 100.0
SETTINGS = """[adopted.sample.strategy]
steps = [10, 50, 100]
step_time = "500ms"
bake_time = "300ms"
step_timeout = "30s"

[adopted.sample.gates]
min_requests = 20
"""


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[ControlPlane]:
    """Whose ECS and Cloud Map are used."""
    config = tmp_path / "teal.toml"
    lines = "\n".join(f"{json.dumps(k)} = {json.dumps(v)}" for k, v in IMAGES.items())
    config.write_text(f"[images]\n{lines}\n")
    with control_plane(tmp_path, config) as running:
        yield running


@pytest.fixture
def plane(tmp_path: Path, cloud: ControlPlane) -> Iterator[ServePlane]:
    with serve_plane(tmp_path / "serve", cloud, options=["--log-format", "json"]) as running:
        yield running


def started(plane: ServePlane) -> str:
    """The system with its blue side; returns the URL of its gateway."""
    article = Article(
        plane.client("appmesh"),
        plane.cloud.client("ecs"),
        plane.cloud.client("servicediscovery"),
        iam=plane.cloud.client("iam"),
        xds=f"127.0.0.1:{plane.xds_port}",
    )
    article.foundation()
    article.start_side("blue")
    article.create_route(blue=1)
    return edge(article)


@pytest.mark.timeout(180)
def test_a_deployment_in_an_ecs_elsewhere_loses_no_request(
    plane: ServePlane, tmp_path: Path
) -> None:
    url = started(plane)
    settings = tmp_path / "adopted.toml"
    settings.write_text(SETTINGS)
    plane.teal("apply", "--config", str(settings))
    with traffic((url, RATE)) as load:
        assert set(load.watch(1.0).versions) == {"1"}
        plane.teal("deploy", "sample", "--image", "example/sample:0.0.2")
        assert finished(plane, "sample")["status"] == "SUCCESSFUL"
        assert set(load.watch(1.0).versions) == {"2"}
        total = load.stop()
    assert not total.failures
    sides = api(plane).get_status()["services"][0]["sides"]
    assert [(side["side"], side["weight"]) for side in sides] == [("blue", 0), ("green", 100)]
    pushed_under_one_id(plane)
    with urllib.request.urlopen(f"{plane.endpoint}/_teal/ready") as answer:
        assert json.load(answer) == {"status": "ready"}
    looked = plane.teal("doctor", check=False).stdout
    assert "ok    this machine: not looked at: it runs no tasks (tasks of ECS at " in looked
    assert "containers: " not in looked
    with urllib.request.urlopen(f"{plane.endpoint}/metrics") as answer:
        shown = answer.read().decode()
    families = {family.name: family for family in text_string_to_metric_families(shown)}
    assert families["tealmesh_streams"].samples[0].value == 2
    assert families["tealmesh_lease_number"].samples


@pytest.mark.drill
@pytest.mark.timeout(240)
def test_a_service_of_a_teal_toml_is_made_and_deployed_elsewhere(
    tmp_path: Path, cloud: ControlPlane, postgres: str
) -> None:
    port = free_port()
    options = ["--xds-port", str(port), "--xds-advertise", f"127.0.0.1:{port}"]
    sample = Sample(tmp_path)
    with serve_plane(tmp_path / "serve", cloud, postgres, options) as plane:
        sample.apply(plane)
        until(lambda: answers(sample.url))  # its instances are discovered
        with traffic((sample.url, RATE)) as load:
            assert set(load.watch(1.0).versions) == {"1"}
            plane.teal("deploy", "web", "--image", "example/sample:0.0.2")
            assert finished(plane)["status"] == "SUCCESSFUL"
            assert set(load.watch(1.0).versions) == {"2"}
            total = load.stop()
    assert not total.failures


def pushed_under_one_id(plane: ServePlane) -> None:
    """The log tells of a call and of the Envoys that run with what it changed, by one id."""
    lines = [json.loads(line) for line in plane.log().splitlines() if line.startswith("{")]
    made = {line["requestId"] for line in lines if "made revision" in line["message"]}
    ran = [line for line in lines if " Envoys run with revision " in line["message"]]
    assert any(line["envoys"] == 2 and line["requestId"] in made for line in ran)
