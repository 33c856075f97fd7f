"""Copies of containers' logs in files, where all else in Tealmesh looks for them.

At least once: with each copy stands, in ``copied``, the time of its last line and how many lines
bore that time (Podman 4 tells whole seconds only), so that a new control plane goes on from there.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import io
import logging
import os
from collections.abc import AsyncGenerator, Callable
from datetime import datetime
from pathlib import Path

from tealmesh.engine.runtimes.base import DockerUnavailable
from tealmesh.engine.runtimes.docker.api import DockerApi, Refused

_log = logging.getLogger(__name__)
_RETRY = 1.0
_PLACE = 64
"""Bytes of the file that holds the place reached."""
_LONGEST = 256 * 1024
"""Bytes of a line in an event of CloudWatch Logs."""
_LAST_LINES = 2.0
"""Seconds for what an ended container wrote last."""


class LogCopies:
    """Follows the logs of running containers, one task each. ``tell(path, problem)`` is called
    when a log begins to be lost from sight.
    """

    def __init__(self, api: DockerApi, tell: Callable[[Path, str], None]) -> None:
        self._api = api
        self._tell = tell
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
        with contextlib.suppress(DockerUnavailable):
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
        told = ""
        while True:
            try:
                await self._copy_once(container, path)
                return
            except DockerUnavailable:
                await asyncio.sleep(_RETRY)
            except Refused as error:
                if error.status != 404:
                    _log.warning("log of container %s: %s", container, error)
                return
            except OSError as error:
                # A full disk: the container goes on, and its engine keeps the lines.
                problem = f"cannot copy its log: {error.strerror}: make room for {path.parent}"
                if problem != told:
                    told = problem
                    self._tell(path, problem)
                await asyncio.sleep(_RETRY)

    async def _copy_once(self, container: str, path: Path) -> None:
        with path.open("ab", buffering=0) as file, _opened(path.with_name("copied")) as place:
            last, skip = _read(place)
            count = skip
            lines = _lines(self._api.logs(container, _seconds(last)))
            async with contextlib.aclosing(lines):
                async for when, text in lines:
                    if when == last and skip > 0:
                        skip -= 1
                        continue
                    count = count + 1 if when == last else 1
                    last = when
                    _append(file, text)
                    os.pwrite(place.fileno(), f"{last} {count}".encode().ljust(_PLACE), 0)


async def _lines(
    pieces: AsyncGenerator[tuple[int, bytes], None],
) -> AsyncGenerator[tuple[str, bytes], None]:
    """Whole lines with the time of their end: engines cut where their buffers are full."""
    pending: dict[int, bytes] = {}
    when = ""
    async for stream, piece in pieces:
        stamp, _, text = piece.partition(b" ")
        when = stamp.decode(errors="replace")
        line = pending.pop(stream, b"") + text
        if line.endswith(b"\n"):
            yield when, line
        elif len(line) >= _LONGEST:
            yield when, line + b"\n"
        else:
            pending[stream] = line
    for rest in pending.values():
        yield when, rest + b"\n"


def _append(file: io.FileIO, text: bytes) -> None:
    """Write a whole line or none of it. Raises OSError when there is no room."""
    before = file.seek(0, os.SEEK_END)
    if file.write(text) != len(text):
        file.truncate(before)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _opened(path: Path) -> io.FileIO:
    """The file of the place reached, which is as long from the beginning as it ever will be: a
    disk that gets full later does not matter to it.
    """
    file = io.FileIO(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+")
    try:
        if os.fstat(file.fileno()).st_size < _PLACE:
            _append(file, b" " * _PLACE)
    except OSError:
        file.close()
        raise
    return file


def _read(place: io.FileIO) -> tuple[str, int]:
    with contextlib.suppress(ValueError):
        last, count = os.pread(place.fileno(), _PLACE, 0).decode().split()
        return last, int(count)
    return "", 0


def _seconds(stamp: str) -> str:
    """Whole seconds since the epoch of an RFC 3339 time; the rest is left to `skip`."""
    if not stamp:
        return ""
    return str(int(datetime.fromisoformat(stamp[:19] + "+00:00").timestamp()))
