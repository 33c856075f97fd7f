"""Asks the admin interfaces of Envoys, each at a Unix socket that only its Envoy's user and we can
open.

https://www.envoyproxy.io/docs/envoy/latest/operations/admin
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from pathlib import Path

from tealmesh.engine.runtimes.asking import TIMEOUT_SECONDS, Answer, Streams, connected, exchange
from tealmesh.engine.runtimes.sidecar import ADMIN_SOCKET, private
from tealmesh.envoy.bootstrap.admin import ADMIN_PORT
from tealmesh.model.errors import EngineError


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


async def ask(place: AdminPlace, target: str, method: str = "GET") -> Answer:
    """Ask an Envoy. Raises EngineError if it does not answer in time."""
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            return await exchange(await _connect(place), target, method)
    except (OSError, ValueError, IndexError) as error:
        raise EngineError(f"Envoy's admin interface {place} does not answer") from error


async def tell(place: AdminPlace, target: str) -> None:
    """Make an Envoy do something, if it answers."""
    with contextlib.suppress(EngineError):
        await ask(place, target, "POST")


async def _connect(place: AdminPlace) -> Streams:
    if place.socket is None:
        return await asyncio.open_connection(place.former, ADMIN_PORT)
    return await connected(place.socket)
