"""The requests of a rehearsal, and what became of them."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

from tealmesh.cli.demo.load import Load
from tealmesh.cli.rehearse.faulty import MARK

if TYPE_CHECKING:
    from tealmesh.cli.demo.tally import Tally

PATIENCE_SECONDS = 5.0
"""A request without an answer for so long has failed."""
MADE = "by the fault"


def judge(status: int, headers: Mapping[str, str], body: bytes) -> tuple[str, str]:
    """A request has succeeded if it was answered, and not with an error."""
    if status < 400:
        return "answered", ""
    return "", MADE if MARK in headers else f"status {status}"


class Callers:
    """Sends requests at a steady rate in a thread of its own, from `start` to `stop`."""

    def __init__(
        self, url: str, rate: float, method: str = "GET", headers: Mapping[str, str] | None = None
    ) -> None:
        self._tallies: list[Tally] = []
        self._load = Load(
            [(url, rate)],
            self._tallies.append,
            PATIENCE_SECONDS,
            (headers or {}).items(),
            judge,
            method,
        )
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name="callers", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Stop sending, and wait for outstanding answers."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._load.stopping.set)
            self._thread.join()

    def since(self, start: float) -> Seen:
        """What became of the requests that were due since ``start`` (epoch seconds), once all have
        been answered or given up.
        """
        time.sleep(PATIENCE_SECONDS + 0.5)
        return Seen([tally for tally in list(self._tallies) if tally.at >= start])

    def _run(self) -> None:
        async def send() -> None:
            self._loop = asyncio.get_running_loop()
            await self._load.run()

        asyncio.run(send())


class Seen:
    """Requests, added up."""

    def __init__(self, tallies: list[Tally]) -> None:
        self.requests = sum(tally.sent for tally in tallies)
        self.failures: Counter[str] = Counter()
        for tally in tallies:
            self.failures.update(tally.failures)
        times = [tally.at for tally in tallies if tally.failures]
        self.exposed = max(times) - min(times) if times else 0.0
        """Seconds from the first request that failed to the last one."""

    @property
    def failed(self) -> int:
        return self.failures.total()
