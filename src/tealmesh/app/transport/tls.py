"""The listening sockets beyond loopback, and their TLS.

TLS is 1.2 at least: for HTTP by `certificates`, for gRPC by its own choice
(https://grpc.github.io/grpc/core/md_doc_security_audit.html, and the cipher suites in
`grpc_security_constants.h`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import grpc

from tealmesh.app.transport.acceptor import Acceptor
from tealmesh.app.transport.certificates import Certificates, Pair, is_named
from tealmesh.app.transport.sockets import listen_at
from tealmesh.model.clock import system_clock
from tealmesh.model.listening import Listening


@dataclass(frozen=True)
class Beyond:
    """What there is beside loopback."""

    certificates: Certificates | None
    """None without TLS."""
    acceptor: Acceptor | None
    """Of the API's port."""

    def certified(self, host: str) -> bool:
        """Whether the certificate in use is for ``host``; without one, none is."""
        return self.certificates is not None and is_named(host, self.certificates.current().names)


@contextlib.contextmanager
def beyond_loopback(listening: Listening) -> Iterator[Beyond]:
    """Listen at the API's address. Raises TealError if that or the certificate cannot be used."""
    certificates = Certificates(listening, system_clock) if listening.encrypted else None
    if listening.api is None:
        yield Beyond(certificates, None)
        return
    context = None if certificates is None else lambda: certificates.current().context
    with listen_at(listening.api, "--listen") as listener:
        yield Beyond(certificates, Acceptor(listener, context))


def for_envoys(certificates: Certificates) -> grpc.ServerCredentials:
    """Credentials that ask for the certificate again at each connection. Where there is an
    authority of clients, Envoys must show a certificate of it.
    """
    used = certificates.current()

    def newer() -> grpc.ServerCertificateConfiguration | None:
        nonlocal used
        found = certificates.current()
        if found is used:
            return None
        used = found
        return _configuration(found)

    return grpc.dynamic_ssl_server_credentials(
        _configuration(used), newer, require_client_authentication=used.authority is not None
    )


def _configuration(pair: Pair) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration([(pair.key, pair.chain)], pair.authority)
