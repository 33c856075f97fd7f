"""`teal models install`: the AWS CLI and boto3 go on when their App Mesh is gone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from botocore.loaders import Loader

from tealmesh.cli.system.models import installed
from tealmesh.model.errors import TealError
from tests.support import sdk
from tests.support.planes.control_plane import ControlPlane, control_plane

WITHOUT = """
import os, sys
from pathlib import Path
import {botocore}.loaders as loaders
there, here = Path(loaders.Loader.BUILTIN_DATA_PATH), Path(sys.argv.pop(1))
here.mkdir(exist_ok=True)
for one in there.iterdir():
    if one.name != "appmesh" and not (here / one.name).exists():
        (here / one.name).symlink_to(one)
loaders.Loader.BUILTIN_DATA_PATH = str(here)
"""
BOTO3 = WITHOUT.format(botocore="botocore") + (
    "import boto3, json\n"
    "meshes = boto3.client('appmesh').list_meshes()['meshes']\n"
    "services = boto3.client('tealmesh').get_status()['services']\n"
    "print(json.dumps([[mesh['meshName'] for mesh in meshes], services]))\n"
)
CLI = WITHOUT.format(botocore="botocore") + "from awscli.clidriver import main\nsys.exit(main())\n"


def run(
    plane: ControlPlane, program: list[str], home: Path, **more: str
) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **sdk.environment(plane.endpoint), "HOME": str(home), **more}
    environment.pop("AWS_DATA_PATH", None)
    environment |= more
    return subprocess.run(
        program, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.timeout(300)
def test_boto3_and_the_cli_without_app_mesh_have_it_again(tmp_path: Path) -> None:
    home, elsewhere, hidden = tmp_path / "home", tmp_path / "models", str(tmp_path / "data")
    home.mkdir()
    with control_plane(tmp_path) as plane:
        plane.client("appmesh").create_mesh(meshName="shop")
        boto3 = [sys.executable, "-c", BOTO3, hidden]
        assert "UnknownServiceError" in run(plane, boto3, home).stderr

        teal = Path(sys.executable).with_name("teal")
        done = run(plane, [str(teal), "models", "install"], home)
        assert "appmesh 2019-01-25, from botocore" in done.stdout, done.stderr
        done = run(plane, boto3, home)
        assert json.loads(done.stdout or "0") == [["shop"], []], done.stderr

        # Elsewhere, for whoever's home is not to be written.
        done = run(plane, [str(teal), "models", "install", "--directory", str(elsewhere)], home)
        assert done.stdout.splitlines()[-1] == f"export AWS_DATA_PATH={elsewhere}"
        cli = [sys.executable, "-c", CLI, hidden]
        other = tmp_path / "other"
        done = run(plane, [*cli, "appmesh", "list-meshes"], other, AWS_DATA_PATH=str(elsewhere))
        assert json.loads(done.stdout or "0")["meshes"][0]["meshName"] == "shop", done.stderr


def test_a_botocore_without_it_says_which_one_has_it(tmp_path: Path) -> None:
    program = WITHOUT.format(botocore="botocore") + (
        "from tealmesh.cli.main import main\nsys.exit(main())\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "data"), "models", "install"]
    environment = {**os.environ, "HOME": str(tmp_path)}
    environment.pop("AWS_DATA_PATH", None)
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert "has no model of App Mesh any more" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / ".aws").exists()


def test_a_damaged_model_of_an_earlier_run_is_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """botocore looks for models in the home directory as well, and there first."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("AWS_DATA_PATH", raising=False)
    models = tmp_path / ".aws" / "models"
    damaged = models / "appmesh" / "2019-01-25" / "service-2.json"
    damaged.parent.mkdir(parents=True)
    damaged.write_text('{"half')
    monkeypatch.setattr(Loader, "CUSTOMER_DATA_PATH", str(models))
    _, source = installed(models)
    assert str(models) not in source
    assert json.loads(damaged.read_text())["metadata"]["serviceId"] == "App Mesh"

    monkeypatch.setattr(Loader, "BUILTIN_DATA_PATH", str(tmp_path / "nothing"))
    damaged.write_text('{"half')
    with pytest.raises(TealError, match="its service-2 is damaged"):
        installed(tmp_path / "other")
    assert not (tmp_path / "other").exists()
