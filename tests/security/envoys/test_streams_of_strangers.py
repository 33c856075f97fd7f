"""Streams without a token, and streams that ask for what does not exist, cost next to nothing."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import grpc
import pytest

from tealmesh.xds.streams.limits import STREAMS_OF_ENVOY, WAITING_OF_SOURCE
from tests.security.world import ADS, NODES, WEB, World, ask, attack, until


def test_few_may_wait_and_the_known_are_served_meanwhile(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        # A connection carries a hundred streams at most.
        async with world.channel() as one, world.channel() as other:
            calls = [
                channel.stream_stream(ADS)()
                for channel in (one, other)
                for _ in range(WAITING_OF_SOURCE * 3 // 4)
            ]
            ended = [asyncio.create_task(call.code()) for call in calls]
            await until(lambda: sum(t.done() for t in ended) >= len(calls) - WAITING_OF_SOURCE)
            codes = [task.result() for task in ended if task.done()]
            assert grpc.StatusCode.RESOURCE_EXHAUSTED in codes
            code, _ = await world.refused(world.token_of(WEB), "mesh/m/virtualNode/shop")
            assert code is grpc.StatusCode.PERMISSION_DENIED
            for call in calls:
                call.cancel()
            await asyncio.gather(*ended, return_exceptions=True)

    attack(tmp_path, scenario)


def test_types_that_do_not_exist_are_refused_at_once(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        async with world.channel() as channel:
            call = await world.connect(channel, world.token_of(WEB), NODES[WEB])
            await call.read()
            await ask(call, "type.googleapis.com/invented.1")
            assert await asyncio.wait_for(call.code(), 20) is grpc.StatusCode.INVALID_ARGUMENT
            assert "invented.1" in await call.details()

    attack(tmp_path, scenario)


def test_one_envoy_has_few_streams(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        async with world.channel() as channel:
            calls = [
                await world.connect(channel, world.token_of(WEB), NODES[WEB])
                for _ in range(STREAMS_OF_ENVOY + 1)
            ]
            ended = [asyncio.create_task(call.code()) for call in calls]
            done, rest = await asyncio.wait(ended, return_when=asyncio.FIRST_COMPLETED, timeout=20)
            assert [task.result() for task in done] == [grpc.StatusCode.RESOURCE_EXHAUSTED]
            assert len(rest) == STREAMS_OF_ENVOY
            for call in calls:
                call.cancel()
            await asyncio.gather(*rest, return_exceptions=True)

    attack(tmp_path, scenario)


def test_another_process_cannot_share_the_port(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        with socket.socket() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            with pytest.raises(OSError, match="in use"):
                other.bind(("127.0.0.1", world.port))

    attack(tmp_path, scenario)
