"""The name server of Envoys: Cloud Map's names, and others from another server, over sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import dns.asyncquery
import dns.message
import dns.rcode
import pytest

from tealmesh.apis.servicediscovery.dns_server import RESOLVED_TTL_SECONDS, Resolver
from tealmesh.apis.servicediscovery.forwarding import name_servers
from tests.apis.servicediscovery.test_dns import address, namespace, service
from tests.behaviour.dns import NameServer
from tests.support.machine import free_port
from tests.support.planes.ecs import Direct
from tests.support.programs.envoy import loopback

DNS_PORT = 53
"""Where resolvers find name servers; binding it may need root."""


@asynccontextmanager
async def resolving(direct: Direct, resolv_conf: Path) -> AsyncIterator[int]:
    """Serve the store's names; yields the port on 127.0.0.1."""
    port = free_port()

    def view() -> object:
        return direct.store.view

    server = Resolver(view, "127.0.0.1", port, set_by="--xds-port", resolv_conf=resolv_conf)  # type: ignore[arg-type]
    await server.start()
    try:
        yield port
    finally:
        await server.close()


async def ask(port: int, name: str, *, tcp: bool = False) -> dns.message.Message:
    query = dns.message.make_query(name, "A")
    if tcp:
        return await dns.asyncquery.tcp(query, "127.0.0.1", 10, port)
    return await dns.asyncquery.udp(query, "127.0.0.1", 10, port)


def data(answer: dns.message.Message) -> list[str]:
    return [str(item) for rrset in answer.answer for item in rrset]


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
def test_cloud_maps_names_are_good_for_a_second(direct: Direct, tmp_path: Path, tcp: bool) -> None:
    address(direct, service(direct, namespace(direct), "A"), "one", 1)

    async def work() -> None:
        async with resolving(direct, tmp_path / "none") as port:
            answer = await ask(port, "web.shop.local", tcp=tcp)
            assert (data(answer), answer.answer[0].ttl) == (["127.9.0.1"], RESOLVED_TTL_SECONDS)
            missing = await ask(port, "none.shop.local", tcp=tcp)
            assert missing.rcode() == dns.rcode.NXDOMAIN
            assert missing.authority[0].ttl == RESOLVED_TTL_SECONDS
            nobody = await ask(port, "elsewhere.test", tcp=tcp)
            assert nobody.rcode() == dns.rcode.SERVFAIL

    asyncio.run(work())


def test_other_names_are_asked_of_the_machines_name_servers(direct: Direct, tmp_path: Path) -> None:
    dead, alive = loopback(81), loopback(82)
    resolv_conf = tmp_path / "resolv.conf"
    resolv_conf.write_text(f"search local\nnameserver {dead}\nnameserver {alive}\n")

    async def work() -> None:
        loop = asyncio.get_running_loop()
        try:
            other, _ = await loop.create_datagram_endpoint(
                lambda: NameServer({"elsewhere.test": ["10.1.2.3"]}), local_addr=(alive, DNS_PORT)
            )
        except PermissionError:
            pytest.skip("port 53 is for root")
        async with resolving(direct, resolv_conf) as port:
            assert data(await ask(port, "elsewhere.test")) == ["10.1.2.3"]
            assert (await ask(port, "nowhere.test")).rcode() == dns.rcode.NXDOMAIN
        other.close()

    asyncio.run(work())


def test_name_servers_of_a_resolv_conf(tmp_path: Path) -> None:
    file = tmp_path / "resolv.conf"
    file.write_text("# nameserver 10.0.0.1\nnameserver 10.0.0.2\nnameserver ::1\noptions rotate\n")
    assert name_servers(file) == ["10.0.0.2", "::1"]
    assert name_servers(tmp_path / "none") == []
