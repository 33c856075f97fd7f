"""Load balancers made with the real provider: its waits end, and it sees no differences."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.planes.control_plane import control_plane
from tests.support.programs.terraform import (
    NO_TERRAFORM,
    Terraform,
    provider_running,
    terraform_binary,
)

SYSTEM = Path(__file__).parent / "load_balancers"
RESOURCES = 15

pytestmark = [
    pytest.mark.drill,
    pytest.mark.skipif(terraform_binary() is None, reason=NO_TERRAFORM),
]


@pytest.mark.timeout(300)
def test_load_balancers_live_their_whole_life(tmp_path: Path) -> None:
    shutil.copytree(SYSTEM, tmp_path / "work")
    with control_plane(tmp_path) as plane, provider_running() as provider:
        terraform = Terraform(tmp_path / "work", {"endpoint": plane.endpoint}, provider).init()
        assert f"Resources: {RESOURCES} added" in terraform.apply()
        assert terraform.changes() == ""
        assert terraform.outputs()["dns_name"].startswith("front-")

        printed = terraform.apply(changed=True)
        assert "Resources: 0 added, 5 changed, 0 destroyed" in printed
        assert terraform.changes() == ""

        terraform.variables["refused"] = "lambda"
        done = terraform.run("apply", "-auto-approve", expected=[1])
        assert "TargetType = 'lambda' is not implemented: must be ip or instance" in done.stderr
        terraform.variables["refused"] = ""
        assert f"{RESOURCES} destroyed" in terraform.destroy()
        assert plane.client("elbv2").describe_target_groups()["TargetGroups"] == []
