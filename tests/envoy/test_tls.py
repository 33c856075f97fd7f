"""TLS between real Envoys: what policies accept and what they refuse.

Each row has a server (an Envoy in front of an application) and a caller with a policy; all
certificates are files.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tealmesh.model.mesh import Kind
from tests.envoy.tls import (
    CALLER,
    NAME,
    PORT,
    SERVER,
    Pki,
    Rig,
    both,
    call,
    file_of,
    plain,
    policy,
    rig,
    statistic,
    strict,
    trusting,
)
from tests.support.certificates import client_context, seen_certificate

Setup = Callable[[Rig, Pki], None]


@dataclass(frozen=True)
class Row:
    """``counted`` are statistics that must be above zero afterwards: of the caller's cluster."""

    id: str
    setup: Setup
    status: int
    counted: str = ""


ROWS = [
    Row("plaintext by default", lambda r, p: both(r, None), 200),
    Row("disabled is plaintext", lambda r, p: both(r, {**strict(p), "mode": "DISABLED"}), 200),
    Row("the server alone asks for TLS", lambda r, p: both(r, strict(p)), 200, "handshake"),
    Row(
        "a policy trusts the server's authority",
        lambda r, p: both(r, strict(p), policy(trusting(p.mesh))),
        200,
        "handshake",
    ),
    Row(
        "a policy trusts another authority",
        lambda r, p: both(r, strict(p), policy(trusting(p.other))),
        503,
        "fail_verify_error",
    ),
    Row(
        "a policy asks for another name",
        lambda r, p: both(r, strict(p), policy(trusting(p.mesh, "else.ns"))),
        503,
        "fail_verify_san",
    ),
    Row(
        "a policy names the server",
        lambda r, p: both(r, strict(p), policy(trusting(p.mesh, "else.ns", NAME))),
        200,
    ),
    Row(
        "an enforced policy meets a plaintext server",
        lambda r, p: both(r, None, policy(trusting(p.mesh))),
        503,
    ),
    Row(
        "a policy that is not enforced meets a plaintext server",
        lambda r, p: both(r, None, policy(trusting(p.mesh), enforce=False)),
        200,
    ),
    Row(
        "a policy that is not enforced still trusts whom it names",
        lambda r, p: both(r, strict(p), policy(trusting(p.other), enforce=False)),
        503,
        "fail_verify_error",
    ),
    Row(
        "a policy for another port leaves it to the server",
        lambda r, p: both(r, strict(p), policy(trusting(p.other), ports=[9999])),
        200,
        "handshake",
    ),
    Row(
        "a policy for this port",
        lambda r, p: both(r, strict(p), policy(trusting(p.other), ports=[9999, PORT])),
        503,
    ),
    Row(
        "a permissive server takes TLS",
        lambda r, p: both(r, {**strict(p), "mode": "PERMISSIVE"}, policy(trusting(p.mesh))),
        200,
        "handshake",
    ),
    Row(
        "a client certificate is asked for and shown",
        lambda r, p: both(
            r,
            strict(p, validation=trusting(p.mesh)),
            policy(trusting(p.mesh), certificate=file_of(p.client)),
        ),
        200,
        "handshake",
    ),
    Row(
        "a client certificate is asked for and there is none",
        lambda r, p: both(r, strict(p, validation=trusting(p.mesh)), policy(trusting(p.mesh))),
        503,
    ),
    Row(
        "a client certificate of another authority",
        lambda r, p: both(
            r,
            strict(p, validation=trusting(p.mesh)),
            policy(trusting(p.mesh), certificate=file_of(p.stranger)),
        ),
        503,
    ),
    Row(
        "a client certificate with a name that is expected",
        lambda r, p: both(
            r,
            strict(p, validation=trusting(p.mesh, "spiffe://mesh/client")),
            policy(trusting(p.mesh), certificate=file_of(p.client)),
        ),
        200,
    ),
    Row(
        "a client certificate with a name that is not expected",
        lambda r, p: both(
            r,
            strict(p, validation=trusting(p.mesh, "spiffe://mesh/another")),
            policy(trusting(p.mesh), certificate=file_of(p.client)),
        ),
        503,
    ),
]


def test_what_is_accepted_and_what_is_refused(pki: Pki, tmp_path: Path) -> None:
    """One pair of Envoys goes through all rows: so it is shown too that each is left again."""

    async def scenario() -> list[str]:
        wrong = []
        async with rig(tmp_path) as r:
            plain(r)
            await r.publish()
            await r.start("server", SERVER)
            admin = await r.start("caller", CALLER)
            for row in ROWS:
                # A connection that is open stays open: begin each row without one.
                plain(r)
                await r.publish()
                before = await statistic(admin, f"ssl.{row.counted}")
                row.setup(r, pki)
                await r.publish()
                status = await call()
                after = await statistic(admin, f"ssl.{row.counted}")
                if status != row.status:
                    wrong.append(f"{row.id}: {status}, not {row.status}")
                if row.counted and after == before:
                    wrong.append(f"{row.id}: ssl.{row.counted} stayed {before}")
        return wrong

    assert asyncio.run(scenario()) == []


def test_a_listener_alone(pki: Pki, tmp_path: Path) -> None:
    """What clients without an Envoy of their own see, mode by mode."""
    tls_url, plain_url = f"https://{SERVER}:{PORT}/", f"http://{SERVER}:{PORT}/"
    address = (SERVER, PORT)
    trusted = client_context(pki.mesh)

    async def get(url: str, context: ssl.SSLContext) -> int:
        async with httpx.AsyncClient(verify=context, timeout=5) as client:
            return (await client.get(url)).status_code

    async def scenario() -> None:
        async with rig(tmp_path) as r:
            r.server({**strict(pki), "mode": "PERMISSIVE"})
            await r.publish()
            admin = await r.start("server", SERVER)
            assert await get(tls_url, trusted) == 200
            assert await get(plain_url, trusted) == 200
            r.server(strict(pki))
            await r.publish()
            assert await get(tls_url, trusted) == 200
            with pytest.raises(httpx.RemoteProtocolError):
                await get(plain_url, trusted)
            seen = await asyncio.to_thread(seen_certificate, address, trusted)
            assert (seen.names, seen.serial) == ((NAME,), pki.server.serial)
            with pytest.raises(ssl.SSLError):
                await asyncio.to_thread(seen_certificate, address, client_context(pki.other))
            r.server(strict(pki, validation=trusting(pki.mesh)))
            await r.publish()
            with pytest.raises((ssl.SSLError, httpx.ReadError)):
                await get(tls_url, trusted)
            assert await get(tls_url, client_context(pki.mesh, pki.client)) == 200
            assert await statistic(admin, "ssl.fail_verify_no_cert") >= 1
            r.server({**strict(pki), "mode": "DISABLED"})
            await r.publish()
            assert await get(plain_url, trusted) == 200

    asyncio.run(scenario())


@pytest.mark.parametrize(("protocol", "alpn"), [("http", "http/1.1"), ("http2", "h2")])
def test_a_gateway_terminates_and_originates(
    pki: Pki, tmp_path: Path, protocol: str, alpn: str
) -> None:
    """TLS from outside to the gateway, and again from the gateway to the node."""
    outside = pki.mesh.issue(f"front-{protocol}", "front.example")

    async def scenario() -> None:
        async with rig(tmp_path) as r:
            both(r, strict(pki, validation=trusting(pki.mesh)))
            policy_ = policy(trusting(pki.mesh), certificate=file_of(pki.client))
            listener = {"tls": {"mode": "STRICT", "certificate": file_of(outside)}}
            r.builder.gateway("front", PORT, protocol, listener=listener, backendDefaults=policy_)
            r.builder.gateway_route("front", "all", "shop.local", member=f"{protocol}Route")
            await r.publish()
            await r.start("server", SERVER)
            admin = await r.start("front", CALLER, Kind.VIRTUAL_GATEWAY)
            context = client_context(pki.mesh, alpn=("h2", "http/1.1"))
            seen = await asyncio.to_thread(seen_certificate, (CALLER, PORT), context)
            assert (seen.names, seen.alpn) == (("front.example",), alpn)
            async with httpx.AsyncClient(verify=client_context(pki.mesh)) as client:
                assert (await client.get(f"https://{CALLER}:{PORT}/")).status_code == 200
            assert await statistic(admin, "cluster.*ssl.handshake") == 1

    asyncio.run(scenario())


def test_a_tcp_connection_through_tls(pki: Pki, tmp_path: Path) -> None:
    async def scenario() -> bytes:
        async with rig(tmp_path) as r:
            r.server(strict(pki), "tcp")
            r.caller(policy(trusting(pki.mesh)))
            await r.publish()
            await r.start("server", SERVER)
            admin = await r.start("caller", CALLER)
            reader, writer = await asyncio.open_connection(CALLER, 15001)
            writer.write(f"CONNECT shop.local:{PORT} HTTP/1.1\r\nhost: shop.local\r\n\r\n".encode())
            assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
            writer.write(b"GET /inside HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            answer = await reader.read()
            writer.close()
            assert await statistic(admin, "ssl.handshake") == 1
            return answer

    assert b'"path": "/inside"' in asyncio.run(scenario())
