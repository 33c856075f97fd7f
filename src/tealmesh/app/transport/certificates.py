"""A server's certificate and key in files, which others renew while we run.

They are looked at when a connection begins, so a new pair is used from the next one on. What cannot
be used keeps the former pair in use, and is said once.
"""

from __future__ import annotations

import logging
import ssl
import stat
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from tealmesh.model.clock import Clock
from tealmesh.model.errors import TealError
from tealmesh.model.plane.listening import Listening

_log = logging.getLogger(__name__)

_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""Of TLS 1.2: forward secrecy and authenticated encryption, as gRPC's own list. Those of TLS 1.3
are not chosen."""
_SOON_DAYS = 7
_Stamp = tuple[tuple[int, int, int], ...]


@dataclass(frozen=True)
class Pair:
    """A certificate and its key that fit."""

    chain: bytes
    key: bytes = field(repr=False)
    names: tuple[str, ...]
    """The DNS names and addresses that the certificate is for."""
    authority: bytes | None
    """PEM: who signs the certificates of Envoys; None where none is asked for."""
    context: ssl.SSLContext = field(repr=False)
    """For HTTP."""
    envoys: ssl.SSLContext = field(repr=False)
    """For gRPC. Where there is an authority of clients, they must show a certificate of it."""


class Certificates:
    """The pair that is in use. Raises TealError if there is none to begin with."""

    def __init__(self, listening: Listening, clock: Clock) -> None:
        if listening.certificate is None or listening.key is None:
            raise TealError("--tls-cert and --tls-key are needed for TLS")
        self._certificate, self._key = listening.certificate, listening.key
        self._authority = listening.client_authority
        self._clock = clock
        self._stamp = self._stamped()
        self._pair = self._load()
        if (mode := stat.S_IMODE(self._key.stat().st_mode)) & 0o077:
            _log.warning(
                "--tls-key %s can be read by others (mode %03o): run `chmod 600`", self._key, mode
            )

    def current(self) -> Pair:
        """The newest pair that could be used."""
        stamp = self._stamped()
        if stamp != self._stamp:
            self._stamp = stamp
            try:
                self._pair = self._load()
                _log.info("the certificate of %s is in use", self._certificate)
            except TealError as error:
                _log.error("%s; the former certificate stays in use", error)
        return self._pair

    def _files(self) -> list[Path]:
        return [self._certificate, self._key, *filter(None, [self._authority])]

    def _stamped(self) -> _Stamp:
        """What tells that a file is another."""
        found = []
        for path in self._files():
            try:
                status = path.stat()
                found.append((status.st_mtime_ns, status.st_ino, status.st_size))
            except OSError:
                found.append((0, 0, 0))
        return tuple(found)

    def _load(self) -> Pair:
        chain, key = _read(self._certificate, "--tls-cert"), _read(self._key, "--tls-key")
        first = _leaf(chain, self._certificate)
        _check_fits(first, key, self._key)
        now = datetime.fromtimestamp(self._clock(), UTC)
        begins, ends = first.not_valid_before_utc, first.not_valid_after_utc
        if not begins <= now <= ends:
            raise TealError(
                f"--tls-cert {self._certificate}: good from {_shown(begins)} to {_shown(ends)} "
                f"only, and it is {_shown(now)}"
            )
        if (ends - now).days < _SOON_DAYS:
            _log.warning("--tls-cert %s is good until %s only", self._certificate, _shown(ends))
        authority = None
        if self._authority is not None:
            authority = _read(self._authority, "--client-ca")
            _leaf(authority, self._authority, "--client-ca")
        envoys = self._context("h2")
        if authority is not None:
            envoys.verify_mode = ssl.CERT_REQUIRED
            try:
                envoys.load_verify_locations(cadata=authority.decode())
            except (ssl.SSLError, ValueError) as error:
                raise TealError(
                    f"--client-ca {self._authority}: cannot be used: {error}"
                ) from error
        return Pair(chain, key, _names(first), authority, self._context("http/1.1"), envoys)

    def _context(self, protocol: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(_CIPHERS)
        context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
        context.set_alpn_protocols([protocol])
        try:
            context.load_cert_chain(self._certificate, self._key, password=_no_password)
        except (OSError, ssl.SSLError) as error:
            raise TealError(f"--tls-cert {self._certificate}: cannot be used: {error}") from error
        return context


def _shown(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M} UTC"


def is_named(host: str, names: Collection[str]) -> bool:
    """Whether a certificate with these names is for ``host``, a name or an address (in brackets for
    IPv6). A wildcard stands for one label: https://www.rfc-editor.org/rfc/rfc6125#section-6.4.3
    """
    plain = host.strip("[]").lower()
    wild = f"*.{plain.partition('.')[2]}"
    return plain in names or wild in names


def _no_password() -> str:
    # Otherwise OpenSSL asks the terminal.
    raise TealError("--tls-key: the key is encrypted: give one without a password")


def _read(path: Path, option: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise TealError(f"{option} {path}: {error.strerror}") from error


def _leaf(text: bytes, path: Path, option: str = "--tls-cert") -> x509.Certificate:
    """The first certificate of a file."""
    try:
        return x509.load_pem_x509_certificates(text)[0]
    except (ValueError, IndexError) as error:
        raise TealError(f"{option} {path}: has no certificate in PEM form") from error


def _check_fits(certificate: x509.Certificate, key: bytes, path: Path) -> None:
    try:
        loaded = load_pem_private_key(key, None)
    except TypeError as error:
        raise TealError(f"--tls-key {path}: is encrypted: give a key without a password") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise TealError(f"--tls-key {path}: has no private key in PEM form") from error
    ours, theirs = (
        one.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        for one in (loaded.public_key(), certificate.public_key())
    )
    if ours != theirs:
        raise TealError(f"--tls-key {path}: is not the key of the certificate of --tls-cert")


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    names = [name.lower() for name in found.get_values_for_type(x509.DNSName)]
    addresses = found.get_values_for_type(x509.IPAddress)
    return (*names, *map(str, addresses))
