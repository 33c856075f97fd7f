"""Real Envoys under load: the order that loses nothing, and the one that does."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from tealmesh.envoy.resources import ResourceSet, ResourceType
from tealmesh.envoy.translate import Translator
from tealmesh.model.mesh import Kind
from tealmesh.xds.protocol.barrier import NOTHING, Order, Permit, State, make_before_break, of_type
from tealmesh.xds.protocol.exchange import Offer
from tealmesh.xds.streams.cache import AdsCache
from tests.support.meshes.builder import MeshBuilder
from tests.support.programs.envoy import loopback
from tests.support.programs.load import Load, Report, answering
from tests.xds.harness import envoy, serving

PORT = 8080
STEPS = 100


def all_at_once(target: ResourceSet, states: Mapping[str, State], now: float) -> Permit:
    """The control: clusters come and go in one burst with the routes that lead to them."""
    return Permit({t.value: Offer(of_type(target, t)) for t in ResourceType})


def clusters_leave_first(target: ResourceSet, states: Mapping[str, State], now: float) -> Permit:
    """The control: what is added is waited for, but clusters are removed ahead of their routes."""
    right = make_before_break(target, states, now)
    clusters = states.get(ResourceType.CLUSTER, NOTHING)
    new = {**clusters.acked, **target.clusters}
    added = target.clusters.keys() <= clusters.acked.keys()
    leaving = added and clusters.acked.keys() != target.clusters.keys()
    offers = {**right.offers, ResourceType.CLUSTER: Offer(target.clusters if added else new)}
    if leaving or not added:
        offers[ResourceType.ROUTE] = Offer(states.get(ResourceType.ROUTE, NOTHING).sent)
    return Permit(offers, right.wake_at)


class Colours:
    """A gateway in front of a service whose node is replaced by one of another name, again and
    again: node, cluster, endpoints and route all change in one snapshot.
    """

    def __init__(self) -> None:
        self.mesh = MeshBuilder()
        self.mesh.gateway("front", PORT)
        self.mesh.service("app", "app", PORT)
        self.mesh.gateway_route("front", "all", "app")
        self.node = ""

    def replace(self, node: str, address: str) -> None:
        self.mesh.node(node, PORT)
        self.mesh.instances(node, address)
        self.mesh.route("app", "all", {node: 1})
        if self.node:
            del self.mesh.made[Kind.VIRTUAL_NODE, "", self.node]
        self.node = node


async def replace_under_load(directory: Path, order: Order, *, delta: bool) -> Report:
    """`STEPS` replacements while requests flow; each waits until the Envoy runs with it."""
    colours = Colours()
    cache = AdsCache(Translator().translate, lambda mesh: [], order=order)
    sides = [loopback(2), loopback(3)]
    gateway = loopback(1)
    async with (
        answering("blue", sides[0], PORT),
        answering("green", sides[1], PORT),
        serving(cache) as port,
    ):
        colours.replace("v0", sides[0])
        cache.update(colours.mesh.snapshot())
        resource = "mesh/m/virtualGateway/front"
        async with (
            envoy(directory, port, resource, gateway, delta=delta),
            Load(gateway, PORT, concurrency=4) as load,
        ):
            await load.answered(50)
            for step in range(1, STEPS + 1):
                colours.replace(f"v{step}", sides[step % 2])
                snapshot = colours.mesh.snapshot()
                cache.update(snapshot)
                state = await cache.wait_converged("m", snapshot.revision, 10)
                assert state.converged, cache.envoys("m")
                await load.answered(25)
    assert load.report.bodies.keys() >= {b"blue", b"green"}
    return load.report


@pytest.mark.parametrize("delta", [True, False], ids=["delta", "sotw"])
def test_replacing_a_node_under_load_loses_nothing(tmp_path: Path, delta: bool) -> None:
    report = asyncio.run(replace_under_load(tmp_path, make_before_break, delta=delta))
    assert report.failures == []
    assert report.statuses.keys() == {200}
    assert report.total > STEPS * 25


@pytest.mark.parametrize(
    "order", [all_at_once, pytest.param(clusters_leave_first, marks=pytest.mark.drill)]
)
def test_the_wrong_order_is_seen_to_lose_requests(tmp_path: Path, order: Order) -> None:
    report = asyncio.run(replace_under_load(tmp_path, order, delta=True))
    assert len(report.failures) > 0
    assert report.statuses[200] > 0
