"""The users' system by real Terraform, with three routes that replace each other: the four steps
from blue to green. The long form goes back as well, and applies the single route of the example
beside it. Under steady traffic, no request fails.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.drills import sizes
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
from tests.support.programs.traffic import Traffic, traffic

pytestmark = pytest.mark.skipif(terraform_binary() is None, reason=NO_TERRAFORM)

THREE_ROUTES = Path(__file__).parent / "three_routes"
RATE = 125.0
LONG = 20_000
"""Requests through each gateway in the long form, which has both forms of the system."""


@dataclass
class Form:
    """One of the two forms, applied, with traffic through its gateway."""

    plane: ControlPlane
    name: str
    terraform: Terraform
    port: int
    least: int
    """Requests through the gateway during the procedure."""

    def begin(self) -> None:
        printed = self.terraform.apply()
        assert "0 changed, 0 destroyed" in printed
        self.steady(f"{self.name}-sample-blue", f"{self.name}-edge")
        assert self.terraform.outputs()["url"] == f"http://127.0.0.1:{self.port}/"

    def procedure(self, load: Traffic) -> None:
        """The four steps from blue to green, and in the long form the four back."""
        self.settled(load, {"1"})
        self.release(load, "green", "blue", {"2"}, {"1"})
        if self.least == LONG:
            self.release(load, "blue", "green", {"1"}, {"2"})
        while load.total.sent < self.least:
            time.sleep(0.5)

    def release(self, load: Traffic, new: str, old: str, to: set[str], was: set[str]) -> None:
        # 1. The new side starts, without requests.
        self.apply(**{f"{new}_is_active": True})
        self.steady(f"{self.name}-sample-{new}")
        assert set(load.watch(1.0).versions) == was
        self.follow(1)
        # 2. Both get requests.
        self.apply(**{f"{new}_weight": 1})
        self.settled(load, {"1", "2"})
        seen = load.watch(2.0)
        assert abs(seen.versions["2"] / seen.sent - 0.5) < 5 * (0.25 / seen.sent) ** 0.5
        self.follow(2)
        # 3. The old side gets none.
        self.apply(**{f"{old}_weight": 0})
        self.settled(load, to)
        self.follow(3)
        # 4. The old side is stopped and removed.
        self.apply(**{f"{old}_is_active": False})
        assert set(load.watch(0.5).versions) == to
        self.follow(0)
        nodes = self.plane.client("appmesh").list_virtual_nodes(meshName=self.name)
        assert [n["virtualNodeName"] for n in nodes["virtualNodes"]] == [f"sample-{new}"]

    def follow(self, step: int) -> None:
        """`teal status` says that this step is done, and before long that the next is safe."""
        deadline = time.monotonic() + 60
        while True:
            shown = self.plane.teal("status", "--json", "--mesh", self.name).stdout
            (service,) = json.loads(shown)["services"]
            release = service["release"]
            assert release["step"] == step, (step, service)
            if release["safe"]:
                return
            assert time.monotonic() < deadline, release
            time.sleep(0.5)

    def apply(self, **variables: Any) -> None:
        self.terraform.apply(**variables)
        assert self.terraform.changes() == ""

    def steady(self, *services: str) -> None:
        self.plane.client("ecs").get_waiter("services_stable").wait(
            cluster=self.name,
            services=list(services),
            WaiterConfig={"Delay": 1, "MaxAttempts": 90},
        )

    def settled(self, load: Traffic, expected: set[str]) -> None:
        """Wait until all answers within a second come from exactly these versions."""
        deadline = time.monotonic() + 60
        while set((seen := load.watch(1.0)).versions) != expected:
            assert time.monotonic() < deadline, f"{seen.versions} and not {expected}"

    def drift(self) -> None:
        """A route that is deleted outside Terraform is recreated."""
        appmesh, where = self.plane.client("appmesh"), {"meshName": self.name}
        (route,) = appmesh.list_routes(virtualRouterName="sample", **where)["routes"]
        name = route["routeName"]
        appmesh.delete_route(virtualRouterName="sample", routeName=name, **where)
        assert "Plan: 1 to add, 0 to change, 0 to destroy" in self.terraform.changes()
        self.apply()


@pytest.fixture
def forms(tmp_path: Path, least: int) -> Iterator[list[Form]]:
    with control_plane(tmp_path, EXAMPLE / "teal.toml") as plane, ExitStack() as stack:
        made = []
        both = (("three", THREE_ROUTES), ("example", None))
        for name, routes in both if least == LONG else both[:1]:
            port = free_port()
            provider = stack.enter_context(provider_running())
            terraform = article(
                plane, tmp_path / name, name, port, three_routes=routes, provider=provider
            )
            made.append(Form(plane, name, terraform, port, least))
        yield made


@pytest.mark.drill
@pytest.mark.timeout(600)
@sizes("least", short=2_500, long=LONG)
def test_the_four_steps_lose_nothing(forms: list[Form]) -> None:
    plane = forms[0].plane
    with ThreadPoolExecutor(len(forms)) as pool, ExitStack() as stack:
        list(pool.map(Form.begin, forms))
        loads = [
            stack.enter_context(traffic((f"http://127.0.0.1:{form.port}/", RATE))) for form in forms
        ]
        list(pool.map(Form.procedure, forms, loads))
        totals = [load.stop() for load in loads]
        for form, total in zip(forms, totals, strict=True):
            assert not total.failures, (form.name, total.failures)
            assert total.sent >= form.least
        assert (
            "route sample-blue of router sample in mesh three was the router's last" in plane.log()
        )

        list(pool.map(Form.drift, forms))
        plane.kill9()
        plane.start()
        assert set(pool.map(lambda form: form.terraform.changes(), forms)) == {""}
        list(pool.map(lambda form: form.terraform.destroy(), forms))
    _nothing_is_left(plane)


def _nothing_is_left(plane: ControlPlane) -> None:
    assert plane.client("appmesh").list_meshes()["meshes"] == []
    assert plane.client("ecs").list_clusters()["clusterArns"] == []
    assert plane.client("servicediscovery").list_namespaces()["Namespaces"] == []
    vpcs = plane.client("ec2").describe_vpcs()["Vpcs"]
    assert [vpc["IsDefault"] for vpc in vpcs] == [True]
    assert plane.client("iam").list_roles()["Roles"] == []
    assert plane.client("logs").describe_log_groups()["logGroups"] == []
    assert plane.client("route53").list_hosted_zones()["HostedZones"] == []
