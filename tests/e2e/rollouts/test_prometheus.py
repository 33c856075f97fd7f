"""Deployments that a real Prometheus decides, by what it scrapes from our own page."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.machine import free_port
from tests.support.planes.control_plane import ControlPlane, control_plane
from tests.support.planes.sample import Sample, api, finished, weights
from tests.support.programs.prometheus import needs_prometheus, prometheus
from tests.support.programs.traffic import traffic
from tests.support.waiting import until

QUERY = (
    '(sum(rate(tealmesh_request_failures_total{virtual_node="{{node}}"}[2s])) or vector(0))'
    ' / sum(rate(tealmesh_requests_total{virtual_node="{{node}}"}[2s]))'
)


def gates(url: str) -> str:
    return (
        "compare = false\n"
        f'prometheus = [{{ name = "errors", url = "{url}", query = \'{QUERY}\', '
        'pass = "< 0.05", interval = "250ms" }]'
    )


def verdict(plane: ControlPlane) -> str:
    """What the gate says of the newest deployment."""
    steps = api(plane).get_deployment("web").get("evidence", [])
    found = [one for step in steps for one in step["verdicts"] if "prometheus" in one["gate"]]
    return found[-1]["verdict"] if found else ""


@pytest.mark.scenario
@needs_prometheus
def test_a_query_passes_a_good_version_waits_while_nobody_answers_and_fails_a_bad_one(
    tmp_path: Path,
) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    sample = Sample(tmp_path, success_rate=0.5, gates=gates(url))
    with control_plane(tmp_path, sample.config) as plane:
        sample.apply(plane)
        with traffic((sample.url, 100.0)):
            with prometheus(tmp_path / "prometheus", port, plane.endpoint):
                plane.teal("deploy", "web", "--image", "example/sample:0.0.2", "--no-follow")
                assert finished(plane)["status"] == "SUCCESSFUL"
                assert verdict(plane) == "PASS"
            plane.teal("deploy", "web", "--image", "example/sample:faulty", "--no-follow")
            until(lambda: verdict(plane) == "UNKNOWN")
            with prometheus(tmp_path / "prometheus", port, plane.endpoint):
                done = finished(plane)
        assert done["status"] == "ROLLBACK_SUCCESSFUL", done
        assert done["reason"].startswith("prometheus errors: "), done["reason"]
        assert "must be < 0.05" in done["reason"]
        assert weights(plane)["green"] == 100
