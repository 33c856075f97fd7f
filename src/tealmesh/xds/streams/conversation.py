"""What is said on a stream once its Envoy is known.

On our own gRPC server, requests are handled where they are read, and what follows is sent there:
nothing waits, and no task attends to the stream (`Unattended`). On gRPC's server, the reference,
one task reads and another one writes (`Attended`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import TypeAlias

import grpc

from tealmesh.http2.call import Call
from tealmesh.model.errors import (
    Behind,
    EnvoyForbidden,
    EnvoyUnknown,
    EnvoyUnverified,
    TealError,
)
from tealmesh.supervision.supervisor import Attempts
from tealmesh.xds.protocol.reading import Heard, Reader
from tealmesh.xds.protocol.variants import DiscoveryRequest
from tealmesh.xds.streams.connection import SILENCE_SECONDS, Connection

Over: TypeAlias = Callable[[Connection, Exception | None], None]
"""Ends the call of a stream that has ended, by an error if there is one."""

_STATUSES = {
    EnvoyUnknown: grpc.StatusCode.UNAUTHENTICATED,
    EnvoyForbidden: grpc.StatusCode.PERMISSION_DENIED,
    EnvoyUnverified: grpc.StatusCode.UNAVAILABLE,
    Behind: grpc.StatusCode.UNAVAILABLE,
}


class Refused(Exception):
    """The stream cannot be served; the message is for whoever runs the Envoy."""

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def as_status(error: TealError) -> Refused:
    """The error as the end of a stream."""
    return Refused(_STATUSES.get(type(error), grpc.StatusCode.INTERNAL), str(error))


def _check(heard: Heard, node_id: str) -> None:
    """Refuse what does not exist before anything is kept of it."""
    if heard.node_id and heard.node_id != node_id:
        raise Refused(
            grpc.StatusCode.INVALID_ARGUMENT,
            f"node id {heard.node_id!r}: must stay {node_id!r} for the whole stream",
        )
    if heard.wrong:
        raise Refused(grpc.StatusCode.INVALID_ARGUMENT, heard.wrong)


def _silent(connection: Connection) -> Refused:
    """The end of a stream whose Envoy does not answer, or does not read."""
    return Refused(grpc.StatusCode.DEADLINE_EXCEEDED, connection.envoy.silence)


class Unattended:
    """A stream of our own server; it is the handler of its call. ``attempt`` surrounds what may
    fail, and notes it, again and again. ``over`` is called once.
    """

    __slots__ = (
        "_after",
        "_attempt",
        "_call",
        "_connection",
        "_over",
        "_owes",
        "_patience",
        "_reader",
        "open",
    )

    full = False
    """As of `http2.call.Handler`."""

    def __init__(
        self,
        call: Call,
        reader: Reader,
        connection: Connection,
        attempt: Attempts,
        over: Over,
    ) -> None:
        self._call = call
        self.open: Call | None = call
        self._reader = reader
        self._connection = connection
        self._attempt = attempt
        self._over: Over | None = over
        """None once it has ended."""
        self._after = call.connection.after
        self._owes = False
        """Whether it is to answer once all that was read together has been heard."""
        self._patience: asyncio.TimerHandle | None = None
        """Ends the connection of an Envoy that does not read."""

    def begin(self, first: Heard) -> None:
        """Answer the first request."""
        self._connection.stream = self
        self._owes = True
        try:
            _check(first, self._connection.envoy.node_id)
            with self._attempt:
                self._connection.request(first.type_url, first.request)
        except Exception as error:  # noqa: BLE001 - whatever fails ends this stream alone
            self._end(error)

    def answer(self) -> None:
        """Send what follows from all that was heard."""
        self._owes = False
        self.send()

    # As of `http2.call.Handler`.

    def message(self, message: bytes) -> None:
        if self._over is None:
            return
        if not self._owes:
            self._owes = True
            self._after.append(self.answer)
        connection = self._connection
        try:
            heard, nonce = self._reader.read(message)
            if heard.node_id or heard.wrong:
                _check(heard, connection.envoy.node_id)
        except Exception as error:  # noqa: BLE001 - as in `begin`
            self._end(error)
            return
        try:
            connection.request(heard.type_url, heard.request, nonce, heard)
        except Exception as error:  # noqa: BLE001 - as in `begin`
            self.fail(error)

    def half_closed(self) -> None:
        self._connection.end()

    def lost(self) -> None:
        self._end(None)

    def room(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience, self.open = None, self._call
            self.send()

    # As of `connection.Stream`.

    def send(self) -> None:
        if self._over is None or self._patience is not None:
            return  # nothing more is made for an Envoy that does not read
        connection, call = self._connection, self._call
        try:
            for message in connection.due():
                call.write(message)
        except Exception as error:  # noqa: BLE001 - as in `begin`
            self.fail(error)
            return
        if self._attempt.failing:
            self._attempt.ended(None)
        if call.out:
            self.unread()
        else:
            connection.settle()

    def unread(self) -> None:
        loop = asyncio.get_running_loop()
        self._patience = loop.call_later(SILENCE_SECONDS, self._does_not_read)
        self.open = None

    def look(self) -> None:
        if self._over is not None and self._connection.silent():
            self._end(_silent(self._connection))
        else:
            self.send()

    def finish(self) -> None:
        error = self._connection.error
        self._end(None if error is None else as_status(error))

    def _does_not_read(self) -> None:
        """The end of its stream would wait behind what it does not read."""
        self._connection.does_not_read()
        self._end(_silent(self._connection))
        self._call.connection.abort()

    def fail(self, error: Exception) -> None:
        self._attempt.ended(error)
        self._end(error)

    def _end(self, error: Exception | None) -> None:
        over, self._over, self.open = self._over, None, None
        if over is None:
            return
        if self._patience is not None:
            self._patience.cancel()
        self._connection.ended = True
        over(self._connection, error)


class Attended:
    """A stream of gRPC's server. ``attempt`` is as of `Unattended`."""

    def __init__(
        self,
        reader: Reader,
        connection: Connection,
        context: grpc.aio.ServicerContext,
        attempt: Attempts,
    ) -> None:
        self._reader = reader
        self._connection = connection
        self._context = context
        self._attempt = attempt

    async def run(self, first: Heard, requests: AsyncIterator[DiscoveryRequest]) -> None:
        """Serve the stream until it ends. Raises Refused."""
        reader = asyncio.create_task(self._read(first, requests))
        try:
            await self._write()
            if reader.done():
                await reader
        finally:
            reader.cancel()

    async def _read(self, first: Heard, requests: AsyncIterator[DiscoveryRequest]) -> None:
        """Hand the stream's requests to its connection, until the Envoy hangs up."""
        try:
            self._take(first)
            async for message in requests:
                self._take(self._reader.heard(message))
        finally:
            self._connection.end()

    def _take(self, heard: Heard) -> None:
        _check(heard, self._connection.envoy.node_id)
        with self._attempt:
            self._connection.request(heard.type_url, heard.request)
        self._connection.wake()

    async def _write(self) -> None:
        """Write all responses: two concurrent writes would fail a grpc.aio stream."""
        connection = self._connection
        while not connection.ended:
            await connection.wait()
            if connection.silent():
                raise _silent(connection)
            await self._write_due()
        if connection.error is not None:
            raise as_status(connection.error)

    async def _write_due(self) -> None:
        """One response after the other, each made once there is room for it. After a while, the
        stream of an Envoy that does not read is ended.
        """
        connection = self._connection
        while not connection.ended:
            with self._attempt:
                message = connection.next()
            if message is None:
                return
            try:
                async with asyncio.timeout(SILENCE_SECONDS):
                    await self._context.write(message)
            except TimeoutError:
                connection.does_not_read()
                raise _silent(connection) from None
