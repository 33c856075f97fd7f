"""Whether an engine is there, asked once a second: nothing else asks it while tasks just run."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from tealmesh.engine.runtimes.base import DockerUnavailable
from tealmesh.engine.runtimes.docker.api import DockerApi, Refused

_EVERY = 1.0


class Presence:
    """``gone`` is called with what is wrong each time that the engine stops answering."""

    def __init__(self, api: DockerApi, gone: Callable[[DockerUnavailable], None]) -> None:
        self._api = api
        self._gone = gone
        self._job: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Ask from now on; nothing happens when we do already."""
        if self._job is None:
            self._job = asyncio.create_task(self._ask())

    async def close(self) -> None:
        if self._job is not None:
            self._job.cancel()
            await asyncio.gather(self._job, return_exceptions=True)

    async def _ask(self) -> None:
        here = True
        while True:
            try:
                with contextlib.suppress(Refused):  # an answer too
                    await self._api.ping()
                here = True
            except DockerUnavailable as error:
                if here:
                    self._gone(error)
                here = False
            await asyncio.sleep(_EVERY)
