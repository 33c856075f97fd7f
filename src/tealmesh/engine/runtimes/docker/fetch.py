"""Which image a container gets: its own if Docker has it or can pull it, else one of ours."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from tealmesh.engine.runtimes.docker import images
from tealmesh.engine.runtimes.docker.api import DockerApi
from tealmesh.engine.runtimes.docker.definition import ImageSpec
from tealmesh.engine.runtimes.sidecar import find_envoy
from tealmesh.model.errors import DockerRefused, EngineError

_log = logging.getLogger(__name__)
_PROGRESS_SECONDS = 5.0
"""Between two log lines that only count bytes, of which Docker sends ten a second."""


class Fetch:
    """Makes images available in Docker; each is pulled once, however many ask at a time."""

    def __init__(self, api: DockerApi) -> None:
        self._api = api
        self._pulling: dict[str, asyncio.Lock] = {}

    async def available(self, wanted: ImageSpec, tell: Callable[[str], None]) -> ImageSpec:
        """The image if Docker has it or can pull it, else the one to be used instead. ``tell``
        gets a message when a pull begins. Raises EngineError that says what to do.
        """
        async with self._pulling.setdefault(wanted.image, asyncio.Lock()):
            if await self._has(wanted):
                return wanted
            instead = wanted.instead
            # Whoever ran `teal image envoy` does not want to wait for a registry.
            if instead and instead.image == images.ENVOY_IMAGE and await self._has(instead):
                return instead
            tell(f"pulls image {wanted.image}: the control plane's log has the progress.")
            try:
                await self._pull(wanted.image)
                return wanted
            except DockerRefused as error:
                reason = str(error).strip()[:300]
            if instead is None:
                raise EngineError(
                    f"CannotPullContainerError: image {wanted.image!r} is not in Docker and cannot "
                    f"be pulled: build or pull it yourself, or correct the task definition "
                    f"({reason})"
                )
            _log.warning("image %s cannot be pulled (%s): using our own", wanted.image, reason)
            if instead.image == images.ENVOY_IMAGE and not await self._has(instead):
                await images.make_envoy(self._api, Path(find_envoy()))
            return instead

    async def _pull(self, image: str) -> None:
        clock = asyncio.get_running_loop().time
        _log.info("pulling image %s", image)
        logged_at = clock()
        async for line, step in self._api.pull(image):
            if step or clock() - logged_at >= _PROGRESS_SECONDS:
                logged_at = clock()
                _log.info("pulling image %s: %s", image, line)

    async def _has(self, image: ImageSpec) -> bool:
        try:
            return await self._api.has_image(image.image)
        except DockerRefused as error:
            raise EngineError(
                f"CannotPullContainerError: Docker refuses the image name {image.image!r}: "
                f"correct the task definition ({str(error).strip()[:300]})"
            ) from error
