"""A client that may break the protocol."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator

from tealmesh.http2 import frames, hpack
from tealmesh.http2.frames import frame

SETTINGS = frame(frames.SETTINGS, 0, 0)


def headers(number: int, path: str = "/test.Echo/Stream", *, flags: int = 4) -> bytes:
    """The frame that begins a call."""
    block = b"\x83\x86" + hpack.encoded(
        [
            (b":path", path.encode()),
            (b":authority", b"control-plane"),
            (b"content-type", b"application/grpc"),
            (b"te", b"trailers"),
        ]
    )
    return frame(frames.HEADERS, flags, number, block)


class Raw:
    """A connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @staticmethod
    @contextlib.asynccontextmanager
    async def at(port: int, *, preface: bytes = frames.PREFACE + SETTINGS) -> AsyncIterator[Raw]:
        """Connect, until the end of the block."""
        made = Raw(*await asyncio.open_connection("127.0.0.1", port))
        made.writer.write(preface)
        try:
            yield made
        finally:
            made.writer.transport.abort()
            with contextlib.suppress(OSError):
                await made.writer.wait_closed()

    def send(self, *sent: bytes) -> None:
        self.writer.write(b"".join(sent))

    async def next(self) -> tuple[int, int, int, bytes]:
        """Kind, flags, stream and body of the next frame."""
        head = await asyncio.wait_for(self.reader.readexactly(9), 20)
        length, kind, flags, number = head[0] << 16 | head[1] << 8 | head[2], *head[3:5], 0
        number = int.from_bytes(head[5:])
        return kind, flags, number, await self.reader.readexactly(length)

    async def until(self, kind: int) -> tuple[int, int, bytes]:
        """Flags, stream and body of the next frame of a kind."""
        while True:
            found, flags, number, body = await self.next()
            if found == kind:
                return flags, number, body

    async def ended(self) -> int:
        """The code with which the server ends the connection."""
        _, _, body = await self.until(frames.GOAWAY)
        code: int = struct.unpack("!II", body[:8])[1]
        while await asyncio.wait_for(self.reader.read(65_536), 20):
            pass
        return code
