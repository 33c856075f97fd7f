"""``kill -9`` of the control plane at every transition of a deployment loses nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tealmesh.model.errors import TealError
from tealmesh.model.rollout import State
from tests.support.planes.control_plane import ControlPlane
from tests.support.planes.sample import Sample, api, finished, weights
from tests.support.planes.warm import Forked
from tests.support.programs.traffic import traffic

RATE = 60.0
"""Requests per second, throughout."""

FORWARD = (
    "CREATED", "SCALING_UP", "ADDING_TARGET", "CONVERGING_TARGET", "VERIFYING", "SHIFTING",
    "CONVERGING", "MEASURING", "BAKING", "CLEANING_UP", "SUCCEEDED",
)  # fmt: skip
BACKWARD = ("ROLLING_BACK", "CONVERGING_BACK", "CLEANING_BACK", "ROLLED_BACK")


def test_every_transition_is_covered() -> None:
    """AWAITING_APPROVAL and HELD wait for a person: test_rollback and test_outside_changes kill the
    control plane in them. MIRRORING and COHORT need strategies of their own: test_beside kills it
    while copies are sent. ROLLBACK_FAILED and STOPPED are final.
    """
    others = {"AWAITING_APPROVAL", "HELD", "MIRRORING", "COHORT", "ROLLBACK_FAILED", "STOPPED"}
    assert {*FORWARD, *BACKWARD, *others} == set(State)


def _start(plane: ControlPlane, sample: Sample, *dies_at: str) -> None:
    """Start the control plane anew; it dies at this transition of its first new deployment."""
    if not dies_at:
        plane.start()
        return
    command = ["killed_plane", str(plane.directory / "data"), str(plane.port), str(plane.xds_port)]
    log = plane.directory.resolve() / "up.log"
    plane.process = Forked([*command, str(sample.config), *dies_at], os.environ, log, log)
    plane.wait_ready()


def _deploy_and_die(plane: ControlPlane, transition: str, image: str) -> None:
    if transition == "CREATED":
        with pytest.raises(TealError):  # there is no answer, but the deployment is in the store
            api(plane).deploy("web", image)
    else:
        api(plane).deploy("web", image)
    assert plane.process is not None
    killed = plane.process.wait(60)
    assert killed == -9, f"it was not killed at {transition}:\n{plane.log()}"


@contextmanager
def _applied(directory: Path, dies_at: str) -> Iterator[tuple[ControlPlane, Sample]]:
    """The sample, applied by a control plane that will die at this transition."""
    sample = Sample(directory)
    plane = ControlPlane(directory, sample.config)
    try:
        _start(plane, sample, dies_at)
        sample.apply(plane)
        yield plane, sample
    finally:
        plane.down()


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    "group",
    [
        pytest.param(FORWARD[0::3], marks=pytest.mark.drill),
        pytest.param(FORWARD[1::3], marks=pytest.mark.drill),
        pytest.param(FORWARD[2::3], marks=pytest.mark.drill),
        ("SHIFTING",),
    ],
)
def test_a_deployment_is_finished_by_the_next_control_plane(
    tmp_path: Path, group: tuple[str, ...]
) -> None:
    with _applied(tmp_path, group[0]) as (plane, sample), traffic((sample.url, RATE)) as load:
        for index, transition in enumerate(group):
            version = 2 - index % 2
            _deploy_and_die(plane, transition, f"example/sample:0.0.{version}")
            _start(plane, sample, *group[index + 1 : index + 2])
            deployment = finished(plane)
            assert deployment["status"] == "SUCCESSFUL", (transition, deployment)
            seen = load.watch(0.5)
            assert set(seen.versions) == {str(version)}, (transition, seen)
            assert not load.failures, (transition, load.failures)
        assert not load.stop().failures


@pytest.mark.drill
@pytest.mark.timeout(240)
def test_a_rollback_is_finished_by_the_next_control_plane(tmp_path: Path) -> None:
    with _applied(tmp_path, BACKWARD[0]) as (plane, sample), traffic((sample.url, RATE)) as load:
        for index, transition in enumerate(BACKWARD):
            _deploy_and_die(plane, transition, "example/sample:dead")
            _start(plane, sample, *BACKWARD[index + 1 : index + 2])
            deployment = finished(plane)
            assert deployment["status"] == "ROLLBACK_SUCCESSFUL", (transition, deployment)
            assert weights(plane)["blue"] > 0
            assert set(load.watch(0.5).versions) == {"1"}
        assert not load.stop().failures
