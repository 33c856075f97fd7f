"""What an open page takes of the control plane's processor."""

from __future__ import annotations

import http.client
import os
import re
import statistics
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.page.world import World

SECONDS = float(os.environ.get("PAGE_SECONDS", "240"))
"""For so long it is looked at most, of each kind; less where the difference is sure before."""
LOOK = 4.0
"""Seconds of each look: with a page, and without one. Envoys report every two seconds, so in each
look all do so equally often."""
SURE = 0.002
"""Of a core: enough is known of the difference then."""
FEWEST = 8
"""Looks with a page, between which there is one without: the rest of what the control plane does
changes too, and what is cyclical in it, as garbage, falls into both."""
SAVED = 20.0
"""After which a page has used what reading had saved up before it was opened (`budget`)."""
QUIET = 12.0
"""After which nobody reads any more, whatever was read last."""


@dataclass(frozen=True)
class Cost:
    """Shares of a core."""

    added: float
    """What a page adds to what the control plane uses: the mean of the differences of each look
    with a page and the two beside it without."""
    give: float
    """By how much that is uncertain: twice the standard error of the differences."""
    alone: float
    """What it uses without a page."""
    told: float
    """What a page takes by the control plane's own account, which lacks garbage and a thread."""
    looks: int
    """With a page."""


def of_a_page(world: World) -> Cost:
    """By turns with a page and without one, until the difference is sure or time is up."""
    token = world.plane.teal("token", "create", "--read-only").stdout.strip()
    with _page(world.plane.port, token):
        time.sleep(SAVED)
    without, opened, told = [_look(world)], list[float](), list[float]()
    ends = time.monotonic() + SECONDS
    while True:
        with _page(world.plane.port, token):
            # The snapshot is what it costs to open a page, and not what an open one does.
            time.sleep(1.0)
            before = _told(world)
            opened.append(_share(world.pid, LOOK))
            told.append((_told(world) - before) / LOOK)
        without.append(_look(world))
        added = [
            share - (before + after) / 2
            for share, before, after in zip(opened, without, without[1:], strict=False)
        ]
        if len(added) < FEWEST:
            continue
        give = 2 * statistics.stdev(added) / len(added) ** 0.5
        if give <= SURE or time.monotonic() > ends:
            means = map(statistics.mean, (added, without, told))
            share, alone, account = means
            return Cost(share, give, alone, account, len(added))


def _look(world: World) -> float:
    """The share without a page, once the last one's reading has ended."""
    time.sleep(1.5)
    return _share(world.pid, LOOK)


def _told(world: World) -> float:
    """The processor time that pages have taken by the control plane's own account, in seconds."""
    with urllib.request.urlopen(f"http://127.0.0.1:{world.plane.port}/_teal/metrics") as answer:
        text = answer.read().decode()
    found = re.search(r"^tealmesh_page_cpu_seconds_total (\S+)$", text, re.MULTILINE)
    assert found, text
    return float(found[1])


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
