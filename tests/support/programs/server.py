"""Run servers on real sockets for a test."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer
from typing import Any

import uvicorn

from tests.support.certificates import Leaf


@contextmanager
def serve(app: Any) -> Iterator[str]:
    """Serve ``app`` on a free loopback port, in a thread with its own event loop.

    Yields the base URL (``http://127.0.0.1:PORT``). The application's lifespan runs in that loop.
    """
    # asyncio sets TCP_NODELAY only if the protocol is named; without it an answer, which uvicorn
    # writes in two pieces, waits 40 ms for the client's delayed acknowledgement
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=2)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="server")
    thread.start()
    try:
        while not server.started:
            if not thread.is_alive():
                raise RuntimeError("the server did not start; its log says why")
            time.sleep(0.005)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def working(app: Any, *works: Callable[[], Awaitable[None]]) -> Any:
    """``app``, and what runs beside it in the same loop for as long as it is served."""

    async def both(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            await app(scope, receive, send)
            return
        await receive()
        tasks = [asyncio.ensure_future(work()) for work in works]
        await send({"type": "lifespan.startup.complete"})
        await receive()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await send({"type": "lifespan.shutdown.complete"})

    return both


@contextmanager
def in_thread(server: HTTPServer, poll: float = 0.5) -> Iterator[int]:
    """Let ``server`` answer in a thread until the end of the block; yields its port. ``poll``: how
    often it looks whether it is to end, in seconds.
    """
    thread = threading.Thread(target=server.serve_forever, args=(poll,), daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def https_server(handler: type[BaseHTTPRequestHandler], leaf: Leaf) -> ThreadingHTTPServer:
    """A server with a certificate, on a free loopback port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(leaf.chain_file, leaf.key_file)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    return server
