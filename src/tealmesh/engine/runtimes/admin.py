"""Asks the admin interfaces of Envoys, each at a Unix socket that only its Envoy's user and we can
open.

https://www.envoyproxy.io/docs/envoy/latest/operations/admin
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tealmesh.engine.runtimes.sidecar import ADMIN_SOCKET, private
from tealmesh.envoy.bootstrap.admin import ADMIN_PORT
from tealmesh.model.errors import EngineError

TIMEOUT_SECONDS = 2.0

_REQUEST = (
    "{method} {target} HTTP/1.1\r\nhost: envoy\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
)
"""The answer ends with the connection."""


@dataclass(frozen=True)
class AdminPlace:
    """Where an Envoy's admin interface is."""

    socket: Path | None
    former: str = ""
    """The address where an Envoy has it that an earlier version started, at `ADMIN_PORT`."""

    @classmethod
    def of(cls, directory: Path | None, former: str) -> AdminPlace:
        """That of the Envoy with its files in ``directory``."""
        if directory is not None and private(directory).is_dir():
            return cls(private(directory) / ADMIN_SOCKET)
        return cls(None, former)

    def __str__(self) -> str:
        return str(self.socket) if self.socket else f"http://{self.former}:{ADMIN_PORT}"


@dataclass(frozen=True)
class Answer:
    """What Envoy answers."""

    status: int
    text: str


async def ask(place: AdminPlace, target: str, method: str = "GET") -> Answer:
    """Ask an Envoy. Raises EngineError if it does not answer in time."""
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            reader, writer = await _connect(place)
            try:
                writer.write(_REQUEST.format(method=method, target=target).encode())
                head, _, body = (await reader.read(-1)).partition(b"\r\n\r\n")
            finally:
                writer.close()
        if b"transfer-encoding: chunked" in head.lower():
            body = b"".join(_chunks(body))
        return Answer(int(head.split(maxsplit=2)[1]), body.decode(errors="replace"))
    except (OSError, ValueError, IndexError) as error:
        raise EngineError(f"Envoy's admin interface {place} does not answer") from error


async def tell(place: AdminPlace, target: str) -> None:
    """Make an Envoy do something, if it answers."""
    with contextlib.suppress(EngineError):
        await ask(place, target, "POST")


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


async def _connect(place: AdminPlace) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if place.socket is None:
        return await asyncio.open_connection(place.former, ADMIN_PORT)
    # A socket's path may have 107 bytes; data directories may be deep.
    directory = os.open(place.socket.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        return await asyncio.open_unix_connection(f"/proc/self/fd/{directory}/{place.socket.name}")
    finally:
        os.close(directory)
