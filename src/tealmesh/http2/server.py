"""Listens, hands calls to handlers, and looks after connections: the part of `grpc.aio.Server` that
we use, behind the same names.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Protocol

from tealmesh.http2.call import UNIMPLEMENTED, UNSERVED, Call
from tealmesh.http2.connection import Connection
from tealmesh.http2.options import Options
from tealmesh.http2.serving import MethodHandler, Served
from tealmesh.http2.wires import AVAILABLE, Wires

_log = logging.getLogger(__name__)

_BACKLOG = 16_384
"""Connections that the kernel holds until we take them up; it may allow fewer
(``net.core.somaxconn``). A mesh of ten thousand Envoys comes at once when it connects again."""
_ACCEPTED_AT_ONCE = 1_000
"""So that the kernel's queue does not fill up while others are read from."""
_HANDSHAKES = 1_000
"""Connections whose TLS has not begun yet; more wait in the kernel."""
_LOOKED_AT_SECONDS = 2.0
"""How often connections are looked at: those that have to begin, to answer or to go."""
_CLOSING_SECONDS = 10.0
"""How long a client may take to read the end of a connection."""
_PAUSE_SECONDS = 0.5
"""After an error of accept(2), such as no free descriptor."""
_SPREAD = 0.1
"""By how much ages differ, so that connections do not all end at once."""

Context = Callable[[], ssl.SSLContext]
"""The TLS of the moment."""


Begin = Callable[[Call], bool]
"""Takes up a call where it is read, by giving it a handler; returns False to leave it to a
coroutine."""


class GenericHandler(Protocol):
    """What ``grpc.method_handlers_generic_handler`` makes."""

    def service(self, details: _Details, /) -> MethodHandler | None: ...


class _Details:
    """What a generic handler is asked for."""

    def __init__(self, call: Call) -> None:
        self.method = call.path
        self.invocation_metadata = call.metadata


class Server:
    """``options`` are gRPC's own (`Options.of`). ``lean``: whether plain connections are served
    without asyncio's transports.
    """

    def __init__(self, options: Iterable[tuple[str, int]] = (), *, lean: bool = AVAILABLE) -> None:
        self._lean = lean
        self._wires: Wires | None = None
        self._options = Options.of(options)
        self._handlers: list[GenericHandler] = []
        self._begins: dict[str, Begin] = {}
        self._listeners: list[_Listener] = []
        self._connections: set[Connection] = set()
        self._sweeping: asyncio.Task[None] | None = None

    def add_generic_rpc_handlers(self, handlers: Sequence[GenericHandler]) -> None:
        """Serve what these have a method for."""
        self._handlers.extend(handlers)

    def add_direct(self, path: str, begin: Begin) -> None:
        """Let ``begin`` take up the calls of a method before its coroutine does."""
        self._begins[path] = begin

    def serve(self, call: Call) -> None:
        """Let the coroutine of its method serve a call."""
        details = _Details(call)
        for one in self._handlers:
            handler = one.service(details)
            if handler is not None:
                call.handler = Served(call, handler)
                return
        call.handler = UNSERVED
        call.finish(UNIMPLEMENTED, "Method not found!")

    def add_insecure_port(self, address: str) -> int:
        """Listen at ``HOST:PORT``, ``[HOST]:PORT`` or ``unix:PATH``; returns the port, 0 for a
        path. Raises RuntimeError if that cannot be.
        """
        return self._listen(address, None)

    def add_secure_port(self, address: str, context: Context) -> int:
        """The same with TLS; the context is asked for anew at each connection."""
        return self._listen(address, context)

    async def start(self) -> None:
        """Begin to accept connections."""
        self._wires = Wires() if self._lean else None
        for listener in self._listeners:
            listener.wires = self._wires
            listener.start()
        self._sweeping = asyncio.create_task(self._sweep())

    async def stop(self, grace: float | None) -> None:
        """Accept no more, and end all connections within ``grace`` seconds."""
        for listener in self._listeners:
            listener.close()
        if self._sweeping is not None:
            self._sweeping.cancel()
        for connection in list(self._connections):
            connection.go_away()
        loop = asyncio.get_running_loop()
        until = loop.time() + (grace or 0.0)
        while self._connections and loop.time() < until:  # noqa: ASYNC110 - there may be thousands
            await asyncio.sleep(0.01)
        for connection in list(self._connections):
            connection.abort()
        if self._wires is not None:
            self._wires.close()
            self._wires = None
        await asyncio.sleep(0)

    def _listen(self, address: str, context: Context | None) -> int:
        try:
            listener = _bound(address)
        except (OSError, ValueError) as error:
            raise RuntimeError(f"cannot listen at {address}: {error}") from error
        self._listeners.append(_Listener(listener, context, self._protocol))
        name = listener.getsockname()
        return int(name[1]) if isinstance(name, tuple) else 0

    def _protocol(self) -> Connection:
        return Connection(self._options, self._route, self._connections)

    def _route(self, call: Call) -> None:
        begin = self._begins.get(call.path)
        if begin is None or not begin(call):
            self.serve(call)

    async def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_LOOKED_AT_SECONDS)
            now = loop.time()
            for connection in list(self._connections):
                self._look_after(connection, now)

    def _look_after(self, connection: Connection, now: float) -> None:
        options = self._options
        if not connection.begun:
            # Looks are counted, not seconds: where thousands come at once, what a client has sent
            # may wait for long until it is read.
            connection.looks += 1
            if connection.looks * _LOOKED_AT_SECONDS > options.handshake:
                connection.abort()
            return
        if connection.leaving_since is not None:
            left = now - connection.leaving_since
            over = options.grace is not None and left > options.grace
            if over or (not connection.calls and left > _CLOSING_SECONDS):
                connection.abort()
            return
        if connection.pinged_at is not None:
            if now - connection.pinged_at > options.keepalive_timeout:
                connection.abort()
        elif options.keepalive is not None and now - connection.heard_at > options.keepalive:
            connection.ping()
        if not connection.calls and _over(now - connection.idle_since, options.idle):
            connection.go_away()
        elif options.age is not None:
            # By the fraction of a second at which it was opened, which is as good as by chance.
            spread = (connection.opened_at % 1.0) * 2 - 1
            if _over(now - connection.opened_at, options.age * (1 + _SPREAD * spread)):
                connection.go_away()


class _Listener:
    """A socket that listens."""

    def __init__(
        self, listener: socket.socket, context: Context | None, protocol: Callable[[], Connection]
    ) -> None:
        self._listener = listener
        self._tcp = listener.family != socket.AF_UNIX
        self._context = context
        self._protocol = protocol
        self._beginning: set[asyncio.Task[None]] = set()
        self._closed = False
        self.wires: Wires | None = None
        """Who serves plain connections; None if asyncio does."""

    def start(self) -> None:
        """Begin to accept."""
        loop = asyncio.get_running_loop()
        if not self._closed:
            loop.add_reader(self._listener.fileno(), self._accept)

    def close(self) -> None:
        """Accept no more."""
        if self._closed:
            return
        self._closed = True
        asyncio.get_running_loop().remove_reader(self._listener.fileno())
        self._listener.close()
        for task in self._beginning:
            task.cancel()

    def _accept(self) -> None:
        for _ in range(_ACCEPTED_AT_ONCE):
            if len(self._beginning) >= _HANDSHAKES:
                self._pause()
                return
            try:
                accepted, peer = self._listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                _log.error("no Envoy can connect: %s", error)
                self._pause()
                return
            if self._context is None and self.wires is not None:
                try:
                    self._prepare(accepted)
                    self.wires.add(accepted, peer, self._protocol())
                except OSError as error:
                    accepted.close()
                    _log.warning("a connection that came could not be served: %s", error)
                continue
            task = asyncio.get_running_loop().create_task(self._begin(accepted))
            self._beginning.add(task)
            task.add_done_callback(self._beginning.discard)

    def _pause(self) -> None:
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._listener.fileno())
        loop.call_later(_PAUSE_SECONDS, self.start)

    async def _begin(self, accepted: socket.socket) -> None:
        try:
            self._prepare(accepted)
            context = None if self._context is None else self._context()
            limit = None if context is None else _CLOSING_SECONDS
            # What fails here fails by the peer, who sees it.
            with contextlib.suppress(OSError):
                await asyncio.get_running_loop().connect_accepted_socket(
                    self._protocol, accepted, ssl=context, ssl_handshake_timeout=limit
                )
        except BaseException:
            accepted.close()
            raise

    def _prepare(self, accepted: socket.socket) -> None:
        accepted.setblocking(False)
        if self._tcp:
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _over(seconds: float, limit: float | None) -> bool:
    return limit is not None and seconds > limit


def _bound(address: str) -> socket.socket:
    """A socket that listens there."""
    if address.startswith("unix:"):
        family, where = socket.AF_UNIX, str(Path(address.removeprefix("unix:")))
        made = socket.socket(family, socket.SOCK_STREAM)
        target: str | tuple[str, int] = where
    else:
        host, _, port = address.rpartition(":")
        host = host.strip("[]")
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        target = (host, int(port))
    try:
        made.setblocking(False)
        made.bind(target)
        made.listen(_BACKLOG)
    except BaseException:
        made.close()
        raise
    return made
