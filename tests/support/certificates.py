"""Certificate authorities and certificates for tests, and TLS handshakes with them.

authority = Authority.make(tmp_path, "mesh")
blue = authority.issue("blue", "blue.example", "spiffe://example/blue")
context = client_context(authority, blue)        # mTLS; without the second: one-way TLS
seen_certificate(("127.0.0.1", 8443), context).names
"""

from __future__ import annotations

import datetime
import ipaddress
import os
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_DAYS = datetime.timedelta(days=30)


@dataclass(frozen=True)
class Leaf:
    """A certificate with its key, as files and as PEM text; ``chain_file`` includes the issuer."""

    name: str
    chain_file: Path
    key_file: Path
    serial: int

    @property
    def chain(self) -> str:
        return self.chain_file.read_text()

    @property
    def key(self) -> str:
        return self.key_file.read_text()


@dataclass(frozen=True)
class Seen:
    """A certificate that a peer presented: its subject alternative names, as text."""

    names: tuple[str, ...]
    serial: int
    alpn: str


@dataclass(frozen=True)
class Authority:
    """A certificate authority."""

    directory: Path
    file: Path
    certificate: x509.Certificate
    _key: ec.EllipticCurvePrivateKey

    @classmethod
    def make(cls, directory: Path, name: str = "authority") -> Authority:
        """Make a self-signed authority, with its certificate in ``directory/NAME.pem``."""
        key = ec.generate_private_key(ec.SECP256R1())
        made = _builder(name, _name(name), key.public_key()).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        certificate = made.sign(key, hashes.SHA256())
        file = directory / f"{name}.pem"
        file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return cls(directory, file, certificate, key)

    @property
    def pem(self) -> str:
        return self.file.read_text()

    def issue(self, name: str, *names: str) -> Leaf:
        """Make a certificate for servers and clients in ``NAME.crt`` and ``NAME.key``; files of an
        earlier one are replaced atomically, the key first. ``names`` are DNS names, URIs (if they
        contain ``://``) or IP addresses; by default ``name``.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        alternatives = x509.SubjectAlternativeName([_general(one) for one in names or (name,)])
        purposes = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        certificate = (
            _builder(name, self.certificate.subject, key.public_key())
            .add_extension(alternatives, critical=False)
            .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        pem = certificate.public_bytes(serialization.Encoding.PEM)
        leaf = Leaf(
            name,
            self.directory / f"{name}.crt",
            self.directory / f"{name}.key",
            certificate.serial_number,
        )
        _replace(leaf.key_file, _private(key))
        _replace(leaf.chain_file, pem + self.file.read_bytes())
        return leaf


def client_context(
    trusted: Authority | None, own: Leaf | None = None, alpn: tuple[str, ...] = ()
) -> ssl.SSLContext:
    """For a client that trusts ``trusted`` (anyone if None) and presents ``own``. Names are not
    checked: tests compare them with `seen_certificate`.
    """
    context = ssl.create_default_context(cafile=str(trusted.file) if trusted else None)
    context.check_hostname = False
    if trusted is None:
        context.verify_mode = ssl.CERT_NONE
    if own is not None:
        context.load_cert_chain(own.chain_file, own.key_file)
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


def seen_certificate(
    address: tuple[str, int], context: ssl.SSLContext, server_name: str | None = None
) -> Seen:
    """The certificate that a server presents. Raises ssl.SSLError if a peer refuses the other."""
    with (
        socket.create_connection(address, timeout=5) as plain,
        context.wrap_socket(plain, server_hostname=server_name) as secured,
    ):
        raw = secured.getpeercert(binary_form=True)
        assert raw is not None
        certificate = x509.load_der_x509_certificate(raw)
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        names = tuple(str(one.value) for one in extension.value)
        return Seen(names, certificate.serial_number, secured.selected_alpn_protocol() or "")


def _builder(
    name: str, issuer: x509.Name, public: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + _DAYS)
    )


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _general(name: str) -> x509.GeneralName:
    if "://" in name:
        return x509.UniformResourceIdentifier(name)
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _replace(path: Path, content: bytes) -> None:
    """Replace a file, which may hold a key, atomically, as certificate rotation does."""
    fresh = path.with_name(path.name + ".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    fresh.replace(path)
