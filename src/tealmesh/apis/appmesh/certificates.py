"""Certificates and authorities of ACM that a mesh names, as material for its Envoys.

They are had from the ACM and ACM-PCA APIs of the endpoint in use, as the App Mesh Envoy had them
(https://docs.aws.amazon.com/app-mesh/latest/userguide/tls.html): a certificate by
ExportCertificate, an authority by GetCertificateAuthorityCertificate. Keys are held in memory
alone. The store is told which certificate is served, by its fingerprint: so a renewal is a
revision of its own, and every Envoy's acknowledgement of it can be waited for.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import secrets
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization

from tealmesh.envoy.tls import arns_of_specs
from tealmesh.model.arn import Arn
from tealmesh.model.certificates import Material
from tealmesh.model.errors import CertificateError
from tealmesh.store import Store, Transaction, View, tables

log = logging.getLogger(__name__)

RENEWAL = 1800.0
"""Seconds after which a certificate is looked for anew; App Mesh takes up to 35 minutes."""

RETRY = 5.0
"""Seconds after which one that could not be had is asked for again."""

ClientOf = Callable[[str, str], Any]
"""(service, region) -> a boto3 client."""


class Certificates:
    """What is known of each ARN. `take` is for a write of the API, `run` for all that meshes name
    already: after a start, and at a renewal.
    """

    def __init__(self, store: Store, client_of: ClientOf) -> None:
        self._store = store
        self._client_of = client_of
        self._known: Mapping[str, Material] = {}
        self._failed: set[str] = set()

    @property
    def material(self) -> Mapping[str, Material]:
        """By ARN. It is never changed, a new one takes its place."""
        return self._known

    async def take(self, arn: str) -> None:
        """Know the ARN's present material. Raises CertificateError when ACM does not give it."""
        material = await asyncio.to_thread(fetch, self._client_of, arn)
        if self._known.get(arn) == material:
            return
        self._known = {**self._known, arn: material}
        digest = hashlib.sha256((material.chain or material.root).encode()).hexdigest()

        def put(tx: Transaction) -> None:
            tx.put(tables.CERTIFICATES, arn, body={"arn": arn, "sha256": digest})

        await self._store.write("tealmesh", "TakeCertificate", put)

    async def run(self) -> None:
        """Fetch what meshes name and is not known, and look for renewals, until cancelled."""
        loop = asyncio.get_running_loop()
        renew_at = loop.time() + RENEWAL
        while True:
            named = named_arns(self._store.view)
            renewing = loop.time() >= renew_at
            if renewing:
                renew_at = loop.time() + RENEWAL
                self._known = {arn: had for arn, had in self._known.items() if arn in named}
            for arn in sorted(named):
                if renewing or arn not in self._known:
                    await self._try(arn)
            await asyncio.sleep(RETRY)

    async def _try(self, arn: str) -> None:
        try:
            await self.take(arn)
        except CertificateError as error:
            # Said once: Envoys keep what they have, and the control plane shows who waits.
            if arn not in self._failed:
                log.warning("%s; trying again every %g s", error, RETRY)
            self._failed.add(arn)
        else:
            self._failed.discard(arn)


def named_arns(view: View) -> set[str]:
    """Every ARN of ACM that a virtual node or gateway names."""
    holders = (tables.VIRTUAL_NODES, tables.VIRTUAL_GATEWAYS)
    specs = (document.body["spec"] for holder in holders for document in view.list(holder))
    return {arn for _, arn in arns_of_specs(specs)}


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
        raise CertificateError(f"{arn}: cannot be had: {error}") from error


def _authority(client: Any, arn: str) -> Material:
    """An authority is trusted as it is: App Mesh takes root authorities only."""
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
    issuers = x509.load_pem_x509_certificates(answer.get("CertificateChain", "").encode())
    leaf = x509.load_pem_x509_certificate(answer["Certificate"].encode())
    path = chain_of(leaf, issuers)
    return Material(root=_pem(path[-1:]), chain=_pem(path), key=plain.decode())


def chain_of(leaf: x509.Certificate, issuers: Iterable[x509.Certificate]) -> list[x509.Certificate]:
    """The certificate and those that issued it one after the other, as far as signatures bear it
    out. The last is what clients trust: for one that nobody of ``issuers`` signed, itself.
    """
    path, left = [leaf], list(issuers)
    while path[-1].issuer != path[-1].subject:
        signer = next((one for one in left if _issued(path[-1], one)), None)
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
    return "".join(one.public_bytes(encoding).decode() for one in certificates)


def _lines(pem: str) -> str:
    return pem.rstrip("\n") + "\n"
