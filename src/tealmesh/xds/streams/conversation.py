"""What is said on a stream once its Envoy is known.

On our own gRPC server, requests are handled where they are read, and what follows is sent there:
the stream's task sleeps meanwhile, until a target, the time or an Envoy that does not read wakes
it. On gRPC's server, the reference, a second task reads.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager
from typing import TypeAlias

import grpc

from tealmesh.http2.serving import Context
from tealmesh.model.errors import (
    Behind,
    EnvoyForbidden,
    EnvoyUnknown,
    EnvoyUnverified,
    TealError,
)
from tealmesh.xds.protocol.reading import Heard, Reader
from tealmesh.xds.protocol.variants import DiscoveryRequest
from tealmesh.xds.streams.connection import SILENCE_SECONDS, Connection

Attempt: TypeAlias = AbstractContextManager[None]

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


class Conversation:
    """``attempt`` surrounds what may fail, and notes it, again and again."""

    def __init__(
        self,
        reader: Reader,
        connection: Connection,
        context: grpc.aio.ServicerContext | Context,
        attempt: Attempt,
    ) -> None:
        self._reader = reader
        self._connection = connection
        self._context = context
        self._attempt = attempt
        self._error: Exception | None = None
        """Why the stream cannot go on."""

    async def run(self, first: Heard, requests: AsyncIterator[DiscoveryRequest]) -> None:
        """Serve the stream until it ends. Raises Refused."""
        if isinstance(self._context, Context):
            self._take(first)
            self._connection.send = self._send
            self._context.listen(self._hear, self._send, self._connection.end)
            self._answer()
            await self._write()
            if self._error is not None:
                raise self._error
            return
        reader = asyncio.create_task(self._read(first, requests))
        try:
            await self._write()
            if reader.done():
                await reader
        finally:
            reader.cancel()

    def _hear(self, message: bytes) -> None:
        """A request was read: process it. What follows is sent once all are."""
        if self._connection.ended:
            return
        try:
            heard, nonce = self._reader.read(message)
            self._take(heard, nonce, heard)
        except Exception as error:  # noqa: BLE001 - the stream's task raises it
            self._error = error
            self._connection.end()

    def _send(self) -> None:
        """Something may be due: send it."""
        try:
            self._answer()
        except Exception as error:  # noqa: BLE001 - the stream's task raises it
            self._error = error
            self._connection.end()

    def _answer(self) -> None:
        connection, context = self._connection, self._context
        if connection.ended:
            return
        if context.pending:
            connection.wake()  # its task goes on once there is room
            return
        with self._attempt:
            messages = connection.due()
        for message in messages:
            context.write_now(message)
        if context.pending:
            connection.wake()
        else:
            connection.settle()

    async def _read(self, first: Heard, requests: AsyncIterator[DiscoveryRequest]) -> None:
        """Hand the stream's requests to its connection, until the Envoy hangs up."""
        try:
            self._take(first)
            self._connection.wake()
            async for message in requests:
                self._take(self._reader.heard(message))
                self._connection.wake()
        finally:
            self._connection.end()

    def _take(self, heard: Heard, nonce: str | None = None, known: Heard | None = None) -> None:
        """Hand a request to the connection. What does not exist is refused before anything is kept
        of it.
        """
        if heard.node_id or heard.wrong:
            self._check(heard)
        with self._attempt:
            self._connection.request(heard.type_url, heard.request, nonce, known)

    def _check(self, heard: Heard) -> None:
        node_id = self._connection.envoy.node_id
        if heard.node_id and heard.node_id != node_id:
            raise Refused(
                grpc.StatusCode.INVALID_ARGUMENT,
                f"node id {heard.node_id!r}: must stay {node_id!r} for the whole stream",
            )
        if heard.wrong:
            raise Refused(grpc.StatusCode.INVALID_ARGUMENT, heard.wrong)

    async def _write(self) -> None:
        """Write all responses that are not written elsewhere: two concurrent writes would fail a
        grpc.aio stream.
        """
        connection = self._connection
        while not connection.ended:
            await connection.wait()
            if connection.silent():
                raise Refused(grpc.StatusCode.DEADLINE_EXCEEDED, connection.envoy.silence)
            await self._write_due()
        if connection.error is not None:
            raise as_status(connection.error)

    async def _write_due(self) -> None:
        """One response after the other, each made once there is room for it."""
        while not self._connection.ended:
            with self._attempt:
                message = self._connection.next()
            if message is None:
                return
            await self._written(message)

    async def _written(self, message: bytes) -> None:
        """Write one response. Nothing more is made for an Envoy that does not read; after a while
        its connection is ended, since the end of its stream would wait behind what it does not
        read.
        """
        connection, context = self._connection, self._context
        if isinstance(context, Context):
            context.write_now(message)
            if not context.pending:
                return
            writing = context.drained()
        else:
            writing = context.write(message)
        try:
            async with asyncio.timeout(SILENCE_SECONDS):
                await writing
        except TimeoutError:
            connection.does_not_read()
            if isinstance(context, Context):
                context.hang_up()
            raise Refused(grpc.StatusCode.DEADLINE_EXCEEDED, connection.envoy.silence) from None
