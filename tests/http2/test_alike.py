"""What many calls are sent alike arrives as what each is sent by itself."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Coroutine
from typing import Any

from tealmesh.http2 import frames
from tealmesh.http2.call import UNSERVED, Alike, Call
from tealmesh.http2.frames import frame
from tealmesh.http2.server import Server
from tests.http2.raw import Raw, headers

PING = frame(frames.PING, 0, 0, b"12345678")
MESSAGE = Alike(b"all get this, and ", 3)


def run(scenario: Callable[[Raw, list[Call]], Coroutine[Any, Any, None]]) -> None:
    """With a client, and the calls that it begins."""
    calls: list[Call] = []

    def begin(call: Call) -> bool:
        call.handler = UNSERVED
        calls.append(call)
        return True

    async def main() -> None:
        server = Server()
        server.add_direct("/test.Echo/Stream", begin)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        try:
            async with Raw.at(port) as client:
                await asyncio.wait_for(scenario(client, calls), 60)
        finally:
            await server.stop(0.1)

    asyncio.run(main())


async def begun(client: Raw, *first: bytes) -> None:
    """All that the client has sent has been taken."""
    client.send(*first, PING)
    await client.until(frames.PING)


async def room(client: Raw, more: int) -> bytes:
    """What the first call is sent until it has been heard that there is so much more room."""
    heard, kind = b"", frames.DATA
    client.send(frame(frames.WINDOW_UPDATE, 0, 1, struct.pack("!I", more)), PING)
    while kind != frames.PING:
        kind, _, _, body = await client.next()
        heard += body if kind == frames.DATA else b""
    return heard


def message(text: bytes) -> bytes:
    return b"\0" + struct.pack("!I", len(text)) + text


def test_each_call_gets_it_with_its_own_end() -> None:
    async def scenario(client: Raw, calls: list[Call]) -> None:
        await begun(client, headers(1), headers(3))
        one, other = calls
        for number in range(2):  # at first after its headers
            for call in (one, other, one):
                call.write_alike(MESSAGE, b"%03d" % number)
            for call in (one, other, one):
                expected = (0, call.number, message(b"all get this, and %03d" % number))
                assert await client.until(frames.DATA) == expected
        assert one.window == other.window - 2 * MESSAGE.size

    run(scenario)


def test_it_waits_for_room_and_behind_what_waits() -> None:
    async def scenario(client: Raw, calls: list[Call]) -> None:
        small = frame(frames.SETTINGS, 0, 0, frames.setting(frames.INITIAL_WINDOW_SIZE, 10))
        await begun(client, small, headers(1))
        (call,) = calls
        call.write(b"")
        call.write_alike(MESSAGE, b"one")
        heard = await room(client, 10)
        assert len(heard) == 20
        call.write_alike(MESSAGE, b"two")
        heard += await room(client, 1000)
        whole = message(b"") + message(b"all get this, and one") + message(b"all get this, and two")
        while len(heard) < len(whole):
            heard += (await client.until(frames.DATA))[2]
        assert heard == whole
        call.drop()
        call.write_alike(MESSAGE, b"now")
        client.send(PING)
        assert (await client.next())[0] == frames.PING

    run(scenario)
