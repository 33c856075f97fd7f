"""AWS is played by our own cloud: real Terraform applies the modules for production to it, and the
control plane runs inside, as two tasks, with Envoys of `images/envoy` that prove their task's role.

The four steps of a release by Terraform, and one by `teal deploy`, are made under load, while a
replica is killed, then the cloud, and PostgreSQL is started anew: no request is lost.
`make rehearse-aws` writes docs/rehearsal-aws.md.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rehearsal.cloud import played
from tests.rehearsal.report import Report
from tests.rehearsal.shop import Shop
from tests.support.programs.podman import needs_engine
from tests.support.programs.terraform import NO_TERRAFORM, terraform_binary
from tests.support.programs.traffic import traffic
from tests.support.waiting import until

pytestmark = [
    needs_engine,
    pytest.mark.skipif(terraform_binary() is None, reason=NO_TERRAFORM),
    pytest.mark.drill,
    pytest.mark.timeout(1800),
]


def test_releases_under_load_while_parts_of_aws_end(tmp_path: Path) -> None:
    report = Report()
    with played(tmp_path) as cloud:
        cloud.make_images()
        report.step("images of the control plane and of Envoy are built")
        cloud.start_database()
        cloud.start()
        control = cloud.control_plane()
        assert control.changes() == ""
        report.step("control-plane is applied, its plan is empty")
        shop = Shop(cloud, control)
        shop.make()
        assert shop.terraform.changes() == ""
        report.step("mesh and bluegreen-service are applied, their plans are empty")
        with traffic((shop.url, 50.0)) as load:
            assert load.watch(1.0).versions.keys() == {"1"}
            shop.step(green=(True, 0))
            replica = cloud.kill_replica()
            shop.step(green=(True, 1))
            report.step(f"replica {replica[:8]} is killed before weight goes to green")
            until(lambda: load.watch(0.5).versions.keys() == {"1", "2"}, cloud.plane.log)
            cloud.plane.kill9()
            cloud.start()
            shop.step(blue=(True, 0))
            report.step("the cloud is killed before weight is taken from blue")
            until(lambda: load.watch(0.5).versions.keys() == {"2"}, cloud.plane.log)
            shop.step(blue=(False, 0))
            report.step("the four steps are done")
            shop.owned_by_tealmesh()
            shop.deploy("1")
            cloud.database.stop()
            assert load.watch(2.0).sent
            cloud.database.start()
            assert shop.deployed() == "SUCCESSFUL"
            report.step("PostgreSQL is started anew in the middle of `teal deploy`")
            assert load.watch(1.0).versions.keys() == {"1"}
            assert shop.terraform.changes() == ""
            total = load.stop()
        assert not total.failures, total
        assert total.sent > 1000
        report.requests = total.sent
        shop.terraform.destroy()
        control.destroy()
        cloud.nothing_is_left()
        report.step("all is destroyed, nothing is left")
    report.write()
