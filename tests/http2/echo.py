"""A service that answers what it is sent, on our server and on gRPC's own."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import grpc

from tealmesh.http2.server import Server

SERVERS: dict[str, Callable[..., Any]] = {
    "ours": Server,
    "ours on asyncio's transports": lambda options=(): Server(options, lean=False),
    "reference": lambda options=(): grpc.aio.server(options=options),
}


@dataclass
class Echo:
    """What handlers have seen."""

    ended: asyncio.Event = field(default_factory=asyncio.Event)
    began: asyncio.Event = field(default_factory=asyncio.Event)
    metadata: dict[str, str] = field(default_factory=dict)
    peer: str = ""

    async def stream(self, requests: AsyncIterator[bytes], context: Any) -> None:
        self.metadata = {str(name): value for name, value in context.invocation_metadata()}
        self.peer = context.peer()
        self.began.set()
        try:
            async for one in requests:
                if one == b"abort":
                    await context.abort(grpc.StatusCode.FAILED_PRECONDITION, "100 % nicht für dich")
                if one == b"fail":
                    raise ZeroDivisionError
                await context.write(one)
        finally:
            self.ended.set()

    async def collect(self, requests: AsyncIterator[bytes], context: Any) -> bytes:
        return b"".join([one async for one in requests])

    async def once(self, request: bytes, context: Any) -> bytes:
        if request == b"sleep":
            self.began.set()
            await asyncio.Event().wait()
        return request


@contextlib.asynccontextmanager
async def serving(
    server: str = "ours", options: tuple[tuple[str, int], ...] = ()
) -> AsyncIterator[tuple[Echo, int, Any]]:
    """The service, its port and the server."""
    made, echo = SERVERS[server](options=options), Echo()
    methods = {
        "Stream": grpc.stream_stream_rpc_method_handler(echo.stream),
        "Collect": grpc.stream_unary_rpc_method_handler(echo.collect),
        "Once": grpc.unary_unary_rpc_method_handler(echo.once),
    }
    made.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Echo", methods),))
    port = made.add_insecure_port("127.0.0.1:0")
    await made.start()
    try:
        yield echo, port, made
    finally:
        await made.stop(0.1)
