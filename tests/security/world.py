"""The control plane's server for Envoys with two tasks' documents, and whoever connects to it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from envoy.service.discovery.v3 import discovery_pb2

from tealmesh.app.envoys.admission import Admission
from tealmesh.app.envoys.bound import ByBindings
from tealmesh.app.envoys.documents import ByDocuments
from tealmesh.app.envoys.permission import Permissions
from tealmesh.app.envoys.seen import SeenEnvoys
from tealmesh.app.envoys.server import EnvoyServer
from tealmesh.aws.callers.policies import Document
from tealmesh.aws.callers.roles import Role
from tealmesh.engine.state import Phase
from tealmesh.envoy.resources import ResourceSet
from tealmesh.envoy.resources import ResourceType as T
from tealmesh.model.clock import steady_clock, system_clock
from tealmesh.model.convergence import EnvoyStatus
from tealmesh.model.identity.bindings import Bindings
from tealmesh.model.identity.envoys import Identity, Owner, token
from tealmesh.model.identity.keys import Keys
from tealmesh.rollout.metrics import proto
from tealmesh.rollout.metrics.windows import Metrics
from tealmesh.store import Store, Transaction, tables
from tealmesh.supervision.supervisor import Supervisor
from tealmesh.xds.streams.cache import AdsCache
from tests.support.machine import free_port
from tests.support.meshes.builder import MeshBuilder

ARN = "arn:aws:ecs:us-east-1:123456789012:task/demo"
WEB, SHOP = f"{ARN}/web-1", f"{ARN}/shop-1"
"""Tasks, each with an Envoy."""
NODES = {WEB: "mesh/m/virtualNode/web", SHOP: "mesh/m/virtualNode/shop"}
ADS = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources"


@dataclass
class World:
    """The server, and what it knows."""

    store: Store
    keys: Keys
    told: list[tuple[str, str, str]] = field(default_factory=list)
    """What the audit was told: how, of whom, and why."""
    roles: dict[str, list[Document]] = field(default_factory=dict)
    boundaries: dict[str, Document] = field(default_factory=dict)
    """What IAM knows, by the ARN of a role."""
    away: bool = False
    """Whether IAM does not answer."""
    asked: int = 0
    """How often it was asked."""
    port: int = field(default_factory=free_port)
    credentials: grpc.ChannelCredentials | None = None
    """What connections begin with; None for no TLS."""
    bindings: Bindings = field(default_factory=Bindings)
    """What `teal envoy allow` has said."""
    translated: list[str] = field(default_factory=list)
    """The nodes whose resources were asked for."""

    def __post_init__(self) -> None:
        mesh = MeshBuilder()
        mesh.node("web")
        mesh.node("shop")
        self.cache = AdsCache(self._translate, lambda _: [])
        self.cache.update(mesh.snapshot())
        self.metrics = Metrics(steady_clock)
        by_policies = ByDocuments(self.store, self.role, system_clock)
        self.admission = Admission(
            self.store,
            self.keys,
            Permissions(ByBindings(lambda: self.bindings, self.role, by_policies), steady_clock),
            system_clock,
            lambda how, trouble: self.told.append((how, trouble.worker, trouble.error)),
            lambda: self.bindings,
        )

    def _translate(self, snapshot: Any, proxy: Any) -> ResourceSet:
        self.translated.append(proxy.resource)
        return ResourceSet()

    async def role(self, role: str) -> Role | None:
        """What IAM answers."""
        self.asked += 1
        if self.away:
            raise ConnectionError("nobody answers")
        documents = self.roles.get(role)
        boundary = self.boundaries.get(role)
        return None if documents is None else Role(role, "AROA1", documents, boundary=boundary)

    def token_of(self, task: str) -> str:
        """What is in the secret file of the task's Envoy."""
        return token(Identity(Owner.TASK, task, NODES[task]), self.keys.envoys[0])

    def seen(self) -> list[EnvoyStatus]:
        """What `teal envoys` shows."""
        return SeenEnvoys(self.cache, self.admission).envoys("m")

    async def put(self, task: str, **changes: Any) -> None:
        """Write a task's document as the engine does."""
        _, mesh, kind, name = NODES[task].split("/")
        last = changes.pop("lastStatus", "RUNNING")
        teal = {
            "phase": Phase.RUN.value,
            "envoy": {"mesh": mesh, "kind": kind, "name": name},
            "keyed": True,
            **changes,
        }
        body: Any = {"taskArn": task, "lastStatus": last, "teal": teal, "containers": []}

        def write(tx: Transaction) -> None:
            tx.put(tables.TASKS, "demo", task.rpartition("/")[2], body=body)

        await self.store.write("test", "Task", write)

    @contextlib.asynccontextmanager
    async def channel(self) -> AsyncIterator[grpc.aio.Channel]:
        """A connection of its own."""
        options = [("grpc.use_local_subchannel_pool", 1)]
        target = f"127.0.0.1:{self.port}"
        made = (
            grpc.aio.insecure_channel(target, options)
            if self.credentials is None
            else grpc.aio.secure_channel(target, self.credentials, options)
        )
        async with made as channel:
            yield channel

    async def connect(
        self, channel: grpc.aio.Channel, given: str, node: str, declared: str = ""
    ) -> Any:
        """A stream that asks for clusters; an empty ``given`` sends no header."""
        method = channel.stream_stream(
            ADS,
            request_serializer=discovery_pb2.DeltaDiscoveryRequest.SerializeToString,
            response_deserializer=discovery_pb2.DeltaDiscoveryResponse.FromString,
        )
        call = method(metadata=bearer(given))
        await ask(call, T.CLUSTER, node, declared)
        return call

    async def refused(self, given: str, node: str, declared: str = "") -> tuple[Any, str]:
        """The status and message that a stream ends with."""
        async with self.channel() as channel:
            call = await self.connect(channel, given, node, declared)
            return await asyncio.wait_for(call.code(), 20), await call.details()

    async def report(self, given: str, node: str, declared: str = "") -> Any:
        """The status that a stream of statistics ends with, which reports nothing."""
        message = proto.StreamMetricsMessage()
        message.identifier.node.id = node
        message.identifier.node.metadata.update({"tealmesh": {"task": declared}})
        async with self.channel() as channel:
            call = channel.stream_unary(
                proto.METHOD,
                request_serializer=proto.StreamMetricsMessage.SerializeToString,
                response_deserializer=proto.StreamMetricsResponse.FromString,
            )(metadata=bearer(given))
            # One that was refused already takes nothing more.
            with contextlib.suppress(asyncio.InvalidStateError, grpc.aio.AioRpcError):
                await call.write(message)
                await call.done_writing()
            return await asyncio.wait_for(call.code(), 20)


async def until(condition: Callable[[], object]) -> None:
    """Wait for what the server does."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - it watches a server in this loop
            await asyncio.sleep(0.01)


def bearer(given: str) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {given}"),) if given else ()


async def ask(call: Any, type_: str, node: str = "", declared: str = "", **more: Any) -> None:
    """Send a request."""
    message = discovery_pb2.DeltaDiscoveryRequest(type_url=str(type_), **more)
    message.node.id = node
    if declared:
        message.node.metadata.update({"tealmesh": {"task": declared}})
    # One that was refused already ends the stream: its status says so.
    with contextlib.suppress(asyncio.InvalidStateError, grpc.aio.AioRpcError):
        await call.write(message)


@contextlib.contextmanager
def opened(directory: Path, former: str = "") -> Iterator[World]:
    store = Store.open(directory / "state.db")
    try:
        yield World(store, Keys.of("the master key", "the owner's token", former))
    finally:
        store.close()


def attack(
    directory: Path, scenario: Callable[[World], Coroutine[Any, Any, None]], former: str = ""
) -> None:
    """Run a scenario against the server, with both tasks running."""

    async def main(world: World) -> None:
        await world.put(WEB)
        await world.put(SHOP)
        server = EnvoyServer(
            world.cache, world.metrics, world.admission, Supervisor(), world.port, None
        )
        await server.start()
        reviews = asyncio.create_task(server.review(world.admission.permissions.changed))
        try:
            await scenario(world)
        finally:
            reviews.cancel()
            await server.close()

    with opened(directory, former) as world:
        asyncio.run(main(world))
