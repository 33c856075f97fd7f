"""Instances of the Cloud Map of a real ``teal up`` reach the snapshots of another store."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tealmesh.discovery.cloud_map import CloudMapClient
from tealmesh.discovery.worker import Discovery
from tealmesh.model.clock import steady_clock
from tealmesh.model.mesh import Instance
from tealmesh.store import Store, Transaction, tables
from tealmesh.store.cloud_map import CloudMap
from tealmesh.supervision.supervisor import Supervisor
from tests.support import sdk
from tests.support.planes.control_plane import ControlPlane, control_plane
from tests.support.programs.relay import Relay, relay


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    with control_plane(tmp_path_factory.mktemp("cloud")) as plane:
        yield plane


class Discovering:
    """A store whose one virtual node names ``web.apps.local``, and what was discovered of it."""

    def __init__(self, path: Path, client: Any) -> None:
        self.store = Store.open(path / "state.db")
        self.supervisor = Supervisor()
        asking = CloudMapClient(client)
        self.worker = Discovery(self.store, asking, self.supervisor, steady_clock, lambda: 0.5)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        await self.store.write("test", "CreateVirtualNode", _node)
        task = asyncio.create_task(self.worker.run())
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def known(self) -> dict[str, Instance]:
        instances = CloudMap.of(self.store.view).instances
        return {one.id: one for one in instances.get(("apps.local", "web"), ())}

    def troubles(self) -> list[str]:
        return [f"{one.worker}: {one.error}" for one in self.supervisor.troubles()]

    async def until(self, look: Callable[[], object]) -> None:
        async with asyncio.timeout(60):
            while not look():  # noqa: ASYNC110
                await asyncio.sleep(0.02)


def _node(tx: Transaction) -> None:
    source = {"awsCloudMap": {"namespaceName": "apps.local", "serviceName": "web"}}
    body: Any = {"meshName": "m", "name": "web", "parent": "", "arn": "", "uid": "", "version": 1}
    body["spec"] = {"serviceDiscovery": source}
    tx.put(tables.VIRTUAL_NODES, "m", "web", body=body)


def _service(cloud: ControlPlane) -> tuple[Any, str]:
    """The service of Cloud Map, made once."""
    client = cloud.client("servicediscovery")
    found = [one["Id"] for one in client.list_services()["Services"]]
    if found:
        return client, found[0]
    started = client.create_http_namespace(Name="apps.local")["OperationId"]
    namespace = client.get_operation(OperationId=started)["Operation"]["Targets"]["NAMESPACE"]
    checked: Any = {"FailureThreshold": 1}
    made = client.create_service(Name="web", NamespaceId=namespace, HealthCheckCustomConfig=checked)
    return client, made["Service"]["Id"]


def _register(client: Any, service: str, name: str, address: int) -> None:
    attributes = {"AWS_INSTANCE_IPV4": f"10.1.0.{address}", "AWS_INSTANCE_PORT": "8080"}
    attributes |= {"ECS_SERVICE_NAME": "web", "colour": "blue"}
    client.register_instance(ServiceId=service, InstanceId=name, Attributes=attributes)


def test_instances_come_drain_and_outlive_an_outage_and_a_restart(
    cloud: ControlPlane, tmp_path: Path
) -> None:
    with relay(cloud.port) as way:
        asyncio.run(_scenario(cloud, way, tmp_path))


async def _scenario(cloud: ControlPlane, way: Relay, tmp_path: Path) -> None:
    through = sdk.client(way.endpoint, "servicediscovery")
    one = Discovering(tmp_path, through)
    async with one.running():
        # Named before there is such a service: said, and found once it is made.
        await one.until(lambda: any("knows no service web.apps.local" in t for t in one.troubles()))
        client, service = _service(cloud)
        _register(client, service, "a", 1)
        _register(client, service, "b", 2)
        await one.until(lambda: one.known().keys() == {"a", "b"})
        assert ("colour", "blue") in one.known()["a"].attributes
        await one.until(lambda: not one.troubles())
        client.update_instance_custom_health_status(
            ServiceId=service, InstanceId="b", Status="UNHEALTHY"
        )
        await one.until(lambda: not one.known()["b"].healthy)
        client.deregister_instance(ServiceId=service, InstanceId="b")
        await one.until(lambda: one.known()["b"].draining)
        way.refuses = True
        way.cut()
        await one.until(lambda: any("cannot be asked" in t for t in one.troubles()))
        client.deregister_instance(ServiceId=service, InstanceId="a")
        _register(client, service, "c", 2)
        assert not one.known()["a"].draining
    one.store.close()
    again = Discovering(tmp_path, through)
    assert not again.known()["a"].draining
    assert again.known()["b"].draining
    async with again.running():
        await again.until(lambda: again.troubles())
        assert again.known().keys() == {"a", "b"}
        way.refuses = False
        # "c" has the address of "b" now, so that "b" is gone at once.
        await again.until(lambda: again.known().keys() == {"a", "c"})
        await again.until(lambda: again.known()["a"].draining)
    again.store.close()
