"""What processes use, from /proc (https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html)."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from tealmesh.engine.runtimes.base import Usage

Belongs = Callable[[Path, Sequence[str]], bool]
"""Whether a process counts: its directory in /proc, and the fields of its ``stat`` that follow the
command's name, which may contain blanks. May raise OSError when the process ends.
"""

SESSION = 3
"""The index of the session's id among the fields."""


def measure(belongs: Belongs) -> Usage | None:
    """Usage of all processes that count, and of their children that have ended; None if there are
    none.
    """
    tick, page = 10**9 // os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
    cpu = memory = processes = 0
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            if not belongs(entry, fields):
                continue
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        processes += 1
        # Own time in user and kernel mode, and that of children that were waited for.
        cpu += sum(int(field) for field in fields[11:15]) * tick
        memory += int(fields[21]) * page
    if not processes:
        return None
    return Usage(cpu, memory, processes, len(os.sched_getaffinity(0)))
