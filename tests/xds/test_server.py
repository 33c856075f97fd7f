"""Which streams are served, in both variants of ADS, and which are refused."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from envoy.config.core.v3 import base_pb2
from envoy.service.discovery.v3 import discovery_pb2
from google.protobuf import json_format

from tealmesh.envoy.resources import ResourceType as T
from tests.xds.harness import TOKEN, transport
from tests.xds.stream import BOTH, NODE, Plane, Stream, names, resources, run


@pytest.fixture(autouse=True, params=["ours", "reference"])
def _on_both(request: pytest.FixtureRequest) -> Iterator[None]:
    token = transport.set(request.param)
    yield
    transport.reset(token)


@pytest.mark.parametrize("metadata", [(), (("authorization", "Bearer wrong"),)])
@BOTH
def test_without_the_token_there_is_nothing(delta: bool, metadata: Any) -> None:
    async def main() -> None:
        streams = Plane().streams(delta, metadata=metadata)
        (stream,) = await anext(streams)
        if not metadata:
            await stream.say(T.CLUSTER, node=NODE)
        assert await stream.call.code() is grpc.StatusCode.UNAUTHENTICATED
        assert "authorization: Bearer TOKEN" in await stream.call.details()
        assert TOKEN not in await stream.call.details()
        await streams.aclose()

    asyncio.run(main())


@pytest.mark.parametrize("node", ["app", "mesh/m/route/app", "mesh/m/virtualNode"])
def test_a_node_id_that_names_no_resource_is_refused(node: str) -> None:
    async def scenario(plane: Plane, streams: list[Stream]) -> None:
        await streams[0].say(T.CLUSTER, node=node)
        assert await streams[0].call.code() is grpc.StatusCode.INVALID_ARGUMENT
        details = await streams[0].call.details()
        assert node in details
        assert "mesh/MESH/virtualNode/NAME" in details

    run(False, scenario)


def test_an_envoy_cannot_become_another_on_the_way() -> None:
    async def scenario(plane: Plane, streams: list[Stream]) -> None:
        await streams[0].say(T.CLUSTER, node=NODE)
        await streams[0].hear()
        await streams[0].say(T.CLUSTER, node="mesh/m/virtualNode/other")
        assert await streams[0].call.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert "must stay" in await streams[0].call.details()

    run(False, scenario)


def test_an_envoy_that_comes_before_its_node_is_served_when_the_node_comes() -> None:
    async def scenario(plane: Plane, streams: list[Stream]) -> None:
        await streams[0].say(T.CLUSTER, node="mesh/m/virtualNode/later")
        while not plane.cache.envoys("m"):  # noqa: ASYNC110 - nothing announces a connection
            await asyncio.sleep(0.01)
        assert plane.cache.envoys("m")[0].note == (
            "mesh/m/virtualNode/later does not exist: this Envoy waits"
        )
        plane.mesh.node("later")
        plane.publish(resources(weight=1))
        assert names(await streams[0].hear()) == ["cluster-blue"]

    run(False, scenario)


def test_closing_ends_every_stream() -> None:
    async def main() -> None:
        streams = Plane().streams(True)
        (stream,) = await anext(streams)
        await stream.say(T.CLUSTER, node=NODE)
        await stream.hear()
        await streams.aclose()
        assert await stream.call.code() in (
            grpc.StatusCode.UNAVAILABLE,
            grpc.StatusCode.CANCELLED,
        )

    asyncio.run(main())


def test_identity_falls_back_to_node_and_peer() -> None:
    async def scenario(plane: Plane, streams: list[Stream]) -> None:
        message = discovery_pb2.DiscoveryRequest(
            type_url=T.CLUSTER.value, node=base_pb2.Node(id=NODE)
        )
        told = message.node.user_agent_build_version.version
        told.major_number, told.minor_number, told.patch = 1, 36, 2
        assert "metadata" not in json_format.MessageToDict(message.node)
        await streams[0].call.write(message)
        await streams[0].hear()
        (status,) = plane.cache.envoys("m")
        assert status.id.startswith(f"{NODE}@ipv4:127.0.0.1:")
        assert status.version == "1.36.2"
        assert [one.status.version for one in plane.cache.here("m")] == ["1.36.2"]

    run(False, scenario)
