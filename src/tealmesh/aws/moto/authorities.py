"""Private certificates: ACM asks the private authority that a certificate names to issue it.

moto issues them all in the name of Amazon, so no client that trusts the authority would accept
them. The keys of authorities come from moto's own random numbers: after a restart, when the calls
are repeated, an authority has the key for which its certificate was imported. moto has no types:
hence Any.

https://docs.aws.amazon.com/acm/latest/userguide/gs-acm-request-private.html
"""

from __future__ import annotations

import base64
from types import SimpleNamespace
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tealmesh.aws.moto.instead import instead_of
from tealmesh.model.arn import Arn

_SMALL_PRIMES = [n for n in range(3, 2000) if all(n % d for d in range(2, int(n**0.5) + 1))]
_ROUNDS = 20
"""Of the Miller-Rabin test: enough for random numbers of this size, see FIPS 186-5, table B.1."""


def correct_acm(module: Any) -> None:
    """Correct ``moto.acm.models``."""

    @instead_of(module.AWSCertificateManagerBackend, "request_certificate")
    def request(original: Any, self: Any, *arguments: Any, **named: Any) -> Any:
        known = set(self._certificates)
        arn = original(self, *arguments, **named)
        bundle = self._certificates[arn]
        if arn not in known and bundle.cert_authority_arn:
            _issue(bundle)
        return arn


def correct_authorities(module: Any) -> None:
    """Correct ``moto.acmpca.models``."""
    module.rsa = SimpleNamespace(**{**vars(rsa), "generate_private_key": _reproducible_key})

    @instead_of(module.CertificateAuthority, "import_certificate_authority_certificate")
    def take(original: Any, self: Any, *arguments: Any, **named: Any) -> None:
        original(self, *arguments, **named)
        _complete(self)


def _complete(authority: Any) -> None:
    """Give certificates that were requested before the authority was active their chain."""
    from moto.acm.models import acm_backends

    backend: Any = acm_backends[authority.account_id][authority.region_name]
    for bundle in backend._certificates.values():
        if bundle.cert_authority_arn == authority.arn and not bundle.chain:
            bundle.chain = authority.certificate_bytes


def _issue(bundle: Any) -> None:
    """Have the certificate issued by its authority, if there is one."""
    from moto.acmpca.models import acmpca_backends

    named = Arn.parse(bundle.cert_authority_arn)
    backend: Any = acmpca_backends[named.account][named.region]
    authority = backend.certificate_authorities.get(bundle.cert_authority_arn)
    if authority is None:
        return
    names = bundle._cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, bundle.common_name)])
    asked = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(subject)
        .add_extension(names, critical=False)
        .sign(bundle._key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
    issued = authority.issue_certificate(base64.b64encode(asked), None)
    bundle.cert, bundle.chain = authority.get_certificate(issued)
    bundle._cert = bundle.validate_certificate()
    (issuer, *_) = bundle._cert.issuer.get_attributes_for_oid(x509.NameOID.COMMON_NAME) or [None]
    bundle.issuer_common_name = str(issuer.value) if issuer else ""


def _reproducible_key(public_exponent: int, key_size: int, *_: Any) -> rsa.RSAPrivateKey:
    """A key made of moto's random numbers."""
    while True:
        p, q = _prime(key_size // 2), _prime(key_size // 2)
        phi = (p - 1) * (q - 1)
        if p != q and phi % public_exponent:
            break
    d = pow(public_exponent, -1, phi)
    numbers = rsa.RSAPrivateNumbers(
        p=p,
        q=q,
        d=d,
        dmp1=rsa.rsa_crt_dmp1(d, p),
        dmq1=rsa.rsa_crt_dmq1(d, q),
        iqmp=rsa.rsa_crt_iqmp(p, q),
        public_numbers=rsa.RSAPublicNumbers(public_exponent, p * q),
    )
    return numbers.private_key()


def _prime(bits: int) -> int:
    from moto.moto_api._internal import mock_random

    while True:
        # Its two highest bits are set, so that the product of two has twice as many bits.
        candidate = mock_random.getrandbits(bits) | (3 << (bits - 2)) | 1
        if all(candidate % small for small in _SMALL_PRIMES) and _is_prime(candidate, mock_random):
            return int(candidate)


def _is_prime(number: int, random: Any) -> bool:
    """Miller and Rabin's test."""
    twos = ((number - 1) & -(number - 1)).bit_length() - 1
    odd = (number - 1) >> twos
    for _ in range(_ROUNDS):
        x = pow(random.randrange(2, number - 1), odd, number)
        if x in (1, number - 1):
            continue
        for _ in range(twos - 1):
            x = x * x % number
            if x == number - 1:
                break
        else:
            return False
    return True
