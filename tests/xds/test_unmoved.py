"""While `AdsCache.unmoved` says the same, nothing else is told of the Envoys of a mesh: pages look
no further then.
"""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tealmesh.envoy.resources import ResourceSet
from tealmesh.envoy.resources import ResourceType as T
from tealmesh.model.convergence import Convergence, EnvoyStatus
from tealmesh.model.mesh import Kind, Proxy
from tealmesh.xds.protocol.exchange import Request, nonce_of
from tealmesh.xds.streams.cache import AdsCache
from tealmesh.xds.streams.connection import SILENCE_SECONDS, SLOW_SECONDS, Connection
from tests.support.meshes.builder import MeshBuilder
from tests.xds.stream import NODE, resources

IDS = ("a", "b")
ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("publish"), st.integers(1, 2)),
        st.tuples(st.sampled_from(["advance", "remove", "turn", "later"]), st.just(0)),
        st.tuples(
            st.sampled_from(["connect", "send", "ack", "nack", "end", "expect"]),
            st.sampled_from(IDS),
        ),
    ),
    min_size=5,
    max_size=40,
)


class World:
    """A cache with Envoys that are driven by hand."""

    def __init__(self) -> None:
        self.now = 0.0
        self.weight = 1
        self.mesh = MeshBuilder()
        self.mesh.node("app")
        self.expected: set[str] = set()
        self.cache = AdsCache(
            self._translate, lambda _: sorted(self.expected), lambda: self.now, hold_off=0
        )
        self.revision = 0
        self.streams: dict[str, tuple[Connection, int]] = {}
        """With the number of the last response."""

    def _translate(self, *_: Any) -> ResourceSet:
        return resources(weight=self.weight)

    def told(self) -> tuple[list[EnvoyStatus], dict[int, Convergence]]:
        asked = range(max(0, self.revision - 3), self.revision + 4)
        each = {revision: self.cache.convergence("m", revision) for revision in asked}
        return self.cache.envoys("m", pending=False), each

    async def act(self, what: str, on: Any) -> None:
        if what == "publish":
            self.weight = on
            snapshot = self.mesh.snapshot()
            self.revision = snapshot.revision
            self.cache.update(snapshot)
        elif what == "advance":
            self.cache.advance("m", next(self.mesh.revisions))
        elif what == "remove":
            self.cache.remove("m")
        elif what == "turn":
            for _ in range(5):
                await asyncio.sleep(0)
        elif what == "later":
            self.now += SLOW_SECONDS
        elif what == "expect":
            self.expected ^= {on}
        elif what == "connect" and on not in self.streams:
            proxy = Proxy("m", Kind.VIRTUAL_NODE, "app")
            connection = self.cache.connect(on, NODE, proxy, delta=True)
            connection.request(T.CLUSTER, Request())
            self.streams[on] = connection, 0
        elif on in self.streams:
            self._stream(what, on)

    def _stream(self, what: str, on: str) -> None:
        connection, number = self.streams[on]
        if what == "send":
            if connection.silent():
                what = "end"
            elif connection.next() is not None:
                self.streams[on] = connection, number + 1
        elif what in ("ack", "nack") and number:
            error = "no" if what == "nack" else None
            connection.request(T.CLUSTER, Request(nonce=nonce_of(number), error=error))
            self.cache.note(connection)
        if what == "end":
            del self.streams[on]
            connection.close()


@given(ACTIONS)
def test_what_is_told_changes_only_with_it(actions: list[tuple[str, Any]]) -> None:
    async def played() -> None:
        world = World()
        # Who looks now and then compares with what it saw several actions ago.
        known: dict[object, tuple[list[EnvoyStatus], dict[int, Convergence]]] = {}
        for what, on in actions:
            await world.act(what, on)
            state, (envoys, each) = world.cache.unmoved("m"), world.told()
            if state is None:
                continue
            if state in known:
                before, asked = known[state]
                assert envoys == before, (what, on)
                assert all(each[one] == asked[one] for one in each.keys() & asked.keys()), what
            known[state] = (envoys, each)

    asyncio.run(played())


def test_it_is_the_same_while_nothing_happens_and_none_while_an_envoy_owes_an_answer() -> None:
    async def played() -> None:
        world = World()
        for action in [("publish", 1), ("connect", "a")]:
            await world.act(*action)
        still = world.cache.unmoved("m")
        assert still is not None
        assert still == world.cache.unmoved("m")
        await world.act("send", "a")
        assert world.cache.unmoved("m") is None
        await world.act("ack", "a")
        await world.act("send", "a")
        again = world.cache.unmoved("m")
        assert again is not None
        assert again != still
        world.now += SILENCE_SECONDS
        assert world.cache.unmoved("m") == again

    asyncio.run(played())
