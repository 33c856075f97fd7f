"""AWS is played by our own cloud: real Terraform applies the modules control-plane, mesh and
bluegreen-service to it. The control plane runs inside, as two tasks, and configures the Envoys of
the others. `make rehearse-aws` runs the long form, and writes docs/rehearsal-aws.md.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.rehearsal.cloud import ENVOY_IMAGE, Cloud, played
from tests.rehearsal.inside import PATIENCE, Inside
from tests.rehearsal.report import Report
from tests.rehearsal.shop import FOUR_STEPS, Shop
from tests.support.programs.podman import needs_engine
from tests.support.programs.terraform import NO_TERRAFORM, terraform_binary
from tests.support.programs.traffic import Traffic, traffic
from tests.support.waiting import until

RATE = 50.0
"""Requests per second, throughout."""

pytestmark = [
    needs_engine,
    pytest.mark.skipif(terraform_binary() is None, reason=NO_TERRAFORM),
    pytest.mark.timeout(3000),
]


@pytest.mark.parametrize(
    "canaries",
    [
        pytest.param(1, id="short"),
        pytest.param(4, id="long", marks=pytest.mark.drill),
    ],
)
def test_a_shop_is_released_while_what_it_stands_on_ends(tmp_path: Path, canaries: int) -> None:
    """The four steps by variables; then canaries by `teal deploy`, in the middle of each of which a
    replica, the control plane of the cloud and PostgreSQL end. No request is lost.
    """
    report = Report()
    with played(tmp_path) as cloud:
        cloud.make_images()
        report.step("the images of the control plane, of Envoy and of the application are built")
        cloud.start_database()
        cloud.start()
        inside = Inside(cloud)
        apart(cloud, inside)
        assert inside.terraform.changes() == ""
        report.step("control-plane is applied, its API answers by the load balancer")
        shop = Shop(inside)
        agents_run_unchanged(shop)
        a_task_is_what_its_role_says(shop)
        with traffic((shop.url, RATE)) as load:
            until_answered(load, "1")
            report.step("mesh and bluegreen-service are applied, version 1 answers by the gateway")
            four_steps(shop, report)
            until_answered(load, "2")
            assert shop.terraform.changes() == ""
            shop.give_to_rollouts()
            report.step("bluegreen-service-rollouts owns the weights from now on")
            for number in range(canaries):
                canary(shop, load, 1 + number % 2, report)
            total = load.stop()
        assert not total.failures, total
        report.step(f"{total.sent:,} requests, 0 lost")
        shop.terraform.destroy()
        report.step("mesh and bluegreen-service are destroyed")
        inside.destroy()
        report.step("control-plane is destroyed: nothing is left")
    report.write()


def apart(cloud: Cloud, inside: Inside) -> None:
    """The App Mesh of the control plane inside is its own."""
    assert list(inside.replicas().values()) == ["RUNNING"] * 2
    appmesh = inside.client("appmesh")
    mesh = appmesh.create_mesh(meshName="inside")["mesh"]
    assert mesh["metadata"]["meshOwner"] == "123456789012"
    assert cloud.plane.client("appmesh").list_meshes()["meshes"] == []
    appmesh.delete_mesh(meshName="inside")


def agents_run_unchanged(shop: Shop) -> None:
    """Envoys are those of the image, by its own entry point, with the role of their tasks; the
    cloud configures none.
    """
    (task,) = shop.tasks_of("web-blue")
    envoy = shop.inspected(task, "envoy")
    assert envoy["ImageName"] == ENVOY_IMAGE
    assert {envoy["Path"], *envoy["Args"]} == {"teal-envoy"}
    assert envoy["Config"]["User"] == "1337"
    envoys = {one["resource"].rpartition("/")[2]: one for one in shop.envoys()}
    assert envoys.keys() == {"gateway", "web-blue"}
    assert all(one["connected"] for one in envoys.values()), envoys
    assert envoys["web-blue"]["id"].endswith(task), envoys
    assert shop.cloud.plane.teal("envoys", "--json").stdout.strip() == "[]"


def a_task_is_what_its_role_says(shop: Shop) -> None:
    """One that takes itself for another is refused by the control plane inside, by its role."""
    task = shop.run_as_gateway()

    def refused() -> bool:
        (found,) = [one for one in shop.envoys() if one["id"].endswith(task)] or [{}]
        note = found.get("note", "")
        return "may not appmesh:StreamAggregatedResources" in note and not found["connected"]

    until(refused, shop.envoys, PATIENCE)
    shop.stop(task)


def four_steps(shop: Shop, report: Report) -> None:
    (blue,) = shop.tasks_of("web-blue")
    for number, step in enumerate(FOUR_STEPS, 1):
        shop.terraform.apply(**step)
        report.step(f"step {number} of 4 by variables")
    assert shop.exit_codes(blue)["drain"] == 0


def canary(shop: Shop, load: Traffic, version: int, report: Report) -> None:
    """A deployment; in its middle, what it stands on ends."""
    shop.deploy(version)
    report.step(f"a canary of version {version} has its first requests")
    ends: dict[str, Callable[[], None]] = {
        "a replica is killed, another is started": shop.inside.kill_replica,
        "the control plane of the cloud is killed, and started again": shop.cloud.crash,
        "PostgreSQL is stopped until it is missed, and started again": shop.inside.restart_database,
    }
    for said, end in ends.items():
        end()
        report.step(said)
    shop.approve()
    until_answered(load, str(version))
    assert shop.terraform.changes() == ""
    report.step(f"the canary is at its end, version {version} has all requests, a plan is empty")


def until_answered(load: Traffic, version: str) -> None:
    """Wait until all answers are of this version."""
    until(lambda: set(load.watch(1.0).versions) == {version}, lambda: load.total, PATIENCE)
