"""Real Envoys: what they refuse, what they go on with, and what a restart costs."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path

import pytest

from tealmesh.envoy.resources import Resource, ResourceSet, encode
from tealmesh.envoy.translate import Translator
from tealmesh.model.mesh import Kind, MeshSnapshot, Proxy
from tealmesh.xds.streams.cache import AdsCache
from tests.support.machine import free_port
from tests.support.programs.envoy import decoded, loopback
from tests.support.programs.load import Load, answering
from tests.xds.harness import envoy, serving
from tests.xds.test_loss import PORT, Colours

RESOURCE = "mesh/m/virtualGateway/front"
VARIANTS = pytest.mark.parametrize("delta", [True, False], ids=["delta", "sotw"])


async def converged(cache: AdsCache, snapshot: MeshSnapshot, timeout: float = 10) -> None:
    state = await cache.wait_converged("m", snapshot.revision, timeout)
    assert state.converged, (state, cache.envoys("m"))


class Spoiling:
    """A translator whose routes can be made such that Envoy refuses them."""

    def __init__(self) -> None:
        self.spoiled = False
        self._translate = Translator().translate

    def __call__(self, snapshot: MeshSnapshot, proxy: Proxy) -> ResourceSet:
        made = self._translate(snapshot, proxy)
        if not self.spoiled:
            return made
        routes = {name: self._spoil(route) for name, route in made.routes.items()}
        return dataclasses.replace(made, routes=routes)

    @staticmethod
    def _spoil(resource: Resource) -> Resource:
        route = decoded(resource)
        route.virtual_hosts.add(name="again", domains=list(route.virtual_hosts[0].domains))
        return encode(resource.name, route, resource.refers_to)


@VARIANTS
def test_what_envoy_refuses_is_rolled_back_and_shown(tmp_path: Path, delta: bool) -> None:
    async def scenario() -> None:
        colours, translate = Colours(), Spoiling()
        cache = AdsCache(translate, lambda mesh: [])
        addresses = loopback(2), loopback(3)
        async with (
            answering("blue", addresses[0], PORT),
            answering("green", addresses[1], PORT),
            serving(cache) as port,
        ):
            colours.replace("blue", addresses[0])
            cache.update(colours.mesh.snapshot())
            gateway = loopback(1)
            async with (
                envoy(tmp_path, port, RESOURCE, gateway, delta=delta),
                Load(gateway, PORT, concurrency=2) as load,
            ):
                await load.answered(20)
                good = cache.envoys("m")[0].acknowledged

                translate.spoiled = True
                colours.replace("green", addresses[1])
                refused = colours.mesh.snapshot()
                cache.update(refused)
                state = await cache.wait_converged("m", refused.revision, 10)
                assert not state.converged
                assert state.waiting == (f"task-{gateway}",)
                assert "RouteConfiguration: " in state.rejected[f"task-{gateway}"]
                assert "domain" in state.rejected[f"task-{gateway}"]
                assert cache.envoys("m")[0].acknowledged == good
                await load.answered(20)
                assert load.report.bodies.keys() == {b"blue"}

                unchanged = colours.mesh.snapshot()
                cache.update(unchanged)
                again = await cache.wait_converged("m", unchanged.revision, 10)
                assert again.rejected == state.rejected

                translate.spoiled = False
                mended = colours.mesh.snapshot()
                cache.update(mended)
                await converged(cache, mended)
                assert cache.envoys("m")[0].rejected == ""
                await load.answered(20)
            assert load.report.bodies.keys() == {b"blue", b"green"}
            assert load.report.failures == []

    asyncio.run(scenario())


@VARIANTS
def test_a_control_plane_that_comes_back_sends_nothing_again(tmp_path: Path, delta: bool) -> None:
    async def scenario() -> None:
        colours = Colours()
        address, gateway, port = loopback(2), loopback(1), free_port()
        colours.replace("blue", address)
        snapshot = colours.mesh.snapshot()
        first = AdsCache(Translator().translate, lambda mesh: [])
        first.update(snapshot)
        async with answering("blue", address, PORT), Running(first, port) as running:
            async with (
                envoy(tmp_path, port, RESOURCE, gateway, delta=delta),
                Load(gateway, PORT, concurrency=2, rate=500) as load,
            ):
                await converged(first, snapshot)
                await running.stop()
                await load.answered(100)

                second = AdsCache(Translator().translate, lambda mesh: [f"task-{gateway}"])
                second.update(snapshot)
                assert not second.convergence("m", snapshot.revision).converged
                async with serving(second, port):
                    await converged(second, snapshot)
                    await load.answered(100)
                    assert second.encodes == 0
                    colours.replace("green", address)
                    changed = colours.mesh.snapshot()
                    second.update(changed)
                    await converged(second, changed)
                    await load.answered(100)
            assert load.report.failures == []

    asyncio.run(scenario())


class Running:
    """`serving` that can be stopped before the end of the block."""

    def __init__(self, cache: AdsCache, port: int) -> None:
        self._serving = serving(cache, port)
        self._stopped = False

    async def __aenter__(self) -> Running:
        await self._serving.__aenter__()
        return self

    async def stop(self) -> None:
        self._stopped = True
        await self._serving.__aexit__(None, None, None)

    async def __aexit__(self, *exc: object) -> None:
        if not self._stopped:
            await self.stop()


@VARIANTS
def test_a_cluster_that_changes_is_warm_at_once(tmp_path: Path, delta: bool) -> None:
    """Its endpoints are the same, but Envoy waits until it is told them again."""

    async def scenario() -> None:
        colours = Colours()
        cache = AdsCache(Translator().translate, lambda mesh: [])
        address, gateway = loopback(2), loopback(1)
        async with answering("blue", address, PORT), serving(cache) as port:
            colours.replace("blue", address)
            cache.update(colours.mesh.snapshot())
            async with (
                envoy(tmp_path, port, RESOURCE, gateway, delta=delta),
                Load(gateway, PORT, concurrency=2) as load,
            ):
                await load.answered(20)
                pool = {"http": {"maxConnections": 77, "maxPendingRequests": 99}}
                colours.mesh.node("blue", PORT, listener={"connectionPool": pool})
                changed = colours.mesh.snapshot()
                cache.update(changed)
                await converged(cache, changed, timeout=5)
                await load.answered(20)
            assert load.report.failures == []

    asyncio.run(scenario())


@VARIANTS
def test_an_envoy_whose_node_is_gone_keeps_what_it_has(tmp_path: Path, delta: bool) -> None:
    async def scenario() -> None:
        colours = Colours()
        cache = AdsCache(Translator().translate, lambda mesh: [])
        address, gateway = loopback(2), loopback(1)
        async with answering("blue", address, PORT), serving(cache) as port:
            colours.replace("blue", address)
            cache.update(colours.mesh.snapshot())
            async with (
                envoy(tmp_path, port, RESOURCE, gateway, delta=delta),
                Load(gateway, PORT, concurrency=2) as load,
            ):
                await load.answered(20)
                del colours.mesh.made[Kind.VIRTUAL_GATEWAY, "", "front"]
                without = colours.mesh.snapshot()
                cache.update(without)
                await converged(cache, without)
                note = "mesh/m/virtualGateway/front does not exist: this Envoy keeps its last"
                assert cache.envoys("m")[0].note.startswith(note)
                cache.remove("m")
                assert cache.envoys("m")[0].note.startswith("mesh m does not exist")
                await load.answered(20)
            assert load.report.failures == []

    asyncio.run(scenario())
