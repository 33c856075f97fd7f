"""Ten concurrent applies on ten meshes, and applies that are interrupted and repeated."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.planes.control_plane import ControlPlane, control_plane
from tests.support.programs.terraform import NO_TERRAFORM, Terraform, terraform_binary

pytestmark = [
    pytest.mark.drill,
    pytest.mark.skipif(terraform_binary() is None, reason=NO_TERRAFORM),
]

SMALL = Path(__file__).parent / "small"


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    with control_plane(tmp_path_factory.mktemp("many")) as made:
        yield made


def _small(plane: ControlPlane, directory: Path, name: str) -> Terraform:
    shutil.copytree(SMALL, directory)
    return Terraform(directory, {"endpoint": plane.endpoint, "name": name}).init()


@pytest.mark.timeout(300)
def test_ten_applies_at_once_on_ten_meshes(plane: ControlPlane, tmp_path: Path) -> None:
    names = [f"mesh-{number}" for number in range(10)]
    with ThreadPoolExecutor(10) as pool:
        all_of_them = list(pool.map(lambda n: _small(plane, tmp_path / n, n), names))
        for printed in pool.map(Terraform.apply, all_of_them):
            assert "Resources: 6 added, 0 changed, 0 destroyed" in printed
    meshes = plane.client("appmesh").list_meshes()["meshes"]
    assert set(names) <= {mesh["meshName"] for mesh in meshes}


INTERRUPTIONS = (
    "aws_appmesh_mesh.main: Creating",
    "aws_appmesh_virtual_router.app: Creation complete",
    "aws_appmesh_route.app: Creating",
)


@pytest.mark.timeout(300)
def test_an_interrupted_apply_converges_when_it_is_run_again(
    plane: ControlPlane, tmp_path: Path
) -> None:
    terraform = _small(plane, tmp_path / "work", "interrupted")
    for line in INTERRUPTIONS:
        process = terraform.start("apply", "-auto-approve")
        assert process.stdout is not None
        with process.stdout:
            for printed in process.stdout:
                if line in printed:
                    # Like Ctrl-C: the signal goes to every process of the group, the provider
                    # included.
                    os.killpg(process.pid, signal.SIGINT)
            process.wait(60)
    terraform.apply()
    assert terraform.changes() == ""
    assert len(terraform.addresses()) == 6
    # And a kill -9 of the control plane between two changes.
    plane.kill9()
    plane.start()
    assert "1 changed" in terraform.apply(weight=3)
    assert terraform.changes() == ""
    terraform.destroy()


@pytest.mark.timeout(300)
def test_with_verified_signatures(plane: ControlPlane, tmp_path: Path) -> None:
    """Keys that were issued are verified: Terraform signs as the front expects it."""
    issued = ["credentials", "terraform", "--new", "--access", "deployer", "--mesh", "signed"]
    printed = plane.teal(*issued, "--data-dir", str(plane.directory / "data")).stdout
    keys = json.loads(printed)
    terraform = _small(plane, tmp_path / "work", "signed")
    key = {"access_key": keys["AccessKeyId"], "secret_key": keys["SecretAccessKey"]}
    assert "Resources: 6 added" in terraform.apply(**key)
    assert terraform.changes() == ""
    terraform.variables["secret_key"] = "wrong"
    refused = terraform.run("plan", expected=(1,))
    assert "InvalidSignatureException" in refused.stderr
    terraform.variables["secret_key"] = keys["SecretAccessKey"]
    terraform.destroy()
