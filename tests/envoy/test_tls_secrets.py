"""Where certificates come from (files, a local secret service, ACM), and how Envoys renew them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from tealmesh.model.certificates import Material
from tests.envoy.sds import secret_service
from tests.envoy.tls import (
    CALLER,
    NAME,
    PORT,
    SERVER,
    Pki,
    both,
    call,
    file_of,
    plain,
    policy,
    rig,
    statistic,
)
from tests.support.certificates import Authority, client_context, seen_certificate


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
                # Every call needs a new connection: only the next handshake uses the certificate.
                await r.drop_connections()
                if await call() == 503:
                    return
            raise AssertionError("the new client certificate was not taken")

    asyncio.run(scenario())


def test_certificates_and_authorities_of_acm(pki: Pki, tmp_path: Path) -> None:
    """ACM's certificates come over ADS; a caller without a policy trusts the server's root."""
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
            # The certificate is renewed by an authority that nobody trusts any more.
            both(r, by_acm, trusting_arn(authority))
            renewed = pki.other.issue("renewed", NAME)
            r.material[arn] = Material(pki.other.pem, renewed.chain, renewed.key)
            await r.publish()
            assert await call() == 503
            assert await statistic(admin, "ssl.fail_verify_error") >= 1

    asyncio.run(scenario())


def test_an_arn_that_acm_does_not_provide_leaves_the_envoy_as_it_is(tmp_path: Path) -> None:
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
            assert f"virtualNode server: ACM does not provide {arn}" in str(state.rejected)
            async with httpx.AsyncClient(verify=False) as client:
                assert (await client.get(f"http://{SERVER}:{PORT}/")).status_code == 200

    asyncio.run(scenario())
