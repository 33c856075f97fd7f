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

SECONDS = float(os.environ.get("PAGE_SECONDS", "20"))
"""Of each look, with a page and without."""
TURNS = 3
SETTLED = 3.0


def of_a_page(world: World) -> tuple[float, float]:
    """The shares of a core that the control plane uses without a page and with one, each the mean
    of several looks that take turns, since the rest of what it does changes too.
    """
    token = world.plane.teal("token", "create", "--read-only").stdout.strip()
    alone: list[float] = []
    opened: list[float] = []
    for _ in range(TURNS):
        time.sleep(SETTLED)
        alone.append(_share(world.pid))
        with _page(world.plane.port, token):
            time.sleep(SETTLED)
            opened.append(_share(world.pid))
    return sum(alone) / TURNS, sum(opened) / TURNS


def first_snapshot(world: World) -> tuple[float, float]:
    """The milliseconds until the first page has everything, and those of processor in that."""
    token = world.plane.teal("token", "create", "--read-only").stdout.strip()
    time.sleep(SETTLED)
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
    """https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html"""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
