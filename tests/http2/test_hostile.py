"""Whoever breaks the protocol loses its connection, and nobody else does."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from tealmesh.http2 import frames
from tealmesh.http2.call import WINDOW
from tealmesh.http2.frames import Code, frame
from tests.http2.echo import serving
from tests.http2.raw import SETTINGS, Raw, headers

PING = frame(frames.PING, 0, 0, b"12345678")
GREETED = frames.PREFACE + SETTINGS


def run(scenario: Callable[[int], Coroutine[Any, Any, None]], *options: tuple[str, int]) -> None:
    async def main() -> None:
        async with serving(options=options) as (_, port, _):
            await asyncio.wait_for(scenario(port), 60)
            await _works(port)

    asyncio.run(main())


async def _works(port: int) -> None:
    """Another client is served."""
    async with Raw.at(port) as other:
        other.send(headers(1), frame(frames.DATA, 0, 1, b"\0\0\0\0\x02hi"))
        assert (await other.until(frames.DATA))[2] == b"\0\0\0\0\x02hi"


BROKEN = {
    "no HTTP/2": (b"GET / HTTP/1.1\r\n\r\n", Code.PROTOCOL_ERROR),
    "a frame that is too large": (GREETED + b"\x00\x40\x01\0\0\0\0\0\1", Code.FRAME_SIZE_ERROR),
    "headers of no stream": (GREETED + headers(0), Code.PROTOCOL_ERROR),
    "headers of a stream of ours": (GREETED + headers(2), Code.PROTOCOL_ERROR),
    "headers that are interrupted": (GREETED + headers(1, flags=0) + PING, Code.PROTOCOL_ERROR),
    "headers without an end": (
        GREETED + headers(1, flags=0) + frame(frames.CONTINUATION, 0, 1, b"\0" * 16_000) * 5,
        Code.ENHANCE_YOUR_CALM,
    ),
    "a continuation of nothing": (
        GREETED + frame(frames.CONTINUATION, 4, 1, b""),
        Code.PROTOCOL_ERROR,
    ),
    "headers that are no code": (
        GREETED + frame(frames.HEADERS, 4, 1, b"\xff\xff\xff\xff\xff\xff"),
        Code.COMPRESSION_ERROR,
    ),
    "data of no stream": (GREETED + frame(frames.DATA, 0, 1, b"x"), Code.PROTOCOL_ERROR),
    "padding beyond the end": (
        GREETED + headers(1) + frame(frames.DATA, frames.PADDED, 1, b"\x09x"),
        Code.PROTOCOL_ERROR,
    ),
    "a reset of no stream": (GREETED + frame(frames.RESET, 0, 1, b"\0" * 4), Code.PROTOCOL_ERROR),
    "a push": (GREETED + frame(frames.PUSH_PROMISE, 4, 1, b"\0" * 4), Code.PROTOCOL_ERROR),
    "settings of half a length": (
        GREETED + frame(frames.SETTINGS, 0, 0, b"\0"),
        Code.FRAME_SIZE_ERROR,
    ),
    "a window beyond all": (
        GREETED + frame(frames.WINDOW_UPDATE, 0, 0, b"\x7f\xff\xff\xff"),
        Code.FLOW_CONTROL_ERROR,
    ),
    "a window of nothing": (
        GREETED + frame(frames.WINDOW_UPDATE, 0, 0, b"\0" * 4),
        Code.PROTOCOL_ERROR,
    ),
    "pings without an end": (GREETED + PING * 1001, Code.ENHANCE_YOUR_CALM),
    "settings without an end": (GREETED + SETTINGS * 1000, Code.ENHANCE_YOUR_CALM),
    "streams that are reset at once": (
        GREETED
        + b"".join(
            headers(number) + frame(frames.RESET, 0, number, b"\0\0\0\x08")
            for number in range(1, 2001, 2)
        ),
        Code.ENHANCE_YOUR_CALM,
    ),
    "empty data without an end": (
        GREETED + headers(1) + frame(frames.DATA, 0, 1) * 1000,
        Code.ENHANCE_YOUR_CALM,
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_the_connection_is_closed(what: str) -> None:
    sent, code = BROKEN[what]

    async def scenario(port: int) -> None:
        async with Raw.at(port, preface=sent) as hostile:
            assert await hostile.ended() == code

    run(scenario)


def test_a_message_is_the_same_however_it_is_cut() -> None:
    """One that is read alone takes a way of its own."""
    begun, whole = headers(1), frame(frames.DATA, 0, 1, b"\0\0\0\0\x05hello")
    padded = frame(frames.DATA, frames.PADDED, 1, b"\x02\0\0\0\0\x05hello\0\0")
    parts = frame(frames.DATA, 0, 1, b"\0\0\0"), frame(frames.DATA, 0, 1, b"\0\x05hello")
    many = frame(frames.DATA, 0, 1, b"\0\0\0\0\x05hello" * 2)
    sent = [(whole[:5], whole[5:]), (whole[:-1], whole[-1:]), (b"", padded), parts, (b"", many)]

    async def scenario(port: int) -> None:
        async with Raw.at(port) as client:
            client.send(begun)
            for first, rest in sent:
                client.send(PING + first)
                await client.until(frames.PING)  # so the first part has been read
                client.send(rest)
                for _ in range(2 if rest is many else 1):
                    assert (await client.until(frames.DATA))[2] == b"\0\0\0\0\x05hello"
                client.send(whole)
                assert (await client.until(frames.DATA))[2] == b"\0\0\0\0\x05hello"

    run(scenario)


def test_more_than_a_stream_may_send_ends_that_one() -> None:
    async def scenario(port: int) -> None:
        async with Raw.at(port) as hostile:
            # A message that never ends: what is sent of it is given back until it is too long.
            hostile.send(headers(1, "/test.Echo/Collect"))
            hostile.send(frame(frames.DATA, 0, 1, b"\0\x7f\xff\xff\xff" + b"x" * 100))
            _, number, body = await hostile.until(frames.HEADERS)
            assert (number, b"grpc-status\x018" in body) == (1, True)
            # And one that is sent faster than it is given back.
            hostile.send(headers(3))
            piece = frame(frames.DATA, 0, 3, b"\0\0\0\x3f\xfb" + b"x" * 16_379)
            hostile.send(*[piece] * (4 * WINDOW // 16_384))
            while (await hostile.until(frames.RESET))[1] != 3:
                pass

    run(scenario)


def test_messages_without_an_end_have_a_limit_together() -> None:
    async def scenario(port: int) -> None:
        async with Raw.at(port) as hostile:
            beginning = b"\0\0\x3f\xff\xff" + b"x" * 16_000
            with contextlib.suppress(ConnectionResetError):
                for number in range(1, 200, 2):
                    hostile.send(headers(number, "/test.Echo/Collect"))
                    for _ in range(WINDOW // 16_384):
                        hostile.send(frame(frames.DATA, 0, number, beginning))
                        beginning = b"x" * 16_000
                    beginning = b"\0\0\x3f\xff\xff" + b"x" * 16_000
                assert await hostile.ended() == Code.ENHANCE_YOUR_CALM

    run(scenario)


def test_streams_beyond_the_limit_are_refused() -> None:
    async def scenario(port: int) -> None:
        async with Raw.at(port) as client:
            client.send(headers(1), headers(3), headers(5))
            assert await client.until(frames.RESET) == (
                0,
                5,
                struct.pack("!I", Code.REFUSED_STREAM),
            )

    run(scenario, ("grpc.max_concurrent_streams", 2))


def test_headers_beyond_the_limit_end_the_call() -> None:
    async def scenario(port: int) -> None:
        async with Raw.at(port) as client:
            client.send(headers(1, "/" + "x" * 5000))
            flags, number, body = await client.until(frames.HEADERS)
            assert (flags & frames.END_STREAM, number) == (1, 1)
            assert b"grpc-status\x018" in body

    run(scenario, ("grpc.max_metadata_size", 4096))


def test_who_does_not_read_is_not_read_from() -> None:
    async def scenario(port: int) -> None:
        async with Raw.at(port) as client:
            client.send(frame(frames.WINDOW_UPDATE, 0, 0, struct.pack("!I", 2**30)))
            client.send(frame(frames.SETTINGS, 0, 0, frames.setting(4, 2**30)))
            client.send(headers(1))
            client.writer.transport.set_write_buffer_limits(0)
            piece = frame(frames.DATA, 0, 1, b"\0\0\0\x3f\xfb" + b"x" * 16_379)
            # Far less than this is held for a client whose answers pile up: it cannot go on.
            for _ in range(1000):
                client.send(piece)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(client.writer.drain(), 1)

    run(scenario)


def test_who_says_nothing_has_to_go() -> None:
    async def scenario(port: int) -> None:
        async with Raw.at(port, preface=b"PRI") as silent:
            while await silent.reader.read(1000):
                pass

    run(scenario, ("grpc.server_handshake_timeout_ms", 1))


def test_who_does_not_answer_has_to_go() -> None:
    async def scenario(port: int) -> None:
        async with Raw.at(port) as silent:
            silent.send(headers(1))
            await silent.until(frames.PING)
            while await silent.reader.read(1000):
                pass

    run(scenario, ("grpc.keepalive_time_ms", 1), ("grpc.keepalive_timeout_ms", 1))
