"""The listening sockets beyond loopback, and their TLS.

TLS is 1.2 at least, as `certificates` says.
"""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tealmesh.app.transport.acceptor import Acceptor
from tealmesh.app.transport.certificates import Certificates, is_named
from tealmesh.app.transport.sockets import listen_at
from tealmesh.model.clock import system_clock
from tealmesh.model.plane.listening import Listening


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


def for_envoys(certificates: Certificates) -> Callable[[], ssl.SSLContext]:
    """What asks for the certificate again at each connection of an Envoy."""
    return lambda: certificates.current().envoys
