"""What a control plane does when the agent of an Envoy says that its task leaves."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.app.envoys.leaving import LeavingServicer
from tealmesh.discovery.schedule import Place
from tealmesh.discovery.settling import Seen
from tealmesh.discovery.worker import _changes
from tealmesh.http2.server import Server
from tealmesh.model.convergence import Convergence
from tealmesh.model.errors import TealError
from tealmesh.model.leaving import HELLO, LEAVE, SERVICE, leave_of
from tealmesh.rollout.ecs_sides import undrained
from tealmesh.store import Store, Transaction, View, tables
from tealmesh.store.cloud_map import CloudMap
from tests.support.planes.admitting import Shared

TASK = "arn:aws:ecs:us-east-1:123456789012:task/c/0123456789abcdef0123456789abcdef"
OTHER = TASK.replace("task/c/0", "task/c/1")
NODE = "mesh/m/virtualNode/web"
TOKEN = (("authorization", "Bearer shared"),)


class World:
    """A store with the instances of two tasks, and Envoys that acknowledge when told to."""

    def __init__(self, path: Path) -> None:
        self.store = Store.open(path / "state.db")
        self.acknowledged = True
        self.awaited: list[tuple[str, int]] = []

    async def converge(self, mesh: str, revision: int, seconds: float) -> Convergence:
        self.awaited.append((mesh, revision))
        done = self.acknowledged
        return Convergence(revision, ("caller",), done, () if done else ("caller",))

    async def known(self) -> None:
        def change(tx: Transaction) -> None:
            for task in (TASK, OTHER):
                found = {"namespace": "local", "service": "web", "id": task.rpartition("/")[2]}
                body: Any = {**found, "attributes": {}, "healthy": True}
                tx.put(tables.DISCOVERED, "local", "web", found["id"], body=body)

        await self.store.write("test", "Known", change)

    def draining(self) -> dict[str, bool]:
        """By task."""
        seen = CloudMap.of(self.store.view).instances["local", "web"]
        names = {one.rpartition("/")[2]: one for one in (TASK, OTHER)}
        return {names[one.id]: one.draining for one in seen}


@asynccontextmanager
async def served(world: World) -> AsyncIterator[grpc.aio.Channel]:
    server = Server(())
    servicer = LeavingServicer(world.store, Shared("shared"), world.converge, "teal-1")
    servicer.add_to(server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield channel
    finally:
        await server.stop(0.1)


async def call(
    channel: grpc.aio.Channel, method: str, body: Mapping[str, object], *metadata: tuple[str, str]
) -> Any:
    asked = channel.unary_unary(f"/{SERVICE}/{method}")
    answer = await asked(json.dumps(body).encode(), metadata=metadata or TOKEN, timeout=20)
    return json.loads(answer)


def leave(task: str = TASK, wait: float = 5) -> dict[str, object]:
    return {"node": NODE, "task": task, "wait": wait}


def test_its_instances_drain_and_nobody_elses(tmp_path: Path) -> None:
    async def work() -> None:
        world = World(tmp_path)
        await world.known()
        async with served(world) as channel:
            assert await call(channel, HELLO, {}) == {"serverId": "teal-1"}
            world.acknowledged = False
            first = await call(channel, LEAVE, leave())
            assert first == {
                "instances": 1, "acknowledged": False, "gone": False, "waiting": ["caller"],
            }  # fmt: skip
            assert world.draining() == {TASK: True, OTHER: False}
            revision = world.store.view.revision
            world.acknowledged = True
            again = await call(channel, LEAVE, leave())
            assert (again["acknowledged"], again["waiting"]) == (True, [])
            # The same change is waited for, whatever was written since.
            assert world.awaited == [("m", revision)] * 2
            assert world.store.view.revision == revision

    asyncio.run(work())


@pytest.mark.parametrize("task", ["", "role/0123456789abcdef0123456789abcdef", "a/b/c"])
def test_who_is_no_task_drains_nothing(tmp_path: Path, task: str) -> None:
    async def work() -> None:
        world = World(tmp_path)
        await world.known()
        async with served(world) as channel:
            answer = await call(channel, LEAVE, leave(task))
            assert (answer["instances"], answer["gone"]) == (0, False)
        assert not any(world.draining().values())

    asyncio.run(work())


@pytest.mark.parametrize(
    ("body", "token", "code"),
    [
        (leave(), "Bearer other", grpc.StatusCode.UNAUTHENTICATED),
        (leave(wait=11), "Bearer shared", grpc.StatusCode.INVALID_ARGUMENT),
        ({"node": 1}, "Bearer shared", grpc.StatusCode.INVALID_ARGUMENT),
    ],
)
def test_what_is_refused(
    tmp_path: Path, body: dict[str, object], token: str, code: grpc.StatusCode
) -> None:
    async def work() -> None:
        world = World(tmp_path)
        await world.known()
        async with served(world) as channel:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await call(channel, LEAVE, body, ("authorization", token))
            assert refused.value.code() is code
        assert not any(world.draining().values())

    asyncio.run(work())


@given(st.binary() | st.from_type(type(None)).map(lambda _: b"[" * 100_000))
def test_whatever_comes_is_a_request_or_refused(message: bytes) -> None:
    try:
        found = leave_of(message)
    except TealError:
        return
    assert isinstance(found["node"], str)
    assert 0 <= found["wait"] <= 10


def test_discovery_keeps_the_word_of_a_task_that_leaves(tmp_path: Path) -> None:
    """Cloud Map lists it for a while, and forgets it then."""

    async def work() -> None:
        world = World(tmp_path)
        await world.known()
        async with served(world) as channel:
            await call(channel, LEAVE, leave())
        place = Place("local", "web")
        both = [Seen(one.rpartition("/")[2], (), True) for one in (TASK, OTHER)]
        assert list(_changes(world.store.view, place, both, world.store.now())) == []
        ((gone, body),) = _changes(world.store.view, place, both[1:], world.store.now())
        assert TASK.endswith(gone)
        assert body is not None
        assert "gone" in body

    asyncio.run(work())


def test_a_service_without_what_drains_its_tasks_is_named() -> None:
    envoy = {
        "name": "envoy",
        "image": "x:1",
        "environment": [{"name": "APPMESH_RESOURCE_ARN", "value": NODE}],
    }
    drain = {"name": "drain", "image": "x:1", "command": ["drain"]}
    tx = Transaction(View(0, {}))
    parts = {"web": [envoy], "api": [envoy, drain], "job": [{"name": "app", "image": "y:1"}]}
    for name, containers in parts.items():
        arn = f"arn:aws:ecs:us-east-1:123456789012:task-definition/{name}:1"
        definition: Any = {"taskDefinitionArn": arn, "containerDefinitions": containers}
        tx.put(tables.TASK_DEFINITIONS, name, "000001", body=definition)
        service: Any = {
            "status": "ACTIVE",
            "serviceName": name,
            "taskDefinition": arn,
            "clusterArn": "arn:aws:ecs:us-east-1:123456789012:cluster/c",
        }
        tx.put(tables.ECS_SERVICES, "c", name, body=service)
    assert list(undrained(tx)) == ["c/web"]
