"""The service of somebody who has the control plane in production: examples/shop."""

from __future__ import annotations

import re
from typing import Any

from tests.rehearsal.cloud import APP_IMAGE, ENVOY_IMAGE, Cloud
from tests.support import sdk
from tests.support.programs.terraform import Terraform

STRATEGY = """[adopted.web.strategy]
type = "canary"
steps = [10, 50, 100]
step_time = "2s"
bake_time = "2s"
step_timeout = "3m"

[adopted.web.gates]
min_requests = 20
"""


class Shop:
    """examples/shop with the control plane inside ``cloud``, which ``control`` has made."""

    def __init__(self, cloud: Cloud, control: Terraform) -> None:
        self.cloud = cloud
        made = control.outputs()
        self.sides = {"blue": (True, 1, "1"), "green": (False, 0, "2")}
        self.terraform = cloud.terraform(
            "shop",
            network=made["network"],
            xds_endpoint=made["xds_endpoint"],
            xds_ca=cloud.authority.pem,
            agent=True,
            envoy_image=ENVOY_IMAGE,
            envoy_environment={"TEAL_STS_ENDPOINT": cloud.sts},
            gateway_environment={},
            load_balancer=True,
            **self._sides(),
        )
        override = self.terraform.directory / "teal_override.tf"
        keys = cloud.callers_environment()
        text = override.read_text()
        for member, value in {
            "appmesh": cloud.endpoint,
            "access_key": keys["AWS_ACCESS_KEY_ID"],
            "secret_key": keys["AWS_SECRET_ACCESS_KEY"],
        }.items():
            text, count = re.subn(rf'(?m)^(\s*{member}\s*=\s*)".*"', rf'\g<1>"{value}"', text)
            assert count == 1, (member, text)
        override.write_text(text)

    @property
    def url(self) -> str:
        """Of the gateway, by the load balancer before it."""
        return f"http://{self.cloud.listener('shop-gateway', 80)}/"

    def make(self) -> None:
        self.terraform.apply()

    def step(self, **sides: tuple[bool, int]) -> None:
        """One of the four steps: whether sides are active, and their weights."""
        for name, (active, weight) in sides.items():
            self.sides[name] = (active, weight, self.sides[name][2])
        self.terraform.apply(**self._sides())

    def owned_by_tealmesh(self) -> None:
        """Change the source of the service's module, as users do."""
        main = self.terraform.directory / "main.tf"
        text = main.read_text()
        assert text.count('modules/bluegreen-service"') == 1
        main.write_text(
            text.replace('modules/bluegreen-service"', 'modules/bluegreen-service-rollouts"')
        )
        self.terraform.run("init")
        self.terraform.apply()

    def deploy(self, version: str) -> None:
        settings = self.terraform.directory / "teal.toml"
        settings.write_text(STRATEGY)
        self.teal("apply", "--config", str(settings))
        self.teal("deploy", "web", "--image", f"{APP_IMAGE}:{version}", "--no-follow")

    def deployed(self) -> str:
        """How the deployment has ended."""
        return str(self.cloud.finished("web"))

    def teal(self, *arguments: str) -> str:
        return sdk.run(["teal", *arguments], self.cloud.callers_environment()).stdout

    def _sides(self) -> dict[str, Any]:
        return {
            name: {"is_active": active, "weight": weight, "image": f"{APP_IMAGE}:{version}"}
            for name, (active, weight, version) in self.sides.items()
        }
