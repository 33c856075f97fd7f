"""A server for tests of the command line: it speaks our own API with answers that a test sets."""

from __future__ import annotations

import getpass
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.support.machine import free_port

CONTENT_TYPE = "application/x-amz-json-1.1"
PREFIX = "Tealmesh_20261101."


class Refused(Exception):
    """An error that the API answers: code, message, HTTP status."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


@dataclass
class TealApi:
    """``operations``: what to answer a request; ``calls``: the requests, in order."""

    endpoint: str
    operations: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = field(default_factory=dict)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    content_type: str = CONTENT_TYPE
    health: Any = field(
        default_factory=lambda: {"status": "ok", "pid": 4_000_000, "version": "9", "revision": 7}
    )
    ready: Any = field(default_factory=lambda: {"status": "ready"})

    async def perform(self, request: Request) -> Response:
        target = request.headers.get("x-amz-target", "")
        assert request.headers["content-type"] == CONTENT_TYPE
        assert f"Credential={getpass.getuser()}/" in request.headers["authorization"]
        assert target.startswith(PREFIX)
        operation = target.removeprefix(PREFIX)
        body = json.loads(await request.body())
        self.calls.append((operation, body))
        try:
            answer = self.operations[operation](body)
        except Refused as error:
            text = {"__type": error.code, "message": str(error)}
            return JSONResponse(text, error.status, media_type=CONTENT_TYPE)
        return JSONResponse(answer, media_type=self.content_type)

    async def show_health(self, request: Request) -> Response:
        return JSONResponse(self.health)

    async def show_ready(self, request: Request) -> Response:
        return JSONResponse(self.ready, 503 if "reasons" in self.ready else 200)

    def requests(self, operation: str) -> list[dict[str, Any]]:
        return [body for name, body in self.calls if name == operation]


@contextmanager
def teal_api() -> Iterator[TealApi]:
    """The server, on a free port, in a thread."""
    port = free_port()
    api = TealApi(f"http://127.0.0.1:{port}")
    app = Starlette(
        routes=[
            Route("/", api.perform, methods=["POST"]),
            Route("/_teal/health", api.show_health),
            Route("/_teal/ready", api.show_ready),
        ]
    )
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning", ws="none")
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started:
        assert thread.is_alive()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    try:
        yield api
    finally:
        server.should_exit = True
        thread.join()
