"""Certificates with their private keys, as load balancers get them inside AWS.

No API gives the key of an imported or a public certificate; a load balancer of ours needs it all
the same, so it is read from moto's state.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tealmesh.model.arn import Arn
from tealmesh.model.errors import CertificateError


@dataclass(frozen=True)
class Issued:
    """PEM of a certificate, of its issuers, which may be none, and of its private key."""

    certificate: str
    issuers: str
    key: str = field(repr=False)


def issued(arn: str) -> Issued:
    """The certificate of ACM, or server certificate of IAM, with this ARN. moto must be loaded.

    Raises CertificateError if there is none.
    """
    named = Arn.parse(arn)
    found = _of_iam(named, arn) if named.service == "iam" else _of_acm(named, arn)
    if found is None:
        raise CertificateError(f"{arn}: there is no such certificate")
    return found


def _of_acm(named: Arn, arn: str) -> Issued | None:
    from moto.acm.models import acm_backends
    from moto.core.exceptions import JsonRESTError

    try:
        bundle: Any = acm_backends[named.account][named.region].get_certificate(arn)
    except JsonRESTError:
        return None
    return Issued(bundle.cert.decode(), bundle.chain.decode(), bundle.key.decode())


def _of_iam(named: Arn, arn: str) -> Issued | None:
    from moto.iam.models import iam_backends

    certificates: list[Any] = list(iam_backends[named.account]["aws"].list_server_certificates())
    for one in certificates:
        if one.arn == arn:
            return Issued(one.cert_body, one.cert_chain or "", one.private_key)
    return None
