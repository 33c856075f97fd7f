"""Which processes of this machine belong to which data directory, whatever has become of its files.

Every container, and every Envoy of a load balancer, carries two marks: the command line of its shim
(``shim.sh HOME …``), and the variable `VARIABLE` in the environment of all its processes. Read from
/proc (https://man7.org/linux/man-pages/man5/proc.5.html): of this user's processes, or of all for
root.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

VARIABLE = "TEALMESH_HOME"
"""Names the directory of the container that a process belongs to."""

SHOWN = 4
"""How many tasks a line names before it counts the others."""

PROC = Path("/proc")
_TASKS, _BALANCERS = "tasks", "load-balancers"


@dataclass(frozen=True)
class Marked:
    """A process that carries a mark."""

    pid: int
    data_dir: Path
    task: str
    """The task's id; empty for an Envoy of a load balancer."""
    name: str
    """The container, or the load balancer."""
    resource: str = ""
    """``mesh/MESH/virtualNode/NAME`` if it says what its Envoy stands for."""


def marked(proc: Path = PROC) -> list[Marked]:
    """Every process with a mark, but for zombies."""
    return [one for pid in _pids(proc) if (one := mark_of(pid, proc)) is not None]


def of_directory(data_dir: Path, proc: Path = PROC) -> list[Marked]:
    """The processes that carry the mark of a data directory, which need not exist any more."""
    wanted = Path(os.path.realpath(data_dir))
    return [one for one in marked(proc) if Path(os.path.realpath(one.data_dir)) == wanted]


def mark_of(pid: int, proc: Path = PROC) -> Marked | None:
    """The mark of a process; None if it has none, has ended or is another user's."""
    try:
        words = (proc / str(pid) / "cmdline").read_bytes().split(b"\0")
        if not words[0]:
            return None  # a zombie, or a thread of the kernel
        variables = environment(pid, proc)
        home = variables.get(VARIABLE, "") or _home_in(words) or _home_of_session(pid, proc)
    except OSError:
        return None
    parts = Path(home).parts
    if len(parts) < 4 or parts[-3] not in (_TASKS, _BALANCERS):
        return None
    data_dir, kind, owner, container = Path(*parts[:-3]), *parts[-3:]
    resource = variables.get("APPMESH_RESOURCE_ARN", "")
    if kind == _BALANCERS:
        return Marked(pid, data_dir, "", owner)
    return Marked(pid, data_dir, owner, container, resource[resource.find("mesh/") :])


def _home_in(words: list[bytes]) -> str:
    """The directory in the command line of a shim; empty for any other."""
    is_shim = len(words) > 2 and words[1].endswith(b"/process/shim.sh")
    return os.fsdecode(words[2]) if is_shim else ""


def _home_of_session(pid: int, proc: Path) -> str:
    """The same of a process's session leader: containers of earlier versions lack `VARIABLE`."""
    stat = (proc / str(pid) / "stat").read_text().rpartition(")")[2].split()
    with contextlib.suppress(OSError):
        return _home_in((proc / stat[3] / "cmdline").read_bytes().split(b"\0"))
    return ""


def environment(pid: int, proc: Path = PROC) -> Mapping[str, str]:
    """The environment with which a process was started. Raises OSError."""
    pairs = (proc / str(pid) / "environ").read_bytes().split(b"\0")
    split = (os.fsdecode(pair).partition("=") for pair in pairs if pair)
    return {name: value for name, _, value in split}


def tasks_of(processes: Iterable[Marked]) -> dict[str, list[Marked]]:
    """By task, or by load balancer."""
    found: dict[str, list[Marked]] = {}
    for one in processes:
        found.setdefault(one.task or f"load balancer {one.name}", []).append(one)
    return found


def named(running: Sequence[Marked]) -> str:
    """So many processes of so many tasks, by name."""
    by_task = tasks_of(running)
    names = [_name(task, members) for task, members in sorted(by_task.items())]
    processes = f"{len(running)} process" + ("" if len(running) == 1 else "es")
    return f"{processes} of {listed(names)}"


def _name(task: str, members: Sequence[Marked]) -> str:
    if not members[0].task:
        return task
    resource = next((one.resource for one in members if one.resource), "")
    of = resource.rpartition("/")[2]
    return f"task {task[:8]}" + (f" ({of})" if of else "")


def listed(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def end(processes: Iterable[Marked], grace: float) -> int:
    """Send SIGTERM, and SIGKILL after ``grace`` seconds to what is left; return how many processes
    there were. Blocking. A process that took over the id of an ended one is left alone.
    """
    with contextlib.ExitStack() as stack:
        opened = [fd for one in processes if (fd := _opened(one, stack)) is not None]
        for fd in opened:
            _send(fd, signal.SIGTERM)
        left = _ended(opened, grace)
        for fd in left:
            _send(fd, signal.SIGKILL)
        _ended(left, grace)
        return len(opened)


def _opened(one: Marked, stack: contextlib.ExitStack) -> int | None:
    with contextlib.suppress(OSError):
        fd = os.pidfd_open(one.pid)
        stack.callback(os.close, fd)
        # Checked once the descriptor is open: from then on the id cannot be reused.
        return fd if mark_of(one.pid) == one else None
    return None


def _send(fd: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        signal.pidfd_send_signal(fd, number)


def _ended(descriptors: list[int], seconds: float) -> list[int]:
    """Wait for their ends; return those that have not ended in time."""
    poll, left = select.poll(), set(descriptors)
    for fd in left:
        poll.register(fd, select.POLLIN)
    deadline = time.monotonic() + seconds
    while left and (wait := deadline - time.monotonic()) > 0:
        for fd, _ in poll.poll(wait * 1000):
            poll.unregister(fd)
            left.discard(fd)
    return sorted(left)


def _pids(proc: Path) -> Iterator[int]:
    for entry in proc.iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            yield int(entry.name)
