"""Copies of containers' logs in files, where all else in Tealmesh looks for them.

At least once: with each copy stands, in ``copied``, the time of its last line and how many lines
bore that time (Podman 4 tells whole seconds only), so that a new control plane goes on from there.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator
from datetime import datetime
from pathlib import Path

from tealmesh.engine.oci.api import EngineApi, EngineGone, Refused

_log = logging.getLogger(__name__)
_RETRY = 1.0
_LAST_LINES = 2.0
"""Seconds for what an ended container wrote last."""


class LogCopies:
    """Follows the logs of running containers, one task each."""

    def __init__(self, api: EngineApi) -> None:
        self._api = api
        self._jobs: dict[str, asyncio.Task[None]] = {}
        self._paths: dict[Path, str] = {}

    def follow(self, container: str, path: Path) -> None:
        """Copy the log of this container to ``path`` until it ends."""
        if container not in self._jobs:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._paths[path] = container
            self._jobs[container] = asyncio.create_task(self._copy(container, path))

    async def catch_up(self, path: Path) -> None:
        """Where the container has ended, wait for its last lines."""
        container = self._paths.get(path)
        if container is None:
            return
        with contextlib.suppress(EngineGone):
            shown = await self._api.find(container)
            if shown is not None and not shown["State"].get("Running"):
                await self._wait(container)

    async def finish(self, container: str) -> None:
        """The container has ended or is about to be removed: copy its last lines."""
        await self._wait(container)
        job = self._jobs.pop(container, None)
        if job is not None:
            job.cancel()
            await asyncio.gather(job, return_exceptions=True)
        for path in [p for p, c in self._paths.items() if c == container]:
            del self._paths[path]

    async def close(self) -> None:
        for container in list(self._jobs):
            self._jobs[container].cancel()
        await asyncio.gather(*self._jobs.values(), return_exceptions=True)
        self._jobs.clear()

    async def _wait(self, container: str) -> None:
        job = self._jobs.get(container)
        if job is not None:
            await asyncio.wait([job], timeout=_LAST_LINES)

    async def _copy(self, container: str, path: Path) -> None:
        while True:
            try:
                await self._copy_once(container, path)
                return
            except EngineGone:
                await asyncio.sleep(_RETRY)
            except Refused as error:
                if error.status != 404:
                    _log.warning("log of container %s: %s", container, error)
                return
            except OSError as error:
                # A full disk: the container goes on, and its engine keeps the lines.
                _log.warning("log of container %s cannot be copied: %s", container, error)
                await asyncio.sleep(5 * _RETRY)

    async def _copy_once(self, container: str, path: Path) -> None:
        place = path.with_name("copied")
        last, skip = _read(place)
        count = skip
        lines = _lines(self._api.logs(container, _seconds(last)))
        with path.open("ab", buffering=0) as file:
            async with contextlib.aclosing(lines):
                async for line in lines:
                    stamp, _, text = line.partition(b" ")
                    when = stamp.decode(errors="replace")
                    if when == last and skip > 0:
                        skip -= 1
                        continue
                    count = count + 1 if when == last else 1
                    last = when
                    file.write(text)
                    place.write_text(f"{last} {count}")


async def _lines(frames: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """Whole lines out of frames: an engine may cut a long line in several."""
    async for frame in frames:
        for line in frame.splitlines(keepends=True):
            yield line if line.endswith(b"\n") else line + b"\n"


def _read(place: Path) -> tuple[str, int]:
    with contextlib.suppress(FileNotFoundError, ValueError):
        last, count = place.read_text().split()
        return last, int(count)
    return "", 0


def _seconds(stamp: str) -> str:
    """Whole seconds since the epoch of an RFC 3339 time; the rest is left to `skip`."""
    if not stamp:
        return ""
    return str(int(datetime.fromisoformat(stamp[:19] + "+00:00").timestamp()))
