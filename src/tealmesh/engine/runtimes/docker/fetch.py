"""Which image a container gets: its own where the engine has it or can fetch it, else ours."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from tealmesh.engine.runtimes.base import ImageSpec
from tealmesh.engine.runtimes.docker import images
from tealmesh.engine.runtimes.docker.api import DockerApi, Refused
from tealmesh.engine.runtimes.sidecar import find_envoy
from tealmesh.model.errors import EngineError

_log = logging.getLogger(__name__)
_BYTES_EVERY = 5.0
"""Seconds between two lines of the log that say how far a layer is: Docker tells it ten times a
second.
"""


class Fetch:
    """Images of one engine; each is fetched once, however many ask for it at a time."""

    def __init__(self, api: DockerApi) -> None:
        self._api = api
        self._fetching: dict[str, asyncio.Lock] = {}

    async def available(self, wanted: ImageSpec, tell: Callable[[str], None]) -> ImageSpec:
        """The image if the engine has it or can fetch it, else what is to be taken instead.
        ``tell`` is told of a pull that begins. Raises EngineError that says what to do.
        """
        async with self._fetching.setdefault(wanted.image, asyncio.Lock()):
            if await self._has(wanted):
                return wanted
            instead = wanted.instead
            # Who has made an image for Envoy does not want to wait for a registry.
            if instead and instead.image == images.ENVOY_IMAGE and await self._has(instead):
                return instead
            tell(f"pulls image {wanted.image}: the control plane's log has the progress.")
            try:
                await self._pull(wanted.image)
                return wanted
            except Refused as error:
                told = str(error).strip()[:300]
            if instead is None:
                raise EngineError(
                    f"CannotPullContainerError: image {wanted.image!r} is not in the engine and "
                    f"cannot be pulled: build or pull it with the engine's own command, or correct "
                    f"the task definition ({told})"
                )
            _log.warning("image %s cannot be pulled (%s): taking our own", wanted.image, told)
            if instead.image == images.ENVOY_IMAGE and not await self._has(instead):
                await images.make_envoy(self._api, Path(find_envoy()))
            return instead

    async def _pull(self, image: str) -> None:
        clock = asyncio.get_running_loop().time
        _log.info("pulling image %s", image)
        told_at = clock()
        async for line, step in self._api.pull(image):
            if step or clock() - told_at >= _BYTES_EVERY:
                told_at = clock()
                _log.info("pulling image %s: %s", image, line)

    async def _has(self, image: ImageSpec) -> bool:
        try:
            return await self._api.image(image.image) is not None
        except Refused as error:
            raise EngineError(
                f"CannotPullContainerError: the engine refuses the image name {image.image!r}: "
                f"correct the task definition ({str(error).strip()[:300]})"
            ) from error
