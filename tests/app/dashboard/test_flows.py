"""What Envoys make of the page: the same objects while nothing happens, and never old ones."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tealmesh.app.dashboard.board import Items
from tealmesh.app.dashboard.flows import edges
from tealmesh.app.dashboard.measured import side_traffic
from tealmesh.app.dashboard.sight import Sight
from tealmesh.app.dashboard.sources import Sources
from tealmesh.envoy.resources import ResourceType as T
from tealmesh.model.mesh import Kind, Proxy
from tealmesh.rollout.metrics.outcomes import COUNTERS
from tealmesh.rollout.metrics.rates import Grown, Rate
from tealmesh.rollout.metrics.samples import Cluster, Sample
from tealmesh.store.snapshot import mesh_snapshot
from tealmesh.xds.protocol.exchange import Request, nonce_of
from tealmesh.xds.streams.cache import AdsCache
from tests.support.meshes.translation import translate
from tests.support.planes.appmesh import Direct

PORT = {"portMapping": {"port": 80, "protocol": "http"}}
NODE = "mesh/m/virtualNode/web"
CLUSTER = "cds_egress_m_web_http_80"


class World:
    """A mesh with a node, whose Envoy calls itself."""

    def __init__(self, path: Path) -> None:
        self.api = Direct(path)
        self.api.call("create_mesh", meshName="m")
        self.node("web")
        self.now = 0.0
        self.cache = AdsCache(translate, lambda _: ["late"], lambda: self.now)
        self.grown: list[Grown] = []
        self.tell()
        self.sight = self.fresh()

    def node(self, name: str) -> None:
        spec = {"listeners": [PORT], "serviceDiscovery": {"dns": {"hostname": "x.example"}}}
        self.api.call("create_virtual_node", meshName="m", virtualNodeName=name, spec=spec)

    def tell(self) -> None:
        snapshot = mesh_snapshot(self.api.store.view, "m")
        assert snapshot is not None
        self.cache.update(snapshot)

    def fresh(self) -> Sight:
        """A sight that has seen nothing yet."""
        sources = Sources(
            store=self.api.store,
            latest=lambda _: None,
            grown=lambda _: self.grown,
            envoys=lambda mesh: self.cache.envoys(mesh, pending=False),
            unmoved=self.cache.unmoved,
            convergence=self.cache.convergence,
            held=self.cache.held,
            health=tuple,
            troubles=tuple,
            about={},
        )
        return Sight(sources, lambda: 0.0, lambda: self.now)

    async def looks(self) -> dict[str, Items]:
        """What is shown, which is what somebody would show who sees it for the first time."""
        shown = await self.sight.flowing()
        assert shown == await self.fresh().flowing()
        return shown


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "state.db")
    yield made
    made.api.close()


def test_what_has_not_changed_is_the_same_object_and_what_has_is_not(world: World) -> None:
    async def played() -> None:
        first, second = await world.looks(), await world.looks()
        assert all(second[section] is first[section] for section in first)

        proxy = Proxy("m", Kind.VIRTUAL_NODE, "web")
        stream = world.cache.connect("web", NODE, proxy, delta=True)
        connected = await world.looks()
        assert connected["envoys"] is not second["envoys"]
        stream.request(T.CLUSTER, Request())
        assert stream.next() is not None
        await world.looks()
        world.now += 30.0  # by now it is slow, though nothing has happened
        assert "has not answered" in str(await world.looks())
        stream.request(T.CLUSTER, Request(nonce=nonce_of(1)))
        assert stream.next() is None
        assert (await world.looks())["envoys"] is (await world.looks())["envoys"]

        before = await world.looks()
        await asyncio.to_thread(world.node, "other")
        await world.looks()  # the Envoys are to be told of it
        world.tell()
        assert (await world.looks())["envoys"] is not before["envoys"]

    asyncio.run(played())


def test_traffic_is_told_while_it_flows(world: World) -> None:
    async def played() -> None:
        world.cache.connect("web", NODE, Proxy("m", Kind.VIRTUAL_NODE, "web"), delta=True)
        still = await world.looks()
        cluster = Cluster(COUNTERS["http"])
        for at, count in ((0.0, 0), (2.0, 40)):
            counted = {"upstream_rq_total": count, "upstream_rq_completed": count}
            counts = tuple(counted.get(name, 0) for name in COUNTERS["http"])
            cluster.samples.append(Sample(at, counts))
        world.grown = [("web", CLUSTER, cluster, 0)]
        flows = await world.looks()
        assert flows["edges"] != still["edges"]
        assert (await world.looks())["envoys"] is flows["envoys"]
        world.grown = []
        assert (await world.looks())["edges"] == {}

    asyncio.run(played())


def test_the_same_is_told_of_one_cluster_as_of_several() -> None:
    one, nothing = Rate(30, 3, 2.0, 1.25, 9.5), Rate(0, 0, 0.0)
    for rate in (one, nothing, Rate(5, 0, 1.0)):
        assert side_traffic([rate], 60) == side_traffic([rate, nothing], 60)
    clusters = {CLUSTER: ("m", "web", "http"), "other": ("m", "web", "http")}
    resources = {"a": NODE, "b": NODE, "c": "nobody knows"}
    key = "m virtualNode/web virtualNode/web"
    alone = edges({("a", CLUSTER): one}, clusters, resources)
    assert alone == {key: {"perSecond": 15.0, "errorsPerSecond": 1.5, "p99": 9.5}}
    pairs = {("a", CLUSTER): one, ("b", CLUSTER): one, ("b", "other"): nothing, ("c", "other"): one}
    summed = edges(pairs, clusters, resources)
    assert summed == {key: {"perSecond": 30.0, "errorsPerSecond": 3.0, "p99": 9.5}}
