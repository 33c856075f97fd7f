"""A node found by DNS, under load: its namespace appears in Cloud Map, its instances change and
drain, and the namespace goes again.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tealmesh.envoy.translate import Translator
from tealmesh.model.cloudmap import DnsService
from tealmesh.model.mesh import Instance, Kind
from tealmesh.xds.streams.cache import AdsCache
from tests.behaviour.dns import NameServer
from tests.support.drills import sizes
from tests.support.meshes.builder import MeshBuilder
from tests.support.programs.envoy import loopback
from tests.support.programs.load import Load, Report, answering
from tests.xds.harness import envoy, serving

PORT = 8080
DNS_PORT = 5353


def instance(address: str, *, draining: bool = False) -> Instance:
    return Instance(address, (("AWS_INSTANCE_IPV4", address),), draining=draining)


class World:
    """A gateway in front of a node whose DNS name may be in a namespace."""

    def __init__(self, response: str) -> None:
        self.mesh = MeshBuilder()
        self.cache = AdsCache(Translator().translate, lambda mesh: [])
        self.mesh.gateway("front", PORT)
        self.mesh.service("app", "app", PORT)
        self.mesh.gateway_route("front", "all", "app")
        spec = {
            "listeners": [{"portMapping": {"port": PORT, "protocol": "http"}}],
            "serviceDiscovery": {"dns": {"hostname": "app.d.local", "responseType": response}},
        }
        self.mesh.put(Kind.VIRTUAL_NODE, "app", spec)
        self.mesh.route("app", "all", {"app": 1})

    async def reach(self, *instances: Instance, zone: bool = True) -> None:
        """Let the namespace have these instances; wait until the Envoy runs with it."""
        self.mesh.zones = (
            {"d.local": {"app": DnsService(frozenset("A"), instances)}} if zone else {}
        )
        snapshot = self.mesh.snapshot()
        self.cache.update(snapshot)
        if self.cache.envoys("m"):
            state = await self.cache.wait_converged("m", snapshot.revision, 10)
            assert state.converged, self.cache.envoys("m")


async def change_under_load(directory: Path, response: str, rounds: int, *, delta: bool) -> Report:
    world = World(response)
    gateway, outside, blue, green = (loopback(number) for number in range(1, 5))
    loop = asyncio.get_running_loop()
    server, _ = await loop.create_datagram_endpoint(
        lambda: NameServer({"app.d.local": [outside]}), local_addr=(gateway, DNS_PORT)
    )
    resource = "mesh/m/virtualGateway/front"
    names = (gateway, DNS_PORT)
    async with (
        answering("outside", outside, PORT),
        answering("blue", blue, PORT),
        answering("green", green, PORT),
        serving(world.cache) as port,
    ):
        await world.reach(zone=False)
        async with (
            envoy(directory, port, resource, gateway, delta=delta, dns_address=names),
            Load(gateway, PORT, concurrency=4) as load,
        ):
            await load.answered(50)
            assert load.report.bodies.keys() == {b"outside"}
            for _ in range(rounds):
                await world.reach(instance(blue))
                await load.answered(50)
                await world.reach(instance(blue, draining=True), instance(green))
                await load.answered(50)
                await world.reach(instance(green))
                await load.answered(50)
                await world.reach(zone=False)
                await load.answered(50)
    server.close()
    return load.report


@sizes("rounds", short=5, long=40)
@pytest.mark.parametrize("delta", [True, False], ids=["delta", "sotw"])
@pytest.mark.parametrize("response", ["ENDPOINTS", "LOADBALANCER"])
def test_a_namespace_that_comes_and_goes_loses_nothing(
    tmp_path: Path, response: str, delta: bool, rounds: int
) -> None:
    report = asyncio.run(change_under_load(tmp_path, response, rounds, delta=delta))
    assert report.failures == []
    assert report.statuses.keys() == {200}
    assert report.bodies.keys() == {b"outside", b"blue", b"green"}
    assert report.total > rounds * 4 * 50
