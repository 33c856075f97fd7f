"""The life of streams: those that do not read, that are drained, let go, recycled, or come to a
replica that lags.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import grpc
import pytest
from envoy.service.discovery.v3 import discovery_pb2
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.app.envoys import server as envoy_server
from tealmesh.app.envoys.current import Current
from tealmesh.app.envoys.server import Life
from tealmesh.envoy.resources import Resource
from tealmesh.envoy.resources import ResourceType as T
from tealmesh.model.clock import steady_clock
from tealmesh.model.errors import Behind, DatabaseAway
from tealmesh.xds.streams import balance, conversation, server
from tealmesh.xds.streams.balance import FEW, settled, surplus
from tealmesh.xds.streams.fed import Fed
from tealmesh.xds.streams.server import AdsServicer
from tests.support.programs.relay import relay
from tests.xds.harness import serving
from tests.xds.stream import BEARER, METHODS, NODE, Plane, Stream, body, resources, run

ENDED = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)


class Served:
    """A served plane, to which each stream comes by a connection of its own."""

    def __init__(self, port: int, servicer: AdsServicer, stack: contextlib.AsyncExitStack) -> None:
        self.port, self.servicer, self.stack = port, servicer, stack

    async def stream(self) -> Stream:
        local = (("grpc.use_local_subchannel_pool", 1),)
        made = grpc.aio.insecure_channel(f"127.0.0.1:{self.port}", options=local)
        channel = await self.stack.enter_async_context(made)
        name, response = METHODS[True]
        method = channel.stream_stream(
            f"/{server.SERVICE}/{name}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=response.FromString,
        )
        return Stream(method(metadata=BEARER), delta=True)

    async def begun(self) -> Stream:
        stream = await self.stream()
        await stream.say(T.CLUSTER, node=NODE)
        await stream.ack(await stream.hear())
        return stream


@contextlib.asynccontextmanager
async def served(plane: Plane, **how: Any) -> AsyncIterator[Served]:
    found: list[AdsServicer] = []
    async with (
        serving(plane.cache, seen=found.append, **how) as port,
        contextlib.AsyncExitStack() as stack,
    ):
        yield Served(port, found[0], stack)


def test_an_envoy_that_does_not_read_is_named_and_holds_nobody_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(conversation, "SILENCE_SECONDS", 1.0)

    async def main() -> None:
        plane = Plane(lambda mesh: ["task-1"])
        async with served(plane) as at:
            deaf, other = await at.begun(), await at.begun()
            for number in itertools.count():
                # Until what is under way fills what gRPC keeps for a connection.
                big = Resource("blue", f"{number}", body("x" * 3_500_000), frozenset({"blue"}))
                made = resources(weight=1)
                plane.publish(replace(made, clusters={"blue": big}))
                (heard,) = (await other.hear()).resources
                assert heard.version == f"{number}"
                if at.servicer.streams == 1:
                    break
            (status,) = plane.cache.envoys("m")
            assert "did not read what it was sent" in status.note
            assert await deaf.call.code() in ENDED

    asyncio.run(main())


def test_a_replica_that_stops_lets_its_streams_go_one_after_the_other() -> None:
    async def main() -> None:
        plane = Plane()
        async with served(plane) as at:
            streams = [await at.begun() for _ in range(6)]
            assert at.servicer.streams == 6
            draining = asyncio.create_task(at.servicer.drain(1.0))
            codes = [asyncio.ensure_future(stream.call.code()) for stream in streams]
            await asyncio.wait(codes, return_when=asyncio.FIRST_COMPLETED)
            assert not all(code.done() for code in codes)
            assert {await code for code in codes} == {grpc.StatusCode.UNAVAILABLE}
            await draining

    asyncio.run(main())


def test_a_replica_that_has_too_many_ends_the_connections_of_some() -> None:
    async def main() -> None:
        plane = Plane()
        async with served(plane) as at:
            old, new = await at.begun(), await at.begun()
            at.servicer.shed(1)
            assert await old.call.code() in ENDED
            plane.publish(resources(weight=1, colours=("green",)))
            assert [one.name for one in (await new.hear()).resources] == ["green"]

    asyncio.run(main())


def test_connections_are_recycled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(envoy_server, "_AGE_GRACE_SECONDS", 0.1)

    async def main() -> None:
        async with served(Plane(), options=Life(age=0.3).options()) as at:
            stream = await at.begun()
            assert await stream.call.code() in ENDED

    asyncio.run(main())


class Database:
    """What a replica knows of it."""

    def __init__(self) -> None:
        self.revision = 7
        self.away = False
        self.asked = 0

    async def head(self) -> int:
        self.asked += 1
        await asyncio.sleep(0)
        if self.away:
            raise DatabaseAway("it does not answer")
        return self.revision


def test_an_envoy_at_a_replica_that_lags_waits_for_what_the_database_has() -> None:
    async def main() -> None:
        plane, database, fed = Plane(), Database(), Fed()
        fed.advance(6)
        current = Current(database.head, fed, steady_clock)
        async with served(plane, current=current) as at:
            stream = await at.stream()
            await stream.say(T.CLUSTER, node=NODE)
            async with asyncio.timeout(10):
                while not database.asked:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            assert not at.servicer.streams
            plane.publish(resources(weight=1, colours=("green",)))
            fed.advance(8)
            assert [one.name for one in (await stream.hear()).resources] == ["green"]

    asyncio.run(main())


@pytest.mark.parametrize("holds", [False, True])
def test_a_replica_that_is_cut_off_alone_sends_envoys_elsewhere_at_once(holds: bool) -> None:
    async def main() -> None:
        database, fed = Database(), Fed()
        database.away = True
        current = Current(database.head, fed, steady_clock, lambda: True)
        async with asyncio.timeout(10):
            with pytest.raises(Behind, match="alone has no database"):
                await current(holds)

    asyncio.run(main())


def test_a_replica_that_lags_for_long_sends_envoys_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from tealmesh.app.envoys import current as module

    monkeypatch.setattr(module, "LAG_SECONDS", 0.1)

    async def main() -> None:
        async with served(Plane(), current=Current(Database().head, Fed(), steady_clock)) as at:
            with relay(at.port) as between:
                stream = await Served(between.port, at.servicer, at.stack).stream()
                await stream.say(T.CLUSTER, node=NODE)
                assert await stream.call.code() is grpc.StatusCode.UNAVAILABLE
                assert "the database at 7" in await stream.call.details()
                # By the same connection it would come back here.
                async with asyncio.timeout(30):
                    while between.connections:  # noqa: ASYNC110
                        await asyncio.sleep(0.01)

    asyncio.run(main())


def test_while_the_database_is_away_who_holds_something_keeps_it() -> None:
    async def main() -> None:
        plane, database, fed = Plane(), Database(), Fed()
        fed.advance(7)
        database.away = True
        async with served(plane, current=Current(database.head, fed, steady_clock)) as at:
            new, old = await at.stream(), await at.stream()
            await old.say(T.CLUSTER, node=NODE, initial_resource_versions={"blue": "another"})
            await new.say(T.CLUSTER, node=NODE)
            assert (await new.hear()).resources
            assert at.servicer.streams == 1
            database.away = False
            assert (await old.hear()).resources

    asyncio.run(main())


def test_all_that_connect_at_once_ask_the_database_together() -> None:
    async def main() -> None:
        database, fed = Database(), Fed()
        fed.advance(7)
        current = Current(database.head, fed, steady_clock)
        await asyncio.gather(*(current(True) for _ in range(100)))
        assert database.asked == 1
        first = asyncio.create_task(current(True))
        while database.asked == 1:  # noqa: ASYNC110
            await asyncio.sleep(0)
        # That question is open, and may have been answered before these connected.
        await asyncio.gather(first, *(current(True) for _ in range(100)))
        assert database.asked == 3

    asyncio.run(main())


@pytest.mark.parametrize("alone", [True, False])
def test_no_task_attends_to_a_stream(alone: bool) -> None:
    def attending() -> int:
        coroutines = [task.get_coro() for task in asyncio.all_tasks()]
        return sum(getattr(one, "__qualname__", "").startswith("Served.") for one in coroutines)

    async def main() -> None:
        plane, fed = Plane(), Fed()
        fed.advance(7)
        current = None if alone else Current(Database().head, fed, steady_clock)
        async with served(plane, current=current) as at:
            streams = [await at.begun() for _ in range(3)]
            assert at.servicer.streams == 3
            assert attending() == 0
            plane.publish(resources(weight=1, colours=("green",)))
            for stream in streams:
                assert [one.name for one in (await stream.hear()).resources] == ["green"]
            await streams[0].call.done_writing()
            assert await streams[0].call.code() is grpc.StatusCode.OK
            assert at.servicer.streams == 2

    asyncio.run(main())


@given(st.dictionaries(st.sampled_from("abcd"), st.integers(0, 2000), min_size=1))
def test_replicas_even_out(streams: dict[str, int]) -> None:
    average = sum(streams.values()) / len(streams)
    for _ in range(2000):
        before, going = dict(streams), {one: surplus(one, streams) for one in streams}
        if not any(going.values()):
            break
        for one, count in going.items():
            assert count == 0 or 0 < count <= before[one] - average
            others = [name for name in streams if name != one]
            streams[one] -= count
            for number in range(count):
                streams[others[number % len(others)]] += 1
    else:
        raise AssertionError(streams)
    most = max(FEW, balance.TOLERANCE * average)
    assert all(count - average <= most for count in streams.values()) or len(streams) == 1


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        ({}, {"a": 3000, "b": 0}, False),
        ({"a": 2000, "b": 0}, {"a": 3000, "b": 2000}, False),
        ({"a": 5000, "b": 5000}, {"a": 5000, "b": 5200}, True),
        ({"a": 5000, "b": 5000}, {"a": 5000, "b": 5201}, False),
        ({"a": 10}, {"a": 30}, True),
        ({"a": 5000, "b": 5000}, {"a": 9000}, True),
    ],
)
def test_replicas_even_out_only_once_no_more_envoys_come(
    before: dict[str, int], now: dict[str, int], expected: bool
) -> None:
    assert settled(before, now) is expected


def test_what_an_envoy_says_of_itself_is_not_kept_while_its_stream_lasts() -> None:
    def kept() -> int:
        return sum(isinstance(one, discovery_pb2.DeltaDiscoveryRequest) for one in gc.get_objects())

    async def scenario(plane: Plane, streams: list[Stream]) -> None:
        before = kept()
        await streams[0].say(T.CLUSTER, node=NODE)
        await streams[0].hear()
        assert kept() == before

    run(True, scenario)
