"""`teal deploy --terraform`: real Terraform makes the changes, the control plane decides."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.machine import free_port
from tests.support.planes.control_plane import ControlPlane, control_plane
from tests.support.planes.sample import IMAGES, api, finished
from tests.support.programs.terraform import (
    NO_TERRAFORM,
    Terraform,
    provider_running,
    terraform_binary,
)
from tests.support.programs.traffic import Traffic, traffic
from tests.support.waiting import until

pytestmark = pytest.mark.skipif(terraform_binary() is None, reason=NO_TERRAFORM)

TEAL = Path(sys.prefix) / "bin" / "teal"
TERRAFORM = Path(__file__).parents[2] / "terraform"
IMAGE = "example/sample:0.0.{}"
SETTINGS = """
[adopted.web.strategy]
steps = [100]
step_time = "2s"
bake_time = "1s"

[adopted.web.gates]
min_requests = 20
"""


@dataclass
class Shop:
    """The example of the modules, applied, with requests through its gateway."""

    plane: ControlPlane
    terraform: Terraform
    load: Traffic

    def environment(self) -> dict[str, str]:
        ours = {k: v for k, v in self.terraform.environment.items() if k.startswith("TF_")}
        return {**os.environ, **self.plane.environment, **ours}

    def teal(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(TEAL), *arguments],
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
        )

    def deploy(self, image: str, *more: str) -> subprocess.CompletedProcess[str]:
        directory = str(self.terraform.directory)
        return self.teal("deploy", "web", "--image", image, "--terraform", directory, *more)

    def sides(self) -> dict[str, tuple[str, int]]:
        described = api(self.plane).get_service("web")["sides"]
        return {
            side["side"]: (side.get("image", ""), side["weight"])
            for side in described
            if side["exists"]
        }


@contextmanager
def shop(tmp_path: Path) -> Iterator[Shop]:
    shutil.copytree(TERRAFORM, tmp_path / "terraform", ignore=shutil.ignore_patterns(".terraform*"))
    directory = tmp_path / "terraform" / "examples" / "shop"
    config = tmp_path / "teal.toml"
    commands = "\n".join(f'"{name}" = {command!r}' for name, command in IMAGES.items())
    config.write_text(f"[images]\n{commands}\n{SETTINGS}")
    with control_plane(tmp_path, config) as plane, provider_running() as provider:
        port = free_port()
        override = plane.teal("env", "--terraform", "3", "--alias", "mesh").stdout
        (directory / "teal_override.tf").write_text(override)
        # The provider looks every 15 s whether a service is steady; the deployment looks itself.
        (directory / "steady_override.tf").write_text(
            'module "web" {\n  wait_for_steady_state = false\n}\n'
        )
        terraform = Terraform(directory, {"gateway_port": port}, provider).init()
        terraform.apply()
        with traffic((f"http://127.0.0.1:{port}/", 100.0)) as load:
            yield Shop(plane, terraform, load)


@pytest.mark.scenario
@pytest.mark.timeout(600)
def test_a_release_is_made_by_applies_alone(tmp_path: Path) -> None:
    with shop(tmp_path) as system:
        done = system.deploy(IMAGE.format(2))
        assert done.returncode == 0, done.stdout + done.stderr
        assert system.sides() == {"green": (IMAGE.format(2), 100)}
        assert system.terraform.changes() == ""
        operations = [
            (event["operation"], event["actor"])
            for event in api(system.plane).list_events(500, everything=True)
        ]
        assert "UpdateRoute" in {operation for operation, _ in operations}
        assert not [one for one in operations if one[0] == "UpdateRoute" and "rollout" in one[1]]
        total = system.load.stop()
        assert not total.failures, total


@pytest.mark.drill
@pytest.mark.timeout(600)
def test_a_plan_that_does_more_is_refused_and_a_release_that_fails_goes_back(
    tmp_path: Path,
) -> None:
    with shop(tmp_path) as system:
        (system.terraform.directory / "more.tf").write_text(
            'resource "aws_ecs_cluster" "more" {\n  name = "more"\n}\n'
        )
        refused = system.deploy(IMAGE.format(2))
        assert refused.returncode != 0
        assert "aws_ecs_cluster.more (create)" in refused.stderr
        (system.terraform.directory / "more.tf").unlink()

        failed = system.deploy("example/sample:faulty")
        assert failed.returncode != 0, failed.stdout + failed.stderr
        assert finished(system.plane)["status"] == "ROLLBACK_SUCCESSFUL"
        assert system.sides() == {"blue": (IMAGE.format(1), 100)}
        assert system.terraform.changes() == ""


@pytest.mark.drill
@pytest.mark.timeout(600)
def test_another_run_goes_on_when_the_first_is_killed_in_an_apply(tmp_path: Path) -> None:
    with shop(tmp_path) as system:
        directory = str(system.terraform.directory)
        first = subprocess.Popen(
            [str(TEAL), "deploy", "web", "--image", IMAGE.format(2), "--terraform", directory],
            env=system.environment(),
            start_new_session=True,
        )
        until(lambda: api(system.plane).list_deployments("web"))
        until(lambda: "green" in system.sides())
        os.killpg(first.pid, signal.SIGKILL)
        first.wait()
        done = system.teal("deploy", "web", "--terraform", directory, "--resume")
        assert done.returncode == 0, done.stdout + done.stderr
        assert system.sides() == {"green": (IMAGE.format(2), 100)}
        assert system.terraform.changes() == ""
        total = system.load.stop()
        assert not total.failures, total
