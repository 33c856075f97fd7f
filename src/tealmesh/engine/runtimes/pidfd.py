"""Waiting for the end of any process, not only of our children, without polling
(https://man7.org/linux/man-pages/man2/pidfd_open.2.html).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Iterator


@contextlib.contextmanager
def opened(pid: int) -> Iterator[int | None]:
    """A descriptor of the process that has this id now; None if there is none or ``pid`` is 0.

    Ids are reused: check, once it is open, whether this is the process that you mean.
    """
    fd = None
    if pid:
        with contextlib.suppress(ProcessLookupError):
            fd = os.pidfd_open(pid)
    try:
        yield fd
    finally:
        if fd is not None:
            os.close(fd)


async def ended(fd: int) -> None:
    """Wait until the process of this descriptor has ended, whether or not it has been reaped."""
    loop = asyncio.get_running_loop()
    end: asyncio.Future[None] = loop.create_future()
    loop.add_reader(fd, lambda: None if end.done() else end.set_result(None))
    try:
        await end
    finally:
        loop.remove_reader(fd)
