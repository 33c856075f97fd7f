"""Both variants of ADS as raw messages over a real gRPC stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
import pytest
from envoy.config.core.v3 import base_pb2
from envoy.service.discovery.v3 import discovery_pb2
from google.protobuf import json_format

from tealmesh.envoy.resources import Resource, ResourceSet
from tealmesh.envoy.resources import ResourceType as T
from tealmesh.model.mesh import Kind, MeshSnapshot, Proxy
from tealmesh.xds.cache import AdsCache
from tests.support.meshes.builder import MeshBuilder
from tests.xds.harness import TOKEN, serving

NODE = "mesh/m/virtualNode/app"
BEARER = (("authorization", f"Bearer {TOKEN}"),)
METHODS = {
    True: ("DeltaAggregatedResources", discovery_pb2.DeltaDiscoveryResponse),
    False: ("StreamAggregatedResources", discovery_pb2.DiscoveryResponse),
}


def body(text: str) -> bytes:
    """An Any that Envoy would not know; the control plane does not look into it."""
    value = discovery_pb2.Resource(name=text)
    holder = discovery_pb2.DiscoveryResponse().resources.add()
    holder.Pack(value)
    packed: bytes = holder.SerializeToString()
    return packed


def resources(*, weight: int, colours: tuple[str, ...] = ("blue",)) -> ResourceSet:
    """A listener, a route with a weight, and a cluster with endpoints for each colour."""

    def made(name: str, version: str, refers_to: tuple[str, ...] = ()) -> dict[str, Resource]:
        return {name: Resource(name, version, body(version), frozenset(refers_to))}

    clusters: dict[str, Resource] = {}
    endpoints: dict[str, Resource] = {}
    for colour in colours:
        clusters |= made(colour, f"cluster-{colour}", (colour,))
        endpoints |= made(colour, f"endpoints-{colour}")
    route = made("rds", f"weight-{weight}-{'+'.join(colours)}", colours)
    return ResourceSet(clusters, endpoints, made("lds", "listener", ("rds",)), route)


class Stream:
    """An Envoy that is driven by hand."""

    def __init__(self, call: Any, *, delta: bool) -> None:
        self.call = call
        self.delta = delta
        self.request = (
            discovery_pb2.DeltaDiscoveryRequest if delta else discovery_pb2.DiscoveryRequest
        )

    async def say(self, type_: T, names: tuple[str, ...] = (), node: str = "", **more: Any) -> None:
        field = "resource_names_subscribe" if self.delta else "resource_names"
        message = self.request(type_url=type_.value, **{field: names}, **more)
        if node:
            message.node.id = node
            message.node.metadata.update({"tealmesh": {"task": "task-1"}})
        await self.call.write(message)

    async def hear(self) -> Any:
        answer = await asyncio.wait_for(self.call.read(), 10)
        assert answer is not grpc.aio.EOF, await self.call.details()
        return answer

    async def silence(self) -> None:
        reading = asyncio.ensure_future(self.call.read())
        done, _ = await asyncio.wait({reading}, timeout=0.1)
        assert not done, reading.result()
        # A read cannot be taken back without ending the stream, so this is the last thing asked.
        self.call.cancel()
        await asyncio.gather(reading, return_exceptions=True)

    async def ack(self, answer: Any, names: tuple[str, ...] = ()) -> None:
        if self.delta:
            await self.say(T(answer.type_url), response_nonce=answer.nonce)
        else:
            version = answer.version_info
            more = {"response_nonce": answer.nonce, "version_info": version}
            await self.say(T(answer.type_url), names, **more)

    async def nack(self, answer: Any, message: str) -> None:
        more: dict[str, Any] = {"error_detail": {"code": 13, "message": message}}
        names = () if self.delta else ("rds",)
        await self.say(T(answer.type_url), names, response_nonce=answer.nonce, **more)

    async def start(self) -> None:
        """All that an Envoy asks for, accepted."""
        await self.say(T.CLUSTER, node=NODE)
        await self.ack(await self.hear())
        await self.say(T.ENDPOINT, ("blue",))
        await self.ack(await self.hear(), ("blue",))
        await self.say(T.LISTENER)
        await self.ack(await self.hear())
        await self.say(T.ROUTE, ("rds",))
        await self.ack(await self.hear(), ("rds",))


class Plane:
    """A cache whose translation is whatever the test says, served."""

    def __init__(self, expected: Callable[[str], list[str]] = lambda mesh: []) -> None:
        self.mesh = MeshBuilder()
        self.mesh.node("app")
        self.made = resources(weight=1)
        self.cache = AdsCache(self._translate, expected)
        self.snapshot = self.mesh.snapshot()
        self.cache.update(self.snapshot)

    def _translate(self, snapshot: MeshSnapshot, proxy: Proxy) -> ResourceSet:
        assert proxy.kind is Kind.VIRTUAL_NODE
        return self.made

    def publish(self, made: ResourceSet) -> int:
        self.made = made
        self.snapshot = self.mesh.snapshot()
        self.cache.update(self.snapshot)
        return self.snapshot.revision

    async def streams(
        self, delta: bool, count: int = 1, metadata: Any = BEARER
    ) -> AsyncIterator[list[Stream]]:
        async with (
            serving(self.cache) as port,
            grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
        ):
            name, response = METHODS[delta]
            method = channel.stream_stream(
                f"/envoy.service.discovery.v3.AggregatedDiscoveryService/{name}",
                request_serializer=lambda message: message.SerializeToString(),
                response_deserializer=response.FromString,
            )
            yield [Stream(method(metadata=metadata), delta=delta) for _ in range(count)]


def names(answer: Any) -> list[str]:
    """The names that a response carries, by the test's bodies for the state of the world."""
    return sorted(
        r.name if hasattr(r, "name") else discovery_pb2.Resource.FromString(r.value).name
        for r in answer.resources
    )


BOTH = pytest.mark.parametrize("delta", [True, False], ids=["delta", "sotw"])


def run(
    delta: bool, scenario: Callable[[Plane, list[Stream]], Any], count: int = 1, **more: Any
) -> None:
    async def main() -> None:
        plane = Plane(**more)
        streams = plane.streams(delta, count)
        try:
            await scenario(plane, await anext(streams))
        finally:
            await streams.aclose()

    asyncio.run(main())


@BOTH
def test_a_change_of_weight_is_one_response(delta: bool) -> None:
    async def scenario(plane: Plane, streams: list[Stream]) -> None:
        (stream,) = streams
        await stream.start()
        first = await plane.cache.wait_converged("m", plane.snapshot.revision, 10)
        assert first.converged
        assert first.expected == ("task-1",)
        revision = plane.publish(resources(weight=2))
        assert not plane.cache.convergence("m", revision).converged
        answer = await stream.hear()
        assert answer.type_url == T.ROUTE
        assert names(answer) == (["rds"] if delta else ["weight-2-blue"])
        assert not plane.cache.convergence("m", revision).converged
        await stream.ack(answer, ("rds",))
        assert (await plane.cache.wait_converged("m", revision, 10)).converged
        await stream.silence()

    run(delta, scenario)


@BOTH
def test_a_snapshot_that_changes_nothing_is_acknowledged_at_once(delta: bool) -> None:
    async def scenario(plane: Plane, streams: list[Stream]) -> None:
        (stream,) = streams
        await stream.start()
        revision = plane.publish(resources(weight=1))
        assert (await plane.cache.wait_converged("m", revision, 10)).converged
        await stream.silence()

    run(delta, scenario)


@BOTH
def test_the_order_on_the_wire(delta: bool) -> None:
    """Green comes and blue goes in one change: cluster, ACK, route, ACK, cluster."""

    async def scenario(plane: Plane, streams: list[Stream]) -> None:
        (stream,) = streams
        await stream.start()
        revision = plane.publish(resources(weight=1, colours=("green",)))
        both = await stream.hear()
        assert both.type_url == T.CLUSTER
        assert names(both) == (["green"] if delta else ["cluster-blue", "cluster-green"])
        await stream.say(
            T.ENDPOINT,
            ("green",) if delta else ("blue", "green"),
            **({} if delta else {"response_nonce": "2"}),
        )
        endpoints = await stream.hear()
        assert endpoints.type_url == T.ENDPOINT
        await stream.ack(endpoints, ("blue", "green"))
        await stream.ack(both)
        route = await stream.hear()
        assert route.type_url == T.ROUTE
        assert not plane.cache.convergence("m", revision).converged
        await stream.ack(route, ("rds",))
        last = await stream.hear()
        assert last.type_url == T.CLUSTER
        assert names(last) == ([] if delta else ["cluster-green"])
        if delta:
            assert list(last.removed_resources) == ["blue"]
        await stream.ack(last)
        assert (await plane.cache.wait_converged("m", revision, 10)).converged

    run(delta, scenario)


@BOTH
def test_many_streams_share_one_encoding(delta: bool) -> None:
    async def scenario(plane: Plane, streams: list[Stream]) -> None:
        for stream in streams:
            await stream.start()
        assert plane.cache.encodes == 4
        assert plane.cache.translations == 1
        plane.publish(resources(weight=2))
        for stream in streams:
            await stream.ack(await stream.hear(), ("rds",))
        assert plane.cache.encodes == 5
        assert plane.cache.translations == 2

    run(delta, scenario, count=7)


@BOTH
def test_a_nack_is_rolled_back_and_not_tried_again(delta: bool) -> None:
    async def scenario(plane: Plane, streams: list[Stream]) -> None:
        (stream,) = streams
        await stream.start()
        await plane.cache.wait_converged("m", plane.snapshot.revision, 10)
        good = plane.snapshot.revision
        revision = plane.publish(resources(weight=2))
        await stream.nack(await stream.hear(), "no such weight")
        back = await stream.hear()
        assert names(back) == (["rds"] if delta else ["weight-1-blue"])
        await stream.ack(back, ("rds",))
        state = await plane.cache.wait_converged("m", revision, 10)
        assert state.rejected == {"task-1": "RouteConfiguration: no such weight"}
        (status,) = plane.cache.envoys("m")
        assert status.acknowledged == good
        assert status.pending == ("rds",)
        plane.publish(resources(weight=2))
        plane.publish(resources(weight=3))
        assert names(await stream.hear()) == (["rds"] if delta else ["weight-3-blue"])

    run(delta, scenario)


@BOTH
def test_what_cannot_be_sent_is_shown_and_the_envoy_left_alone(delta: bool) -> None:
    async def scenario(plane: Plane, streams: list[Stream]) -> None:
        (stream,) = streams
        await stream.start()
        await plane.cache.wait_converged("m", plane.snapshot.revision, 10)
        broken = resources(weight=2)
        revision = plane.publish(ResourceSet({}, {}, broken.listeners, broken.routes))
        state = await plane.cache.wait_converged("m", revision, 10)
        assert "route rds leads to cluster blue, which is absent" in state.rejected["task-1"]
        revision = plane.publish(resources(weight=1))
        assert (await plane.cache.wait_converged("m", revision, 10)).converged
        await stream.silence()

    run(delta, scenario)


@BOTH
def test_an_expected_envoy_is_waited_for(delta: bool) -> None:
    async def scenario(plane: Plane, streams: list[Stream]) -> None:
        (stream,) = streams
        await stream.start()
        state = await plane.cache.wait_converged("m", plane.snapshot.revision, 0.3)
        assert not state.converged
        assert state.expected == ("task-1", "task-2")
        assert state.waiting == ("task-2",)
        missing = plane.cache.envoys("m")[1]
        assert (missing.connected, missing.note) == (False, "has not connected yet")

    run(delta, scenario, expected=lambda mesh: ["task-1", "task-2"])


@BOTH
def test_reconnecting_with_what_it_holds_is_answered_with_silence(delta: bool) -> None:
    async def scenario(plane: Plane, streams: list[Stream]) -> None:
        first, second = streams
        await first.say(T.CLUSTER, node=NODE)
        answer = await first.hear()
        if delta:
            held: dict[str, Any] = {
                "initial_resource_versions": {r.name: r.version for r in answer.resources}
            }
        else:
            held = {"version_info": answer.version_info}
        first.call.cancel()
        await second.say(T.CLUSTER, node=NODE, **held)
        await second.say(T.LISTENER)
        assert (await second.hear()).type_url == T.LISTENER

    run(delta, scenario, count=2)


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
        assert "metadata" not in json_format.MessageToDict(message.node)
        await streams[0].call.write(message)
        await streams[0].hear()
        (status,) = plane.cache.envoys("m")
        assert status.id.startswith(f"{NODE}@ipv4:127.0.0.1:")

    run(False, scenario)
