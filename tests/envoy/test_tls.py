"""TLS between real Envoys that a control plane serves: what is accepted and what is refused.

Each row has a server (an Envoy in front of an application) and callers whose policies differ; all
secrets go over ADS, or come from a local secret service where a row says so.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tealmesh.model.certificates import Material
from tealmesh.model.mesh import Kind
from tests.envoy.sds import secret_service
from tests.envoy.tls import (
    CALLER,
    NAME,
    PORT,
    SERVER,
    Pki,
    Rig,
    call,
    file_of,
    policy,
    rig,
    statistic,
    trusting,
)
from tests.support.programs.certificates import Authority, client_context, seen_certificate


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    directory = tmp_path_factory.mktemp("pki")
    mesh, other = Authority.make(directory, "mesh"), Authority.make(directory, "other")
    return Pki(
        mesh,
        other,
        mesh.issue("server", NAME),
        mesh.issue("client", "client.ns", "spiffe://mesh/client"),
        other.issue("stranger", "client.ns"),
    )


Setup = Callable[[Rig, Pki], None]


@dataclass(frozen=True)
class Row:
    """``counted`` are statistics that must be above zero afterwards: of the caller's cluster."""

    id: str
    setup: Setup
    status: int
    counted: str = ""


def both(
    rig: Rig, tls: Mapping[str, Any] | None, defaults: Mapping[str, Any] | None = None
) -> None:
    rig.server(tls)
    rig.caller(defaults)


def plain(rig: Rig) -> None:
    both(rig, None)


def strict(pki: Pki, **more: Any) -> dict[str, Any]:
    return {"mode": "STRICT", "certificate": file_of(pki.server), **more}


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


@pytest.mark.parametrize("delta", [True, False])
def test_a_renewed_file_is_taken_without_a_change_of_the_mesh(tmp_path: Path, delta: bool) -> None:
    authority = Authority.make(tmp_path)
    first = authority.issue("server", NAME)
    address, context = (SERVER, PORT), client_context(authority)

    async def scenario() -> None:
        async with rig(tmp_path) as r:
            r.delta = delta
            r.server({"mode": "STRICT", "certificate": file_of(first)})
            await r.publish()
            await r.start("server", SERVER)
            assert (await asyncio.to_thread(seen_certificate, address, context)).serial == (
                first.serial
            )
            renewed = authority.issue("server", NAME)
            for _ in range(200):
                seen = await asyncio.to_thread(seen_certificate, address, context)
                if seen.serial == renewed.serial:
                    return
                await asyncio.sleep(0.02)
            raise AssertionError("the renewed certificate was not taken")

    asyncio.run(scenario())


def test_a_file_that_is_absent_is_reported_and_the_last_good_state_kept(
    pki: Pki, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as r:
            plain(r)
            await r.publish()
            await r.start("server", SERVER)
            await r.start("caller", CALLER)
            absent = {"file": {"certificateChain": "/nowhere.crt", "privateKey": "/nowhere.key"}}
            r.server({"mode": "STRICT", "certificate": absent})
            snapshot = r.builder.snapshot()
            r.cache.update(snapshot)
            for _ in range(300):
                state = await r.cache.wait_converged("m", snapshot.revision, 0.05)
                if state.rejected:
                    break
            assert "/nowhere" in " ".join(state.rejected.values())

    asyncio.run(scenario())


def by_sds(name: str) -> dict[str, Any]:
    return {"sds": {"secretName": name}}


def test_secrets_of_a_local_service(pki: Pki, tmp_path: Path) -> None:
    """Certificates and trust of both sides by name; a renewed certificate is taken."""

    async def scenario() -> None:
        async with secret_service(tmp_path) as secrets, rig(tmp_path) as r:
            secrets.put_certificate("spiffe://mesh/server", pki.server)
            secrets.put_certificate("client", pki.client)
            secrets.put_trust("spiffe://mesh", pki.mesh)
            r.environment["APPMESH_SDS_SOCKET_PATH"] = str(secrets.path)
            trust = {"trust": by_sds("spiffe://mesh")}
            tls = {"certificate": by_sds("spiffe://mesh/server"), "validation": trust}
            r.server({"mode": "STRICT", **tls})
            r.caller(policy(trust, certificate=by_sds("client")))
            await r.publish()
            await r.start("server", SERVER)
            admin = await r.start("caller", CALLER)
            assert await call() == 200
            assert await statistic(admin, "ssl.handshake") == 1
            assert secrets.asked == {"spiffe://mesh/server", "client", "spiffe://mesh"}
            secrets.put_certificate("client", pki.stranger)
            for _ in range(200):
                # Each call of a new connection: the certificate is for the next handshake.
                await r.drop_connections()
                if await call() == 503:
                    return
            raise AssertionError("the new client certificate was not taken")

    asyncio.run(scenario())


def test_certificates_and_authorities_of_acm(pki: Pki, tmp_path: Path) -> None:
    """What ACM keeps comes over ADS; a caller without a policy trusts the server's root."""
    arn = "arn:aws:acm:us-east-1:123456789012:certificate/c"
    authority = "arn:aws:acm-pca:us-east-1:123456789012:certificate-authority/a"
    other = authority + "2"
    by_acm = {"mode": "STRICT", "certificate": {"acm": {"certificateArn": arn}}}

    def trusting_arn(*arns: str) -> dict[str, Any]:
        return policy({"trust": {"acm": {"certificateAuthorityArns": list(arns)}}})

    async def scenario() -> None:
        async with rig(tmp_path) as r:
            r.material = {
                arn: Material(pki.mesh.pem, pki.server.chain, pki.server.key),
                authority: Material(pki.mesh.pem),
                other: Material(pki.other.pem),
            }
            both(r, by_acm)
            await r.publish()
            await r.start("server", SERVER)
            admin = await r.start("caller", CALLER)
            assert await call() == 200
            assert await statistic(admin, "ssl.handshake") == 1
            both(r, by_acm, trusting_arn(other, authority))
            await r.publish()
            assert await call() == 200
            both(r, by_acm, trusting_arn(other))
            await r.publish()
            assert await call() == 503
            # A renewal of the certificate by an authority that nobody trusts any more.
            both(r, by_acm, trusting_arn(authority))
            renewed = pki.other.issue("renewed", NAME)
            r.material[arn] = Material(pki.other.pem, renewed.chain, renewed.key)
            await r.publish()
            assert await call() == 503
            assert await statistic(admin, "ssl.fail_verify_error") >= 1

    asyncio.run(scenario())


def test_an_arn_that_acm_does_not_give_keeps_the_envoy_as_it_is(tmp_path: Path) -> None:
    arn = "arn:aws:acm:us-east-1:123456789012:certificate/gone"

    async def scenario() -> None:
        async with rig(tmp_path) as r:
            plain(r)
            await r.publish()
            await r.start("server", SERVER)
            r.server({"mode": "STRICT", "certificate": {"acm": {"certificateArn": arn}}})
            snapshot = r.snapshot()
            r.cache.update(snapshot)
            state = await r.cache.wait_converged("m", snapshot.revision, 10)
            assert f"virtualNode server: ACM does not give {arn}" in str(state.rejected)
            async with httpx.AsyncClient(verify=False) as client:
                assert (await client.get(f"http://{SERVER}:{PORT}/")).status_code == 200

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
