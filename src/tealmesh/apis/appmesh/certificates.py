"""The certificates and authorities of ACM that meshes and load balancers name, for their Envoys.

For meshes they come from the ACM and ACM-PCA APIs of our own port, the way the App Mesh Envoy got
them (https://docs.aws.amazon.com/app-mesh/latest/userguide/tls.html): a certificate by
ExportCertificate, an authority by GetCertificateAuthorityCertificate. Only private certificates
can be exported. A load balancer's listener may have any certificate of ACM or IAM, and gets it with
its key (``issued``), as in AWS. Keys are kept in memory only; the store keeps the fingerprint of
what is served, so a renewal is a revision that every Envoy acknowledges like any other.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Protocol

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization

from tealmesh.envoy.tls import arns_of_specs
from tealmesh.model.appmesh import CertificateBody
from tealmesh.model.arn import Arn
from tealmesh.model.certificates import Material
from tealmesh.model.errors import CertificateError
from tealmesh.store import Store, Transaction, View, tables

log = logging.getLogger(__name__)

RENEWAL_SECONDS = 1800.0
"""The time between two fetches of a certificate; App Mesh takes up to 35 minutes."""

RETRY_SECONDS = 5.0
"""The time between two attempts to fetch a certificate that ACM did not give."""

ClientOf = Callable[[str, str], Any]
"""(service, region) -> a boto3 client."""


class Issued(Protocol):
    """PEM of a certificate, of its issuers, which may be none, and of its private key."""

    @property
    def certificate(self) -> str: ...
    @property
    def issuers(self) -> str: ...
    @property
    def key(self) -> str: ...


IssuedOf = Callable[[str], Awaitable[Issued]]
"""The certificate with an ARN, and its key. Raises CertificateError."""


class Certificates:
    """The material of each ARN. The API calls `take` when a specification names one; `run` fetches
    those that meshes name already, after a start, and renews them.
    """

    def __init__(self, store: Store, client_of: ClientOf, issued: IssuedOf) -> None:
        self._store = store
        self._client_of = client_of
        self._issued = issued
        self._known: Mapping[str, Material] = {}
        self._missing: Mapping[str, str] = {}

    @property
    def material(self) -> Mapping[str, Material]:
        """By ARN. The mapping is replaced, never changed in place."""
        return self._known

    @property
    def missing(self) -> Mapping[str, str]:
        """Why there is no material, for each ARN that was asked for in vain. Replaced as well."""
        return self._missing

    async def take(self, arn: str) -> None:
        """Fetch the ARN's current material. Raises CertificateError if ACM does not give it."""
        await self._keep(arn, await asyncio.to_thread(fetch, self._client_of, arn))

    async def _keep(self, arn: str, material: Material) -> None:
        known = self._known.get(arn) == material and arn not in self._missing
        self._missing = {other: why for other, why in self._missing.items() if other != arn}
        if known:
            return
        self._known = {**self._known, arn: material}
        digest = hashlib.sha256((material.chain or material.root).encode()).hexdigest()
        await self._note(arn, digest)

    async def _miss(self, arn: str, why: str) -> None:
        """Remember that there is no material. Envoys keep what they have."""
        if arn in self._missing:
            return
        log.warning("%s; trying again every %g s", why, RETRY_SECONDS)
        self._missing = {**self._missing, arn: why}
        if arn not in self._known:
            await self._note(arn, "")

    async def _note(self, arn: str, digest: str) -> None:
        """Write what is known of an ARN, which also makes Envoys be configured again."""

        def put(tx: Transaction) -> None:
            body: CertificateBody = {"arn": arn, "sha256": digest}
            tx.put(tables.CERTIFICATES, arn, body=body)

        await self._store.write("tealmesh", "TakeCertificate", put)

    async def run(self) -> None:
        """Fetch what meshes and load balancers name and is missing, and renew the rest, until
        cancelled.
        """
        loop = asyncio.get_running_loop()
        renew_at = loop.time() + RENEWAL_SECONDS
        while True:
            balanced = listener_arns(self._store.view)
            named = named_arns(self._store.view) | balanced
            renewing = loop.time() >= renew_at
            if renewing:
                renew_at = loop.time() + RENEWAL_SECONDS
                self._known = {arn: m for arn, m in self._known.items() if arn in named}
            for arn in sorted(named):
                if renewing or arn not in self._known:
                    await self._try(arn, issued=arn in balanced)
            await self._wait(balanced)

    async def _wait(self, balanced: set[str]) -> None:
        """Wait a while, but not when listeners name other certificates than ``balanced``: what
        meshes name has been taken by the API already.
        """
        with contextlib.suppress(TimeoutError):
            async with (
                asyncio.timeout(RETRY_SECONDS),
                contextlib.aclosing(self._store.watch()) as views,
            ):
                async for view in views:
                    if listener_arns(view) != balanced:
                        return

    async def _try(self, arn: str, *, issued: bool) -> None:
        try:
            if issued:
                given = await self._issued(arn)
                await self._keep(arn, await asyncio.to_thread(_material, given, arn))
            else:
                await self.take(arn)
        except CertificateError as error:
            await self._miss(arn, str(error))


def named_arns(view: View) -> set[str]:
    """Every ARN of ACM that a virtual node or gateway names."""
    nodes = [document.body["spec"] for document in view.list(tables.VIRTUAL_NODES)]
    gateways = [document.body["spec"] for document in view.list(tables.VIRTUAL_GATEWAYS)]
    return {arn for _, arn in arns_of_specs([*nodes, *gateways])}


def listener_arns(view: View) -> set[str]:
    """Every ARN of a certificate that a load balancer's listener has."""
    return {
        arn
        for document in view.list(tables.LOAD_BALANCERS)
        for listener in document.body["Listeners"]
        for arn in listener["Certificates"]
    }


def _material(given: Issued, arn: str) -> Material:
    """The material for a listener. Blocking. Raises CertificateError."""
    try:
        issuers = x509.load_pem_x509_certificates(given.issuers.encode()) if given.issuers else []
        leaf = x509.load_pem_x509_certificate(given.certificate.encode())
    except ValueError as error:
        raise CertificateError(f"{arn}: cannot be read: {error}") from error
    path = chain_of(leaf, issuers)
    return Material(root=_pem(path[-1:]), chain=_pem(path), key=given.key)


def fetch(client_of: ClientOf, arn: str) -> Material:
    """The material of a certificate or certificate authority. Blocking. Raises CertificateError."""
    from botocore.exceptions import BotoCoreError, ClientError

    named = Arn.parse(arn)
    try:
        if named.service == "acm-pca":
            return _authority(client_of("acm-pca", named.region), arn)
        return _certificate(client_of("acm", named.region), arn)
    except ClientError as error:
        said = error.response.get("Error", {})
        raise CertificateError(
            f"{arn}: {error.operation_name} refused: {said.get('Code')}: {said.get('Message')}"
        ) from error
    except (BotoCoreError, ValueError) as error:
        raise CertificateError(f"{arn}: cannot be fetched: {error}") from error


def _authority(client: Any, arn: str) -> Material:
    """An authority is trusted as it is: App Mesh allows root authorities only."""
    answer = client.get_certificate_authority_certificate(CertificateAuthorityArn=arn)
    return Material(root=_lines(answer["Certificate"]))


def _certificate(client: Any, arn: str) -> Material:
    passphrase = secrets.token_urlsafe(24).encode()
    answer = client.export_certificate(CertificateArn=arn, Passphrase=passphrase)
    key = serialization.load_pem_private_key(answer["PrivateKey"].encode(), passphrase)
    plain = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    chain = answer.get("CertificateChain", "")
    issuers = x509.load_pem_x509_certificates(chain.encode()) if chain else []
    leaf = x509.load_pem_x509_certificate(answer["Certificate"].encode())
    path = chain_of(leaf, issuers)
    return Material(root=_pem(path[-1:]), chain=_pem(path), key=plain.decode())


def chain_of(leaf: x509.Certificate, issuers: Iterable[x509.Certificate]) -> list[x509.Certificate]:
    """The certificate and its issuers in order, as far as signatures prove them. Clients trust the
    last one: the certificate itself if none of ``issuers`` signed it.
    """
    path, left = [leaf], list(issuers)
    while path[-1].issuer != path[-1].subject:
        signer = next((issuer for issuer in left if _issued(path[-1], issuer)), None)
        if signer is None:
            break
        left.remove(signer)
        path.append(signer)
    return path


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def _pem(certificates: Iterable[x509.Certificate]) -> str:
    encoding = serialization.Encoding.PEM
    return "".join(c.public_bytes(encoding).decode() for c in certificates)


def _lines(pem: str) -> str:
    return pem.rstrip("\n") + "\n"
