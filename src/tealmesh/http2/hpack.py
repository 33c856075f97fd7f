"""Headers as HTTP/2 compresses them. Pure.

https://www.rfc-editor.org/rfc/rfc7541. What is sent is never put into a table: it is a few words at
the beginning and the end of a stream.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from functools import lru_cache

from tealmesh.http2 import huffman

Header = tuple[bytes, bytes]

_STATIC: tuple[Header, ...] = (
    (b":authority", b""), (b":method", b"GET"), (b":method", b"POST"), (b":path", b"/"),
    (b":path", b"/index.html"), (b":scheme", b"http"), (b":scheme", b"https"),
    (b":status", b"200"), (b":status", b"204"), (b":status", b"206"), (b":status", b"304"),
    (b":status", b"400"), (b":status", b"404"), (b":status", b"500"), (b"accept-charset", b""),
    (b"accept-encoding", b"gzip, deflate"), (b"accept-language", b""), (b"accept-ranges", b""),
    (b"accept", b""), (b"access-control-allow-origin", b""), (b"age", b""), (b"allow", b""),
    (b"authorization", b""), (b"cache-control", b""), (b"content-disposition", b""),
    (b"content-encoding", b""), (b"content-language", b""), (b"content-length", b""),
    (b"content-location", b""), (b"content-range", b""), (b"content-type", b""), (b"cookie", b""),
    (b"date", b""), (b"etag", b""), (b"expect", b""), (b"expires", b""), (b"from", b""),
    (b"host", b""), (b"if-match", b""), (b"if-modified-since", b""), (b"if-none-match", b""),
    (b"if-range", b""), (b"if-unmodified-since", b""), (b"last-modified", b""), (b"link", b""),
    (b"location", b""), (b"max-forwards", b""), (b"proxy-authenticate", b""),
    (b"proxy-authorization", b""), (b"range", b""), (b"referer", b""), (b"refresh", b""),
    (b"retry-after", b""), (b"server", b""), (b"set-cookie", b""),
    (b"strict-transport-security", b""), (b"transfer-encoding", b""), (b"user-agent", b""),
    (b"vary", b""), (b"via", b""), (b"www-authenticate", b""),
)  # fmt: skip
_TABLE_SIZE = 4096
"""What a client may make us remember, in bytes: the protocol's default, since we set no other."""
_OVERHEAD = 32
"""That each header counts for beside its bytes."""
_LONGEST_NUMBER = 2**32
_LONGEST_WORD = 64
"""Bytes of a packed text that is looked for among the latest ones."""


class TooLarge(Exception):
    """There are more headers than are taken; the connection can go on."""


class Decoder:
    """The headers of one connection, of at most ``limit`` bytes in each block, counted as HTTP/2
    counts them.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._table: deque[Header] = deque()
        self._size = 0
        self._most = _TABLE_SIZE

    def decode(self, block: bytes) -> list[Header]:
        """The headers of a whole block. Raises ValueError if it is malformed, after which the
        connection is of no use, and TooLarge.
        """
        found: list[Header] = []
        size, at, end = 0, 0, len(block)
        while at < end:
            first = block[at]
            if first & 0x80:
                if first & 0x7F < 0x7F:
                    index, at = first & 0x7F, at + 1
                else:
                    index, at = _number(block, at, 7)
                header = self._at(index)
            elif first & 0xE0 == 0x20:
                if found:
                    raise ValueError("the size of the table is changed too late")
                most, at = _number(block, at, 5)
                self._resize(most)
                continue
            else:
                kept = first & 0x40
                index, at = _number(block, at, 6 if kept else 4)
                name, at = (self._at(index)[0], at) if index else _text(block, at)
                value, at = _text(block, at)
                header = (name, value)
                if kept:
                    self._keep(header)
            size += len(header[0]) + len(header[1]) + _OVERHEAD
            if size <= self._limit:
                found.append(header)
        if size > self._limit:
            raise TooLarge
        return found

    def _at(self, index: int) -> Header:
        if 0 < index <= len(_STATIC):
            return _STATIC[index - 1]
        if index == 0 or index - len(_STATIC) > len(self._table):
            raise ValueError(f"no header {index}")
        return self._table[index - len(_STATIC) - 1]

    def _keep(self, header: Header) -> None:
        self._table.appendleft(header)
        self._size += len(header[0]) + len(header[1]) + _OVERHEAD
        self._evict()

    def _resize(self, most: int) -> None:
        if most > _TABLE_SIZE:
            raise ValueError(f"a table of {most} bytes")
        self._most = most
        self._evict()

    def _evict(self) -> None:
        while self._size > self._most:
            name, value = self._table.pop()
            self._size -= len(name) + len(value) + _OVERHEAD


def encoded(headers: Iterable[Header]) -> bytes:
    """A block of these headers, none of which is kept."""
    made = bytearray()
    for name, value in headers:
        made += b"\x00" + _literal(name) + _literal(value)
    return bytes(made)


def _literal(text: bytes) -> bytes:
    length = len(text)
    if length < 127:
        return bytes([length]) + text
    made, rest = bytearray(b"\x7f"), length - 127
    while rest >= 128:
        made.append(rest % 128 + 128)
        rest //= 128
    made.append(rest)
    return bytes(made) + text


def _number(block: bytes, at: int, bits: int) -> tuple[int, int]:
    most = (1 << bits) - 1
    value = block[at] & most
    at += 1
    if value < most:
        return value, at
    shift = 0
    while True:
        if at >= len(block):
            raise ValueError("a number without its end")
        byte = block[at]
        at += 1
        value += (byte & 0x7F) << shift
        shift += 7
        if value > _LONGEST_NUMBER or shift > 35:
            raise ValueError("a number that is too large")
        if not byte & 0x80:
            return value, at


def _text(block: bytes, at: int) -> tuple[bytes, int]:
    if at >= len(block):
        raise ValueError("a header without its end")
    packed, length = block[at] & 0x80, block[at] & 0x7F
    if length < 0x7F:
        at += 1
    else:
        length, at = _number(block, at, 7)
    end = at + length
    text = block[at:end]
    if len(text) < length:
        raise ValueError("a header without its end")
    if not packed:
        return text, end
    return (_word(text) if length <= _LONGEST_WORD else huffman.decoded(text)), end


@lru_cache(maxsize=1024)
def _word(text: bytes) -> bytes:
    """As `huffman.decoded`, of what clients send alike: names, types, paths. Tokens are longer."""
    return huffman.decoded(text)
