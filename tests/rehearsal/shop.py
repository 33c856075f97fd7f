"""What runs at the cloud: examples/shop, whose Envoys the control plane inside configures."""

from __future__ import annotations

import json
from typing import Any

from tests.rehearsal.cloud import ENVOY_IMAGE, SAMPLE_IMAGE
from tests.rehearsal.inside import PATIENCE, Inside
from tests.support.planes.sample import FINISHED
from tests.support.waiting import until
from tests.terraform.test_modules import owned_by

SETTINGS = """
[adopted.web.strategy]
type = "canary"
steps = [50, { weight = 100, approval = true }]
step_time = "3s"
step_timeout = "5m"
bake_time = "3s"

[adopted.web.gates]
min_requests = 20
"""


def side(is_active: bool, weight: int, version: int) -> dict[str, Any]:
    """A side of the example's service."""
    return {"is_active": is_active, "weight": weight, "image": SAMPLE_IMAGE.format(version)}


FOUR_STEPS = (
    {"green": side(True, 0, 2)},
    {"green": side(True, 1, 2)},
    {"blue": side(True, 0, 1)},
    {"blue": side(False, 0, 1)},
)


class Shop:
    """A mesh, its gateway behind a load balancer, and a service in blue and green."""

    def __init__(self, inside: Inside) -> None:
        self.inside = inside
        self.cloud = inside.cloud
        made = inside.terraform.outputs()
        self.terraform = self.cloud.terraform(
            "shop",
            further=inside.provider(),
            shared=False,
            network=made["network"],
            xds_endpoint=made["xds_endpoint"],
            xds_ca=self.cloud.authority.pem,
            envoy_image=ENVOY_IMAGE,
            agent=True,
            envoy_environment={"TEAL_STS_ENDPOINT": self.cloud.sts},
            gateway_environment={},
            load_balancer=True,
            blue=side(True, 1, 1),
            green=side(False, 0, 2),
        )
        self.terraform.apply()
        self.url = f"http://{self.cloud.listener('shop-gateway', 80)}/"

    def envoys(self) -> list[Any]:
        """As the control plane inside knows them."""
        shown: list[Any] = json.loads(self.inside.teal("envoys", "--json").stdout)
        return shown

    def tasks_of(self, service: str) -> list[str]:
        """The ids of the tasks of an ECS service."""
        ecs = self.cloud.plane.client("ecs")
        arns = ecs.list_tasks(cluster="shop", serviceName=service)["taskArns"]
        return [arn.rpartition("/")[2] for arn in arns]

    def exit_codes(self, task: str) -> dict[str, int]:
        """Of the containers of a task, once it has stopped."""
        ecs = self.cloud.plane.client("ecs")

        def stopped() -> bool:
            (shown,) = ecs.describe_tasks(cluster="shop", tasks=[task])["tasks"]
            return bool(shown["lastStatus"] == "STOPPED")

        until(stopped, self.cloud.plane.log, PATIENCE)
        (shown,) = ecs.describe_tasks(cluster="shop", tasks=[task])["tasks"]
        return {one["name"]: one.get("exitCode") for one in shown["containers"]}

    def inspected(self, task: str, container: str) -> Any:
        """A container of a task, as the engine has it."""
        names = self.cloud.containers().values()
        name = next(one for one in names if one.endswith(f"{task}-{container}"))
        (shown,) = json.loads(self.cloud.engine.run("inspect", name))
        return shown

    def run_as_gateway(self) -> str:
        """Start a task of web that says of itself that it is the gateway, which the policy of its
        role does not name; returns its id.
        """
        ecs = self.cloud.plane.client("ecs")
        (web,) = ecs.describe_services(cluster="shop", services=["web-blue"])["services"]
        named = {"name": "APPMESH_RESOURCE_ARN", "value": "mesh/shop/virtualGateway/gateway"}
        (task,) = ecs.run_task(
            cluster="shop",
            taskDefinition=web["taskDefinition"],
            launchType="FARGATE",
            networkConfiguration=web["networkConfiguration"],
            overrides={"containerOverrides": [{"name": "envoy", "environment": [named]}]},
        )["tasks"]
        return str(task["taskArn"]).rpartition("/")[2]

    def stop(self, task: str) -> None:
        """Stop a task that is of no service, and wait until it has."""
        self.cloud.plane.client("ecs").stop_task(cluster="shop", task=task)
        self.exit_codes(task)

    def give_to_rollouts(self) -> None:
        """From now on deployments own the weights."""
        owned_by(self.terraform.directory, "bluegreen-service-rollouts")
        self.terraform.run("init")
        self.terraform.apply()
        settings = self.cloud.directory / "teal.toml"
        settings.write_text(SETTINGS)
        self.inside.teal("apply", "--config", str(settings))

    def deploy(self, version: int) -> None:
        """Begin a canary, and wait until it has its first requests and waits to be approved."""
        self.inside.teal("deploy", "web", "--image", SAMPLE_IMAGE.format(version), "--no-follow")
        until(lambda: self._newest().get("state") == "AWAITING_APPROVAL", self._told, PATIENCE)

    def approve(self) -> None:
        """Let the canary go on, to its end."""
        self.inside.teal("approve", "web", "--no-follow")
        until(lambda: self._newest().get("status") in FINISHED, self._told, PATIENCE)
        assert self._newest()["status"] == "SUCCESSFUL", self._told()

    def _newest(self) -> dict[str, Any]:
        """The newest deployment, if the control plane answers."""
        done = self.inside.teal("history", "web", "--number", "1", "--json", check=False)
        if done.returncode:
            return {}
        (newest,) = json.loads(done.stdout)
        assert newest["status"] in ("IN_PROGRESS", "SUCCESSFUL"), newest
        return dict(newest)

    def _told(self) -> str:
        return json.dumps(self._newest(), indent=1)
