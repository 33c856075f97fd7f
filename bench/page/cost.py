"""What an open page takes of the control plane's processor."""

from __future__ import annotations

import http.client
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.page.world import World

SECONDS = float(os.environ.get("PAGE_SECONDS", "12"))
"""Of the look with a page, and of the two without together."""
SETTLED = 2.0
SAVED = 18.0
"""After which a page has used what reading had saved up before it was opened."""
QUIET = 12.0
"""After which nobody reads any more, whatever was read last."""


def of_a_page(world: World) -> tuple[float, float]:
    """The share of a core that a page adds to what the control plane uses, and that share without
    one: before the page was opened and after it was closed, since the rest of what the control
    plane does changes too.
    """
    token = world.plane.teal("token", "create", "--read-only").stdout.strip()
    time.sleep(SETTLED)
    before = _share(world.pid, SECONDS / 2)
    with _page(world.plane.port, token):
        time.sleep(SAVED)
        opened = _share(world.pid, SECONDS)
    time.sleep(SETTLED)
    alone = (before + _share(world.pid, SECONDS / 2)) / 2
    return opened - alone, alone


def first_snapshot(world: World) -> tuple[float, float]:
    """The milliseconds until the first page has everything, and those of processor in that."""
    token = world.plane.teal("token", "create", "--read-only").stdout.strip()
    time.sleep(QUIET)
    before = _cpu_seconds(world.pid)
    with _page(world.plane.port, token) as seconds:
        used = _cpu_seconds(world.pid) - before
    return seconds * 1000, used * 1000


@contextmanager
def _page(port: int, token: str) -> Iterator[float]:
    """A page that reads; yields the seconds until it had everything."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    begun = time.perf_counter()
    connection.request("GET", "/_teal/stream", headers={"authorization": f"Teal {token}"})
    response = connection.getresponse()
    while response.readline() != b"\n":
        pass
    first = time.perf_counter() - begun
    closed = threading.Event()

    def read() -> None:
        while not closed.is_set():
            response.readline()

    reading = threading.Thread(target=read, daemon=True)
    reading.start()
    try:
        yield first
    finally:
        closed.set()
        reading.join()
        response.close()
        connection.close()


def _share(pid: int, seconds: float) -> float:
    """The share of a core that a process uses for some seconds."""
    before, begun = _cpu_seconds(pid), time.perf_counter()
    time.sleep(seconds)
    return (_cpu_seconds(pid) - before) / (time.perf_counter() - begun)


def _cpu_seconds(pid: int) -> float:
    """Of all threads, to the nanosecond: a page takes less than the ticks of /proc/PID/stat.
    https://docs.kernel.org/scheduler/sched-stats.html
    """
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(one.read_text().split()[0]) for one in threads) / 1e9
