"""Calls as gRPC's own handlers serve them: coroutines with a context, and iterators of requests."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from typing import Any, NoReturn, Protocol

import grpc

from tealmesh.http2.call import INTERNAL, OK, Call, Handler

_log = logging.getLogger(__name__)

_MOST_WAITING = 256 * 1024
"""Bytes of messages that have not been read yet, until the client is asked to send no more."""


class MethodHandler(Protocol):
    """What ``grpc.stream_stream_rpc_method_handler`` and its like make. gRPC has no types for the
    messages of a method: hence Any.
    """

    request_streaming: bool
    response_streaming: bool
    request_deserializer: Callable[[bytes], Any] | None
    response_serializer: Callable[[Any], bytes] | None
    unary_unary: Callable[[Any, Any], Coroutine[Any, Any, Any]] | None
    stream_unary: Callable[[Any, Any], Coroutine[Any, Any, Any]] | None
    stream_stream: Callable[[Any, Any], Coroutine[Any, Any, None]] | None


class _Aborted(Exception):
    """The handler has ended the call with a status."""


class Context:
    """The part of ``grpc.aio.ServicerContext`` that our handlers use."""

    def __init__(self, call: Call, served: Served) -> None:
        self.call = call
        """The call itself, for who takes it over."""
        self._served = served

    def invocation_metadata(self) -> Sequence[tuple[str, str]]:
        """The headers of the call."""
        return self.call.metadata

    def auth_context(self) -> Mapping[str, Sequence[bytes]]:
        """What the client's certificate says."""
        return self.call.connection.authenticated()

    def peer(self) -> str:
        """``ipv4:ADDRESS:PORT``, ``ipv6:[ADDRESS]:PORT`` or ``unix:``."""
        return self.call.connection.peer

    async def write(self, message: bytes) -> None:
        """Send an answer that is serialized already; returns once it is on its way."""
        self.call.write(message)
        while self.call.out:
            await self._served.drained()

    def hand_over(self, handler: Handler) -> None:
        """Let ``handler`` serve the call from now on, which `grpc.aio` cannot: it is told what was
        not read yet, and nothing ends the call when the coroutine has returned.
        """
        self._served.hand_over(handler)

    async def abort(self, code: grpc.StatusCode, details: str = "") -> NoReturn:
        """End the call; raises."""
        self.call.finish(code.value[0], details)
        raise _Aborted

    def leave(self) -> None:
        """Take no more calls on the connection, and end it with the last one, which `grpc.aio`
        cannot.
        """
        self.call.connection.go_away()

    def hang_up(self) -> None:
        """End the connection with all its calls, which `grpc.aio` cannot."""
        self.call.connection.abort()


class Served:
    """Runs one call's handler in a task."""

    def __init__(self, call: Call, handler: MethodHandler) -> None:
        self.full = False
        self._call = call
        self._messages: deque[bytes] = deque()
        self._waiting = 0
        self._ended = False
        self._wake: asyncio.Future[None] | None = None
        """Of who waits for a message."""
        self._room: asyncio.Future[None] | None = None
        """Of who waits until what was written is on its way."""
        self._deserialize = handler.request_deserializer or bytes
        call.connection.linger()
        self.task = asyncio.get_running_loop().create_task(self._run(handler))

    # As of `Handler`.

    def message(self, message: bytes) -> None:
        self._messages.append(message)
        self._waiting += len(message)
        self.full = self._waiting >= _MOST_WAITING
        _wake(self._wake)

    def half_closed(self) -> None:
        self._ended = True
        _wake(self._wake)

    def lost(self) -> None:
        self._messages.clear()
        self.task.cancel()

    def room(self) -> None:
        _wake(self._room)

    def hand_over(self, handler: Handler) -> None:
        """As of `Context`."""
        self._call.handler = handler
        while self._messages:
            handler.message(self._take())
        if self._ended:
            handler.half_closed()

    async def drained(self) -> None:
        """Wait until all that was written is on its way, or the client is gone."""
        self._room = asyncio.get_running_loop().create_future()
        try:
            await self._room
        finally:
            self._room = None

    # Requests, as an iterator.

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        while not self._messages:
            if self._ended:
                raise StopAsyncIteration
            self._wake = asyncio.get_running_loop().create_future()
            try:
                await self._wake
            finally:
                self._wake = None
        return self._deserialize(self._take())

    def _take(self) -> bytes:
        message = self._messages.popleft()
        self._waiting -= len(message)
        if self.full and self._waiting < _MOST_WAITING:
            self.full = False
            self._call.give_back()
        return message

    async def _run(self, handler: MethodHandler) -> None:
        call = self._call
        try:
            await self._serve(handler, Context(call, self))
        except _Aborted:
            return
        except asyncio.CancelledError:
            call.finish(INTERNAL, "the call was cancelled")
            raise
        except Exception as error:  # noqa: BLE001 - whatever a handler raises ends its call alone
            failed(call, error)

    async def _serve(self, handler: MethodHandler, context: Context) -> None:
        if handler.stream_stream is not None:
            await handler.stream_stream(self, context)
            if self._call.handler is self:
                self._call.finish(OK)
            return
        if handler.stream_unary is not None:
            answer = await handler.stream_unary(self, context)
        elif handler.unary_unary is not None:
            request = await anext(self, None)
            if request is None:
                self._call.finish(INTERNAL, "a call without a message")
                return
            answer = await handler.unary_unary(request, context)
        else:
            raise NotImplementedError("a method with one request and many answers")
        serialize = handler.response_serializer or bytes
        await context.write(serialize(answer))
        self._call.finish(OK)


def failed(call: Call, error: Exception) -> None:
    """End a call whose handler has failed by an error of its own."""
    _log.error("%s of %s failed", call.path, call.connection.peer, exc_info=error)
    call.finish(INTERNAL, "the control plane failed")


def _wake(waiting: asyncio.Future[None] | None) -> None:
    if waiting is not None and not waiting.done():
        waiting.set_result(None)
