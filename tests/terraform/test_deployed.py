"""What Terraform made is deployed by `teal`, and Terraform then finds nothing to create, replace or
destroy.
"""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.support.machine import free_port
from tests.support.planes.control_plane import control_plane
from tests.support.planes.sample import finished
from tests.support.programs.terraform import (
    EXAMPLE,
    NO_TERRAFORM,
    Terraform,
    article,
    terraform_binary,
)
from tests.support.programs.traffic import traffic

pytestmark = [
    pytest.mark.drill,
    pytest.mark.skipif(terraform_binary() is None, reason=NO_TERRAFORM),
]

RATE = 150.0


def take_over(terraform: Terraform, variables: str, commands: str) -> str:
    """Do what `teal terraform vars` says; return what a plan would then change."""
    (terraform.directory / "deployed.auto.tfvars").write_text(variables)
    for line in commands.splitlines():
        subprocess.run(
            shlex.split(line),
            cwd=terraform.directory,
            env=terraform.environment,
            check=True,
            capture_output=True,
            timeout=120,
        )
    return terraform.changes()


@pytest.mark.timeout(400)
def test_a_canary_of_what_terraform_made_and_a_plan_that_changes_nothing(tmp_path: Path) -> None:
    config = EXAMPLE / "teal.toml"
    port = free_port()
    with control_plane(tmp_path, config) as plane:
        terraform = article(plane, tmp_path / "tf", "article", port)
        terraform.apply()
        plane.client("ecs").get_waiter("services_stable").wait(
            cluster="article",
            services=["article-sample-blue", "article-edge"],
            WaiterConfig={"Delay": 1, "MaxAttempts": 90},
        )
        for version in ("2", "1"):
            with traffic((f"http://127.0.0.1:{port}/", RATE)) as load:
                plane.teal("deploy", "sample", "--image", f"example/sample:0.0.{version}")
                assert finished(plane, "sample")["status"] == "SUCCESSFUL"
                assert set(load.watch(1.0).versions) == {version}
                total = load.stop()
            assert not total.failures
            assert total.sent > 1_000
            printed = [
                plane.teal(
                    "terraform", "vars", "sample", "--config", str(config), "--only", only
                ).stdout
                for only in ("vars", "commands")
            ]
            changes = take_over(terraform, *printed)
            summary = re.search(r"Plan: (\d+) to add, \d+ to change, (\d+) to destroy", changes)
            assert summary is None or summary.groups() == ("0", "0"), changes
            assert "must be replaced" not in changes
            terraform.apply()
            assert terraform.changes() == ""
        terraform.destroy()
