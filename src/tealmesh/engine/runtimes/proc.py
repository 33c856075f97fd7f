"""What processes use, from /proc (https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html)."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tealmesh.engine.runtimes.base import Usage

_FRESH_SECONDS = 0.1
"""How long one walk through /proc serves, since many containers are measured one after another."""


@dataclass
class Process:
    """A process at the time of the walk."""

    pid: int
    session: int
    ticks: int
    """Time in user and kernel mode, its own and that of children that were waited for."""
    pages: int
    """Resident memory."""

    @cached_property
    def control_group(self) -> str:
        """Its control groups, as ``/proc/PID/cgroup`` has them; empty if it has ended."""
        try:
            return Path(f"/proc/{self.pid}/cgroup").read_text()
        except OSError:
            return ""


class _Walk:
    """The newest walk through /proc. Threads share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ended = 0.0
        self._found: list[Process] = []

    def processes(self) -> list[Process]:
        with self._lock:
            if time.monotonic() - self._ended > _FRESH_SECONDS:
                self._found = list(_processes())
                self._ended = time.monotonic()
            return self._found


_walk = _Walk()


def measure(belongs: Callable[[Process], bool]) -> Usage | None:
    """Usage of all processes that count; None if there are none."""
    mine = [process for process in _walk.processes() if belongs(process)]
    if not mine:
        return None
    tick, page = 10**9 // os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
    return Usage(
        sum(process.ticks for process in mine) * tick,
        sum(process.pages for process in mine) * page,
        len(mine),
        len(os.sched_getaffinity(0)),
    )


def _processes() -> Iterator[Process]:
    for name in os.listdir("/proc"):
        if not name.isdecimal():
            continue
        try:
            text = Path(f"/proc/{name}/stat").read_text()
        except OSError:
            continue
        # Counted after the command's name, which may contain blanks.
        fields = text.rpartition(")")[2].split()
        ticks = sum(int(field) for field in fields[11:15])
        yield Process(int(name), int(fields[3]), ticks, int(fields[21]))
