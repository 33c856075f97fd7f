"""What a container of plain processes has used, from /proc
(https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from tealmesh.engine.runtimes.base import Handle


@dataclass(frozen=True)
class Usage:
    """``cpu_nanoseconds`` of the processes that are alive; ``memory_bytes`` resident, what they
    share counted for each; ``cpus`` that they may use.
    """

    cpu_nanoseconds: int
    memory_bytes: int
    processes: int
    cpus: int


def usage(handle: Handle) -> Usage | None:
    """Usage of a container of the process runtime: of all processes of its session but the shim.
    None for one that has ended, or of another runtime.
    """
    shim = handle.get("shim")
    if not shim:
        return None
    tick, page = 10**9 // os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
    cpu = memory = processes = 0
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal() or int(entry.name) == shim:
            continue
        try:
            # Counted after the command's name, which may hold blanks.
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[3]) == shim:
            processes += 1
            cpu += (int(fields[11]) + int(fields[12])) * tick
            memory += int(fields[21]) * page
    if not processes:
        return None
    return Usage(cpu, memory, processes, len(os.sched_getaffinity(0)))
