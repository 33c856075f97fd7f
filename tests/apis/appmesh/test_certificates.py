"""Clients trust the last issuer of an ACM certificate that signatures prove."""

from __future__ import annotations

import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tealmesh.apis.appmesh.certificates import chain_of
from tests.support.certificates import Authority

NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


def named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


class Signer:
    """A name with a key."""

    def __init__(self, name: str) -> None:
        self.name = named(name)
        self.key = ec.generate_private_key(ec.SECP256R1())

    def sign(self, other: Signer) -> x509.Certificate:
        return (
            x509.CertificateBuilder()
            .subject_name(other.name)
            .issuer_name(self.name)
            .public_key(other.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW)
            .not_valid_after(NOW + datetime.timedelta(days=1))
            .sign(self.key, hashes.SHA256())
        )


def test_from_the_leaf_by_an_intermediate_to_the_root_in_any_order() -> None:
    root, middle, leaf, stranger = (Signer(one) for one in ("root", "middle", "leaf", "stranger"))
    path = [middle.sign(leaf), root.sign(middle), root.sign(root)]
    for issuers in (path[1:], [path[2], stranger.sign(stranger), path[1]]):
        assert chain_of(path[0], issuers) == path


def test_one_that_only_bears_the_issuers_name_is_not_trusted() -> None:
    """moto's chain: the names match, the signatures do not."""
    root, impostor, leaf = Signer("root"), Signer("root"), Signer("leaf")
    made = root.sign(leaf)
    assert chain_of(made, [impostor.sign(impostor)]) == [made]


def test_a_certificate_that_signed_itself_is_its_own_root(tmp_path: Path) -> None:
    alone = Authority.make(tmp_path).certificate
    assert chain_of(alone, [alone]) == [alone]
