"""Envoys beyond loopback: by TLS, and known by certificates where an authority is named."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import grpc

from tealmesh.app.envoys.server import EnvoyServer
from tealmesh.app.transport.certificates import Certificates
from tealmesh.model.clock import system_clock
from tealmesh.model.identity.bindings import Bindings
from tealmesh.model.identity.envoys import CERTIFIED
from tealmesh.model.plane.listening import Address, Listening
from tealmesh.supervision.supervisor import Supervisor
from tests.security.world import NODES, WEB, World, ask, opened
from tests.support.certificates import Authority, Leaf, client_context, seen_certificate
from tests.support.machine import free_port

URI = "spiffe://example.org/mesh/m/virtualNode/web"
OTHER = "mesh/m/virtualNode/shop"
Code = grpc.StatusCode


def _trusting(authority: Authority, own: Leaf | None = None) -> grpc.ChannelCredentials:
    root = authority.file.read_bytes()
    if own is None:
        return grpc.ssl_channel_credentials(root)
    key, chain = own.key_file.read_bytes(), own.chain_file.read_bytes()
    return grpc.ssl_channel_credentials(root, key, chain)


def _with_tls(
    directory: Path,
    authority: Authority,
    scenario: Callable[[World], Coroutine[Any, Any, None]],
    *,
    clients: bool = False,
) -> None:
    """Run a scenario against the server at its address with TLS; its plain one is on loopback."""
    leaf = authority.issue("server", "127.0.0.1")

    async def main(world: World) -> None:
        await world.put(WEB)
        at = Address("127.0.0.1", free_port())
        files = (leaf.chain_file, leaf.key_file, authority.file if clients else None)
        listening = Listening(None, at, *files)
        server = EnvoyServer(
            world.cache,
            world.metrics,
            world.admission,
            Supervisor(),
            world.port,
            None,
            at,
            Certificates(listening, system_clock),
        )
        await server.start()
        world.port = at.port
        world.credentials = _trusting(authority)
        try:
            await scenario(world)
        finally:
            await server.close()

    with opened(directory) as world:
        asyncio.run(main(world))


async def _served(world: World, given: str, node: str, declared: str = "") -> bool:
    async with world.channel() as channel:
        call = await world.connect(channel, given, node, declared)
        return await asyncio.wait_for(call.read(), 20) is not grpc.aio.EOF


def test_a_token_is_as_good_by_tls_and_a_new_certificate_is_used(tmp_path: Path) -> None:
    authority = Authority.make(tmp_path)

    async def scenario(world: World) -> None:
        assert await _served(world, world.token_of(WEB), NODES[WEB])
        assert (await world.refused("", NODES[WEB]))[0] is Code.UNAUTHENTICATED
        at, context = ("127.0.0.1", world.port), client_context(authority, alpn=("h2",))
        await asyncio.to_thread(seen_certificate, at, context)
        renewed = authority.issue("server", "127.0.0.1")
        seen = await asyncio.to_thread(seen_certificate, at, context)
        assert seen.serial == renewed.serial
        assert await _served(world, world.token_of(WEB), NODES[WEB])
        world.credentials = None
        assert (await world.refused(world.token_of(WEB), NODES[WEB]))[0] is Code.UNAVAILABLE
        world.credentials = _trusting(Authority.make(tmp_path, "another"))
        assert (await world.refused(world.token_of(WEB), NODES[WEB]))[0] is Code.UNAVAILABLE

    _with_tls(tmp_path, authority, scenario)


def test_the_certificate_says_which_node_it_is(tmp_path: Path) -> None:
    authority = Authority.make(tmp_path)

    async def scenario(world: World) -> None:
        world.credentials = _trusting(authority, authority.issue("web", "web.example", URI))
        assert await _served(world, "", NODES[WEB], "web-by-hand")
        assert [one.id for one in world.seen()] == [f"web-by-hand of {URI}"]
        code, why = await world.refused("", OTHER)
        assert code is Code.PERMISSION_DENIED
        assert NODES[WEB] in why
        # A token counts for what it proves, and a certificate makes none.
        assert (await world.refused(world.token_of(WEB), OTHER))[0] is Code.PERMISSION_DENIED
        assert (await world.refused("forged", NODES[WEB]))[0] is Code.UNAUTHENTICATED
        assert (await world.refused("", NODES[WEB], WEB))[0] is Code.PERMISSION_DENIED
        assert await world.report("", OTHER) is Code.PERMISSION_DENIED
        assert await world.report("", NODES[WEB]) is Code.OK

    _with_tls(tmp_path, authority, scenario, clients=True)


def test_who_shows_none_or_that_of_another_authority(tmp_path: Path) -> None:
    authority = Authority.make(tmp_path)
    foreign = Authority.make(tmp_path, "foreign")

    async def scenario(world: World) -> None:
        assert (await world.refused(world.token_of(WEB), NODES[WEB]))[0] is Code.UNAVAILABLE
        world.credentials = _trusting(authority, foreign.issue("web", URI))
        assert (await world.refused("", NODES[WEB]))[0] is Code.UNAVAILABLE

    _with_tls(tmp_path, authority, scenario, clients=True)


def test_a_certificate_without_a_node_until_the_owner_allows_one(tmp_path: Path) -> None:
    authority = Authority.make(tmp_path)
    uri = "spiffe://example.org/ns/shop/sa/web"

    async def scenario(world: World) -> None:
        world.credentials = _trusting(authority, authority.issue("web", uri))
        code, why = await world.refused("", NODES[WEB])
        assert code is Code.UNAUTHENTICATED
        assert "teal envoy allow" in why
        world.bindings = Bindings({uri: (OTHER, NODES[WEB])})
        assert await _served(world, "", NODES[WEB])
        assert (await world.refused("", "mesh/m/virtualNode/third"))[0] is Code.PERMISSION_DENIED

    _with_tls(tmp_path, authority, scenario, clients=True)


def test_a_header_is_no_certificate(tmp_path: Path) -> None:
    authority = Authority.make(tmp_path)

    async def scenario(world: World) -> None:
        async with world.channel() as channel:
            method = channel.stream_stream(
                "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources",
                request_serializer=lambda message: message.SerializeToString(),
            )
            call = method(metadata=(("authorization", f"{CERTIFIED}{URI}"),))
            await ask(call, "type.googleapis.com/envoy.config.cluster.v3.Cluster", NODES[WEB])
            assert await asyncio.wait_for(call.code(), 20) is Code.UNAUTHENTICATED

    _with_tls(tmp_path, authority, scenario)
