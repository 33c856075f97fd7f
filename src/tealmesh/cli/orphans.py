"""Tasks that no control plane looks after: found by their marks, named, and ended if asked.

They run on after `kill -9` of a control plane, as they should; and after the loss of its data
directory, when nothing but their marks tells whose they are.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tealmesh.engine.runtimes.process import marks
from tealmesh.model.errors import EngineError, TealError
from tealmesh.model.plane import locks

if TYPE_CHECKING:
    from tealmesh.engine.runtimes.process.marks import Marked

GRACE_SECONDS = 5.0
"""Between SIGTERM and SIGKILL."""
_PLANE_SECONDS = 15.0
"""Allowed to a control plane to detach from its tasks."""
_LOOK_SECONDS = 0.05
_ROUNDS = 3
"""A process may start another while it is being ended."""


@dataclass(frozen=True)
class Orphans:
    """The processes of a data directory that no control plane uses."""

    data_dir: Path
    processes: list[Marked]

    @property
    def text(self) -> str:
        """What runs, and how to end it."""
        force = f"`teal down --force --data-dir {self.data_dir}` ends them at once"
        runs = f"{marks.named(self.processes)} of {self.data_dir} run without a control plane"
        if not (self.data_dir / "state.db").exists():
            return f"{runs}, and its state is gone: {force}"
        return (
            f"{runs}: `teal up --data-dir {self.data_dir}` looks after them again, `teal down "
            f"--data-dir {self.data_dir}` drains and stops them, {force}"
        )


def orphans() -> list[Orphans]:
    """All on this machine that this user may see."""
    by_directory: dict[Path, list[Marked]] = {}
    for one in marks.marked():
        by_directory.setdefault(Path(os.path.realpath(one.data_dir)), []).append(one)
    return [
        Orphans(directory, processes)
        for directory, processes in sorted(by_directory.items())
        if locks.used(directory) is None
    ]


def end_all(data_dir: Path) -> str:
    """End the control plane of a data directory, if one runs, and everything that carries its
    marks; return what was ended, in words. Raises TealError if that is not possible.
    """
    _end_plane(data_dir)
    with _held(data_dir):
        found = marks.of_directory(data_dir)
        ended = f"ended {marks.named(found)}" if found else "no process of a task ran"
        for _ in range(_ROUNDS):
            if not found:
                break
            marks.end(found, GRACE_SECONDS)
            found = marks.of_directory(data_dir)
        if found:
            raise TealError(f"{marks.named(found)} could not be ended: end them as root")
        removed = asyncio.run(_remove_containers(data_dir))
    containers = "1 container" if removed == 1 else f"{removed} containers"
    return ended + (f"; removed {containers}" if removed else "")


def _end_plane(data_dir: Path) -> None:
    """Let the control plane detach; kill it if it does not."""
    by = locks.used(data_dir)
    if by is None:
        return
    if not by.pid:
        raise TealError(
            f"{data_dir / locks.LOCK} does not say which process uses it: stop it by `teal down`"
        )
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.kill(by.pid, number)
        deadline = time.monotonic() + _PLANE_SECONDS
        while time.monotonic() < deadline:
            if locks.used(data_dir) is None:
                return
            time.sleep(_LOOK_SECONDS)
    raise TealError(f"the control plane of {data_dir} (process {by.pid}) could not be ended")


@contextlib.contextmanager
def _held(data_dir: Path) -> Iterator[None]:
    """Keep control planes from starting meanwhile, if there is a directory at all."""
    try:
        opened = os.open(data_dir / locks.LOCK, os.O_RDWR)
    except OSError:
        yield
        return
    with locks.locked(opened, lambda by: f"a control plane has just begun to use {data_dir}{by}"):
        yield


async def _remove_containers(data_dir: Path) -> int:
    from tealmesh.engine.runtimes.build import docker_found
    from tealmesh.engine.runtimes.docker import leftovers

    try:
        api, _ = await docker_found(os.environ)
    except EngineError:
        # Without Docker there are no containers that we could have left.
        return 0
    try:
        return await leftovers.remove(api, data_dir)
    finally:
        await api.close()
