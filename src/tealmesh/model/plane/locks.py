"""The lock that a control plane holds on its data directory, or its file of SQLite, as long as it
runs: two would not see what each other writes. It ends with the process.

Who holds it is in the file: the process and the port of its API.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shlex
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from tealmesh.model.errors import TealError

LOCK = "lock"
"""The file in a data directory."""
_TRIES = 5
_LOOK_SECONDS = 0.02
"""Whoever looks whether a lock is held holds it for a moment."""


@dataclass(frozen=True)
class Holder:
    """Who holds a lock; 0 for what it has not said."""

    pid: int = 0
    port: int = 0

    def __str__(self) -> str:
        said = [f"process {self.pid}"] if self.pid else []
        said += [f"port {self.port}"] if self.port else []
        return f" ({', '.join(said)})" if said else ""


def holder(path: Path) -> Holder | None:
    """Who holds the lock of a file; None if nobody does, or if it cannot be known."""
    try:
        with path.open() as lock:
            said = _said(lock)
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return said
    except OSError:
        pass
    return None


def used(data_dir: Path) -> Holder | None:
    """Which control plane uses a data directory; None if none does."""
    return holder(data_dir / LOCK)


def refuse_used(data_dir: Path) -> None:
    """Raise TealError if a control plane uses the data directory."""
    if found := used(data_dir):
        raise TealError(taken(data_dir, found))


def taken(data_dir: Path, by: Holder) -> str:
    """What to say of a data directory in use."""
    return (
        f"another control plane uses {data_dir}{by}: stop it with `teal down --data-dir "
        f"{shlex.quote(str(data_dir))}`, or choose another --data-dir"
    )


@contextlib.contextmanager
def locked(opened: int, refused: Callable[[Holder], str]) -> Iterator[TextIO]:
    """Hold the lock of a file that is open for reading and writing, and close it in the end. Raises
    TealError with what ``refused`` says if another process holds it.
    """
    with os.fdopen(opened, "r+") as lock:
        for left in reversed(range(_TRIES)):
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError as error:
                if not left:
                    raise TealError(refused(_said(lock))) from error
                time.sleep(_LOOK_SECONDS)
        yield lock


@contextlib.contextmanager
def held(opened: int, refused: Callable[[Holder], str], port: int) -> Iterator[None]:
    """The same for a control plane at ``port``, which says in the file who it is."""
    with locked(opened, refused) as lock:
        lock.truncate(0)
        lock.write(f"{os.getpid()} {port}")
        lock.flush()
        yield


def _said(lock: TextIO) -> Holder:
    """What a file says; earlier versions have written the process alone."""
    words = lock.read(64).split()
    return Holder(*(int(word) if word.isdecimal() else 0 for word in words[:2]))
