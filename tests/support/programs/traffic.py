"""Steady traffic from a process of its own, counted while a test runs."""

from __future__ import annotations

import json
import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from tealmesh.cli.demo.tally import Tally
from tests.support.planes.warm import Forked

LATE = 10.0


class Traffic:
    """Requests at a steady rate, and their outcomes by the time at which they were due."""

    def __init__(self, *targets: tuple[str, float]) -> None:
        command = ["load", *(f"{url}={rate}" for url, rate in targets)]
        end, self._end = os.pipe()
        self._told, told = os.pipe()
        self._process = Forked(command, os.environ, told, None, given=end)
        os.close(end)
        os.close(told)
        self._tallies: list[Tally] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        with open(self._told) as lines:
            for line in lines:
                self._tallies.append(Tally.from_json(json.loads(line)))

    def between(self, start: float, end: float) -> Tally:
        """The outcomes of requests due from ``start`` to ``end`` (epoch seconds), added up."""
        total = Tally(at=start)
        for tally in list(self._tallies):
            if start <= tally.at < end:
                total.sent += tally.sent
                total.versions.update(tally.versions)
                total.failures.update(tally.failures)
        return total

    def watch(self, seconds: float) -> Tally:
        """The outcomes of the requests of the next ``seconds``. A busy machine may report them up
        to `LATE` seconds later.
        """
        start = time.time() + 0.1
        end = start + seconds
        time.sleep(seconds + 0.3)
        while not any(tally.at >= end for tally in list(self._tallies)[-20:]):
            assert time.time() < end + LATE, f"no report of the load for {LATE} s"
            time.sleep(0.05)
        return self.between(start, end)

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    @property
    def total(self) -> Tally:
        return self.between(0.0, float("inf"))

    @property
    def failures(self) -> Counter[str]:
        return self.total.failures

    def stop(self) -> Tally:
        """Wait for the last answers; return the sum of all outcomes."""
        os.close(self._end)
        self._process.wait(30)
        self._reader.join(5)
        return self.total


@contextmanager
def traffic(*targets: tuple[str, float]) -> Iterator[Traffic]:
    """Traffic until the end of the block."""
    load = Traffic(*targets)
    try:
        yield load
    finally:
        if load.running:
            load.stop()
