"""``kill -9`` of the control plane at every transition of a deployment loses nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tealmesh.model.errors import TealError
from tealmesh.model.rollout import TRANSITIONS
from tests.support.control_plane import ControlPlane
from tests.support.sample import Sample, call, finished, weights
from tests.support.traffic import traffic

FORWARD = (
    "CREATED", "SCALING_UP", "ADDING_TARGET", "CONVERGING_TARGET", "VERIFYING", "SHIFTING",
    "CONVERGING", "MEASURING", "BAKING", "CLEANING_UP", "SUCCEEDED",
)  # fmt: skip
BACKWARD = ("ROLLING_BACK", "CONVERGING_BACK", "CLEANING_BACK", "ROLLED_BACK")


def test_every_transition_is_met() -> None:
    """AWAITING_APPROVAL waits for a person and is met below; ROLLBACK_FAILED gives up."""
    assert {*FORWARD, *BACKWARD, "AWAITING_APPROVAL", "ROLLBACK_FAILED"} == set(TRANSITIONS)


def _killed_at(plane: ControlPlane, sample: Sample, transition: str) -> subprocess.Popen[bytes]:
    """A control plane in place of ``plane``'s process, which dies at the transition."""
    assert plane.process is not None
    plane.process.terminate()
    plane.process.wait(20)
    arguments = [str(plane.directory / "data"), str(plane.port), str(plane.xds_port)]
    with (plane.directory / "up.log").open("ab") as log:
        plane.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "tests.support.killed_plane"),
                *(*arguments, str(sample.config), transition),
            ],
            stdout=log,
            stderr=log,
        )
    plane.wait_ready()
    return plane.process


def _deploy_and_die(plane: ControlPlane, sample: Sample, transition: str, image: str) -> None:
    process = _killed_at(plane, sample, transition)
    if transition == "CREATED":
        with pytest.raises(TealError):  # its answer never comes: the deployment is in the store
            call(plane, "Deploy", service="web", image=image)
    else:
        call(plane, "Deploy", service="web", image=image)
    assert process.wait(60) == -9, f"it was not killed at {transition}:\n{plane.log()}"
    plane.start()


@pytest.mark.timeout(240)
@pytest.mark.parametrize("group", [FORWARD[0::3], FORWARD[1::3], FORWARD[2::3]])
def test_a_deployment_is_finished_by_the_next_control_plane(
    tmp_path: Path, group: tuple[str, ...]
) -> None:
    sample = Sample(tmp_path)
    plane = ControlPlane(tmp_path, sample.config)
    try:
        plane.start()
        sample.apply(plane)
        with traffic((sample.url, 100.0)) as load:
            for index, transition in enumerate(group):
                version = 2 - index % 2
                _deploy_and_die(plane, sample, transition, f"example/sample:0.0.{version}")
                deployment = finished(plane)
                assert deployment["status"] == "SUCCESSFUL", (transition, deployment)
                seen = load.watch(0.5)
                assert set(seen.versions) == {str(version)}, (transition, seen)
                assert not load.failures, (transition, load.failures)
            assert not load.stop().failures
    finally:
        plane.down()


@pytest.mark.timeout(240)
def test_a_rollback_is_finished_by_the_next_control_plane(tmp_path: Path) -> None:
    sample = Sample(tmp_path)
    plane = ControlPlane(tmp_path, sample.config)
    try:
        plane.start()
        sample.apply(plane)
        with traffic((sample.url, 100.0)) as load:
            for transition in BACKWARD:
                _deploy_and_die(plane, sample, transition, "example/sample:dead")
                deployment = finished(plane)
                assert deployment["status"] == "ROLLBACK_SUCCESSFUL", (transition, deployment)
                assert weights(plane)["blue"] > 0
                assert set(load.watch(0.5).versions) == {"1"}
            assert not load.stop().failures
    finally:
        plane.down()
