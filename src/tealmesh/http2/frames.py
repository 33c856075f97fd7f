"""The names of HTTP/2: kinds of frames, flags, errors and settings. Pure.

https://www.rfc-editor.org/rfc/rfc9113
"""

from __future__ import annotations

import struct
from enum import IntEnum

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
MAX_FRAME = 16_384
"""Bytes of a frame without its head, which nobody may go beyond unless the other one allows it."""
MAX_WINDOW = 2**31 - 1
FIRST_WINDOW = 65_535

# IntEnum's members are slow to compare with: these are looked at for each frame.
DATA, HEADERS, PRIORITY, RESET, SETTINGS = 0, 1, 2, 3, 4
PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 5, 6, 7, 8, 9

END_STREAM, ACK, END_HEADERS, PADDED, WITH_PRIORITY = 0x1, 0x1, 0x4, 0x8, 0x20

MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE, MAX_HEADER_LIST_SIZE = 3, 4, 5, 6

MESSAGE = struct.Struct("!IBIBI")
"""Before a message in a frame of its own: the frame's head (its length with its kind, flags,
stream), and gRPC's (whether it is compressed, its length)."""


class Code(IntEnum):
    """Why a stream or connection ends."""

    NO_ERROR = 0
    PROTOCOL_ERROR = 1
    FLOW_CONTROL_ERROR = 3
    STREAM_CLOSED = 5
    FRAME_SIZE_ERROR = 6
    REFUSED_STREAM = 7
    COMPRESSION_ERROR = 9
    ENHANCE_YOUR_CALM = 11


class Broken(Exception):
    """The connection cannot go on."""

    def __init__(self, code: Code, why: str) -> None:
        super().__init__(why)
        self.code = code
        self.why = why


def frame(kind: int, flags: int, stream: int, body: bytes = b"") -> bytes:
    """One frame."""
    return struct.pack("!IBI", len(body) << 8 | kind, flags, stream) + body


def setting(name: int, value: int) -> bytes:
    """One parameter of a SETTINGS frame."""
    return struct.pack("!HI", name, value)


def unpadded(flags: int, body: bytes) -> bytes:
    """A body without its padding. Raises Broken if that is longer than the body."""
    if not flags & PADDED:
        return body
    if not body or body[0] >= len(body):
        raise Broken(Code.PROTOCOL_ERROR, "padding is longer than the frame")
    return body[1 : len(body) - body[0]]


def expect(held: bool, code: Code, what: str) -> None:
    """Raises Broken for what is against the protocol."""
    if not held:
        raise Broken(code, f"{what}: against the protocol")
