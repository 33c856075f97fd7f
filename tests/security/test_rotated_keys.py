"""Keys are rotated while requests pass: the former ones end, and nothing is lost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tealmesh.engine.runtimes.sidecar import private
from tests.support.planes.control_plane import ControlPlane, control_plane
from tests.support.planes.sample import Sample, api, finished
from tests.support.programs.traffic import traffic
from tests.support.waiting import until


def _tokens(data: Path) -> dict[str, str]:
    """What is in the secret file of each task's Envoy."""
    files = (private(one) / "token.json" for one in (data / "tasks").iterdir())
    return {str(file): file.read_text() for file in files if file.exists()}


def _rotate(plane: ControlPlane, data: Path) -> None:
    before = _tokens(data)
    assert before
    plane.teal("keys", "rotate", "--data-dir", str(data))
    until(lambda: not before.items() & _tokens(data).items())


@pytest.mark.scenario
@pytest.mark.timeout(180)
def test_rotate_retire_and_die_under_load(tmp_path: Path) -> None:
    sample, data = Sample(tmp_path), tmp_path / "data"
    with control_plane(tmp_path, sample.config) as plane:
        sample.apply(plane)
        plane.client("secretsmanager").create_secret(Name="kept", SecretString="its value")
        with traffic((sample.url, 60.0)) as load:
            _rotate(plane, data)
            plane.teal("keys", "retire", "--data-dir", str(data))
            refused = plane.teal("keys", "show", "--json", "--data-dir", str(data))
            assert {one["formerId"] for one in json.loads(refused.stdout)} == {""}
            # All streams begin anew, with tokens that only the new key verifies.
            plane.kill9()
            plane.start()
            until(lambda: _connected(plane))
            kept = plane.client("secretsmanager").get_secret_value(SecretId="kept")
            assert kept["SecretString"] == "its value"
            _rotate(plane, data)
            api(plane).deploy("web", "example/sample:0.0.2")
            assert finished(plane)["status"] == "SUCCESSFUL"
            assert set(load.watch(0.5).versions) == {"2"}
            assert not load.stop().failures


def _connected(plane: ControlPlane) -> bool:
    found = json.loads(plane.teal("envoys", "--json").stdout)
    return bool(found) and all(one["connected"] for one in found)
