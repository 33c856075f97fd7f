"""What passes heals: every worker of a control plane fails, and everything works."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.failing_plane import WORKERS
from tests.support.drills import sizes
from tests.support.planes.control_plane import ControlPlane
from tests.support.planes.sample import Sample, api, finished
from tests.support.programs.traffic import traffic
from tests.support.waiting import until


def failing(plane: ControlPlane, sample: Sample, times: int) -> None:
    """Start a control plane whose workers fail so often."""
    command = [sys.executable, "-m", "tests.e2e.failing_plane", str(plane.directory / "data")]
    command += [str(plane.port), str(plane.xds_port), str(sample.config), str(times)]
    with (plane.directory / "up.log").open("ab") as log:
        plane.process = subprocess.Popen(command, stdout=log, stderr=log)
    plane.wait_ready()


@pytest.mark.scenario
@sizes("times", short=2, long=3)
def test_every_worker_fails_and_a_deployment_loses_no_request(tmp_path: Path, times: int) -> None:
    sample = Sample(tmp_path)
    plane = ControlPlane(tmp_path, sample.config)
    try:
        failing(plane, sample, times)
        until(lambda: "injected into" in plane.teal("status").stdout, plane.log)
        sample.apply(plane)
        with traffic((sample.url, 60.0)) as load:
            api(plane).deploy("web", "example/sample:0.0.2")
            deployment = finished(plane)
        assert deployment["status"] == "SUCCESSFUL", deployment.get("reason")
        assert not load.failures, load.failures[:3]
        log = plane.log()
        missed = [name for _, name in WORKERS if f"injected into {name}" not in log]
        assert not missed, "each has failed"
        until(lambda: not api(plane).get_status().get("troubles"), plane.log)
        told = plane.teal("events", "-n", "1000").stdout
        assert "the engine failed: LookupError: injected into run" in told
        assert "no longer fails" in told
    finally:
        plane.down()
