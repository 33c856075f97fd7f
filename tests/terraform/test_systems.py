"""Whole systems in the style of public ones, applied by real Terraform without any change: their
tasks run, requests go through their load balancers, a plan is empty, a release under load loses no
request, and `destroy` ends.

`make systems` runs them all. The provider waits a minute after it has created a load balancer, so
`make test` imports that of the smallest system.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.planes.control_plane import ControlPlane, control_plane
from tests.support.programs.systems import IMAGES, System, steady_requests, until
from tests.support.programs.terraform import NO_TERRAFORM, provider_running, terraform_binary

pytestmark = pytest.mark.skipif(terraform_binary() is None, reason=NO_TERRAFORM)


@dataclass(frozen=True)
class Case:
    """A system, and the release that its operators make."""

    name: str
    release: dict[str, Any]
    protocol: str = "HTTP"
    """Of the listener that requests are sent to."""
    by_host: int = 200
    """What is answered at the port where the Host header selects the load balancer."""


CASES = (
    Case("alb_mesh", {"green_weight": 100}),
    Case("nlb_gateway", {"stable_tag": "2.0"}, protocol="TCP"),
    Case("dns_discovery", {"catalog_version": "2.1"}, protocol="HTTPS", by_host=301),
    Case("autoscaling", {"release": "2.0"}),
    Case("modules", {"image_tag": "2.0.0"}),
)
SHORT = CASES[3]


@pytest.fixture
def plane(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ControlPlane]:
    # One of them looks for a machine image.
    monkeypatch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "true")
    with control_plane(tmp_path, IMAGES) as made:
        yield made


@pytest.fixture
def provider() -> Iterator[str]:
    with provider_running() as made:
        yield made


@pytest.mark.drill
@pytest.mark.timeout(600)
@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_system_lives_its_whole_life(
    case: Case, plane: ControlPlane, provider: str, tmp_path: Path
) -> None:
    _live(System(plane, case.name, tmp_path / "work", provider), case)


@pytest.mark.drill
@pytest.mark.timeout(300)
def test_the_smallest_system_lives_its_whole_life(
    plane: ControlPlane, provider: str, tmp_path: Path
) -> None:
    system = System(plane, SHORT.name, tmp_path / "work", provider)
    terraform = system.terraform
    targets = [
        "aws_ecs_cluster.cluster",
        "aws_security_group.all",
        "aws_subnet.subnet",
        "module.alb.aws_security_group.http",
    ]
    terraform.run("apply", "-auto-approve", *(f"-target={target}" for target in targets))
    state = terraform.resources()
    made = plane.client("elbv2", "ap-northeast-1").create_load_balancer(
        Name="media-stg-alb",
        Subnets=[value["id"] for kind, value in state if kind == "aws_subnet"],
        SecurityGroups=[value["id"] for kind, value in state if kind == "aws_security_group"],
    )
    arn = made["LoadBalancers"][0]["LoadBalancerArn"]
    terraform.run("import", "module.alb.aws_lb.alb", arn)
    _live(system, SHORT)


def _live(system: System, case: Case) -> None:
    system.terraform.apply()
    assert system.terraform.changes() == ""
    system.steady()
    url = system.url(case.protocol)
    system.serves(url)
    by_host = f"http://127.0.0.1:{system.plane.lb_port}"
    until(lambda: system.ask(by_host).status_code == case.by_host, system.plane.log)

    with steady_requests(url, system.terraform.outputs()["dns_name"]) as seen:
        system.terraform.apply(**case.release)
        system.steady()
        until(lambda: system.ask(url).json()["version"] == "2", system.plane.log)
    assert not seen.failures
    assert {"1", "2"} <= set(seen.versions)

    assert system.terraform.changes() == ""
    region = system.region
    system.terraform.destroy()
    assert system.terraform.addresses() == []
    assert system.plane.client("ecs", region).list_clusters()["clusterArns"] == []
    assert system.plane.client("elbv2", region).describe_target_groups()["TargetGroups"] == []
