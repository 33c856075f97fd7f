"""The least of HTTP/2 and gRPC that an Envoy's streams need, as cheap as Python can be.

The swarm shares a machine with what it measures, so it does no more than the protocol asks:
requests are literal headers without a table, of answers only the frames count, and what follows
from one read is written together.
https://www.rfc-editor.org/rfc/rfc9113 and https://grpc.github.io/grpc/core/md_doc__p_r_o_t_o_c_o_l-_h_t_t_p2.html
"""

from __future__ import annotations

import errno
import os
import select
import socket
import struct
from collections.abc import Callable

from bench.swarm.loop import Loop

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RESET, _SETTINGS, _PING, _GOAWAY, _WINDOW = 0, 1, 3, 4, 6, 7, 8
_END_STREAM, _END_HEADERS, _ACK = 1, 4, 1
_ROOM = 1 << 24
_GIVE_BACK = 1 << 20
_FIRST_ROOM = 65_535
_MESSAGE = struct.Struct("!IBIBI")
"""Before a message in a frame of its own."""


class Stream:
    """One call."""

    __slots__ = ("ended", "heard", "number", "received", "room", "waiting")

    def __init__(
        self, number: int, room: int, heard: Callable[[bytes], None], ended: Callable[[str], None]
    ) -> None:
        self.number = number
        self.room = room
        """Bytes that may still be sent."""
        self.heard = heard
        self.ended = ended
        self.waiting = b""
        self.received = b""


class Connection:
    """A client's connection; ``opened`` is called when it stands, ``lost`` when it is gone."""

    __slots__ = (
        "_buffer",
        "_initial",
        "_loop",
        "_lost",
        "_next",
        "_number",
        "_opened",
        "_out",
        "_room",
        "_socket",
        "_standing",
        "_streams",
        "_taken",
        "_why",
    )

    def __init__(
        self,
        loop: Loop,
        port: int,
        opened: Callable[[Connection], None],
        lost: Callable[[str], None],
    ) -> None:
        self._loop = loop
        self._opened = opened
        self._lost = lost
        self._streams: dict[int, Stream] = {}
        self._next = 1
        self._room = _FIRST_ROOM
        self._initial = _FIRST_ROOM
        self._taken = 0
        self._buffer = b""
        self._out: list[bytes] = []
        self._why = "the connection was closed"
        self._standing = False
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._number = self._socket.fileno()
        failed = self._socket.connect_ex(("127.0.0.1", port))
        loop.add(self._number, self, select.EPOLLOUT)
        if failed not in (0, errno.EINPROGRESS):
            loop.soon(lambda: self.abort(f"connecting: {os.strerror(failed)}"))

    def call(
        self, path: str, bearer: str, heard: Callable[[bytes], None], ended: Callable[[str], None]
    ) -> Stream:
        """Begin a call."""
        stream = Stream(self._next, self._initial, heard, ended)
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
        self._out.append(_frame(_HEADERS, _END_HEADERS, stream.number, headers))
        return stream

    def send(self, stream: Stream, message: bytes) -> None:
        """Send one message of a call, with whatever else is sent until `leave`."""
        length = len(message)
        size = length + 5
        if size <= 16_384 and size <= stream.room and size <= self._room and not stream.waiting:
            stream.room -= size
            self._room -= size
            self._out.append(_MESSAGE.pack(size << 8, 0, stream.number, 0, length) + message)
        else:
            stream.waiting += b"\0" + length.to_bytes(4) + message
            self._flush(stream)

    def leave(self) -> None:
        """Write what was sent."""
        if not self._out or self._number < 0:
            return
        data = self._out[0] if len(self._out) == 1 else b"".join(self._out)
        self._out.clear()
        try:
            sent = self._socket.send(data)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self.abort(str(error))
            return
        if sent < len(data):
            self._out.append(data[sent:])
            self._loop.watch(self._number, select.EPOLLIN | select.EPOLLOUT)

    def close(self) -> None:
        """End it, and tell nobody."""
        if self._number >= 0:
            self._loop.forget(self._number)
            self._socket.close()
            self._number = -1

    def abort(self, why: str) -> None:
        """End it."""
        if self._number >= 0:
            self.close()
            self._streams.clear()
            self._lost(why)

    def happened(self, events: int) -> None:
        if not self._standing:
            self._stand()
            return
        if events & select.EPOLLOUT:
            self._loop.watch(self._number, select.EPOLLIN)
            self.leave()
        if events & ~select.EPOLLOUT and self._number >= 0:
            self._read()

    def _stand(self) -> None:
        failed = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if failed:
            self.abort(f"connecting: {os.strerror(failed)}")
            return
        self._standing = True
        self._loop.watch(self._number, select.EPOLLIN)
        # No table for headers, and room for large messages.
        settings = struct.pack("!HIHI", 1, 0, 4, _ROOM)
        more = struct.pack("!I", _ROOM - _FIRST_ROOM)
        self._out.append(_PREFACE + _frame(_SETTINGS, 0, 0, settings) + _frame(_WINDOW, 0, 0, more))
        self._opened(self)
        self.leave()

    def _read(self) -> None:
        try:
            data = self._socket.recv(65_536)
        except BlockingIOError:
            return
        except OSError as error:
            self.abort(str(error))
            return
        if not data:
            self.abort(self._why)
            return
        if self._buffer:
            data = self._buffer + data
        at, end = 0, len(data)
        while end - at >= 9 and self._number >= 0:
            stop = at + 9 + int.from_bytes(data[at : at + 3])
            if stop > end:
                break
            number = int.from_bytes(data[at + 5 : at + 9]) & 0x7FFFFFFF
            self._frame(data[at + 3], data[at + 4], number, data[at + 9 : stop])
            at = stop
        self._buffer = data[at:]
        if self._out:
            self._loop.write(self.leave)

    def _frame(self, kind: int, flags: int, number: int, body: bytes) -> None:
        stream = self._streams.get(number)
        if kind == _DATA and stream is not None:
            self._take(stream, body)
        elif kind == _SETTINGS and not flags & _ACK:
            for at in range(0, len(body), 6):
                name, value = struct.unpack_from("!HI", body, at)
                if name == 4:
                    self._resize(value)
            self._out.append(_frame(_SETTINGS, _ACK, 0, b""))
        elif kind == _PING and not flags & _ACK:
            self._out.append(_frame(_PING, _ACK, 0, body))
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
        received = stream.received + body if stream.received else body
        at = 0
        while len(received) - at >= 5:
            end = at + 5 + int.from_bytes(received[at + 1 : at + 5])
            if len(received) < end:
                break
            stream.heard(received[at + 5 : end])
            at = end
        stream.received = received[at:]
        if self._taken >= _GIVE_BACK:
            back = struct.pack("!I", self._taken)
            self._out.append(_frame(_WINDOW, 0, 0, back))
            self._out += [_frame(_WINDOW, 0, one, back) for one in self._streams]
            self._taken = 0

    def _flush(self, stream: Stream) -> None:
        while stream.waiting:
            size = min(len(stream.waiting), stream.room, self._room, 16_384)
            if size <= 0:
                return
            self._out.append(_frame(_DATA, 0, stream.number, stream.waiting[:size]))
            stream.waiting = stream.waiting[size:]
            stream.room -= size
            self._room -= size

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
