"""Notices that Docker has stopped answering, which nothing else would while tasks just run."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from tealmesh.engine.runtimes.docker.api import DockerApi
from tealmesh.model.errors import DockerRefused, DockerUnavailable
from tealmesh.supervision.supervisor import Supervisor
from tealmesh.supervision.trouble import NOBODY

_INTERVAL_SECONDS = 1.0


class Presence:
    """Calls ``lost`` each time that Docker stops answering."""

    def __init__(
        self, api: DockerApi, lost: Callable[[DockerUnavailable], None], supervisor: Supervisor
    ) -> None:
        self._api = api
        self._supervisor = supervisor
        self._lost = lost
        self._job: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Begin to ask, unless we do already."""
        if self._job is None:
            self._job = asyncio.create_task(
                self._supervisor.keep(
                    "the watch on Docker", self._ping, concerns=NOBODY, ends=False
                )
            )

    async def close(self) -> None:
        if self._job is not None:
            self._job.cancel()
            await asyncio.gather(self._job, return_exceptions=True)

    async def _ping(self) -> None:
        answering = True
        while True:
            try:
                with contextlib.suppress(DockerRefused):  # also an answer
                    await self._api.ping()
                answering = True
            except DockerUnavailable as error:
                if answering:
                    self._lost(error)
                answering = False
            await asyncio.sleep(_INTERVAL_SECONDS)
