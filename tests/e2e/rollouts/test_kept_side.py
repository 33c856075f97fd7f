"""The old side is kept running after a deployment: going back is one change of weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.e2e.test_adopted import started
from tests.support.planes.control_plane import ControlPlane, control_plane
from tests.support.planes.sample import IMAGES, Sample, api, finished
from tests.support.programs.traffic import traffic
from tests.support.waiting import until


def tasks(plane: ControlPlane, cluster: str, service: str) -> set[str]:
    listed = plane.client("ecs").list_tasks(
        cluster=cluster, serviceName=service, desiredStatus="RUNNING"
    )
    return set(listed["taskArns"])


def version(plane: ControlPlane, mesh: str, router: str, route: str) -> Any:
    described = plane.client("appmesh").describe_route(
        meshName=mesh, virtualRouterName=router, routeName=route
    )
    return described["route"]["metadata"]["version"]


def status(plane: ControlPlane) -> Any:
    (service,) = api(plane).get_status()["services"]
    return service


@pytest.mark.scenario
@pytest.mark.timeout(180)
def test_the_way_back_starts_no_task_and_loses_no_request_even_after_a_kill(tmp_path: Path) -> None:
    sample = Sample(tmp_path)
    before_strategy, strategy = sample.text().split("[services.web.strategy]")
    kept = f'{before_strategy}[services.web.strategy]\nkeep_old = "1h"{strategy}'
    sample.config.write_text(kept)
    with control_plane(tmp_path, sample.config) as plane:
        sample.apply(plane)
        with traffic((sample.url, 100.0)) as load:
            old = tasks(plane, "sample", "web-blue")
            plane.teal("deploy", "web", "--image", "example/sample:0.0.2")
            assert set(load.watch(0.5).versions) == {"2"}
            plane.kill9()
            plane.start()
            assert status(plane)["kept"]["side"] == "blue"
            assert tasks(plane, "sample", "web-blue") == old
            before = version(plane, "sample", "web", "route")
            plane.teal("rollback", "web")
            assert version(plane, "sample", "web", "route") == before + 1
            assert tasks(plane, "sample", "web-blue") == old
            assert set(load.watch(0.5).versions) == {"1"}
            assert "kept" not in status(plane)
            assert not load.stop().failures


@pytest.mark.drill
@pytest.mark.timeout(180)
def test_a_side_that_others_made_is_kept_and_then_left_as_it_was_found(tmp_path: Path) -> None:
    config = tmp_path / "teal.toml"
    images = "\n".join(f"{_text(k)} = [{', '.join(map(_text, v))}]" for k, v in IMAGES.items())
    strategy = 'step_time = "500ms"\nbake_time = "300ms"\nkeep_old = "4s"'
    config.write_text(
        f"[images]\n{images}\n[adopted.sample.strategy]\n{strategy}\n"
        "[adopted.sample.gates]\nmin_requests = 20\n"
    )
    with control_plane(tmp_path, config) as plane:
        article, url = started(plane, "blue", "green")
        place = article.cluster, article.ecs_service("blue")
        with traffic((url, 100.0)) as load:
            old = tasks(plane, *place)
            plane.teal("deploy", "sample", "--image", "example/sample:0.0.2")
            assert finished(plane, "sample")["status"] == "SUCCESSFUL"
            assert tasks(plane, *place) == old
            plane.teal("rollback", "sample")
            assert tasks(plane, *place) == old
            assert set(load.watch(0.5).versions) == {"1"}
            plane.teal("deploy", "sample", "--image", "example/sample:0.0.2")
            until(lambda: not tasks(plane, *place))
            assert set(load.watch(0.5).versions) == {"2"}
            assert not load.stop().failures


def _text(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
