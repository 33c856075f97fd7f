"""AWS is played by our own cloud: real Terraform applies the module control-plane to it, and the
control plane runs inside, as two tasks. `make rehearse-aws` writes docs/rehearsal-aws.md.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rehearsal.cloud import played
from tests.rehearsal.report import Report
from tests.support.programs.podman import needs_engine
from tests.support.programs.terraform import NO_TERRAFORM, terraform_binary
from tests.support.waiting import until

pytestmark = [
    needs_engine,
    pytest.mark.skipif(terraform_binary() is None, reason=NO_TERRAFORM),
    pytest.mark.drill,
    pytest.mark.timeout(1800),
]


def test_the_control_plane_runs_inside(tmp_path: Path) -> None:
    """The module alone: two replicas that share a database, called by their load balancer."""
    report = Report()
    with played(tmp_path) as cloud:
        cloud.make_image()
        report.step("the image of the control plane is built")
        cloud.start_database()
        cloud.start()
        control = cloud.control_plane()
        report.step("control-plane is applied")
        before = cloud.replicas()
        assert len(before) == 2
        mesh = cloud.client("appmesh").create_mesh(meshName="inside")["mesh"]
        assert mesh["metadata"]["meshOwner"] == "123456789012"
        assert cloud.plane.client("appmesh").list_meshes()["meshes"] == [], "that is another one"
        assert control.changes() == ""
        report.step("its API answers by the load balancer, its plan is empty")
        killed = cloud.kill_replica()
        until(lambda: len(set(cloud.replicas()) - {killed}) == 2, cloud.plane.log, seconds=300)
        cloud.client("appmesh").delete_mesh(meshName="inside")
        report.step("a replica is killed, another is started; the API answers")
        control.destroy()
        cloud.nothing_is_left()
        report.step("all is destroyed, nothing is left")
    report.write()
