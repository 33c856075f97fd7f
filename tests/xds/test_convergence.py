"""What an Envoy is sent after a change and when the mesh has converged, in both variants of ADS."""

from __future__ import annotations

from typing import Any

from tealmesh.envoy.resources import ResourceSet
from tealmesh.envoy.resources import ResourceType as T
from tealmesh.xds.protocol.exchange import nonce_of
from tests.xds.stream import BOTH, NODE, Plane, Stream, names, resources, run


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
            **({} if delta else {"response_nonce": nonce_of(2)}),
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
