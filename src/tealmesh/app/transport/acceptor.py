"""Accepts connections to the HTTP port beyond loopback, and limits those whose TLS has not begun.

asyncio's own servers know of a connection only once its handshake is over, so anybody could open as
many as there are descriptors.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from collections import Counter
from collections.abc import Callable

_log = logging.getLogger(__name__)

HANDSHAKE_SECONDS = 10.0
HANDSHAKES = 256
"""At once, at most."""
HANDSHAKES_OF_SOURCE = 32
"""The same from one address."""
_PAUSE_SECONDS = 0.5
"""After an error of accept(2), such as no free descriptor."""


class Acceptor:
    """Hands the connections of a listening socket to protocols. ``context`` returns the TLS of the
    moment; None for none.
    """

    def __init__(
        self, listener: socket.socket, context: Callable[[], ssl.SSLContext] | None
    ) -> None:
        self._listener = listener
        self._context = context
        self._beginning: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, protocol: Callable[[], asyncio.Protocol]) -> None:
        """Accept until cancelled; then nothing listens any more."""
        self._listener.setblocking(False)
        loop = asyncio.get_running_loop()
        try:
            while True:
                try:
                    accepted, peer = await loop.sock_accept(self._listener)
                except OSError as error:
                    _log.error("no connection can be accepted: %s", error)
                    await asyncio.sleep(_PAUSE_SECONDS)
                    continue
                self._take(accepted, str(peer[0]), protocol)
        finally:
            self._listener.close()
            for task in self._tasks:
                task.cancel()

    def _take(
        self, accepted: socket.socket, source: str, protocol: Callable[[], asyncio.Protocol]
    ) -> None:
        busy = self._beginning[source] >= HANDSHAKES_OF_SOURCE
        if busy or self._beginning.total() >= HANDSHAKES:
            accepted.close()
            return
        self._beginning[source] += 1
        task = asyncio.create_task(self._begin(accepted, source, protocol))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _begin(
        self, accepted: socket.socket, source: str, protocol: Callable[[], asyncio.Protocol]
    ) -> None:
        try:
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            context = None if self._context is None else self._context()
            limit = None if context is None else HANDSHAKE_SECONDS
            # What fails here fails by the peer, who sees it.
            with contextlib.suppress(OSError):
                await asyncio.get_running_loop().connect_accepted_socket(
                    protocol, accepted, ssl=context, ssl_handshake_timeout=limit
                )
        except BaseException:
            accepted.close()
            raise
        finally:
            self._beginning[source] -= 1
            if not self._beginning[source]:
                del self._beginning[source]
