"""What of the encoded responses is kept."""

from __future__ import annotations

from tealmesh.envoy.resources import Resource
from tealmesh.model.clock import Steady
from tealmesh.xds.protocol.encode import KEPT_SECONDS, Encoder
from tealmesh.xds.protocol.exchange import Change
from tealmesh.xds.protocol.session import Send

TYPE = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"


def send(version: str, size: int = 10) -> Send:
    resource = Resource("r", version, b"\x0a" + bytes([size]) + b"x" * size)
    return Send(TYPE, "n1", Change({"r": resource}, frozenset(), version))


def test_who_gets_the_same_gets_it_encoded_once() -> None:
    encoder = Encoder()
    assert encoder.encode(send("1"), delta=True) == encoder.encode(send("1"), delta=True)
    assert (encoder.encodes, encoder.served) == (1, 2)


def test_what_nobody_asks_for_any_more_is_forgotten() -> None:
    now = 0.0
    encoder = Encoder(clock=lambda: Steady(now))
    for number in range(100):
        encoder.encode(send("used"), delta=True)
        encoder.encode(send(str(number)), delta=True)
        now += KEPT_SECONDS / 10
    assert encoder.encodes == 101
    # The latest ten, the one that was made as long ago as is allowed, and the one that is used.
    assert len(encoder._cache) == len(encoder._used) == 12
    assert encoder._size == sum(len(one.body) for one in encoder._cache.values())


def test_one_that_is_larger_than_all_that_is_kept_is_sent_and_not_kept() -> None:
    encoder = Encoder(limit=20)
    assert b"x" * 100 in encoder.encode(send("1", 100), delta=False)
    assert encoder._size == 0
    assert not encoder._cache
