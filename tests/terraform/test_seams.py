"""What Terraform makes of other services around ours: scaling, alarms, zones, rules."""

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

SYSTEM = Path(__file__).parent / "seams"
RESOURCES = 14

pytestmark = pytest.mark.skipif(terraform_binary() is None, reason=NO_TERRAFORM)


@pytest.mark.drill
@pytest.mark.timeout(300)
def test_scaling_zones_and_rules_live_their_whole_life(tmp_path: Path) -> None:
    shutil.copytree(SYSTEM, tmp_path / "work")
    with control_plane(tmp_path) as plane, provider_running() as provider:
        terraform = Terraform(tmp_path / "work", {"endpoint": plane.endpoint}, provider).init()
        assert f"Resources: {RESOURCES} added" in terraform.apply()
        assert terraform.changes() == ""
        namespace = plane.client("servicediscovery").list_namespaces()["Namespaces"][0]
        zone = namespace["Properties"]["DnsProperties"]["HostedZoneId"]
        assert terraform.outputs()["zone"] == ["d.local", zone]

        assert "Resources: 0 added, 1 changed, 0 destroyed" in terraform.apply(max=6)
        assert terraform.changes() == ""
        assert f"{RESOURCES} destroyed" in terraform.destroy()
        scaling = plane.client("application-autoscaling")
        assert scaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"] == []
