"""The image of the control plane, built by Podman from an image made here, and run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.programs.images import control_plane_image
from tests.support.programs.podman import Podman, needs_engine, podman
from tests.support.waiting import until


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Podman]:
    with podman(tmp_path) as running:
        yield running


@needs_engine
@pytest.mark.drill
@pytest.mark.timeout(900)
def test_it_is_built_from_a_base_and_runs_without_rights(engine: Podman, tmp_path: Path) -> None:
    control_plane_image(engine, tmp_path, "teal:test")
    name = engine.run(
        "run", "--detach", "--read-only", "--tmpfs", "/tmp", "--network", "none",
        "--cap-drop", "all", "--security-opt", "no-new-privileges",
        "--env", "TEAL_DATABASE=/tmp/state.db", "--env", "TEAL_SERVE_REGION=eu-central-1",
        "--env", "TEAL_SERVE_ACCOUNT=123456789012", "teal:test",
    ).strip()  # fmt: skip
    until(lambda: "control plane ready" in engine.run("logs", name), seconds=120)
    (shown,) = json.loads(engine.run("inspect", name))
    assert shown["Config"]["User"] == "10001:10001"
    ids = "import os; print(os.getuid(), os.getgid())"
    assert engine.run("exec", name, "python3", "-c", ids).split() == ["10001", "10001"]
    with pytest.raises(AssertionError, match="Read-only file system"):
        engine.run("exec", name, "sh", "-c", "echo > /written")
    engine.run("exec", name, "sh", "-c", "echo > /keys/written")
    engine.run("healthcheck", "run", name)
    engine.run("kill", "--signal", "STOP", name)
    with pytest.raises(AssertionError):
        engine.run("healthcheck", "run", name)
    engine.run("kill", "--signal", "CONT", name)
    engine.run("healthcheck", "run", name)
    engine.run("stop", "--time", "30", name)
    (shown,) = json.loads(engine.run("inspect", name))
    assert shown["State"]["ExitCode"] == 0
