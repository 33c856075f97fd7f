"""gRPC's own client is served by ours as it is by gRPC's own server."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any

import grpc
import pytest

from tests.http2.echo import SERVERS, Echo, serving

BOTH = pytest.mark.parametrize("server", sorted(SERVERS))
LARGE = 3 * 1024 * 1024
UNLIMITED = (("grpc.max_receive_message_length", 2 * LARGE),)


def run(
    server: str,
    scenario: Callable[[grpc.aio.Channel, Echo], Coroutine[Any, Any, None]],
    options: tuple[tuple[str, int], ...] = (),
) -> None:
    async def main() -> None:
        async with (
            serving(server, options) as (echo, port, _),
            grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=UNLIMITED) as channel,
        ):
            await asyncio.wait_for(scenario(channel, echo), 60)

    asyncio.run(main())


@BOTH
def test_messages_go_to_and_fro(server: str) -> None:
    async def scenario(channel: grpc.aio.Channel, echo: Echo) -> None:
        call = channel.stream_stream("/test.Echo/Stream")(metadata=(("authorization", "Bearer x"),))
        for one in (b"a", b"", b"c" * 100):
            await call.write(one)
            assert await call.read() == one
        await call.done_writing()
        assert await call.read() is grpc.aio.EOF
        assert await call.code() is grpc.StatusCode.OK
        assert echo.metadata["authorization"] == "Bearer x"
        assert echo.peer.startswith("ipv4:127.0.0.1:")

    run(server, scenario)


@BOTH
def test_large_messages_are_cut_to_what_the_other_takes(server: str) -> None:
    async def scenario(channel: grpc.aio.Channel, echo: Echo) -> None:
        large = bytes(range(256)) * (LARGE // 256)
        assert await channel.unary_unary("/test.Echo/Once")(large) == large
        call = channel.stream_unary("/test.Echo/Collect")()
        for _ in range(20):
            await call.write(large[: LARGE // 20])
        await call.done_writing()
        assert len(await call) == LARGE // 20 * 20

    run(server, scenario, UNLIMITED)


@BOTH
def test_many_calls_share_a_connection(server: str) -> None:
    async def scenario(channel: grpc.aio.Channel, echo: Echo) -> None:
        once = channel.unary_unary("/test.Echo/Once")
        texts = [str(number).encode() * 5000 for number in range(60)]
        assert await asyncio.gather(*(once(text) for text in texts)) == texts

    run(server, scenario)


@BOTH
@pytest.mark.parametrize(
    ("path", "message", "code", "details"),
    [
        (
            "/test.Echo/Stream",
            b"abort",
            grpc.StatusCode.FAILED_PRECONDITION,
            "100 % nicht für dich",
        ),
        ("/test.Echo/Stream", b"fail", None, None),
        ("/test.Echo/Unheard", b"x", grpc.StatusCode.UNIMPLEMENTED, None),
        ("/test.Echo/Stream", b"x" * 2000, grpc.StatusCode.RESOURCE_EXHAUSTED, None),
    ],
)
def test_what_goes_wrong_has_its_status(
    server: str, path: str, message: bytes, code: Any, details: str | None
) -> None:
    async def scenario(channel: grpc.aio.Channel, echo: Echo) -> None:
        call = channel.stream_stream(path)()
        with contextlib.suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
            await call.write(message)
            await call.read()
        assert await call.code() is not grpc.StatusCode.OK
        given = await call.code()
        if server == "reference" and given is grpc.StatusCode.INTERNAL:
            # What gRPC's client makes of a status that comes before it has sent its message.
            assert code is grpc.StatusCode.UNIMPLEMENTED
        else:
            assert code is None or given is code
        assert details is None or await call.details() == details
        # The connection goes on.
        assert await channel.unary_unary("/test.Echo/Once")(b"x") == b"x"

    run(server, scenario, (("grpc.max_receive_message_length", 1000),))


@BOTH
def test_a_client_that_hangs_up_ends_the_handler(server: str) -> None:
    async def scenario(channel: grpc.aio.Channel, echo: Echo) -> None:
        call = channel.stream_stream("/test.Echo/Stream")()
        await call.write(b"a")
        await echo.began.wait()
        call.cancel()
        await echo.ended.wait()

    run(server, scenario)


@BOTH
def test_time_that_is_over_ends_a_call(server: str) -> None:
    async def scenario(channel: grpc.aio.Channel, echo: Echo) -> None:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await channel.unary_unary("/test.Echo/Once")(b"sleep", timeout=0.05)
        assert failed.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED

    run(server, scenario)


@BOTH
def test_who_stops_says_so(server: str) -> None:
    async def main() -> None:
        async with (
            serving(server) as (_, port, made),
            grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
        ):
            call = channel.stream_stream("/test.Echo/Stream")()
            await call.write(b"a")
            assert await call.read() == b"a"
            await made.stop(0.05)
            assert await call.code() is not grpc.StatusCode.OK

    asyncio.run(main())
