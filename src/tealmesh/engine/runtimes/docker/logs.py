"""Copies of containers' logs in files, where the rest of Tealmesh looks for them.

Lines are copied at least once. Beside each copy, the file ``copied`` has the time of the last line
and the number of lines with that time (Podman 4 has whole seconds only), so that a new control
plane continues there.
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
from functools import partial
from pathlib import Path

from tealmesh.engine.runtimes.docker.api import DockerApi
from tealmesh.model.errors import DockerRefused, DockerUnavailable
from tealmesh.supervision.supervisor import Supervisor
from tealmesh.supervision.trouble import NOBODY

_log = logging.getLogger(__name__)
_RETRY_SECONDS = 1.0
_POSITION_BYTES = 64
"""Size of ``copied``."""
_LINE_BYTES = 256 * 1024
"""At most; the size of an event of CloudWatch Logs."""
_LAST_LINES_SECONDS = 2.0
"""Allowed for what an ended container wrote last."""


class LogCopies:
    """Follows the logs of running containers, in one asyncio task each. ``tell(path, problem)`` is
    called when a log can no longer be copied.
    """

    def __init__(
        self, api: DockerApi, tell: Callable[[Path, str], None], supervisor: Supervisor
    ) -> None:
        self._api = api
        self._supervisor = supervisor
        self._tell = tell
        self._jobs: dict[str, asyncio.Task[None]] = {}
        self._paths: dict[Path, str] = {}

    def follow(self, container: str, path: Path) -> None:
        """Copy the log of this container to ``path`` until it ends."""
        if container not in self._jobs:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._paths[path] = container
            self._jobs[container] = asyncio.create_task(
                self._supervisor.keep(
                    f"the copy of the log {path}",
                    partial(self._copy, container, path),
                    concerns=NOBODY,
                )
            )

    async def catch_up(self, path: Path) -> None:
        """If the container has ended, wait until its last lines are copied."""
        container = self._paths.get(path)
        if container is None:
            return
        with contextlib.suppress(DockerUnavailable):
            inspected = await self._api.find(container)
            if inspected is not None and not inspected["State"].get("Running"):
                await self._wait(container)

    async def finish(self, container: str) -> None:
        """Copy the last lines of a container that has ended or is about to be removed."""
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
            await asyncio.wait([job], timeout=_LAST_LINES_SECONDS)

    async def _copy(self, container: str, path: Path) -> None:
        last_problem = ""
        while True:
            try:
                await self._copy_once(container, path)
                return
            except DockerUnavailable:
                await asyncio.sleep(_RETRY_SECONDS)
            except DockerRefused as error:
                if error.status != 404:
                    _log.warning("log of container %s: %s", container, error)
                return
            except OSError as error:
                # A full disk. The container keeps running, and Docker keeps the lines.
                problem = f"cannot copy its log: {error.strerror}: make room for {path.parent}"
                if problem != last_problem:
                    last_problem = problem
                    self._tell(path, problem)
                await asyncio.sleep(_RETRY_SECONDS)

    async def _copy_once(self, container: str, path: Path) -> None:
        with path.open("ab", buffering=0) as file, _open(path.with_name("copied")) as position:
            last, skip = _read(position)
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
                    os.pwrite(
                        position.fileno(), f"{last} {count}".encode().ljust(_POSITION_BYTES), 0
                    )


async def _lines(
    pieces: AsyncGenerator[tuple[int, bytes], None],
) -> AsyncGenerator[tuple[str, bytes], None]:
    """Join the pieces of lines, cut where Docker's buffers were full; yield (time, line)."""
    pending: dict[int, bytes] = {}
    when = ""
    async for stream, piece in pieces:
        stamp, _, text = piece.partition(b" ")
        when = stamp.decode(errors="replace")
        line = pending.pop(stream, b"") + text
        if line.endswith(b"\n"):
            yield when, line
        elif len(line) >= _LINE_BYTES:
            yield when, line + b"\n"
        else:
            pending[stream] = line
    for rest in pending.values():
        yield when, rest + b"\n"


def _append(file: io.FileIO, text: bytes) -> None:
    """Write the whole line or nothing. Raises OSError if there is no room."""
    before = file.seek(0, os.SEEK_END)
    if file.write(text) != len(text):
        file.truncate(before)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _open(path: Path) -> io.FileIO:
    """Open ``copied``. It gets its full size at once, so that it can be written on a full disk."""
    file = io.FileIO(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+")
    try:
        if os.fstat(file.fileno()).st_size < _POSITION_BYTES:
            _append(file, b" " * _POSITION_BYTES)
    except OSError:
        file.close()
        raise
    return file


def _read(position: io.FileIO) -> tuple[str, int]:
    with contextlib.suppress(ValueError):
        last, count = os.pread(position.fileno(), _POSITION_BYTES, 0).decode().split()
        return last, int(count)
    return "", 0


def _seconds(stamp: str) -> str:
    """Seconds since the epoch of an RFC 3339 time, without fractions; `skip` makes up for them."""
    if not stamp:
        return ""
    return str(int(datetime.fromisoformat(stamp[:19] + "+00:00").timestamp()))
