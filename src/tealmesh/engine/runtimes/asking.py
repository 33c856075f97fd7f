"""One HTTP/1.1 request over a Unix socket, such as that of Envoy's admin interface.

Imports little: Envoy's agent is a small program.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tealmesh.model.errors import EngineError

TIMEOUT_SECONDS = 2.0

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True)
class Answer:
    """What is answered."""

    status: int
    body: bytes
    headers: Mapping[str, str]
    """By their names in lower case."""

    @property
    def text(self) -> str:
        return self.body.decode(errors="replace")


async def connected(socket: Path) -> Streams:
    """A connection to a socket. Its path may have 107 bytes; directories may be deep."""
    directory = os.open(socket.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        return await asyncio.open_unix_connection(f"/proc/self/fd/{directory}/{socket.name}")
    finally:
        os.close(directory)


async def exchange(
    streams: Streams,
    target: str,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
) -> Answer:
    """Send a request and read its answer, which ends with the connection. Raises OSError,
    ValueError and IndexError for what is no answer.
    """
    reader, writer = streams
    lines = [f"{method} {target} HTTP/1.1", "host: envoy", "connection: close"]
    lines += [f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    try:
        writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        head, _, rest = (await reader.read(-1)).partition(b"\r\n\r\n")
    finally:
        writer.close()
    first, *others = head.decode("latin-1").split("\r\n")
    found = {name.lower(): value.strip() for name, _, value in (o.partition(":") for o in others)}
    if found.get("transfer-encoding", "").lower() == "chunked":
        rest = b"".join(_chunks(rest))
    return Answer(int(first.split(maxsplit=2)[1]), rest, found)


async def ask_at(
    socket: Path,
    target: str,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    *,
    seconds: float = TIMEOUT_SECONDS,
) -> Answer:
    """Ask whoever listens at a socket. Raises EngineError if nobody answers in time."""
    try:
        async with asyncio.timeout(seconds):
            return await exchange(await connected(socket), target, method, headers, body)
    except (OSError, ValueError, IndexError) as error:
        raise EngineError(
            f"{socket} does not answer {method} {target.partition('?')[0]}"
        ) from error


def _chunks(body: bytes) -> Iterator[bytes]:
    """The chunks of a whole body (https://www.rfc-editor.org/rfc/rfc9112#section-7.1). Raises
    ValueError if it is not whole.
    """
    while True:
        length, _, rest = body.partition(b"\r\n")
        size = int(length, 16)
        if not size:
            return
        yield rest[:size]
        body = rest[size + 2 :]
