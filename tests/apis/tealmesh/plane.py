"""A control plane with all its APIs but no engine: tests set which tasks run."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tealmesh.apis.tealmesh.api import ContainerLine
from tealmesh.aws.clients import client
from tealmesh.model import wire
from tealmesh.model.clock import system_clock
from tealmesh.model.convergence import Convergence
from tealmesh.store import Store, Transaction, tables
from tealmesh.store.snapshot import mesh_snapshot
from tealmesh.xds.streams.cache import AdsCache
from tests.support.meshes.translation import translate

TOML = """
[mesh]
name = "demo"

[images]
"*/web:*" = ["python3", "web.py"]

[services.web]
port = 8080
image = "example/web:1"
desired_count = 2

[services.front]
port = 8081
image = "example/web:1"
backends = ["web"]

[gateways.edge]
port = 9080
routes = { "/" = "web", "/front" = "front" }
"""


async def no_logs(task: str, lines: int) -> Sequence[ContainerLine]:
    return [ContainerLine("app", f"last of {lines} lines")]


class NoLoadBalancers:
    """A report without load balancers."""

    async def load_balancers(self) -> list[wire.LoadBalancerStatus]:
        return []

    def by_host_port(self) -> int | None:
        return None

    def by_host_problem(self) -> str:
        return ""


class Fed:
    """The control plane's cache; it takes the newest snapshot before each question."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._cache = AdsCache(translate, lambda mesh: [], system_clock)
        self.envoys = self._cache.envoys
        self.convergence = self._cache.convergence
        self.held = self._cache.held
        self.unmoved = self._cache.unmoved

    async def wait_converged(self, mesh: str, revision: int, timeout: float) -> Convergence:
        snapshot = mesh_snapshot(self._store.view, mesh)
        assert snapshot is not None
        self._cache.update(snapshot)
        return await self._cache.wait_converged(mesh, revision, timeout)


@dataclass
class Plane:
    """A control plane without an engine; ``stopped`` has the ``stopTasks`` of each Shutdown."""

    store: Store
    url: str
    stopped: list[bool]
    clients: dict[str, Any] = field(default_factory=dict)

    def __getattr__(self, operation: str) -> Any:
        return getattr(self.aws("tealmesh"), operation)

    def aws(self, service: str) -> Any:
        if service not in self.clients:
            self.clients[service] = client(service, self.url, access_key="tester")
        return self.clients[service]

    def apply(self, text: str = TOML) -> dict[str, Any]:
        answer: dict[str, Any] = self.__getattr__("apply")(
            text=text, file="teal.toml", baseDirectory="/srv"
        )
        return answer

    def _change(self, node: str, **members: Any) -> None:
        def change(t: Transaction) -> None:
            document = t.get(tables.ECS_SERVICES, "demo", node)
            assert document is not None
            t.put(tables.ECS_SERVICES, "demo", node, body={**document.body, **members})

        asyncio.run(self.store.write("test", "Tasks", change))

    def tasks_are_gone(self, node: str) -> None:
        """As if the last task of a deleted ECS service had stopped."""
        self._change(node, status="INACTIVE", deployments=[])

    def ecs_service(self, node: str) -> Any:
        return self.aws("ecs").describe_services(cluster="demo", services=[node])["services"][0]

    def gives_up(self, node: str) -> None:
        """As if the circuit breaker of an ECS service that never ran had opened."""
        document = self.store.view.get(tables.ECS_SERVICES, "demo", node)
        assert document is not None
        primary, *former = document.body["deployments"]
        self._change(node, deployments=[{**primary, "rolloutState": "FAILED"}, *former])

    def run_tasks(self, node: str, count: int) -> None:
        """As if that many tasks of an ECS service were running and registered."""
        self._change(node, runningCount=count)
        discovery = self.aws("servicediscovery")
        name = node.rpartition("-")[0]
        services = discovery.list_services()["Services"]
        service = next(s["Id"] for s in services if s["Name"] == name)
        for index in range(count):
            discovery.register_instance(
                ServiceId=service,
                InstanceId=f"{node}-{index}",
                Attributes={"AWS_INSTANCE_IPV4": f"127.9.0.{index}", "ECS_SERVICE_NAME": node},
            )


def refused(error: pytest.ExceptionInfo[ClientError]) -> tuple[str, str]:
    refusal = error.value.response["Error"]
    return refusal["Code"], refusal["Message"]
