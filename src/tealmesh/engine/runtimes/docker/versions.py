"""Which version of Envoy an image has: its binary is asked, since tags say what they like."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

from tealmesh.engine.runtimes.docker.api import DockerApi
from tealmesh.engine.runtimes.docker.definition import ENVOY, version_body
from tealmesh.envoy.bootstrap.version import Version, told
from tealmesh.model.errors import DockerRefused

_SECONDS = 60.0
"""How long a binary may take to tell; it needs a fraction of a second on a quiet machine."""

_log = logging.getLogger(__name__)


class EnvoyVersions:
    """Asks each image once, in a container that ends at once."""

    def __init__(self, api: DockerApi) -> None:
        self._api = api
        self._known: dict[str, Version] = {}
        self._asking: dict[str, asyncio.Lock] = {}

    async def of(self, image: str, name: str, labels: Mapping[str, str]) -> Version | None:
        """The version of the ``envoy`` of ``image``, which Docker has; None if it does not tell.
        The container to ask in is called ``name``. Raises DockerUnavailable.
        """
        try:
            identity = await self._api.image_id(image)
            async with self._asking.setdefault(identity, asyncio.Lock()):
                if identity not in self._known:
                    version = await self._asked(image, name, labels)
                    if version is None:
                        _log.warning("the %s of image %s does not tell its version", ENVOY, image)
                        return None
                    self._known[identity] = version
                return self._known[identity]
        except DockerRefused as error:
            # Its own start will say what is wrong with it.
            _log.warning("image %s is not asked for its version: %s", image, error)
            return None

    async def _asked(self, image: str, name: str, labels: Mapping[str, str]) -> Version | None:
        container = await self._api.create(name, version_body(image, labels))
        try:
            await self._api.start(container)
            written = b""
            async with asyncio.timeout(_SECONDS):
                async for _, piece in self._api.logs(container, since=""):
                    written += piece
            return told(written.decode(errors="replace"))
        except TimeoutError:
            return None
        finally:
            await self._api.remove(container)
