"""Envoy's admin interface, as its agent asks it."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from pathlib import Path

from tealmesh.engine.runtimes.asking import TIMEOUT_SECONDS, Answer, connected, exchange
from tealmesh.model.errors import EngineError


@dataclass(frozen=True)
class Admin:
    """Where it is: at a socket, or at a port."""

    socket: str = ""
    host: str = ""
    port: int = 0

    async def ask(self, target: str, method: str = "GET") -> Answer:
        """Raises EngineError if it does not answer in time."""
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                if self.socket:
                    streams = await connected(Path(self.socket))
                else:
                    streams = await asyncio.open_connection(self.host, self.port)
                return await exchange(streams, target, method)
        except (OSError, ValueError, IndexError) as error:
            where = self.socket or f"{self.host}:{self.port}"
            raise EngineError(f"Envoy's admin interface {where} does not answer") from error

    async def tell(self, target: str) -> None:
        """Make Envoy do something, if it answers."""
        with contextlib.suppress(EngineError):
            await self.ask(target, "POST")
