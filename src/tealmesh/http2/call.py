"""One stream of a connection, as gRPC uses it: messages in both directions, and a status."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol
from urllib.parse import quote

from tealmesh.http2 import frames, hpack
from tealmesh.http2.frames import Code

if TYPE_CHECKING:
    from tealmesh.http2.connection import Connection

WINDOW = 256 * 1024
"""Bytes that a client may send on a stream before more are asked for."""

EARLY_SECONDS = 0.02
"""A call that is refused at once ends so much later, or when its first message comes: gRPC's client
in Python takes what comes before for an error of its own."""

OK, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, UNIMPLEMENTED, INTERNAL = 0, 4, 8, 12, 13
"""https://grpc.github.io/grpc/core/md_doc_statuscodes.html"""

_CONTENT_TYPE = (b"content-type", b"application/grpc")
_BEGIN = b"\x88" + hpack.encoded([_CONTENT_TYPE, (b"grpc-accept-encoding", b"identity")])
"""``:status: 200`` and what follows it."""
_ONLY = b"\x88" + hpack.encoded([_CONTENT_TYPE])
_PRINTABLE = "".join(chr(one) for one in range(0x20, 0x7F) if chr(one) != "%")


class Handler(Protocol):
    """Who serves a call. What it is told comes from the connection's reading: it must not wait."""

    full: bool
    """Whether the client should send no more for now; `Call.give_back` ends that."""

    def message(self, message: bytes) -> None:
        """The client has sent a message."""
        ...

    def half_closed(self) -> None:
        """The client sends no more messages."""
        ...

    def lost(self) -> None:
        """The client has hung up: nothing can be sent any more."""
        ...

    def room(self) -> None:
        """All that was written is on its way."""
        ...


class _Unserved:
    """Of a call that nobody serves."""

    full = False

    def message(self, message: bytes) -> None:
        pass

    def half_closed(self) -> None:
        pass

    def lost(self) -> None:
        pass

    def room(self) -> None:
        pass


UNSERVED: Handler = _Unserved()


class Alike:
    """A message that calls are sent alike, but for its end, which is as long for all."""

    __slots__ = ("begin", "body", "number", "size")

    def __init__(self, body: bytes, end: int) -> None:
        """``end``: how many bytes follow ``body``."""
        self.body = body
        self.size = len(body) + end + 5
        """Bytes in a frame."""
        self.number = 0
        """Of the call that it was written to last."""
        self.begin = b""
        """What that was sent, without the end."""

    def frame(self, number: int) -> None:
        """Write it to calls of this number from now on."""
        head = frames.MESSAGE.pack(self.size << 8, 0, number, 0, self.size - 5)
        self.number, self.begin = number, head + self.body


class Call:
    """A stream. Its ``handler`` is set by who takes it up."""

    __slots__ = (
        "_begun",
        "_half_closed",
        "_heard",
        "_owed",
        "_received",
        "_trailers",
        "connection",
        "done",
        "handler",
        "metadata",
        "number",
        "out",
        "path",
        "timer",
        "window",
    )

    handler: Handler

    def __init__(
        self,
        connection: Connection,
        number: int,
        path: str,
        metadata: Sequence[tuple[str, str]],
        window: int,
    ) -> None:
        self.connection = connection
        self.number = number
        self.path = path
        self.metadata = metadata
        self.window = window
        """Bytes that the client still takes on this stream."""
        self.out = bytearray()
        """What could not be sent yet."""
        self.done = False
        """Whether it is over, in either direction."""
        self.timer: asyncio.TimerHandle | None = None
        """Ends it when the time that the client gave it is over."""
        self._begun = False
        self._half_closed = False
        self._heard = False
        self._received: bytearray | None = None
        self._owed = 0
        """Bytes that were taken, and not given back yet."""
        self._trailers: bytes | None = None

    @property
    def held(self) -> int:
        """Bytes of a message that is not whole yet."""
        return len(self._received) if self._received else 0

    def write(self, message: bytes) -> None:
        """Send a message, as soon as the client takes it."""
        if self.done or self._trailers is not None:
            return
        connection, length = self.connection, len(message) + 5
        if not self._begun:
            self._begun = True
            connection.send(self._headers(_BEGIN, 0))
        fits = length <= frames.MAX_FRAME and length <= min(self.window, connection.window)
        if fits and not self.out and not connection.paused:
            self.window -= length
            connection.window -= length
            head = frames.MESSAGE.pack(length << 8, 0, self.number, 0, length - 5)
            connection.send(head + message)
            return
        self.out += b"\0" + (length - 5).to_bytes(4) + message
        self.flush()

    def write_alike(self, message: Alike, end: bytes) -> None:
        """The same as `write`, of what many calls are sent."""
        connection, size = self.connection, message.size
        if (
            not self._begun
            or self.done
            or self._trailers is not None
            or self.out
            or connection.paused
            or size > self.window
            or size > connection.window
            or size > frames.MAX_FRAME
        ):
            self.write(message.body + end)
            return
        if message.number != self.number:
            message.frame(self.number)
        self.window -= size
        connection.window -= size
        connection.send(message.begin + end)

    def finish(self, status: int, message: str = "") -> None:
        """End the stream, after what is still to be sent."""
        if self.done or self._trailers is not None:
            return
        headers = [(b"grpc-status", str(status).encode())]
        if message:
            said = quote(message, safe=_PRINTABLE).encode()
            headers.append((b"grpc-message", said[:2000]))
        self._trailers = hpack.encoded(headers)
        if not self._heard and not self._half_closed:
            self.connection.later(EARLY_SECONDS, self._end)
        elif not self.out:
            self._end()

    def flush(self) -> None:
        """Send as much as the client takes."""
        connection, out = self.connection, self.out
        while out and not connection.paused:
            size = min(frames.MAX_FRAME, self.window, connection.window, len(out))
            if size <= 0:
                return
            self.window -= size
            connection.window -= size
            connection.send(frames.frame(frames.DATA, 0, self.number, bytes(out[:size])))
            del out[:size]
        if out or self.done:
            return
        if self._trailers is not None:
            self._end()
        else:
            self.handler.room()

    def data(self, body: bytes, size: int, *, ended: bool) -> None:
        """The client has sent a part of a message, in a frame of ``size`` bytes."""
        if self._owed + size > WINDOW:
            self.reset(Code.FLOW_CONTROL_ERROR)
            return
        if self._half_closed:
            self.reset(Code.STREAM_CLOSED)
            return
        self._owed += size
        self._half_closed = ended
        self._heard = True
        if self._trailers is not None:
            self.flush()
            return
        length = len(body)
        if (
            not self._received
            and length >= 5
            and not body[0]
            and int.from_bytes(body[1:5]) + 5 == length
            and length <= self.connection.options.max_receive_message_length
        ):
            self.handler.message(body[5:])  # nearly always
        else:
            self._messages(body)
        if self.done:
            return
        if self._owed >= WINDOW // 2 and not self.handler.full:
            self.give_back()
        if ended and self._received:
            self._fail(INTERNAL, "a message without its end")
        elif ended:
            self.handler.half_closed()

    def whole(self, frame: bytes, size: int) -> None:
        """The client has sent ``frame``, which has one message and is ``size`` bytes long without
        its head.
        """
        owed = self._owed + size
        if (
            self._received
            or self._half_closed
            or self._trailers is not None
            or owed >= WINDOW // 2
            or size - 5 > self.connection.options.max_receive_message_length
        ):
            self.data(frame[9:], size, ended=False)
            return
        self._owed = owed
        self._heard = True
        self.handler.message(frame[14:])

    def give_back(self) -> None:
        """Let the client send as much as was taken."""
        if self._owed and not self.done and not self._half_closed:
            more = self._owed.to_bytes(4)
            self.connection.send(frames.frame(frames.WINDOW_UPDATE, 0, self.number, more))
            self._owed = 0

    def trailing(self) -> None:
        """The client has ended its messages with headers."""
        if not self._half_closed:
            self.data(b"", 0, ended=True)

    def reset(self, code: Code) -> None:
        """End the stream at once."""
        if self.done:
            return
        self.connection.reset(self.number, code)
        self.drop()

    def drop(self) -> None:
        """The stream is gone: nothing more is sent or taken."""
        if self.done:
            return
        self.done = True
        self.out.clear()
        self.connection.forget(self)
        self.handler.lost()

    def expire(self) -> None:
        """The time that the client gave it is over."""
        self._fail(DEADLINE_EXCEEDED, "Deadline Exceeded")

    def _fail(self, status: int, message: str) -> None:
        if self.done:
            return
        self.out.clear()
        self.finish(status, message)
        self.handler.lost()

    def _messages(self, body: bytes) -> None:
        """Hand on each message that is whole."""
        most = self.connection.options.max_receive_message_length
        if not body:
            return
        received = self._received = self._received or bytearray()
        received += body
        while len(received) >= 5 and not self.done:
            length = int.from_bytes(received[1:5])
            if length > most:
                self._too_long(length)
                return
            if len(received) < 5 + length:
                return
            message, compressed = bytes(received[5 : 5 + length]), received[0]
            del received[: 5 + length]
            self._message(compressed, message)
        if not received:
            self._received = None

    def _message(self, compressed: int, message: bytes) -> None:
        if compressed:
            self._fail(UNIMPLEMENTED, "messages must not be compressed")
        else:
            self.handler.message(message)

    def _too_long(self, length: int) -> None:
        self._received = None
        most = self.connection.options.max_receive_message_length
        self._fail(RESOURCE_EXHAUSTED, f"Received message larger than max ({length} vs. {most})")

    def _end(self) -> None:
        if self.done or self.out:
            return
        trailers = self._trailers or b""
        if not self._begun:
            trailers = _ONLY + trailers
        self.done = True
        self.connection.send(self._headers(trailers, frames.END_STREAM))
        if not self._half_closed:
            # https://www.rfc-editor.org/rfc/rfc9113#section-8.1-11: the client need send no more.
            self.connection.reset(self.number, Code.NO_ERROR)
        self.connection.forget(self)

    def _headers(self, block: bytes, flags: int) -> bytes:
        return frames.frame(frames.HEADERS, flags | frames.END_HEADERS, self.number, block)
