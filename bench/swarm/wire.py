"""The least of HTTP/2 and gRPC that an Envoy's streams need, as cheap as Python can be.

The swarm shares a machine with what it measures, so it does no more than the protocol asks:
requests are literal headers without a table, and of answers only the frames count.
https://www.rfc-editor.org/rfc/rfc9113 and https://grpc.github.io/grpc/core/md_doc__p_r_o_t_o_c_o_l-_h_t_t_p2.html
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from dataclasses import dataclass, field

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RESET, _SETTINGS, _PING, _GOAWAY, _WINDOW = 0, 1, 3, 4, 6, 7, 8
_END_STREAM, _END_HEADERS, _ACK = 1, 4, 1
_ROOM = 1 << 24
_GIVE_BACK = 1 << 20
_FIRST_ROOM = 65_535


@dataclass
class Stream:
    """One call: whole messages go to ``heard``; ``ended`` is told what is known of its status."""

    number: int
    heard: Callable[[bytes], None]
    ended: Callable[[str], None]
    room: int = _FIRST_ROOM
    """Bytes that may still be sent."""
    waiting: bytearray = field(default_factory=bytearray)
    received: bytearray = field(default_factory=bytearray)


class Connection(asyncio.Protocol):
    """A client's connection; `opened` is called when it stands, `lost` when it is gone."""

    def __init__(self, opened: Callable[[Connection], None], lost: Callable[[str], None]) -> None:
        self._opened = opened
        self._lost = lost
        self._streams: dict[int, Stream] = {}
        self._next = 1
        self._room = _FIRST_ROOM
        self._initial = _FIRST_ROOM
        self._taken = 0
        self._buffer = bytearray()
        self._why = "the connection was closed"
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        # No table for headers, and room for large messages.
        settings = struct.pack("!HIHI", 1, 0, 4, _ROOM)
        transport.write(
            _PREFACE
            + _frame(_SETTINGS, 0, 0, settings)
            + _frame(_WINDOW, 0, 0, struct.pack("!I", _ROOM - _FIRST_ROOM))
        )
        self._opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        streams, self._streams = list(self._streams.values()), {}
        for stream in streams:
            stream.ended(self._why)
        self._lost(str(exc or self._why))

    def call(
        self, path: str, bearer: str, heard: Callable[[bytes], None], ended: Callable[[str], None]
    ) -> Stream:
        """Begin a call."""
        assert self.transport is not None
        stream = Stream(self._next, heard, ended, self._initial)
        self._streams[self._next] = stream
        self._next += 2
        headers = (
            b"\x83\x86"  # POST, http
            + b"\x04"
            + _text(path)
            + b"\x01"
            + _text("control-plane")
            + b"\x0f\x10"
            + _text("application/grpc")
            + b"\x00"
            + _text("te")
            + _text("trailers")
            + b"\x0f\x08"
            + _text(f"Bearer {bearer}")
        )
        self.transport.write(_frame(_HEADERS, _END_HEADERS, stream.number, headers))
        return stream

    def send(self, stream: Stream, message: bytes) -> None:
        """Send one message of a call."""
        stream.waiting += b"\0" + len(message).to_bytes(4) + message
        self._flush(stream)

    def close(self) -> None:
        self._streams = {}
        if self.transport is not None:
            self.transport.abort()

    def _flush(self, stream: Stream) -> None:
        assert self.transport is not None
        while stream.waiting:
            size = min(len(stream.waiting), stream.room, self._room, 16_384)
            if size <= 0:
                return
            self.transport.write(_frame(_DATA, 0, stream.number, bytes(stream.waiting[:size])))
            del stream.waiting[:size]
            stream.room -= size
            self._room -= size

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer
        buffer += data
        at = 0
        while len(buffer) - at >= 9:
            length = int.from_bytes(buffer[at : at + 3])
            if len(buffer) - at - 9 < length:
                break
            kind, flags = buffer[at + 3], buffer[at + 4]
            number = int.from_bytes(buffer[at + 5 : at + 9]) & 0x7FFFFFFF
            self._frame(kind, flags, number, bytes(buffer[at + 9 : at + 9 + length]))
            at += 9 + length
        del buffer[:at]

    def _frame(self, kind: int, flags: int, number: int, body: bytes) -> None:
        assert self.transport is not None
        stream = self._streams.get(number)
        if kind == _DATA and stream is not None:
            self._take(stream, body)
        elif kind == _SETTINGS and not flags & _ACK:
            for at in range(0, len(body), 6):
                name, value = struct.unpack_from("!HI", body, at)
                if name == 4:
                    self._resize(value)
            self.transport.write(_frame(_SETTINGS, _ACK, 0, b""))
        elif kind == _PING and not flags & _ACK:
            self.transport.write(_frame(_PING, _ACK, 0, body))
        elif kind == _WINDOW:
            self._grow(stream, struct.unpack("!I", body)[0])
        elif kind == _GOAWAY:
            self._why = f"GOAWAY {body[8:].decode(errors='replace')}"
        if stream is not None and (
            kind == _RESET or (kind in (_DATA, _HEADERS) and flags & _END_STREAM)
        ):
            del self._streams[number]
            stream.ended("reset" if kind == _RESET else _status(body))

    def _take(self, stream: Stream, body: bytes) -> None:
        self._taken += len(body)
        received = stream.received
        received += body
        while len(received) >= 5:
            end = 5 + int.from_bytes(received[1:5])
            if len(received) < end:
                break
            message = bytes(received[5:end])
            del received[:end]
            stream.heard(message)
        if self._taken >= _GIVE_BACK and self.transport is not None:
            back = struct.pack("!I", self._taken)
            self.transport.write(_frame(_WINDOW, 0, 0, back))
            for one in self._streams.values():
                self.transport.write(_frame(_WINDOW, 0, one.number, back))
            self._taken = 0

    def _resize(self, initial: int) -> None:
        for stream in self._streams.values():
            stream.room += initial - self._initial
        self._initial = initial
        for stream in self._streams.values():
            self._flush(stream)

    def _grow(self, stream: Stream | None, more: int) -> None:
        if stream is not None:
            stream.room += more
        else:
            self._room += more
        for one in [stream] if stream is not None else list(self._streams.values()):
            self._flush(one)


def _frame(kind: int, flags: int, number: int, body: bytes) -> bytes:
    return len(body).to_bytes(3) + bytes([kind, flags]) + number.to_bytes(4) + body


def _text(text: str) -> bytes:
    """A literal of HPACK, without Huffman: https://www.rfc-editor.org/rfc/rfc7541#section-5.2"""
    data, length = text.encode(), b""
    left = len(data)
    if left < 127:
        length = bytes([left])
    else:
        length, left = b"\x7f", left - 127
        while left >= 128:
            length += bytes([left % 128 + 128])
            left //= 128
        length += bytes([left])
    return length + data


def _status(trailers: bytes) -> str:
    """What the trailers say, as far as it can be seen without decoding them."""
    _, found, rest = trailers.partition(b"grpc-status")
    return f"status {rest[1 : 1 + rest[0]].decode(errors='replace')}" if found and rest else "ended"
