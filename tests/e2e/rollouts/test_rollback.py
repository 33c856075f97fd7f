"""A bad version rolls back automatically, with the reason and the numbers."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tests.support.planes.control_plane import ControlPlane, control_plane
from tests.support.planes.sample import Sample, api, finished, weights
from tests.support.programs.traffic import traffic


@pytest.mark.drill  # test_comparison has such a version in every run of the gate
def test_a_version_that_answers_errors_is_rolled_back_with_evidence(tmp_path: Path) -> None:
    sample = Sample(tmp_path)
    with control_plane(tmp_path, sample.config) as plane:
        sample.apply(plane)
        with traffic((sample.url, 100.0)) as load:
            done = plane.teal("deploy", "web", "--image", "example/sample:faulty", check=False)
            assert done.returncode == 1
            assert "Traceback" not in done.stderr
            deployment = finished(plane)
            assert deployment["status"] == "ROLLBACK_SUCCESSFUL"
            assert weights(plane)["blue"] > 0
            assert weights(plane).get("green", 0) == 0
            after = load.watch(1.0)
        assert not after.failures
        assert set(after.versions) == {"1"}

        history = json.loads(plane.teal("history", "web", "--json").stdout)
        newest = history["deployments"][0] if isinstance(history, dict) else history[0]
        step = newest["evidence"][-1]
        assert step["failures"] / step["requests"] > 0.1
        verdicts = {v["gate"]: v["verdict"] for v in step["verdicts"]}
        assert "FAIL" in verdicts.values(), verdicts
        assert "success" in plane.teal("history", "web", deployment["deploymentId"]).stdout


def test_a_version_that_never_becomes_healthy_gets_no_traffic_and_a_reason(tmp_path: Path) -> None:
    sample = Sample(tmp_path)
    with control_plane(tmp_path, sample.config) as plane:
        sample.apply(plane)
        with traffic((sample.url, 100.0)) as load:
            done = plane.teal("deploy", "web", "--image", "example/sample:dead", check=False)
            assert done.returncode == 1
            deployment = finished(plane)
            assert deployment["status"] == "ROLLBACK_SUCCESSFUL"
            assert "cannot read config.yml" in deployment["reason"]
            total = load.stop()
        assert not total.failures
        assert set(total.versions) == {"1"}


def test_what_can_be_known_is_said_before_anything_starts(tmp_path: Path) -> None:
    sample = Sample(tmp_path)
    with control_plane(tmp_path, sample.config) as plane:
        sample.apply(plane)
        missing = plane.teal("deploy", "web", "--image", "example/sample:9.9.9", check=False)
        assert missing.returncode == 1
        assert "image 'example/sample:9.9.9' is not in the image map" in missing.stderr
        broken = plane.teal("deploy", "web", "--image", "example/sample:broken", check=False)
        assert broken.returncode == 1
        assert "the command '/no/such/program' is not there" in broken.stderr
        same = plane.teal("deploy", "web", "--image", "example/sample:0.0.1")
        assert "web already runs example/sample:0.0.1 on blue" in same.stdout
        assert not api(plane).list_deployments("web")
        forced = ("deploy", "web", "--image", "example/sample:0.0.1", "--force", "--no-follow")
        plane.teal(*forced)
        assert len(api(plane).list_deployments("web")) == 1


@pytest.mark.drill  # test_notices waits for approval in every run of the gate
def test_a_deployment_waits_for_approval(tmp_path: Path) -> None:
    sample = Sample(tmp_path, approval=True)
    with control_plane(tmp_path, sample.config) as plane:
        sample.apply(plane)
        with traffic((sample.url, 100.0)) as load:
            plane.teal("deploy", "web", "--image", "example/sample:0.0.2", "--no-follow")
            _wait_for(plane, "AWAITING_APPROVAL")
            assert set(load.watch(1.0).versions) == {"1"}
            plane.kill9()
            plane.start()
            _wait_for(plane, "AWAITING_APPROVAL")
            unchanged = plane.teal("apply", "--config", str(sample.config))
            assert "web: left as it is while its deployment" in unchanged.stdout
            changed = sample.text().replace("desired_count = 1", "desired_count = 2")
            sample.config.write_text(f"{changed}\n[services.other]\nport = 8080\n{_IMAGE}")
            refused = plane.teal("apply", "--config", str(sample.config), check=False)
            assert refused.returncode == 1
            assert "web: not applied, as its deployment" in refused.stderr
            names = {service["name"] for service in api(plane).get_status()["services"]}
            assert names == {"web", "other"}
            plane.teal("approve", "web")
            assert finished(plane)["status"] == "SUCCESSFUL"
            assert set(load.watch(1.0).versions) == {"2"}
            assert not load.stop().failures


_IMAGE = 'image = "example/sample:0.0.1"'


def _wait_for(plane: ControlPlane, state: str) -> None:
    deadline = time.monotonic() + 40
    while (deployment := api(plane).get_deployment("web"))["state"] != state:
        assert time.monotonic() < deadline, deployment
        time.sleep(0.1)
