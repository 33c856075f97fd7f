"""A system of plain resources, with three alternating routes, is taken over by a module as `teal
terraform moved` says: nothing that serves is made anew, and no request is lost.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support import sdk
from tests.support.machine import free_port
from tests.support.planes.control_plane import ControlPlane, control_plane
from tests.support.programs.terraform import (
    EXAMPLE,
    NO_TERRAFORM,
    Terraform,
    article,
    provider_running,
    terraform_binary,
)
from tests.support.programs.traffic import traffic

pytestmark = pytest.mark.skipif(terraform_binary() is None, reason=NO_TERRAFORM)

HERE = Path(__file__).parent
MODULES = HERE.parents[1] / "terraform" / "modules"
SERVES = (
    "aws_appmesh_virtual_node.side",
    "aws_appmesh_virtual_router.this",
    "aws_appmesh_virtual_service.this",
    "aws_appmesh_route.this",
    "aws_ecs_service.side",
    "aws_service_discovery_service.this",
)
SPARE = """
resource "aws_appmesh_route" "spare" {
  name                = "spare"
  mesh_name           = aws_appmesh_mesh.main.name
  virtual_router_name = var.app_name

  spec {
    http_route {
      match {
        prefix = "/"
      }

      action {
        weighted_target {
          virtual_node = aws_appmesh_virtual_node.blue[0].name
          weight       = 1
        }
        weighted_target {
          virtual_node = aws_appmesh_virtual_node.green[0].name
          weight       = 1
        }
      }
    }
  }

  depends_on = [aws_appmesh_virtual_router.app]
}
"""
"""A route that was left beside the three."""


@pytest.mark.drill
@pytest.mark.timeout(600)
def test_a_module_takes_over_a_system_with_three_routes(tmp_path: Path) -> None:
    shutil.copytree(MODULES, tmp_path / "modules", ignore=shutil.ignore_patterns(".terraform*"))
    port = free_port()
    with control_plane(tmp_path, EXAMPLE / "teal.toml") as plane, provider_running() as provider:
        system = article(
            plane, tmp_path / "tf", "three", port, three_routes=HERE / "three_routes",
            provider=provider,
        )  # fmt: skip
        (system.directory / "spare.tf").write_text(SPARE)
        system.apply(green_is_active=True, green_weight=1)
        plane.client("ecs").get_waiter("services_stable").wait(
            cluster="three",
            services=["three-sample-blue", "three-sample-green", "three-edge"],
            WaiterConfig={"Delay": 1, "MaxAttempts": 90},
        )
        with traffic((f"http://127.0.0.1:{port}/", 100.0)) as load:
            system.run("state", "rm", "aws_appmesh_virtual_router.app")
            taken_over(plane, system)
            assert set(load.watch(1.0).versions) == {"1", "2"}
            total = load.stop()
    assert not total.failures, total
    assert total.sent > 500


def taken_over(plane: ControlPlane, system: Terraform) -> None:
    """By each of the two modules: the second one begins with the state of before the first."""
    said = moved(plane, system, "bluegreen-service", "--json")
    text = moved(plane, system, "bluegreen-service")
    assert said["imported"] == [
        {"to": "module.sample.aws_appmesh_virtual_router.this", "id": "three/sample"}
    ]
    assert said["removed"] == ["aws_appmesh_route.spare"]
    refer(system, [*said["deleted"], "aws_appmesh_virtual_router.app"])
    file, state = system.directory / "moved.tf", system.directory / "terraform.tfstate"
    before = state.read_text()
    for source in ("bluegreen-service-rollouts", "bluegreen-service"):
        state.write_text(before)
        file.write_text(text.replace("modules/bluegreen-service", f"modules/{source}"))
        assert system.run("fmt", "-check", "moved.tf").returncode == 0
        system.run("init")
        changes = planned(system)
        for address, actions in changes.items():
            serves = any(one in address for one in SERVES)
            assert not serves or actions in (["no-op"], ["update"]), (source, address, actions)
            assert "delete" not in actions or "create" in actions, (source, address)
        assert changes["aws_appmesh_route.spare"] == ["forget"]
        if source.endswith("rollouts"):
            done = {tuple(actions) for actions in changes.values()}
            assert not [one for one in done if "delete" in one], "no task is replaced"
        system.apply()
        assert system.changes() == "", source


def moved(plane: ControlPlane, system: Terraform, source: str, *more: str) -> Any:
    command = ["teal", "terraform", "moved", "sample", "--directory", str(system.directory)]
    command += ["--source", f"../modules/{source}", *more]
    known = {k: v for k, v in system.environment.items() if k.startswith("TF_")}
    printed = sdk.run(command, {**plane.environment, **known}).stdout
    return json.loads(printed) if "--json" in more else printed


def refer(system: Terraform, deleted: Sequence[str]) -> None:
    """Delete the blocks, and let the rest refer to the module, as people do."""
    for file in system.directory.glob("*.tf"):
        text = file.read_text()
        for address in [*deleted, *other_routes()]:
            kind, name = address.split(".")
            text = re.sub(rf'resource "{kind}" "{name}" {{.*?^}}\n', "", text, flags=re.S | re.M)
        text = re.sub(r"locals {\n  node_arns = .*?^}\n", "", text, flags=re.S | re.M)
        text = text.replace("aws_appmesh_virtual_service.app.name", "module.sample.hostname")
        arns = "values(module.sample.virtual_node_arns)"
        file.write_text(text.replace("local.node_arns", arns))


def other_routes() -> list[str]:
    return ["aws_appmesh_route.blue", "aws_appmesh_route.green"]


def planned(system: Terraform) -> dict[str, list[str]]:
    """What a plan does with each resource."""
    file = str(system.directory / "plan")
    system.run("plan", f"-out={file}")
    plan = json.loads(system.run("show", "-json", file).stdout)
    return {
        one["address"]: one["change"]["actions"]
        for one in plan["resource_changes"]
        if one["mode"] == "managed"
    }
