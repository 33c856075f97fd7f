"""What an open page takes of the control plane's processor."""

from __future__ import annotations

import http.client
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.measurement import quantile
from bench.page.world import World

SECONDS = float(os.environ.get("PAGE_SECONDS", "5"))
"""Of each look, with a page and without."""
TURNS = 3
SETTLED = 1.5
QUIET = 12.0
"""After which nobody reads any more, whatever was read last."""


def of_a_page(world: World) -> tuple[float, float]:
    """The share of a core that a page adds to what the control plane uses, and that share without
    one. Looks with a page and without take turns, since the rest of what it does changes too: the
    median of the differences.
    """
    token = world.plane.teal("token", "create", "--read-only").stdout.strip()
    alone: list[float] = []
    added: list[float] = []
    for _ in range(TURNS):
        time.sleep(SETTLED)
        alone.append(_share(world.pid))
        with _page(world.plane.port, token):
            time.sleep(SETTLED)
            added.append(_share(world.pid) - alone[-1])
    return quantile(added, 0.5), quantile(alone, 0.5)


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


def _share(pid: int) -> float:
    """The share of a core that a process uses for some seconds."""
    before, begun = _cpu_seconds(pid), time.perf_counter()
    time.sleep(SECONDS)
    return (_cpu_seconds(pid) - before) / (time.perf_counter() - begun)


def _cpu_seconds(pid: int) -> float:
    """Of all threads, to the nanosecond: a page takes less than the ticks of /proc/PID/stat.
    https://docs.kernel.org/scheduler/sched-stats.html
    """
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(one.read_text().split()[0]) for one in threads) / 1e9
