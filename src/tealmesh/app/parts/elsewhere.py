"""What `teal serve` adds: tasks that run in an ECS elsewhere, discovered in its Cloud Map."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import urlsplit

from starlette.routing import BaseRoute

from tealmesh.apis.appmesh.unreachable import unreachable_targets
from tealmesh.apis.tealmesh.ports import ContainerLine, LoadBalancers, Logs
from tealmesh.app.parts.aws import AwsEndpoints
from tealmesh.app.parts.ground import Ground
from tealmesh.app.parts.ports import Worker
from tealmesh.app.parts.replication import DISCOVERY
from tealmesh.app.settings import ServeConfig
from tealmesh.aws.callers.shapes import refusal
from tealmesh.aws.gateway import Fallback
from tealmesh.aws.wire.codec import Request, Response
from tealmesh.discovery.cloud_map import CloudMapClient
from tealmesh.discovery.worker import Discovery
from tealmesh.model import wire
from tealmesh.model.clock import steady_clock
from tealmesh.model.errors import AwsError
from tealmesh.model.health import TaskHealth
from tealmesh.rollout.drivers.base import SeenByCallers, Unseen
from tealmesh.rollout.ecs_sides import undrained
from tealmesh.rollout.system import GatewaySystem
from tealmesh.store import View
from tealmesh.workloads.clusters import Clusters
from tealmesh.workloads.worker import LAG_SECONDS, Workloads

_OF_AWS = (".amazonaws.com", ".amazonaws.com.cn")
"""How endpoints end that are AWS's, those of a VPC too."""


def at_aws(endpoint: str) -> bool:
    """Whether this endpoint, or none, is one of AWS's."""
    return not endpoint or (urlsplit(endpoint).hostname or "").endswith(_OF_AWS)


class Elsewhere:
    """A `ports.Cloud` of tasks that are not ours to start or stop."""

    def __init__(self, ground: Ground, config: ServeConfig, aws: AwsEndpoints) -> None:
        self._ground, self._config = ground, config
        at = config.ecs_endpoint or f"AWS, {config.region}"
        self.summary = f"tasks of ECS at {at}"
        self.engine = False
        self._discovered = False
        self.xds_at = config.xds_advertise
        self.metrics_at = "/metrics"
        self.lag = LAG_SECONDS
        self.load_balancers: LoadBalancers = NoLoadBalancers()
        self.logs: Logs = no_logs
        clusters = Clusters(aws.of("ecs"), aws.of("servicediscovery"))
        named = config.ecs_clusters
        self.workloads = Workloads(ground.store, clusters, named, ground.supervisor, steady_clock)
        self.discovery = Discovery(
            ground.store,
            CloudMapClient(aws.without_retries("servicediscovery")),
            ground.supervisor,
            steady_clock,
            random.random,
        )

    def callers(self) -> SeenByCallers:
        """Nobody asks Envoys elsewhere: what ECS and Cloud Map say of tasks counts."""
        return Unseen()

    def health(self) -> Sequence[TaskHealth]:
        return ()

    async def image_problem(self, image: str) -> str:
        """ECS says it when a task cannot be started."""
        return ""

    def port_problem(self, gateway: GatewaySystem) -> str:
        return ""

    def system_problem(self) -> str:
        """A service at AWS needs subnets, security groups and roles, of which teal.toml knows
        nothing.
        """
        if not at_aws(self._config.ecs_endpoint):
            return ""
        return (
            "services and gateways of a teal.toml are made in the cloud of a `teal up`. At AWS "
            "they need subnets, security groups and roles: make them by Terraform (module "
            "bluegreen-service), and write [adopted.NAME] or use `teal adopt`"
        )

    def without_effect(self, view: View) -> list[wire.MemberWithoutEffect]:
        return [*unreachable_targets(view), *_undrained(view)]

    async def shut_down(self, stop_tasks: bool) -> int:
        if stop_tasks:
            raise AwsError(
                "BadRequestException",
                f"the tasks are those of ECS ({self.summary}) and go on: stop this control plane "
                "where it was started, by SIGTERM",
            )
        asyncio.get_running_loop().call_later(0.1, self._ground.stop.set)
        return 0

    def apis(self) -> Mapping[str, object]:
        return {}

    def others(self, apis: Mapping[str, object]) -> Fallback:
        config = self._config
        given = {"ecs": config.ecs_endpoint, "servicediscovery": config.cloud_map_endpoint}
        return Refusing(tuple(apis), {name: at for name, at in given.items() if at}, config.region)

    def routes(self) -> Iterator[BaseRoute]:
        yield from ()

    def open_paths(self) -> Sequence[str]:
        return ()

    def why_not_ready(self) -> Iterator[str]:
        # Another replica reads it for all, where that one has the lease.
        reads = DISCOVERY in self._ground.replication.leases.held()
        if reads and not self.workloads.answered:
            yield f"ECS has not answered yet ({self._config.ecs_endpoint or 'AWS'})"
        # Once: a service that is named later, while Cloud Map is away, keeps nobody from the rest.
        self._discovered = self._discovered or (reads and self.discovery.answered())
        if reads and not self._discovered:
            yield f"Cloud Map has not answered yet ({self._config.cloud_map_endpoint or 'AWS'})"

    def workers(self) -> Iterator[Worker]:
        once = self._ground.replication.once
        yield "the copy of ECS", once(DISCOVERY, self.workloads.run)
        yield "the discovery from Cloud Map", once(DISCOVERY, self.discovery.run)

    async def listen(self) -> None:
        """It has no servers."""

    async def close(self) -> None:
        """It has nothing to detach from."""


class Refusing:
    """Says where the other services are."""

    def __init__(self, ours: Sequence[str], given: Mapping[str, str], region: str) -> None:
        """``given``: the endpoints of services that are not AWS's."""
        self._ours = ours
        self._given = given
        self._region = region

    async def answer(self, request: Request, service: str | None, request_id: str) -> Response:
        if service is None:
            text = "the request is not signed, so nobody knows for which service it is"
        else:
            aws = f"AWS, such as https://{service}.{self._region}.amazonaws.com"
            where = self._given.get(service, aws)
            text = f"this control plane is no {service}: call {service} at {where}"
        text += f" (here are {', '.join(self._ours)})"
        error = AwsError("UnknownOperationException", text, status=404)
        return refusal(error, service, request, request_id)


class NoLoadBalancers:
    """`apis.tealmesh.ports.LoadBalancers` where they are AWS's."""

    async def load_balancers(self) -> list[wire.LoadBalancerStatus]:
        return []

    def by_host_port(self) -> int | None:
        return None

    def by_host_problem(self) -> str:
        return ""


async def no_logs(task_arn: str, lines: int) -> Sequence[ContainerLine]:
    """Raise AwsError: logs of tasks elsewhere are where their log drivers put them."""
    raise AwsError(
        "BadRequestException",
        f"the logs of {task_arn} are where the log driver of its task definition puts them, such "
        "as CloudWatch Logs: this control plane has none",
    )


def _undrained(view: View) -> Iterator[wire.MemberWithoutEffect]:
    """The services whose tasks lose requests when ECS stops them."""
    reason = (
        "none of them has the task drained before ECS stops the application, so requests may be "
        "lost then: add a container with the command drain (docs/envoys.md)"
    )
    for service in undrained(view):
        yield {"resource": service, "member": "containerDefinitions", "reason": reason}
