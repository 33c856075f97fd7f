"""Certificates for the rows about TLS, from their three sources: files, SDS and ACM.

Each source has a certificate of its own, so that a row can tell which one the server presented.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from envoy.extensions.transport_sockets.tls.v3 import secret_pb2
from envoy.service.discovery.v3 import discovery_pb2

from tealmesh.model.certificates import Material
from tests.support.certificates import Authority, Leaf, client_context

SERVICE = "envoy.service.secret.v3.SecretDiscoveryService"
ACM = "arn:aws:acm:us-east-1:123456789012:certificate/app"
PCA = "arn:aws:acm-pca:us-east-1:123456789012:certificate-authority/"


@dataclass(frozen=True)
class Pki:
    """Two independent authorities and the certificates that they have signed, by name."""

    mesh: Authority
    other: Authority
    leaves: Mapping[str, Leaf]

    @classmethod
    def make(cls, directory: Path) -> Pki:
        """Make all files below ``directory``: ``mesh.pem``, ``file.crt``, ``file.key``…"""
        mesh, other = Authority.make(directory, "mesh"), Authority.make(directory, "other")
        names = {
            "file": ("app.ns", "from.file"),
            "sds": ("app.ns", "from.sds"),
            "acm": ("app.ns", "from.acm"),
            "web": ("web.ns", "spiffe://m/web"),
        }
        leaves = {name: mesh.issue(name, *own) for name, own in names.items()}
        return cls(mesh, other, {**leaves, "stranger": other.issue("stranger", *names["web"])})

    def material(self) -> dict[str, Material]:
        """The certificates and authorities of ACM, by ARN."""
        leaf = self.leaves["acm"]
        return {
            ACM: Material(self.mesh.pem, leaf.chain, leaf.key),
            f"{PCA}mesh": Material(self.mesh.pem),
            f"{PCA}other": Material(self.other.pem),
        }

    def context(self, trusted: str, own: str) -> ssl.SSLContext:
        """For a client that trusts that authority and presents that certificate (empty: none)."""
        leaf = self.leaves[own] if own else None
        return client_context(self.mesh if trusted == "mesh" else self.other, leaf)

    def secret(self, name: str) -> Any:
        """The secret in the form of SDS; ``NAME-ca`` is an authority."""
        made = secret_pb2.Secret(name=name)
        if name.endswith("-ca"):
            authority = {"mesh-ca": self.mesh, "other-ca": self.other}[name]
            made.validation_context.trusted_ca.inline_string = authority.pem
        else:
            made.tls_certificate.certificate_chain.inline_string = self.leaves[name].chain
            made.tls_certificate.private_key.inline_string = self.leaves[name].key
        return made


def secret_service(pki: Pki) -> Any:
    """The stream handler of a local secret service, such as SPIRE's agent.

    https://www.envoyproxy.io/docs/envoy/latest/configuration/security/secret
    """

    async def serve(requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        async for request in requests:
            if not request.response_nonce:
                answer = discovery_pb2.DiscoveryResponse(version_info="1", nonce="1")
                answer.type_url = request.type_url
                for name in request.resource_names:
                    answer.resources.add().Pack(pki.secret(name))
                yield answer

    method = grpc.stream_stream_rpc_method_handler(
        serve,
        request_deserializer=discovery_pb2.DiscoveryRequest.FromString,
        response_serializer=discovery_pb2.DiscoveryResponse.SerializeToString,
    )
    return grpc.method_handlers_generic_handler(SERVICE, {"StreamSecrets": method})
