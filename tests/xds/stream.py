"""An Envoy driven by hand over a real gRPC stream, and a control plane with given resources."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
import pytest
from envoy.service.discovery.v3 import discovery_pb2

from tealmesh.envoy.resources import Resource, ResourceSet
from tealmesh.envoy.resources import ResourceType as T
from tealmesh.model.mesh import Kind, MeshSnapshot, Proxy
from tealmesh.xds.streams.cache import AdsCache
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
