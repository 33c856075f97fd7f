"""Steady traffic from a process of its own, counted while a test runs."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from tealmesh.cli.demo.tally import Tally

LATE = 10.0


class Traffic:
    """Requests at a steady rate, and their outcomes by the time at which they were due."""

    def __init__(self, *targets: tuple[str, float]) -> None:
        arguments = [f"{url}={rate}" for url, rate in targets]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tealmesh.cli.demo.load", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._tallies: list[Tally] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
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
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)
        self._reader.join(5)
        assert self._process.stdout is not None
        self._process.stdout.close()
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
