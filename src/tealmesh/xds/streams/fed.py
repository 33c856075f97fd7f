"""Up to which revision of the store this control plane has what Envoys get."""

from __future__ import annotations

import asyncio


class Fed:
    """The revision that the cache has been fed with, whatever it changed."""

    def __init__(self) -> None:
        self.revision = -1
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []

    def advance(self, revision: int) -> None:
        """The cache has been fed with all up to this revision."""
        self.revision = revision
        waiting, self._waiting = self._waiting, []
        for wanted, done in waiting:
            if wanted > revision and not done.cancelled():
                self._waiting.append((wanted, done))
            elif not done.done():
                done.set_result(None)

    async def reached(self, revision: int) -> None:
        """Wait for a revision, or a later one."""
        if self.revision < revision:
            done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append((revision, done))
            await done
