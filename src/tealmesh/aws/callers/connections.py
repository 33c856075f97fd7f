"""Connections to the HTTP port: whose each is, and what it may cost before that is known.

Limits, because anybody who can open a socket gets this far: the size and the number of headers, the
time to send them and the body, and the number of connections of those who are not the owner.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tealmesh.aws.callers import peers
from tealmesh.aws.callers.front import ENCRYPTED, INSIDE, LISTENED, PEER
from tealmesh.aws.callers.peers import NOBODY, Peer

_log = logging.getLogger(__name__)

MAX_HEAD_BYTES = 64 << 10
"""Of a request's line and headers; AWS's services take 8 to 16 KiB."""

MAX_HEADERS = 128
HEAD_SECONDS = 20.0
"""For a request's line and headers, from the first byte, or from the connection's beginning."""

BODY_SECONDS = 300.0
"""For a request's body."""

MAX_STRANGERS = 256
"""Connections of all others than the owner (another Unix user, or whoever the kernel cannot
name), and half of them for one of them."""

MAX_REMOTE = 1024
"""Connections of all others on other machines, and an eighth of them from one address."""

_LOCAL = (MAX_STRANGERS // 2, MAX_STRANGERS)
_CLOSE = b"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large" + _CLOSE
_BUSY = b"HTTP/1.1 503 Service Unavailable" + _CLOSE


class Connection(HttpToolsProtocol):
    """uvicorn's protocol, with a known peer, and with limits.

    The peer is asked once a connection, when it is accepted, and is in ``scope["state"]``.
    """

    owner: ClassVar[int]
    """The Unix user whose connections are not counted, besides root."""
    strangers: ClassVar[Counter[int | str | None]]
    """The connections of all others, by user, or by address where they come from elsewhere."""
    listened: ClassVar[bool] = False
    """Whether they come in beyond loopback: there the kernel's word counts for nothing."""

    _peer = NOBODY
    _counted = False
    _head_bytes = 0
    _in_head = True
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._peer = _remote(transport) if self.listened else _peer(transport)
        inside = self._peer.uid == self.owner and peers.is_ours(self._peer)
        encrypted = transport.get_extra_info("sslcontext") is not None
        about = {PEER: self._peer, INSIDE: inside, LISTENED: self.listened, ENCRYPTED: encrypted}
        self.app_state = {**self.app_state, **about}
        if self._peer.uid not in (0, self.owner) and not self._admit():
            _log.warning("too many connections: one of %s was refused", self._source)
            transport.write(_BUSY)
            transport.close()
            return
        self._wait(HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        self._wait(None)
        if self._counted:
            self.strangers[self._source] -= 1
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes == len(data):
                self._wait(HEAD_SECONDS)
        super().data_received(data)
        # What came with the head may be body already: then the head is complete.
        if self._in_head and self._head_bytes > MAX_HEAD_BYTES:
            self._refuse()

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        if len(self.headers) > MAX_HEADERS or len(name) + len(value) > MAX_HEAD_BYTES:
            self._refuse()

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._wait(BODY_SECONDS)
        if not self.transport.is_closing():
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if not self.transport.is_closing():
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._wait(None)
        self._in_head, self._head_bytes = True, 0
        if not self.transport.is_closing():
            super().on_message_complete()

    @property
    def _source(self) -> int | str | None:
        return self._peer.address if self.listened else self._peer.uid

    def _admit(self) -> bool:
        source = self._source
        limit, most = (MAX_REMOTE // 8, MAX_REMOTE) if self.listened else _LOCAL
        if self.strangers[source] >= limit or self.strangers.total() >= most:
            return False
        self.strangers[source] += 1
        self._counted = True
        return True

    def _refuse(self) -> None:
        if not self.transport.is_closing():
            self.transport.write(_TOO_LARGE)
            self.transport.close()

    def _wait(self, seconds: float | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        late = self.loop.call_later
        self._deadline = None if seconds is None else late(seconds, self.transport.close)


def of_owner(uid: int) -> type[Connection]:
    """The protocol of one server, whose owner is the Unix user ``uid``."""

    class OfOwner(Connection):
        owner = uid
        strangers: ClassVar[Counter[int | str | None]] = Counter()

    return OfOwner


def beyond_loopback(uid: int) -> type[Connection]:
    """The same for what listens beyond loopback."""

    class Listened(Connection):
        owner = uid
        strangers: ClassVar[Counter[int | str | None]] = Counter()
        listened = True

    return Listened


def _remote(transport: asyncio.Transport) -> Peer:
    theirs: Any = transport.get_extra_info("peername")
    # An IPv6 socket that takes IPv4 too shows addresses of that so.
    address = str(theirs[0]).removeprefix("::ffff:") if isinstance(theirs, tuple) else ""
    return Peer(None, address=address, is_remote=True)


def _peer(transport: asyncio.Transport) -> Peer:
    ours: Any = transport.get_extra_info("sockname")
    theirs: Any = transport.get_extra_info("peername")
    if not (isinstance(ours, tuple) and isinstance(theirs, tuple) and len(theirs) == 2):
        return NOBODY
    return peers.ask(ours, theirs)
