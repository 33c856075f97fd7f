"""One client's connection: frames in, streams and their limits, frames out.

Whatever a client sends, it costs bounded memory: what is not read yet stays in the kernel's buffers
once the client does not take our answers, messages and headers have limits, and frames that carry
nothing are counted.
"""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import Callable, Sequence
from typing import cast

from tealmesh.http2 import frames, hpack
from tealmesh.http2.call import RESOURCE_EXHAUSTED, UNSERVED, WINDOW, Call
from tealmesh.http2.frames import Broken, Code, expect
from tealmesh.http2.options import Options, greeting, seconds
from tealmesh.http2.outgoing import Outgoing, authentication, peer_of

Route = Callable[[Call], None]
"""Takes up a call: gives it a handler."""

_WINDOW = 1024 * 1024
"""Bytes that a client may send on all its streams before more are asked for."""
_MOST_HEADERS = 64 * 1024
"""Bytes of a block of headers, compressed."""
_MOST_HELD = 16 * 1024 * 1024
"""Bytes of messages that are not whole yet, on all streams."""
_IDLE_FRAMES, _IDLE_SECONDS = 1000, 10.0
"""Frames that carry nothing, within so much time."""


class Connection(Outgoing):
    """``members`` holds all connections of a server; ``route`` takes up what they call."""

    __slots__ = (
        "_began",
        "_block",
        "_calls",
        "_counted",
        "_counted_since",
        "_decoder",
        "_first_window",
        "_greeted",
        "_last",
        "_left",
        "_members",
        "_room_in",
        "_route",
        "after",
        "heard_at",
        "idle_since",
        "leaving_since",
        "looks",
        "opened_at",
        "options",
        "peer",
    )

    def __init__(self, options: Options, route: Route, members: set[Connection]) -> None:
        super().__init__()
        self.options = options
        self.looks = 0
        """How often the server has looked whether the client has begun to speak."""
        self.leaving_since: float | None = None
        """Since when it is told to go elsewhere."""
        self.after: list[Callable[[], None]] = []
        """What is done once all that was read together has been taken."""
        self._route = route
        self._members = members
        self._decoder = hpack.Decoder(options.max_metadata_size)
        self._calls: dict[int, Call] = {}
        self._first_window = frames.FIRST_WINDOW
        self._room_in = _WINDOW
        self._greeted = False
        self._began = False
        """Whether what is being read has begun a task."""
        self._left = b""
        self._last = 0
        self._block: tuple[int, int, bytearray] | None = None
        self._counted, self._counted_since = 0, 0.0

    # What asyncio tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self.peer = peer_of(transport)
        self.opened_at = self.heard_at = self.idle_since = time.monotonic()
        self._members.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._members.discard(self)
        self._left, self._block = b"", None
        for call in list(self._calls.values()):
            call.drop()

    def pause_writing(self) -> None:
        self.paused = True
        # Answers to what it sends would only pile up.
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        self.paused = False
        if not self._transport.is_closing():
            self._transport.resume_reading()
        self._flush()

    def data_received(self, data: bytes) -> None:
        self.heard_at, self.pinged_at = time.monotonic(), None
        if self._left:
            data, self._left = self._left + data, b""
        self.gather()
        try:
            if not self._message(data):
                taken = self._frames(data)
                self._left = data[taken:] if taken < len(data) else b""
            while self.after:
                self.after.pop()()
        except Broken as broken:
            self.go_away(broken.code, broken.why)
            self.close()
        finally:
            if self._began:
                # The task has its turn first: what it says at once leaves too.
                self._began = False
                self._loop.call_soon(self.leave)
            else:
                self.leave()

    # What the server asks.

    @property
    def begun(self) -> bool:
        """Whether the client speaks HTTP/2."""
        return self._greeted

    def authenticated(self) -> dict[str, list[bytes]]:
        """What the client's certificate says, as gRPC's authentication context has it."""
        return authentication(self._transport)

    def go_away(self, code: Code = Code.NO_ERROR, why: str = "") -> None:
        """Tell the client to begin no more streams here; the connection ends with its last one."""
        if self.leaving_since is None or code:
            self.leaving_since = time.monotonic()
            body = struct.pack("!II", self._last, code) + why.encode()[:200]
            self.send(frames.frame(frames.GOAWAY, 0, 0, body))
        if not self._calls:
            self.close()

    def linger(self) -> None:
        """A task has begun that serves a call: its first words leave with what is answered now."""
        self._began = True

    def forget(self, call: Call) -> None:
        """A call is over."""
        self._calls.pop(call.number, None)
        if call.timer is not None:
            call.timer.cancel()
        if not self._calls:
            self.idle_since = time.monotonic()
            if self.leaving_since is not None:
                self.close()

    @property
    def calls(self) -> int:
        """How many streams there are."""
        return len(self._calls)

    # What frames mean.

    def _message(self, data: bytes) -> bool:
        """Take what was read, if it is one frame with one message, as nearly all that Envoys say
        is; returns whether it was.
        """
        length = len(data) - 9
        if length < 5 or length > frames.MAX_FRAME:
            return False
        head, flags, number, compressed, size = frames.MESSAGE.unpack_from(data)
        if head != length << 8 or flags or compressed or size != length - 5:
            return False
        call = self._calls.get(number)
        room = self._room_in - length
        if call is None or self._block is not None or room < _WINDOW // 2:
            return False
        self._room_in = room
        call.whole(data, length)
        return True

    def _frames(self, data: bytes) -> int:
        """Take the frames that are whole; returns how many bytes they were."""
        at, end = 0, len(data)
        if not self._greeted:
            head = data[: len(frames.PREFACE)]
            if not frames.PREFACE.startswith(head):
                raise Broken(Code.PROTOCOL_ERROR, "this port speaks HTTP/2 only")
            if len(head) < len(frames.PREFACE):
                return 0
            # Our greeting waits for the client's, so that both leave with the first answer.
            self._greeted, at = True, len(head)
            self.send(greeting(self.options, WINDOW, _WINDOW))
        while end - at >= 9:
            length = data[at] << 16 | data[at + 1] << 8 | data[at + 2]
            if length > frames.MAX_FRAME:
                raise Broken(Code.FRAME_SIZE_ERROR, f"a frame of {length} bytes")
            start, stop = at + 9, at + 9 + length
            if stop > end:
                break
            number = int.from_bytes(data[at + 5 : start]) & frames.MAX_WINDOW
            if not data[at + 3] and self._block is None:
                self._data(data[at + 4], number, data[start:stop])  # nearly always
            else:
                self._frame(data[at + 3], data[at + 4], number, data[start:stop])
            at = stop
        return at

    def _frame(self, kind: int, flags: int, number: int, body: bytes) -> None:
        if self._block is not None and kind != frames.CONTINUATION:
            raise Broken(Code.PROTOCOL_ERROR, "headers are not continued")
        if kind == frames.DATA:
            self._data(flags, number, body)
        elif kind == frames.WINDOW_UPDATE:
            self._grow(number, body)
        elif kind == frames.HEADERS:
            self._headers(flags, number, body)
        elif kind == frames.PING:
            expect(len(body) == 8 and not number, Code.FRAME_SIZE_ERROR, "a PING")
            if not flags & frames.ACK:
                self._count()
                self.send(frames.frame(frames.PING, frames.ACK, 0, body))
        elif kind == frames.SETTINGS:
            self._settings(flags, number, body)
        elif kind == frames.RESET:
            self._reset(number, body)
        elif kind == frames.CONTINUATION:
            self._continue(flags, number, body)
        elif kind == frames.PUSH_PROMISE:
            raise Broken(Code.PROTOCOL_ERROR, "a client cannot push")
        else:
            self._count()  # PRIORITY, GOAWAY and what does not exist yet

    def _data(self, flags: int, number: int, body: bytes) -> None:
        size = len(body)
        self._room_in -= size
        if self._room_in < 0:
            raise Broken(Code.FLOW_CONTROL_ERROR, "more than the window of the connection")
        if self._room_in < _WINDOW // 2:
            held = sum(call.held for call in self._calls.values())
            expect(held <= _MOST_HELD, Code.ENHANCE_YOUR_CALM, "messages without an end")
            more = _WINDOW - self._room_in
            self.send(frames.frame(frames.WINDOW_UPDATE, 0, 0, more.to_bytes(4)))
            self._room_in = _WINDOW
        call = self._calls.get(number)
        if not flags and size >= 5 and call is not None:
            call.data(body, size, ended=False)  # nearly always
            return
        ended = bool(flags & frames.END_STREAM)
        if size < 5 and not ended:
            self._count()
        if flags & frames.PADDED:
            body = frames.unpadded(flags, body)
        if call is not None:
            call.data(body, size, ended=ended)
        elif number == 0 or number > self._last:
            raise Broken(Code.PROTOCOL_ERROR, "DATA of no stream")

    def _headers(self, flags: int, number: int, body: bytes) -> None:
        expect(number % 2 == 1, Code.PROTOCOL_ERROR, "HEADERS of no stream of a client")
        body = frames.unpadded(flags, body)
        if flags & frames.WITH_PRIORITY:
            body = body[5:]
        if flags & frames.END_HEADERS:
            self._block_of(flags, number, body)
        else:
            self._block = (number, flags, bytearray(body))

    def _continue(self, flags: int, number: int, body: bytes) -> None:
        if self._block is None or self._block[0] != number:
            raise Broken(Code.PROTOCOL_ERROR, "CONTINUATION of no headers")
        self._count()
        _, first, block = self._block
        block += body
        expect(len(block) <= _MOST_HEADERS, Code.ENHANCE_YOUR_CALM, "headers are too large")
        if flags & frames.END_HEADERS:
            self._block = None
            self._block_of(first, number, bytes(block))

    def _block_of(self, flags: int, number: int, block: bytes) -> None:
        """A whole block of headers: a new stream, or the end of one."""
        too_large, headers = False, list[hpack.Header]()
        try:
            headers = self._decoder.decode(block)
        except ValueError as error:
            raise Broken(Code.COMPRESSION_ERROR, str(error)) from error
        except hpack.TooLarge:
            too_large = True
        known = self._calls.get(number)
        if known is not None:
            expect(bool(flags & frames.END_STREAM), Code.PROTOCOL_ERROR, "headers within a stream")
            known.trailing()
            return
        if number <= self._last:
            self._count()
            return
        self._last = number
        if (
            self.leaving_since is not None
            or len(self._calls) >= self.options.max_concurrent_streams
        ):
            self._count()
            self.reset(number, Code.REFUSED_STREAM)
            return
        self._begin(number, headers, too_large=too_large, ended=bool(flags & frames.END_STREAM))

    def _begin(
        self, number: int, headers: Sequence[hpack.Header], *, too_large: bool, ended: bool
    ) -> None:
        text = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]
        known = dict(text)
        metadata = [(name, value) for name, value in text if not name.startswith(":")]
        call = Call(self, number, known.get(":path", ""), metadata, self._first_window)
        self._calls[number] = call
        if too_large:
            most = self.options.max_metadata_size
            call.handler = UNSERVED
            call.finish(RESOURCE_EXHAUSTED, f"metadata is larger than {most} bytes")
            return
        self._route(call)
        timeout = seconds(known.get("grpc-timeout", ""))
        if timeout is not None and not call.done:
            call.timer = self._loop.call_later(timeout, call.expire)
        if ended:
            call.trailing()

    def _settings(self, flags: int, number: int, body: bytes) -> None:
        expect(not number and len(body) % 6 == 0, Code.FRAME_SIZE_ERROR, "SETTINGS")
        if flags & frames.ACK:
            return
        self._count()
        for name, value in struct.iter_unpack("!HI", body):
            if name == frames.INITIAL_WINDOW_SIZE:
                expect(value <= frames.MAX_WINDOW, Code.FLOW_CONTROL_ERROR, "a window")
                for call in self._calls.values():
                    call.window += value - self._first_window
                self._first_window = value
            elif name == frames.MAX_FRAME_SIZE:
                allowed = frames.MAX_FRAME <= value < 2**24
                expect(allowed, Code.PROTOCOL_ERROR, "SETTINGS_MAX_FRAME_SIZE")
        self.send(frames.frame(frames.SETTINGS, frames.ACK, 0))
        self._flush()

    def _grow(self, number: int, body: bytes) -> None:
        expect(len(body) == 4, Code.FRAME_SIZE_ERROR, "a WINDOW_UPDATE")
        more = int.from_bytes(body) & frames.MAX_WINDOW
        if number:
            call = self._calls.get(number)
            if call is None:
                self._count()
            elif not more:
                call.reset(Code.PROTOCOL_ERROR)
            elif call.window + more > frames.MAX_WINDOW:
                call.reset(Code.FLOW_CONTROL_ERROR)
            else:
                call.window += more
                if call.out:
                    call.flush()
            return
        expect(more > 0, Code.PROTOCOL_ERROR, "a WINDOW_UPDATE of 0")
        self.window += more
        expect(self.window <= frames.MAX_WINDOW, Code.FLOW_CONTROL_ERROR, "a window")
        self._flush()

    def _reset(self, number: int, body: bytes) -> None:
        expect(len(body) == 4, Code.FRAME_SIZE_ERROR, "a RST_STREAM")
        expect(0 < number <= self._last, Code.PROTOCOL_ERROR, "RST_STREAM of no stream")
        # https://www.cve.org/CVERecord?id=CVE-2023-44487
        self._count()
        call = self._calls.get(number)
        if call is not None:
            call.drop()

    def _flush(self) -> None:
        for call in list(self._calls.values()):
            if call.out:
                call.flush()

    def _count(self) -> None:
        """A frame that carries nothing: many of them are an attack."""
        now = time.monotonic()
        if now - self._counted_since > _IDLE_SECONDS:
            self._counted, self._counted_since = 0, now
        self._counted += 1
        if self._counted > _IDLE_FRAMES:
            raise Broken(Code.ENHANCE_YOUR_CALM, "too many frames that carry nothing")
