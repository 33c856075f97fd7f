"""Answers at 169.254.170.2 inside a task: connections are relayed to our own HTTP port.

The listening socket belongs to the task's namespace; nothing new listens on the machine itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections import Counter
from functools import partial
from pathlib import Path

from tealmesh.engine.runtimes.docker.network import netns
from tealmesh.engine.runtimes.docker.network.rules import METADATA_ADDRESS

_log = logging.getLogger(__name__)
PORT = 80
MOST = 128
"""Connections of a task at once. To the HTTP port they all are our own, so that it counts none."""


class Relays:
    """One listener per task; all relay to ``target``, a host and port."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._servers: dict[Path, asyncio.Server] = {}
        self._connections: set[asyncio.Task[None]] = set()
        self._open: Counter[Path] = Counter()

    async def open(self, directory: Path, pid: int) -> None:
        """Answer in the namespace of process ``pid``, unless we do already."""
        if directory in self._servers:
            return
        try:
            made = partial(netns.bound, METADATA_ADDRESS, PORT, socket.SOCK_STREAM)
            listener = await asyncio.to_thread(netns.inside, pid, made)
        except OSError as error:
            # The task is ending or never started; its worker finds out by itself.
            _log.warning(
                "task %s: nothing answers at %s: %s", directory.name, METADATA_ADDRESS, error
            )
            return
        await self.serve(directory, listener)

    async def serve(self, directory: Path, listener: socket.socket) -> None:
        """Relay what a task sends to ``listener``."""
        accept = partial(self._accept, directory)
        self._servers[directory] = await asyncio.start_server(accept, sock=listener)

    async def close(self, directory: Path) -> None:
        server = self._servers.pop(directory, None)
        if server is not None:
            server.close()

    async def close_all(self) -> None:
        for directory in list(self._servers):
            await self.close(directory)
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _accept(
        self, directory: Path, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if self._open[directory] >= MOST:
            writer.transport.abort()
            return
        self._open[directory] += 1
        try:
            await self._relay(reader, writer)
        finally:
            self._open[directory] -= 1
            if not self._open[directory]:
                del self._open[directory]

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.current_task()
        if connection is not None:
            self._connections.add(connection)
            connection.add_done_callback(self._connections.discard)
        with contextlib.suppress(OSError):
            near, far = await asyncio.open_connection(*self._target)
            await asyncio.gather(_pump(reader, far), _pump(near, writer))
        writer.close()


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
    finally:
        sink.close()
