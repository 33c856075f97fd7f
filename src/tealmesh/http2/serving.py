"""Calls as gRPC's own handlers serve them: coroutines with a context, and iterators of requests."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from typing import Any, NoReturn, Protocol

import grpc

from tealmesh.http2.call import INTERNAL, OK, Call

_log = logging.getLogger(__name__)

_MOST_WAITING = 256 * 1024
"""Bytes of messages that have not been read yet, until the client is asked to send no more."""


_NONE: deque[bytes] = deque(maxlen=0)
"""Of all whose messages are heard where they are read: each deque has a block of memory."""


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
        self._call = call
        self._served = served
        self.write_now = call.write
        """Sends an answer, serialized already, as soon as the client takes it."""

    def invocation_metadata(self) -> Sequence[tuple[str, str]]:
        """The headers of the call."""
        return self._call.metadata

    def auth_context(self) -> Mapping[str, Sequence[bytes]]:
        """What the client's certificate says."""
        return self._call.connection.authenticated()

    def peer(self) -> str:
        """``ipv4:ADDRESS:PORT``, ``ipv6:[ADDRESS]:PORT`` or ``unix:``."""
        return self._call.connection.peer

    async def write(self, message: bytes) -> None:
        """Send an answer that is serialized already; returns once it is on its way."""
        self._call.write(message)
        await self.drained()

    @property
    def pending(self) -> bool:
        """Whether something is not on its way yet."""
        return bool(self._call.out)

    async def drained(self) -> None:
        """Wait until all that was written is on its way."""
        while self._call.out:
            await self._served.drained()

    def listen(
        self,
        heard: Callable[[bytes], None],
        answer: Callable[[], None],
        ended: Callable[[], None],
    ) -> None:
        """Give requests, as bytes, to ``heard`` where they are read, instead of to who iterates.
        Call ``answer`` once all that were read together have been heard, and ``ended`` when the
        client sends no more.
        """
        self._served.listen(heard, answer, ended)

    async def abort(self, code: grpc.StatusCode, details: str = "") -> NoReturn:
        """End the call; raises."""
        self._call.finish(code.value[0], details)
        raise _Aborted

    def leave(self) -> None:
        """Take no more calls on the connection, and end it with the last one, which `grpc.aio`
        cannot.
        """
        self._call.connection.go_away()

    def hang_up(self) -> None:
        """End the connection with all its calls, which `grpc.aio` cannot."""
        self._call.connection.abort()


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
        self._heard: Callable[[bytes], None] | None = None
        self._answer: Callable[[], None] | None = None
        self._told_end: Callable[[], None] | None = None
        self._owes = False
        """Whether it is to answer once all that was read has been heard."""
        self._deserialize = handler.request_deserializer or bytes
        self.task = asyncio.get_running_loop().create_task(self._run(handler))

    # As of `Handler`.

    def message(self, message: bytes) -> None:
        heard = self._heard
        if heard is not None:
            if not self._owes:
                self._owes = True
                self._call.connection.after.append(self._answered)
            try:
                heard(message)
            except Exception:  # noqa: BLE001 - it must not end the connection of other calls
                self._failed()
                self.task.cancel()
            return
        self._messages.append(message)
        self._waiting += len(message)
        self.full = self._waiting >= _MOST_WAITING
        _wake(self._wake)

    def half_closed(self) -> None:
        self._ended = True
        if self._told_end is not None:
            self._told_end()
        _wake(self._wake)

    def lost(self) -> None:
        self._messages.clear()
        self.task.cancel()

    def room(self) -> None:
        _wake(self._room)

    def listen(
        self,
        heard: Callable[[bytes], None],
        answer: Callable[[], None],
        ended: Callable[[], None],
    ) -> None:
        """As of `Context`. What waits already is heard first, and not answered by itself."""
        self._heard, self._answer, self._told_end = heard, answer, ended
        self._owes = True
        while self._messages:
            self.message(self._take())
        self._messages, self._owes = _NONE, False
        if self._ended:
            ended()

    def _failed(self) -> None:
        _log.exception("%s of %s failed", self._call.path, self._call.connection.peer)
        self._call.finish(INTERNAL, "the control plane failed")

    def _answered(self) -> None:
        self._owes = False
        try:
            if self._answer is not None:
                self._answer()
        except Exception:  # noqa: BLE001 - as in `message`
            self._failed()
            self.task.cancel()

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
        except Exception:  # noqa: BLE001 - whatever a handler raises ends its call alone
            self._failed()

    async def _serve(self, handler: MethodHandler, context: Context) -> None:
        if handler.stream_stream is not None:
            await handler.stream_stream(self, context)
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


def _wake(waiting: asyncio.Future[None] | None) -> None:
    if waiting is not None and not waiting.done():
        waiting.set_result(None)
