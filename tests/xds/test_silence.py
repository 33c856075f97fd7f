"""An Envoy that does not answer what it is sent loses its stream, and is named."""

from __future__ import annotations

from tealmesh.envoy.resources import ResourceType as T
from tealmesh.model.mesh import Kind, Proxy
from tealmesh.xds.protocol.exchange import Request, nonce_of
from tealmesh.xds.streams.cache import AdsCache
from tealmesh.xds.streams.connection import SILENCE_SECONDS, SLOW_SECONDS
from tests.support.meshes.builder import MeshBuilder
from tests.xds.stream import NODE, resources


def test_it_is_closed_after_a_minute_without_an_answer() -> None:
    now = 0.0
    mesh = MeshBuilder()
    mesh.node("app")
    cache = AdsCache(lambda *_: resources(weight=1), lambda _: [], lambda: now)
    cache.update(mesh.snapshot())
    connection = cache.connect("a", NODE, Proxy("m", Kind.VIRTUAL_NODE, "app"), delta=True)
    connection.request(T.CLUSTER, Request())
    now = 1000.0  # an Envoy that owes nothing may be silent
    assert not connection.silent()
    assert connection.next() is not None
    assert connection.next() is None
    now += SLOW_SECONDS - 1
    assert cache.slow("m") == 0
    now += 1
    assert cache.slow("m") == 1
    assert cache.envoys("m")[0].note == "has not answered for 20 s what it was sent"
    now += SILENCE_SECONDS - SLOW_SECONDS - 1
    assert not connection.silent()
    now += 1
    assert connection.silent()
    connection.close()
    (seen,) = cache.envoys("m") or [None]
    assert seen is None  # nobody expects it
    expecting = AdsCache(lambda *_: resources(weight=1), lambda _: ["a"], lambda: now)
    expecting.update(mesh.snapshot())
    again = expecting.connect("a", NODE, Proxy("m", Kind.VIRTUAL_NODE, "app"), delta=True)
    again.request(T.CLUSTER, Request())
    again.next()
    now += SILENCE_SECONDS
    assert again.silent()
    again.close()
    assert "did not answer" in expecting.envoys("m")[0].note
    third = expecting.connect("a", NODE, Proxy("m", Kind.VIRTUAL_NODE, "app"), delta=True)
    third.request(T.CLUSTER, Request())
    third.next()
    third.request(T.CLUSTER, Request(nonce=nonce_of(1)))
    now += SILENCE_SECONDS
    assert not third.silent()
    assert expecting.envoys("m")[0].note == ""
