"""What a change costs the cache, counted: it grows with what the change touches, not with how many
Envoys there are.
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, field

import pytest

from tealmesh.envoy.resources import ResourceSet
from tealmesh.model.mesh import Kind, Proxy
from tealmesh.xds.streams import waiting, waking
from tealmesh.xds.streams.cache import AdsCache
from tealmesh.xds.streams.connection import Connection
from tests.support.meshes.builder import MeshBuilder
from tests.xds.protocol.envoy_model import EnvoyModel
from tests.xds.protocol.test_standing import target

NODES = ("a", "b")


@dataclass
class Swarm:
    """Envoys of two nodes at a cache, without a wire."""

    count: int
    addressed: bool = False
    """Whether each has an address of its own."""
    weights: dict[str, str] = field(default_factory=lambda: dict.fromkeys(NODES, "1"))
    hold_off: float = 0.0

    def __post_init__(self) -> None:
        self.mesh = MeshBuilder()
        for node in NODES:
            self.mesh.node(node)
        self.cache = AdsCache(self._translate, lambda mesh: (), hold_off=self.hold_off)
        self.lanes: list[tuple[EnvoyModel, Connection]] = []
        self.woken = 0

    def _translate(self, snapshot: object, proxy: Proxy) -> ResourceSet:
        return target(self.weights[proxy.name])

    def connect(self) -> None:
        for number in range(self.count):
            name = NODES[number % 2]
            address = f"127.0.1.{number}" if self.addressed else ""
            proxy = Proxy("m", Kind.VIRTUAL_NODE, name, address=address)
            made = self.cache.connect(f"task-{number}", proxy.resource, proxy, delta=True)
            self.lanes.append((EnvoyModel(delta=True, slow=False), made))

    def publish(self, node: str = "", weight: str = "") -> int:
        if node:
            self.weights[node] = weight
        snapshot = self.mesh.snapshot()
        self.cache.update(snapshot)
        return snapshot.revision

    async def settle(self) -> None:
        """Let all do what is left to do."""
        for _ in range(10):
            await asyncio.sleep(0)
        for envoy, connection in self.lanes:
            if not connection.woken and connection.snapshot is not None:
                continue
            connection.woken = False
            self.woken += 1
            self._converse(envoy, connection)

    def _converse(self, envoy: EnvoyModel, connection: Connection) -> None:
        self.cache.refresh(connection)
        while True:
            while envoy.to_control_plane:
                connection.request(*envoy.to_control_plane.popleft())
            send = connection.session.next(0.0)
            if send is None:
                break
            envoy.receive(send)
        connection.woken = False
        self.cache.note(connection)


def counted(count: int, *, addressed: bool = False) -> list[tuple[int, ...]]:
    """Of a first target and three changes: translations, steps of sessions, looks of a waiter at
    the whole mesh, and streams that were woken.
    """

    async def main() -> list[tuple[int, ...]]:
        swarm = Swarm(count, addressed)
        cache, seen = swarm.cache, []
        swarm.publish()
        swarm.connect()
        for change in ("", "a", "other", "a"):
            before = (
                cache.translations,
                sum(one.steps for one in cache._standings.values()),
                cache.waiting.looks,
                swarm.woken,
            )
            node = change if change in NODES else ""
            revision = swarm.publish(node, str(len(seen) + 2))
            waiting = asyncio.create_task(cache.wait_converged("m", revision, 20))
            await asyncio.sleep(0)
            await swarm.settle()
            state = await waiting
            assert state.converged
            assert len(state.expected) == count
            after = (
                cache.translations,
                sum(one.steps for one in cache._standings.values()),
                cache.waiting.looks,
                swarm.woken,
            )
            seen.append(tuple(now - then for now, then in zip(after, before, strict=True)))
        return seen

    return asyncio.run(main())


@pytest.mark.parametrize("addressed", [False, True], ids=["redirected", "addressed"])
def test_a_change_costs_what_it_touches(addressed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "_LONG_SECONDS", math.inf)  # a busy machine makes looks long
    few, many = counted(4, addressed=addressed), counted(200, addressed=addressed)
    # All but the number of streams is the same.
    assert [one[:3] for one in many] == [one[:3] for one in few]
    _, weights, elsewhere, again = many
    # Only the node whose weights have changed; nobody for a change that is nothing to them.
    assert (weights[3], elsewhere[3], again[3]) == (100, 0, 100)
    assert weights[0] == len(NODES)
    assert elsewhere[1] == 0


def test_a_revision_that_changes_no_mesh_costs_nothing() -> None:
    async def main() -> None:
        swarm = Swarm(6)
        swarm.publish()
        swarm.connect()
        await swarm.settle()
        before = (swarm.cache.translations, swarm.woken)
        swarm.cache.advance("m", 1000)
        await swarm.settle()
        assert swarm.cache.convergence("m", 1000).converged
        assert not swarm.cache.convergence("m", 1001).converged
        assert (swarm.cache.translations, swarm.woken) == before

    asyncio.run(main())


@pytest.mark.parametrize("few", [0, 100])
def test_one_change_is_told_at_once_and_a_burst_after_a_while(
    monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr(waking, "FEW", few)

    async def main() -> None:
        swarm = Swarm(4, hold_off=3600.0)
        swarm.publish()
        swarm.connect()
        await swarm.settle()
        before = swarm.cache.translations
        for weight in ("2", "3", "4"):
            swarm.publish("a", weight)
            await swarm.settle()
            # More than few Envoys are told of nothing yet, few of the first change.
            assert swarm.cache.translations - before == (len(NODES) if few else 0)

    asyncio.run(main())
