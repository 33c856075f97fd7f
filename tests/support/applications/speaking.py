"""Services that speak gRPC or TCP and say their version, and an HTTP service that asks them.

    python speaking.py grpc VERSION [FAILING]     status INTERNAL for this share of the calls
    python speaking.py tcp VERSION [crash]        exits at the first line that it reads
    python speaking.py front PROTOCOL HOST:PORT   asks through the Envoy of its own task

All listen on HOST and PORT. They need grpcio, and nothing of Tealmesh.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

import grpc

HEALTHY = b"\x08\x01"
"""grpc.health.v1.HealthCheckResponse with status SERVING."""
METHOD = "/shop.Orders/Version"
PATIENCE = 5.0


class Orders(grpc.GenericRpcHandler):  # type: ignore[misc]
    """Its own version to every call, and gRPC's health service."""

    def __init__(self, version: str, failing: float) -> None:
        self.version, self.failing = version, failing

    def service(self, details: Any) -> Any:
        async def health(request: bytes, context: Any) -> bytes:
            return HEALTHY

        async def answer(request: bytes, context: Any) -> bytes:
            if random.random() < self.failing:
                await context.abort(grpc.StatusCode.INTERNAL, "as asked")
            return self.version.encode()

        checked = details.method.startswith("/grpc.health.v1.Health/")
        return grpc.unary_unary_rpc_method_handler(health if checked else answer)


async def serve_grpc(place: tuple[str, int], version: str, failing: float) -> None:
    server = grpc.aio.server(handlers=[Orders(version, failing)])
    server.add_insecure_port("{}:{}".format(*place))
    await server.start()
    await terminated()
    await server.stop(5)


async def serve_tcp(place: tuple[str, int], version: str, crash: bool) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readline():
            if crash:
                os._exit(3)
            writer.write(f"{version}\n".encode())
            await writer.drain()
        writer.close()

    async with await asyncio.start_server(talk, *place):
        await terminated()


Ask = Callable[[], Awaitable[str]]


def asking_grpc(proxy: tuple[str, int], to: str) -> Ask:
    options = [
        ("grpc.default_authority", to),
        ("grpc.enable_http_proxy", 0),
        ("grpc.enable_retries", 0),
    ]
    channel = grpc.aio.insecure_channel("{}:{}".format(*proxy), options)
    call = channel.unary_unary(METHOD)

    async def ask() -> str:
        return str((await call(b"", timeout=PATIENCE)).decode())

    return ask


def asking_tcp(proxy: tuple[str, int], to: str) -> Ask:
    async def ask() -> str:
        reader, writer = await asyncio.open_connection(*proxy)
        try:
            writer.write(f"CONNECT {to} HTTP/1.1\r\nhost: {to}\r\n\r\n".encode())
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            if " 200 " not in head.splitlines()[0]:
                raise ConnectionError(head.splitlines()[0])
            writer.write(b"version?\n")
            answer = (await reader.readline()).decode().strip()
            if not answer:
                raise ConnectionError("closed without an answer")
            return answer
        finally:
            writer.close()

    return ask


async def serve_front(place: tuple[str, int], ask: Ask) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                while await reader.readline() not in (b"\r\n", b""):
                    pass
                status, body = "200 OK", '{"version": "front"}'
                if b"/health" not in line:
                    try:
                        async with asyncio.timeout(PATIENCE):
                            body = json.dumps({"version": await ask()})
                    except (TimeoutError, OSError, EOFError, grpc.RpcError) as error:
                        status, body = "502 Bad Gateway", repr(error)
                head = f"HTTP/1.1 {status}\r\ncontent-length: {len(body.encode())}"
                writer.write(f"{head}\r\n\r\n{body}".encode())
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    async with await asyncio.start_server(talk, *place):
        await terminated()


async def terminated() -> None:
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    await ended.wait()


async def main(kind: str, first: str, second: str = "") -> None:
    place = (os.environ["HOST"], int(os.environ["PORT"]))
    if kind == "grpc":
        await serve_grpc(place, first, float(second or 0))
    elif kind == "tcp":
        await serve_tcp(place, first, crash=second == "crash")
    else:
        proxy = urlsplit(os.environ["HTTP_PROXY"])
        way = (str(proxy.hostname), int(proxy.port or 15001))
        ask = asking_grpc(way, second) if first == "grpc" else asking_tcp(way, second)
        await serve_front(place, ask)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
