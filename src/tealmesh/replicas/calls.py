"""Short transactions of the database, from asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any, TypeVar

import sqlalchemy as sa

T = TypeVar("T")

Connect = Callable[[], AbstractContextManager[sa.Connection]]
"""A transaction of the store's database, in any thread: `Store.connect`."""


class Calls:
    """Each in a thread, and in a transaction of its own."""

    def __init__(self, connect: Connect, name: str, seconds: float) -> None:
        """``seconds``: how long each may take."""
        self._connect = connect
        self._seconds = seconds
        self._threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix=name)
        self._jobs: set[asyncio.Future[Any]] = set()

    async def call(self, act: Callable[..., T], *args: object) -> T:
        """Run ``act``. Raises what it raises, DatabaseAway, or TimeoutError if there is no answer
        in time; the transaction may be made all the same.
        """

        def run() -> T:
            with self._connect() as connection:
                return act(connection, *args)

        job = asyncio.get_running_loop().run_in_executor(self._threads, run)
        self._jobs.add(job)
        job.add_done_callback(self._over)
        async with asyncio.timeout(self._seconds):
            return await asyncio.shield(job)

    def _over(self, job: asyncio.Future[Any]) -> None:
        self._jobs.discard(job)
        if not job.cancelled():
            job.exception()  # whoever asked may have gone; asyncio would log it as forgotten

    async def close(self) -> None:
        """Wait for those that were begun, but not for long."""
        if self._jobs:
            await asyncio.wait(self._jobs, timeout=self._seconds)
        self._threads.shutdown(wait=False, cancel_futures=True)
