"""Plain connections, as lean as they can be: what asyncio's transports do for a protocol, with one
epoll for all of them inside the event loop's own.

asyncio makes a transport, two handles and a future for each connection, and looks each one up
several times for each read: with ten thousand Envoys that was a third of what they cost. Behind the
same methods, this keeps a socket and what it could not take yet. Where there is no epoll, and for
TLS, asyncio's transports serve instead.
"""

from __future__ import annotations

import asyncio
import logging
import select
import socket
from typing import Any

_log = logging.getLogger(__name__)

AVAILABLE = hasattr(select, "epoll")
"""Whether the system has it."""

_READ = 64 * 1024
_AT_ONCE, _FEW = 256, 64
"""Connections that are read from until others in the event loop get their turn; fewer while these
need it for longer than ``_LONG_SECONDS``. So while thousands of Envoys are told of a change, what
is told has most of the time, and what they answer waits."""
_LONG_SECONDS = 0.01
_HIGH, _LOW = 64 * 1024, 16 * 1024
"""Bytes that wait: from the first on the protocol is asked to write no more, until the second."""


class Wires:
    """All connections of a server."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._epoll = select.epoll()
        self._wires: dict[int, Wire] = {}
        self._left_at = 0.0
        """When others got their turn."""
        self._loop.add_reader(self._epoll.fileno(), self._ready)

    def add(self, accepted: socket.socket, peer: object, protocol: asyncio.Protocol) -> None:
        """Serve a connection, which does not block. Raises OSError if that cannot be."""
        number = accepted.fileno()
        self._epoll.register(number, select.EPOLLIN)
        wire = self._wires[number] = Wire(self, accepted, number, peer, protocol)
        protocol.connection_made(wire)

    def close(self) -> None:
        """End what is left."""
        for wire in list(self._wires.values()):
            wire.abort()
        self._loop.remove_reader(self._epoll.fileno())
        self._epoll.close()

    def watch(self, number: int, events: int) -> None:
        """Look for other events of a connection from now on."""
        self._epoll.modify(number, events)

    def forget(self, wire: Wire, number: int, error: Exception | None) -> None:
        """A connection is over: tell its protocol, once whoever ended it is done."""
        del self._wires[number]
        self._epoll.unregister(number)
        self._loop.call_soon(wire.lost, error)

    def _ready(self) -> None:
        wires = self._wires
        most = _FEW if self._loop.time() - self._left_at > _LONG_SECONDS else _AT_ONCE
        for number, events in self._epoll.poll(0, most):
            wire = wires.get(number)
            if wire is None:
                continue  # ended by what came before it
            try:
                if events == select.EPOLLIN:
                    wire.read()  # nearly always
                else:
                    wire.happened(events)
            except Exception:  # noqa: BLE001 - one connection must not end the others
                _log.exception("a connection of %s failed", wire.get_extra_info("peername"))
                wire.abort()
        self._left_at = self._loop.time()


class Wire(asyncio.Transport):
    """One connection, as its protocol sees it."""

    __slots__ = (
        "_closing",
        "_full",
        "_number",
        "_out",
        "_over",
        "_peer",
        "_protocol",
        "_reading",
        "_socket",
        "_wires",
    )

    def __init__(
        self,
        wires: Wires,
        accepted: socket.socket,
        number: int,
        peer: object,
        protocol: asyncio.Protocol,
    ) -> None:
        # Not `asyncio.Transport.__init__`, which makes a dictionary of extra information.
        self._wires = wires
        self._socket = accepted
        self._number = number
        self._peer = peer
        self._protocol = protocol
        self._out = b""
        """What the socket could not take yet."""
        self._reading = True
        self._full = False
        """Whether the protocol was asked to write no more."""
        self._closing = False
        self._over = False

    # Any: what asyncio's own methods have.
    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._peer if name == "peername" else default

    def is_closing(self) -> bool:
        return self._closing

    def is_reading(self) -> bool:
        return self._reading and not self._closing

    def pause_reading(self) -> None:
        self._reading = False
        self._watch()

    def resume_reading(self) -> None:
        self._reading = True
        self._watch()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._over:
            return
        if self._out:
            self._out += data
        else:
            try:
                sent = self._socket.send(data)
            except (BlockingIOError, InterruptedError):
                sent = 0
            except OSError as error:
                self._end(error)
                return
            if sent == len(data):
                return  # nearly always
            self._out = bytes(data[sent:])
            self._watch()
        if len(self._out) > _HIGH and not self._full:
            self._full = True
            self._protocol.pause_writing()

    def close(self) -> None:
        """End it once all that was written is on its way."""
        if not self._closing:
            self._closing = True
            self._watch()
            if not self._out:
                self._end(None)

    def abort(self) -> None:
        self._closing = True
        self._out = b""
        self._end(None)

    def happened(self, events: int) -> None:
        """The socket can be read from or written to, or has failed."""
        if events & select.EPOLLIN:
            self.read()
        if self._over:
            return
        if self._out and events & ~select.EPOLLIN:
            self._send()
            self._sent()
        elif events & (select.EPOLLHUP | select.EPOLLERR):
            self._end(None)

    def lost(self, error: Exception | None) -> None:
        """It is over."""
        self._socket.close()
        self._protocol.connection_lost(error)

    def read(self) -> None:
        """The socket can be read from."""
        if not self._reading or self._closing:
            return
        try:
            data = self._socket.recv(_READ)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._end(error)
            return
        if data:
            self._protocol.data_received(data)
        else:
            self.close()

    def _send(self) -> None:
        try:
            sent = self._socket.send(self._out)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._out = b""
            self._end(error)
            return
        self._out = self._out[sent:]

    def _sent(self) -> None:
        """Some of what waited is on its way."""
        if self._over:
            return
        if not self._out:
            self._watch()
            if self._closing:
                self._end(None)
                return
        if self._full and len(self._out) <= _LOW:
            self._full = False
            self._protocol.resume_writing()

    def _watch(self) -> None:
        if not self._over:
            reads = select.EPOLLIN if self._reading and not self._closing else 0
            self._wires.watch(self._number, reads | (select.EPOLLOUT if self._out else 0))

    def _end(self, error: Exception | None) -> None:
        if not self._over:
            self._over = self._closing = True
            self._wires.forget(self, self._number, error)
