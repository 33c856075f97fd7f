"""Serves the agent's few questions by HTTP/1.1, one request a connection."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from urllib.parse import parse_qsl

from tealmesh.model.errors import TealError

_HEAD_SECONDS = 10.0
_LONGEST_HEAD = 16 * 1024
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Reply:
    """What is answered."""

    status: int
    body: bytes
    kind: str = "text/plain; charset=utf-8"

    @classmethod
    def of(cls, what: object, status: int = 200) -> Reply:
        """JSON."""
        return cls(status, json.dumps(what).encode() + b"\n", "application/json")


Handler = Callable[[Mapping[str, str]], Awaitable[Reply]]
"""Given the query's pairs. Raises TealError for what cannot be done."""
Routes = Mapping[tuple[str, str], Handler]
"""By method and path."""


async def serve(routes: Routes, port: int, path: str) -> asyncio.Server:
    """Listen at a Unix socket, or at a port of loopback. Raises TealError."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, ValueError, TimeoutError, asyncio.IncompleteReadError):
            async with asyncio.timeout(_HEAD_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
            reply = await _reply(routes, head.decode("latin-1"))
            writer.write(_spelled(reply))
            await writer.drain()
        writer.close()

    try:
        if path:
            return await asyncio.start_unix_server(
                answer, sock=_listening(path), limit=_LONGEST_HEAD
            )
        return await asyncio.start_server(answer, LOOPBACK, port, limit=_LONGEST_HEAD)
    except OSError as error:
        where = path or f"{LOOPBACK}:{port}"
        raise TealError(f"the agent cannot listen at {where}: {error.strerror}") from error


def _listening(path: str) -> socket.socket:
    """A socket at ``path``, for our own user alone."""
    Path(path).unlink(missing_ok=True)
    made = socket.socket(socket.AF_UNIX)
    made.bind(path)
    Path(path).chmod(0o600)
    return made


async def _reply(routes: Routes, head: str) -> Reply:
    first, *lines = head.split("\r\n")
    method, _, rest = first.partition(" ")
    path, _, query = rest.partition(" ")[0].partition("?")
    if any(line.lower().startswith("origin:") for line in lines):
        # A web page that is shown on this machine.
        return Reply(403, b"not for web pages\n")
    handler = routes.get((method, path))
    if handler is None:
        known = [f"{m} {p}" for m, p in routes]
        status = 405 if any(p == path for _, p in routes) else 404
        return Reply(status, f"the agent answers {', '.join(known)}\n".encode())
    try:
        return await handler(dict(parse_qsl(query, keep_blank_values=True)))
    except TealError as error:
        return Reply(400, f"{error}\n".encode())


def _spelled(reply: Reply) -> bytes:
    reason = HTTPStatus(reply.status).phrase
    head = (
        f"HTTP/1.1 {reply.status} {reason}\r\ncontent-type: {reply.kind}\r\n"
        f"content-length: {len(reply.body)}\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + reply.body
