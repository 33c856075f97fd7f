"""What a container of processes uses, from /proc
(https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html).
"""

from __future__ import annotations

import os
from pathlib import Path

from tealmesh.engine.runtimes.base import Handle, Usage


def usage(handle: Handle) -> Usage | None:
    """Usage of all processes of the container's session except the shim; None if none is left."""
    shim = handle.get("shim")
    if not shim:
        return None
    tick, page = 10**9 // os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
    cpu = memory = processes = 0
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal() or int(entry.name) == shim:
            continue
        try:
            # Counted after the command's name, which may contain blanks.
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
